//! `/v1/users`: people who sign in to the portal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hopline_control_store::DatabaseExt;
use hopline_control_store::users::{self, NewUser, User};
use hopline_types::UserId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Tenancy, email, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::sign_in::check_password;
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/users";

/// A person who signs in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    #[schema(minimum = 1)]
    id: i64,
    email: String,
    /// `operator`, `finance`, `advertiser` or `affiliate`.
    role: &'static str,
    advertiser_id: Option<i64>,
    affiliate_id: Option<i64>,
    created_at: Time,
    /// Since when it may not sign in.
    disabled_at: Option<Time>,
}

impl UserView {
    fn of(user: &User) -> Self {
        Self {
            id: user.id.get(),
            email: user.email.clone(),
            role: user.role.as_str(),
            advertiser_id: user.advertiser_id.map(i64::from),
            affiliate_id: user.affiliate_id.map(i64::from),
            created_at: Time(user.created_at),
            disabled_at: user.disabled_at.map(Time),
        }
    }

    fn log(user: &User) -> Option<Value> {
        serde_json::to_value(Self::of(user)).ok()
    }
}

/// Enter a person who signs in.
#[utoipa::path(post, path = COLLECTION, tag = "users",
    request_body = crate::forms::UserForm,
    responses((status = 201, body = UserView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let email = email(&mut fields);
    let tenancy = Tenancy::read(&mut fields);
    let password = fields.text("password", 1024);
    if !password.is_empty()
        && let Err(refusal) = check_password(&password)
    {
        fields.refuse("password", refusal.to_string());
    }
    fields.finish()?;
    let tenancy = tenancy.expect("a missing role was remarked on");
    let password_phc = app.services.sign_in.hash(&password).await?;
    let new = NewUser {
        email,
        role: tenancy.role,
        advertiser_id: tenancy.advertiser_id,
        affiliate_id: tenancy.affiliate_id,
        password_phc,
    };
    work::run(&app, &change, Tell::Nobody, move |work| {
        tenancy.check(work)?;
        let user = users::create(work.tx, &new, work.now).map_err(taken("email"))?;
        work.audit("user.create", format!("user:{}", user.id), None, UserView::log(&user))?;
        Ok(Done::created(COLLECTION, UserView::of(&user)))
    })
    .await
}

/// List people who sign in.
#[utoipa::path(get, path = COLLECTION, tag = "users",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<UserView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(users::list(tx, scope, page)?)).await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), UserView::of)))
}

/// Get a person who signs in.
#[utoipa::path(get, path = "/v1/users/{id}", tag = "users",
    params(("id" = i64, Path)),
    responses((status = 200, body = UserView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<Json<UserView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(users::get(tx, scope, id)?)).await;
    found?.map(|user| Json(UserView::of(&user))).ok_or_else(|| unknown(id))
}

/// Shut a person out, sessions included. Its name stays in the audit log.
#[utoipa::path(delete, path = "/v1/users/{id}", tag = "users",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Shut out"), Problems))]
pub(crate) async fn disable(
    State(app): State<Arc<App>>,
    Id(id): Id<UserId>,
    change: Change,
) -> Result<Response, Problem> {
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let before = users::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let after = users::disable(work.tx, scope, id, work.now)?.ok_or_else(|| unknown(id))?;
        if before.disabled_at.is_none() {
            work.audit("user.disable", format!("user:{id}"), UserView::log(&before), UserView::log(&after))?;
        }
        Ok(Done::ok(Value::Null))
    })
    .await
    .map(|_| StatusCode::NO_CONTENT.into_response())
}

fn unknown(id: UserId) -> Problem {
    Problem::not_found(format!("there is no user {id}"))
}
