//! `/v1/installs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::installs::reports::{self, Install, InstallFilter};
use hopline_control_store::{DatabaseExt, Scope};
use hopline_types::InstallId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/installs";

/// A report of an install, and what became of it. Affiliates are not shown what was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallView {
    #[schema(minimum = 1)]
    id: i64,
    event_id: String,
    /// `skadnetwork`, `adattributionkit`, `play` or `measurement`.
    source: &'static str,
    /// `counted`: it is a conversion. `kept`: genuine, and nothing that counts. `waiting`: for its source. `refused`: not believed,
    /// or not possible.
    state: &'static str,
    /// Why it is not counted: `lost`, `later_window`, `no_source` and others; see deploy/INSTALLS.md.
    reason: Option<String>,
    /// The same for people.
    remark: Option<String>,
    ad_network: Option<String>,
    app: Option<String>,
    /// The campaign or source identifier.
    campaign: Option<String>,
    advertiser_id: Option<i64>,
    offer_id: Option<i64>,
    /// Whose campaign or click it was.
    affiliate_id: Option<i64>,
    conversion_id: Option<i64>,
    installed_at: Option<Time>,
    /// What was read. Under `unsigned` stands what nobody has signed: a hint, good for nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// What was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    received_at: Time,
    judged_at: Time,
}

impl InstallView {
    fn of(install: &Install, caller: &Caller) -> Self {
        let Install { id, origin, fate, judged_at } = install;
        let whole = !caller.is_affiliate();
        Self {
            id: id.get(),
            event_id: origin.event_id.clone(),
            source: origin.source.as_str(),
            state: fate.state.as_str(),
            reason: fate.reason.clone(),
            remark: fate.remark.clone().filter(|_| whole),
            ad_network: fate.ad_network.clone(),
            app: fate.app.clone(),
            campaign: fate.campaign.clone(),
            advertiser_id: fate.advertiser.map(i64::from),
            offer_id: fate.offer.map(i64::from),
            affiliate_id: fate.affiliate.map(i64::from),
            conversion_id: fate.conversion.map(i64::from),
            installed_at: fate.installed_at.map(Time),
            details: whole.then(|| serde_json::from_str(&fate.details).unwrap_or_default()),
            report: whole.then(|| origin.report.clone()),
            received_at: Time(origin.received_at),
            judged_at: Time(*judged_at),
        }
    }
}

/// List reports of installs, newest first, whatever became of them.
#[utoipa::path(get, path = COLLECTION, tag = "installs",
    params(crate::forms::ListParameters,
        ("source" = Option<String>, Query, description = "Only of this kind", example = "skadnetwork"),
        ("state" = Option<crate::forms::InstallStateName>, Query, description = "Only in this state"),
        ("reason" = Option<String>, Query, description = "Only for this reason", example = "no_source"),
        ("offer_id" = Option<i64>, Query, description = "Only of this offer"),
        ("affiliate_id" = Option<i64>, Query, description = "Only of this affiliate"),
        ("conversion_id" = Option<i64>, Query, description = "Only that became this conversion")),
    responses((status = 200, body = crate::forms::Page<InstallView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let mut filter = InstallFilter {
        source: query.parsed("source"),
        state: query.parsed("state"),
        reason: query.text("reason"),
        offer: query.id("offer_id"),
        affiliate: query.id("affiliate_id"),
        conversion: query.id("conversion_id"),
        before: None,
    };
    let list = query.list(&app, &caller)?;
    filter.before = list.after().and_then(|id| InstallId::new(id).ok());
    let (scope, rows) = (caller.scope, list.rows());
    let found: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(reports::list(tx, scope, &filter, rows)?))
        .await;
    Ok(Json(list.answer(&app, found?, |row| row.id, |row| InstallView::of(row, &caller))))
}

/// Get a report of an install.
#[utoipa::path(get, path = "/v1/installs/{id}", tag = "installs",
    params(("id" = i64, Path)),
    responses((status = 200, body = InstallView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<InstallId>,
) -> Result<Json<InstallView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(reports::get(tx, scope, id)?)).await;
    found?.map(|install| Json(InstallView::of(&install, &caller))).ok_or_else(|| unknown(id))
}

/// Judge a report again that is no conversion yet, such as after a mapping or a goal was entered.
#[utoipa::path(post, path = "/v1/installs/{id}/judge", tag = "installs",
    params(("id" = i64, Path)),
    responses((status = 200, body = InstallView), Problems))]
pub(crate) async fn judge(
    State(app): State<Arc<App>>,
    Id(id): Id<InstallId>,
    change: Change,
) -> Result<Response, Problem> {
    Fields::body(&change.body).finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = reports::get(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
        // What it becomes concerns the affiliate too.
        work.tx.narrow(Scope::All)?;
        let after = hopline_books::judge_install(work.tx, id, work.now)?;
        let log = |install: &Install| {
            let fate = &install.fate;
            Some(json!({"state": fate.state, "reason": fate.reason, "conversion_id": fate.conversion}))
        };
        work.audit("install.judge", format!("install:{id}"), log(&before), log(&after))?;
        Ok(Done::ok(InstallView::of(&after, work.caller)))
    })
    .await
}

fn unknown(id: InstallId) -> Problem {
    Problem::not_found(format!("there is no report of an install {id}"))
}
