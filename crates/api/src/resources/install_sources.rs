//! `/v1/install_sources`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hopline_control_store::installs::sources::{self, InstallSource, NewInstallSource, SourceFilter};
use hopline_control_store::offers::Offer;
use hopline_control_store::{DatabaseExt, affiliates, offers};
use hopline_types::{AffiliateId, GoalId, GoalKind, InstallSourceId, OfferId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{no_such, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/install_sources";
const NETWORK_CHARS_MAX: usize = 200;
const APP_DIGITS_MAX: usize = 20;
const GOAL_CHARS_MAX: usize = 64;
const CAMPAIGN_MAX: i64 = 9_999;

/// Whose installs an ad network's campaign stands for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallSourceView {
    #[schema(minimum = 1)]
    id: i64,
    /// The ad network's id at Apple, in small letters.
    ad_network: String,
    /// The app's number in the App Store.
    app: String,
    source_identifier: Option<String>,
    campaign_id: Option<u32>,
    offer_id: i64,
    goal_id: i64,
    affiliate_id: i64,
    redownloads: bool,
    created_at: Time,
    /// How many reports that had waited became conversions when it was entered; only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<u64>,
}

impl InstallSourceView {
    fn of(source: &InstallSource) -> Self {
        let what = &source.what;
        Self {
            id: source.id.get(),
            ad_network: what.ad_network.clone(),
            app: what.app.clone(),
            source_identifier: what.source_identifier.clone(),
            campaign_id: what.campaign_id,
            offer_id: what.offer_id.get(),
            goal_id: what.goal_id.get(),
            affiliate_id: what.affiliate_id.get(),
            redownloads: what.redownloads,
            created_at: Time(source.created_at),
            counted: None,
        }
    }

    fn log(source: &InstallSource) -> Option<Value> {
        serde_json::to_value(Self::of(source)).ok()
    }
}

/// What was asked for, before the offer is known.
struct Asked {
    ad_network: String,
    app: String,
    source_identifier: Option<String>,
    campaign_id: Option<u32>,
    offer_id: Option<OfferId>,
    affiliate_id: Option<AffiliateId>,
    goal: Option<String>,
    redownloads: bool,
}

impl Asked {
    fn read(fields: &mut Fields<'_>) -> Self {
        let ad_network = fields.text("ad_network", NETWORK_CHARS_MAX).to_ascii_lowercase();
        if !ad_network.bytes().all(|byte| byte.is_ascii_graphic()) {
            fields.refuse("ad_network", "is no id of an ad network, such as example123.skadnetwork");
        }
        let app = fields.text("app", APP_DIGITS_MAX);
        if !app.bytes().all(|byte| byte.is_ascii_digit()) {
            fields.refuse("app", format!("{app:?} is no number of an app in the App Store"));
        }
        let source_identifier = fields.optional_text("source_identifier", 4);
        if let Some(digits) = &source_identifier
            && !((2..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
        {
            fields.refuse("source_identifier", format!("{digits:?} has not two to four digits"));
        }
        let campaign = fields.optional_whole("campaign_id", 0, CAMPAIGN_MAX);
        Self {
            ad_network,
            app,
            source_identifier,
            campaign_id: campaign.and_then(|campaign| u32::try_from(campaign).ok()),
            offer_id: fields.id("offer_id"),
            affiliate_id: fields.id("affiliate_id"),
            goal: fields.optional_text("goal", GOAL_CHARS_MAX),
            redownloads: fields.optional_flag("redownloads").unwrap_or(false),
        }
    }

    /// The goal of the offer that is meant.
    fn goal(&self, offer: &Offer) -> Result<GoalId, Problem> {
        let refused = |message: String| Problem::fields(vec![FieldProblem::new("goal", message)]);
        let mut installs = offer.goals.iter().filter(|goal| goal.kind == GoalKind::Ppi);
        let found = match &self.goal {
            None => installs.next(),
            Some(key) => installs.find(|goal| goal.key == *key),
        };
        found.map(|goal| goal.id).ok_or_else(|| match &self.goal {
            None => refused(format!("offer {} has no goal that pays for installs", offer.id)),
            Some(key) => refused(format!("{key:?} is no goal of offer {} that pays for installs", offer.id)),
        })
    }
}

/// Enter whose installs a campaign stands for. Apple's postbacks name no click: this is how their installs find an affiliate.
/// Reports that have waited for it are judged again at once.
#[utoipa::path(post, path = COLLECTION, tag = "install_sources",
    request_body = crate::forms::InstallSourceForm,
    responses((status = 201, body = InstallSourceView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let asked = Asked::read(&mut fields);
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let scope = work.caller.scope;
        let offer_id = asked.offer_id.expect("a missing offer was remarked on");
        let affiliate_id = asked.affiliate_id.expect("a missing affiliate was remarked on");
        let offer = offers::get(work.tx, scope, offer_id)?;
        let offer = offer.ok_or_else(|| no_such("offer_id", "offer", offer_id))?;
        if affiliates::get(work.tx, scope, affiliate_id)?.is_none() {
            return Err(no_such("affiliate_id", "affiliate", affiliate_id));
        }
        let new = NewInstallSource {
            ad_network: asked.ad_network.clone(),
            app: asked.app.clone(),
            source_identifier: asked.source_identifier.clone(),
            campaign_id: asked.campaign_id,
            offer_id,
            goal_id: asked.goal(&offer)?,
            affiliate_id,
            redownloads: asked.redownloads,
        };
        let field = match (&new.source_identifier, new.campaign_id) {
            (Some(_), _) => "source_identifier",
            (None, Some(_)) => "campaign_id",
            (None, None) => "app",
        };
        let source = sources::create(work.tx, &new, work.now).map_err(taken(field))?;
        let object = format!("install_source:{}", source.id);
        work.audit("install_source.create", object, None, InstallSourceView::log(&source))?;
        let counted = hopline_books::judge_waiting_installs(work.tx, &new.ad_network, &new.app, work.now)?;
        let view = InstallSourceView { counted: Some(counted), ..InstallSourceView::of(&source) };
        Ok(Done::created(COLLECTION, view))
    })
    .await
}

/// List sources of installs.
#[utoipa::path(get, path = COLLECTION, tag = "install_sources",
    params(crate::forms::ListParameters,
        ("offer_id" = Option<i64>, Query, description = "Only of this offer"),
        ("affiliate_id" = Option<i64>, Query, description = "Only of this affiliate")),
    responses((status = 200, body = crate::forms::Page<InstallSourceView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = SourceFilter { offer_id: query.id("offer_id"), affiliate_id: query.id("affiliate_id") };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(sources::list(tx, scope, &filter, page)?))
        .await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), InstallSourceView::of)))
}

/// Get a source of installs.
#[utoipa::path(get, path = "/v1/install_sources/{id}", tag = "install_sources",
    params(("id" = i64, Path)),
    responses((status = 200, body = InstallSourceView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<InstallSourceId>,
) -> Result<Json<InstallSourceView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(sources::get(tx, scope, id)?)).await;
    found?.map(|source| Json(InstallSourceView::of(&source))).ok_or_else(|| unknown(id))
}

/// Take a source away. What was counted by it stays counted; to change one, take it away and enter it anew.
#[utoipa::path(delete, path = "/v1/install_sources/{id}", tag = "install_sources",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Taken away"), Problems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Id(id): Id<InstallSourceId>,
    change: Change,
) -> Result<Response, Problem> {
    work::run(&app, &change, Tell::Nobody, move |work| {
        let gone = sources::get(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
        sources::remove(work.tx, id)?;
        let object = format!("install_source:{id}");
        work.audit("install_source.delete", object, InstallSourceView::log(&gone), None)?;
        Ok(Done::ok(Value::Null))
    })
    .await
    .map(|_| StatusCode::NO_CONTENT.into_response())
}

fn unknown(id: InstallSourceId) -> Problem {
    Problem::not_found(format!("there is no source of installs {id}"))
}
