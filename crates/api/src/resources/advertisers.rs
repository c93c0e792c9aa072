//! `/v1/advertisers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_catalogue::data::Standing;
use hopline_control_store::DatabaseExt;
use hopline_control_store::advertisers::{
    self, Advertiser, AdvertiserChange, AdvertiserFilter, NewAdvertiser,
};
use hopline_types::{AdvertiserId, Role};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::{App, random};
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/advertisers";

/// An advertiser.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdvertiserView {
    #[schema(minimum = 1)]
    id: i64,
    name: String,
    /// What it is billed in: ISO 4217.
    currency: &'static str,
    /// `active`, `paused`, `pending` or `blocked`.
    status: &'static str,
    /// What its postbacks bring as `token`; only for itself and operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    postback_token: Option<String>,
    /// What its postbacks are signed with; only for itself and operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key: Option<String>,
    created_at: Time,
    updated_at: Time,
}

impl AdvertiserView {
    /// As the log keeps it.
    fn without_secrets(advertiser: &Advertiser) -> Self {
        Self {
            id: advertiser.id.get(),
            name: advertiser.name.clone(),
            currency: advertiser.currency.code(),
            status: advertiser.standing.as_str(),
            postback_token: None,
            signing_key: None,
            created_at: Time(advertiser.created_at),
            updated_at: Time(advertiser.updated_at),
        }
    }

    fn of(advertiser: &Advertiser, caller: &Caller) -> Self {
        let view = Self::without_secrets(advertiser);
        match caller.actor.role {
            Role::Operator | Role::Advertiser => Self {
                postback_token: Some(advertiser.postback_token.0.clone()),
                signing_key: Some(advertiser.signing_key.0.clone()),
                ..view
            },
            Role::Finance | Role::Affiliate => view,
        }
    }

    fn log(advertiser: &Advertiser) -> Option<Value> {
        serde_json::to_value(Self::without_secrets(advertiser)).ok()
    }
}

/// Enter an advertiser.
#[utoipa::path(post, path = COLLECTION, tag = "advertisers",
    request_body = crate::forms::AdvertiserForm,
    responses((status = 201, body = AdvertiserView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let name = fields.text("name", TEXT_CHARS_MAX);
    let currency = super::offers::currency(&mut fields);
    let standing = fields.optional_word("status").unwrap_or(Standing::Active);
    fields.finish()?;
    let currency = currency.expect("a missing currency was remarked on");
    let new = NewAdvertiser { name, currency, standing };
    work::run(&app, &change, Tell::Edges, move |work| {
        let advertiser = advertisers::create(work.tx, &new, &mut random, work.now)?;
        work.audit(
            "advertiser.create",
            format!("advertiser:{}", advertiser.id),
            None,
            AdvertiserView::log(&advertiser),
        )?;
        Ok(Done::created(COLLECTION, AdvertiserView::of(&advertiser, work.caller)))
    })
    .await
}

/// List advertisers.
#[utoipa::path(get, path = COLLECTION, tag = "advertisers",
    params(crate::forms::ListParameters, ("status" = Option<crate::forms::Status>, Query, description = "Only with this status")),
    responses((status = 200, body = crate::forms::Page<AdvertiserView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = AdvertiserFilter { standing: query.parsed("status") };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(advertisers::list(tx, scope, &filter, page)?))
        .await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), |row| AdvertiserView::of(row, &caller))))
}

/// Get an advertiser.
#[utoipa::path(get, path = "/v1/advertisers/{id}", tag = "advertisers",
    params(("id" = i64, Path)),
    responses((status = 200, body = AdvertiserView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AdvertiserId>,
) -> Result<Json<AdvertiserView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(advertisers::get(tx, scope, id)?)).await;
    found?.map(|advertiser| Json(AdvertiserView::of(&advertiser, &caller))).ok_or_else(|| unknown(id))
}

/// Change an advertiser.
#[utoipa::path(patch, path = "/v1/advertisers/{id}", tag = "advertisers",
    params(("id" = i64, Path)), request_body = crate::forms::AdvertiserChangeForm,
    responses((status = 200, body = AdvertiserView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<AdvertiserId>,
    request: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&request.body);
    let name = fields.has("name").then(|| fields.text("name", TEXT_CHARS_MAX));
    let change = AdvertiserChange { name, standing: fields.optional_word("status") };
    fields.finish()?;
    work::run(&app, &request, Tell::Edges, move |work| {
        let scope = work.caller.scope;
        let before = advertisers::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let after = advertisers::update(work.tx, scope, id, &change, work.now)?.ok_or_else(|| unknown(id))?;
        let (old, new) = (AdvertiserView::log(&before), AdvertiserView::log(&after));
        work.audit("advertiser.update", format!("advertiser:{id}"), old, new)?;
        Ok(Done::ok(AdvertiserView::of(&after, work.caller)))
    })
    .await
}

fn unknown(id: AdvertiserId) -> Problem {
    Problem::not_found(format!("there is no advertiser {id}"))
}
