//! `/v1/goals` and the versions of their terms.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::offers::{self, Goal, NewTerms, Offer, TermsVersion, Whose};
use hopline_control_store::{DatabaseExt, Scope, StoreError, Tx, affiliates, groups};
use hopline_terms::{GoalTermsForm, Plan, PriceForm};
use hopline_types::{AffiliateId, GoalId, GroupId, OfferId, TermsId, UnixMillis};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::offers::{GoalView, current, price};
use super::terms;
use crate::app::App;
use crate::caller::{Caller, Sides};
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

/// A version of what a goal pays.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TermsView {
    #[schema(minimum = 1)]
    id: i64,
    goal_id: i64,
    /// Counts from 1 for each goal.
    version: i64,
    /// When it begins; the highest version that has begun is in force.
    effective_from: Time,
    /// What the advertiser pays.
    #[schema(value_type = crate::forms::PriceFormDoc)]
    revenue: PriceForm,
    /// What the affiliate gets; not shown to advertisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::forms::PriceFormDoc>)]
    payout: Option<PriceForm>,
    /// When it ends; null: never.
    until: Option<Time>,
    /// The only affiliate that it is for.
    affiliate_id: Option<i64>,
    /// The only group of affiliates that it is for.
    group_id: Option<i64>,
    /// What else is said: `rates`, `without`, `order_min`, `order_max`, `recurring`, `tiers`, `levels`; shown to operators and finance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    plan: Option<Value>,
    created_at: Time,
}

impl TermsView {
    pub(super) fn of(version: &TermsVersion, offer: &Offer, sides: Sides) -> Self {
        let form = version.terms.form(offer.currency);
        let (affiliate_id, group_id) = match version.whose {
            Whose::All => (None, None),
            Whose::Group(group) => (None, Some(group.get())),
            Whose::Affiliate(affiliate) => (Some(affiliate.get()), None),
        };
        let shows_plan = sides.payout && sides.revenue && !version.plan.is_empty();
        Self {
            id: version.id.get(),
            goal_id: version.goal_id.get(),
            version: version.version,
            effective_from: Time(version.effective_from),
            revenue: form.revenue.unwrap_or_default(),
            payout: sides.payout.then(|| form.payout.unwrap_or_default()),
            until: version.until.map(Time),
            affiliate_id,
            group_id,
            plan: shows_plan.then(|| serde_json::to_value(&version.plan).ok()).flatten(),
            created_at: Time(version.created_at),
        }
    }
}

fn unknown(id: GoalId) -> Problem {
    Problem::not_found(format!("there is no goal {id}"))
}

/// A goal and its offer, if the offer may be seen.
pub(super) fn visible(
    tx: &mut dyn Tx,
    scope: Scope,
    id: GoalId,
) -> Result<Option<(Goal, Offer)>, StoreError> {
    let Some(goal) = offers::goal(tx, id)? else { return Ok(None) };
    Ok(offers::get(tx, scope, goal.offer_id)?.map(|offer| (goal, offer)))
}

/// List the goals of an offer.
#[utoipa::path(get, path = "/v1/goals", tag = "goals",
    params(("offer_id" = i64, Query, description = "The offer")),
    responses((status = 200, body = crate::forms::Page<GoalView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let offer = query.id::<OfferId>("offer_id");
    if !query.pairs().iter().any(|(name, value)| name == "offer_id" && !value.is_empty()) {
        query.refuse("offer_id", "is missing");
    }
    query.finish()?;
    let id = offer.expect("a missing offer was remarked on");
    let (scope, now) = (caller.scope, app.services.clock.now());
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        let offer = offers::get(tx, scope, id)?;
        offer.map(|offer| current(tx, offer, now)).transpose()
    });
    let found: Result<_, StoreError> = found.await;
    let goals = found?.map_or_else(Vec::new, |current| {
        let each = current
            .offer
            .goals
            .iter()
            .zip(&current.terms)
            .map(|(goal, terms)| GoalView::of(goal, terms, current.offer.currency, caller.sides()));
        each.collect()
    });
    Ok(Json(json!({"items": goals, "next_cursor": null})))
}

/// Get a goal with its terms in force now.
#[utoipa::path(get, path = "/v1/goals/{id}", tag = "goals",
    params(("id" = i64, Path)),
    responses((status = 200, body = GoalView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GoalId>,
) -> Result<Json<GoalView>, Problem> {
    let (scope, now) = (caller.scope, app.services.clock.now());
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        let (goal, offer) = visible(tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let terms = offers::terms_at(tx, id, now)?.ok_or_else(|| unknown(id))?;
        Ok::<_, Problem>((goal, offer, terms))
    });
    let (goal, offer, terms) = found.await?;
    Ok(Json(GoalView::of(&goal, &terms, offer.currency, caller.sides())))
}

/// List all versions of a goal's terms.
#[utoipa::path(get, path = "/v1/goals/{id}/terms", tag = "terms",
    params(("id" = i64, Path)),
    responses((status = 200, body = crate::forms::Page<TermsView>), Problems))]
pub(crate) async fn versions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GoalId>,
) -> Result<Json<Value>, Problem> {
    let scope = caller.scope;
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        let (_, offer) = visible(tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let versions = offers::terms_versions(tx, offer.id)?;
        Ok::<_, Problem>((offer, versions))
    });
    let (offer, versions) = found.await?;
    let own = versions.iter().filter(|version| version.goal_id == id);
    let items: Vec<_> = own.map(|version| TermsView::of(version, &offer, caller.sides())).collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

/// Get a version of a goal's terms.
#[utoipa::path(get, path = "/v1/terms/{id}", tag = "terms",
    params(("id" = i64, Path)),
    responses((status = 200, body = TermsView), Problems))]
pub(crate) async fn version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TermsId>,
) -> Result<Json<TermsView>, Problem> {
    let scope = caller.scope;
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        let Some(version) = offers::terms_of(tx, id)? else { return Ok(None) };
        Ok::<_, StoreError>(visible(tx, scope, version.goal_id)?.map(|(_, offer)| (version, offer)))
    });
    let found = found.await?.ok_or_else(|| Problem::not_found(format!("there are no terms {id}")))?;
    Ok(Json(TermsView::of(&found.0, &found.1, caller.sides())))
}

/// What a new version brings, as far as it can be judged without the goal.
struct Form {
    revenue: Option<PriceForm>,
    payout: Option<PriceForm>,
    effective_from: Option<UnixMillis>,
    until: Option<UnixMillis>,
    affiliate: Option<AffiliateId>,
    group: Option<GroupId>,
    plan: Plan,
}

/// Enter a new version of a goal's terms. Versions are never changed.
#[utoipa::path(post, path = "/v1/goals/{id}/terms", tag = "terms",
    params(("id" = i64, Path)), request_body = crate::forms::TermsForm,
    responses((status = 201, body = TermsView), Problems))]
pub(crate) async fn add_version(
    State(app): State<Arc<App>>,
    Id(id): Id<GoalId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    for name in ["revenue", "payout"] {
        if !fields.has(name) && change.body.is_object() {
            fields.refuse(name, "is missing");
        }
    }
    let form = Form {
        revenue: price(&mut fields, "revenue").0,
        payout: price(&mut fields, "payout").0,
        effective_from: fields.optional_time("effective_from"),
        until: fields.optional_time("until"),
        affiliate: fields.optional_id("affiliate_id"),
        group: fields.optional_id("group_id"),
        plan: terms::plan(&mut fields),
    };
    if form.affiliate.is_some() && form.group.is_some() {
        fields.refuse("group_id", "is given beside affiliate_id: terms are for one of them");
    }
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let (goal, offer) = visible(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let from = form.effective_from.unwrap_or(work.now);
        let mut problems = Vec::new();
        if from < work.now {
            problems
                .push(FieldProblem::new("effective_from", "is in the past: what was earned stays as it is"));
        }
        if form.until.is_some_and(|until| until <= from) {
            problems.push(FieldProblem::new("until", "is not after effective_from"));
        }
        if let Some(affiliate) = form.affiliate
            && affiliates::get(work.tx, scope, affiliate)?.is_none()
        {
            problems.push(FieldProblem::new("affiliate_id", format!("there is no affiliate {affiliate}")));
        }
        if let Some(group) = form.group
            && groups::get(work.tx, group)?.is_none()
        {
            problems.push(FieldProblem::new("group_id", format!("there is no group {group}")));
        }
        problems.extend(terms::refusals(form.plan.check("", goal.kind, offer.currency)));
        let (revenue, payout) = (form.revenue.clone(), form.payout.clone());
        let written = GoalTermsForm { kind: Some(goal.kind.as_str().to_owned()), revenue, payout };
        let above_100 = form.plan.allow_above_100;
        let checked = written.check_allowing("", Some(offer.currency), above_100).map_err(|refusals| {
            problems.extend(
                refusals.into_iter().map(|refusal| FieldProblem::new(refusal.field, refusal.message)),
            );
        });
        let Some(checked) = checked.ok().filter(|_| problems.is_empty()) else {
            return Err(Problem::fields(problems));
        };
        let whose = match (form.affiliate, form.group) {
            (Some(affiliate), _) => Whose::Affiliate(affiliate),
            (None, Some(group)) => Whose::Group(group),
            (None, None) => Whose::All,
        };
        let (plan, until) = (form.plan.clone(), form.until);
        let new = NewTerms { terms: checked.terms, plan, whose, effective_from: from, until };
        let added = offers::add_version(work.tx, id, &new, work.now)?;
        let view = TermsView::of(&added, &offer, Sides::BOTH);
        work.audit("terms.add", format!("goal:{id}"), None, serde_json::to_value(&view).ok())?;
        Ok(Done::created("/v1/terms", view))
    })
    .await
}
