//! `/v1/keys`: API keys. The text of a key is in the answer that creates it, and nowhere else.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hopline_control_store::DatabaseExt;
use hopline_control_store::keys::{self, ApiKey, NewKey};
use hopline_types::KeyId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Tenancy;
use crate::app::{App, random};
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/keys";

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    #[schema(minimum = 1)]
    id: i64,
    /// What names it in the audit log.
    public_id: String,
    name: String,
    /// `operator`, `finance`, `advertiser` or `affiliate`.
    role: &'static str,
    advertiser_id: Option<i64>,
    affiliate_id: Option<i64>,
    created_at: Time,
    expires_at: Option<Time>,
    /// To the minute.
    last_used_at: Option<Time>,
    revoked_at: Option<Time>,
    /// The key itself; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl KeyView {
    fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.get(),
            public_id: key.public_id.clone(),
            name: key.name.clone(),
            role: key.role.as_str(),
            advertiser_id: key.advertiser_id.map(i64::from),
            affiliate_id: key.affiliate_id.map(i64::from),
            created_at: Time(key.created_at),
            expires_at: key.expires_at.map(Time),
            last_used_at: key.last_used_at.map(Time),
            revoked_at: key.revoked_at.map(Time),
            key: None,
        }
    }
}

/// Create an API key. A tenant creates keys for itself only.
#[utoipa::path(post, path = COLLECTION, tag = "keys",
    request_body = crate::forms::KeyForm,
    responses((status = 201, body = KeyView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let name = fields.text("name", TEXT_CHARS_MAX);
    let tenancy = Tenancy::read(&mut fields);
    let expires_at = fields.optional_time("expires_at");
    if expires_at.is_some_and(|at| at <= app.services.clock.now()) {
        fields.refuse("expires_at", "is in the past");
    }
    if let Some(tenancy) = tenancy
        && !change.caller.is_operator()
        && tenancy.role != change.caller.actor.role
    {
        fields.refuse("role", "is not the caller's own");
    }
    fields.finish()?;
    let tenancy = tenancy.expect("a missing role was remarked on");
    work::run(&app, &change, Tell::Nobody, move |work| {
        tenancy.check(work)?;
        let new = NewKey {
            name: name.clone(),
            role: tenancy.role,
            advertiser_id: tenancy.advertiser_id,
            affiliate_id: tenancy.affiliate_id,
            expires_at,
        };
        let (key, text) = keys::create(work.tx, &new, &mut random, work.now)?;
        let log = serde_json::to_value(KeyView::of(&key)).ok();
        work.audit("key.create", format!("key:{}", key.public_id), None, log)?;
        let view = KeyView { key: Some(text.as_str().to_owned()), ..KeyView::of(&key) };
        Ok(Done::created(COLLECTION, view).keeping(json!({"id": key.id})))
    })
    .await
}

/// List API keys, withdrawn ones too.
#[utoipa::path(get, path = COLLECTION, tag = "keys",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<KeyView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(keys::list(tx, scope, page)?)).await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), KeyView::of)))
}

/// Get an API key, without its text.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = i64, Path)),
    responses((status = 200, body = KeyView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(keys::get(tx, scope, id)?)).await;
    found?.map(|key| Json(KeyView::of(&key))).ok_or_else(|| unknown(id))
}

/// Withdraw an API key: it is refused from now on, and stays in the list.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Withdrawn"), Problems))]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Id(id): Id<KeyId>,
    change: Change,
) -> Result<Response, Problem> {
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let before = keys::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let after = keys::revoke(work.tx, scope, id, work.now)?.ok_or_else(|| unknown(id))?;
        let log = |key: &ApiKey| serde_json::to_value(KeyView::of(key)).ok();
        if before.revoked_at.is_none() {
            work.audit("key.revoke", format!("key:{}", after.public_id), log(&before), log(&after))?;
        }
        Ok(Done::ok(Value::Null))
    })
    .await
    .map(|_| StatusCode::NO_CONTENT.into_response())
}

fn unknown(id: KeyId) -> Problem {
    Problem::not_found(format!("there is no key {id}"))
}
