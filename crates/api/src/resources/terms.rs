//! `/v1/terms/preview` and `/v1/terms/dry_run`, and how plans are read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_books::terms::{Change as Changed, DryRun, Proposed};
use hopline_control_store::conversions::{self, ConversionFilter};
use hopline_control_store::{DatabaseExt, affiliates};
use hopline_money::Amount;
use hopline_terms::{FieldError, GoalTermsForm, Plan};
use hopline_types::{AffiliateId, ConversionId, GoalId};
use serde_json::{Map, Value, json};

use super::goals::{TermsView, visible};
use super::offers::price;
use crate::app::App;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::request::Change;

/// Conversions of a dry run that are looked at in one transaction.
const PAGE: u32 = 500;
/// The most conversions of a dry run.
const CONVERSIONS_MAX: usize = 1_000_000;
/// The fields of a plan.
const PLAN: [&str; 8] =
    ["rates", "without", "order_min", "order_max", "recurring", "tiers", "levels", "allow_above_100"];

/// Reads a plan out of a request's fields; what cannot be read is remarked on, each field by itself.
pub(super) fn plan(fields: &mut Fields<'_>) -> Plan {
    let mut whole = Map::new();
    for name in PLAN {
        let Some(value) = fields.value(name) else { continue };
        let single = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
        match serde_json::from_value::<Plan>(single) {
            Ok(_) => drop(whole.insert(name.to_owned(), value.clone())),
            Err(refusal) => fields.refuse(name, format!("cannot be read: {refusal}")),
        }
    }
    serde_json::from_value(Value::Object(whole)).unwrap_or_default()
}

/// What a check has found, as problems of fields.
pub(super) fn refusals(checked: Result<(), Vec<FieldError>>) -> impl Iterator<Item = FieldProblem> {
    let refusals = checked.err().unwrap_or_default().into_iter();
    refusals.map(|refusal| FieldProblem::new(refusal.field, refusal.message))
}

/// Which terms apply to a conversion, and what it would earn under them; books nothing. Without `affiliate_id` for the affiliate
/// that is credited.
#[utoipa::path(post, path = "/v1/terms/preview", tag = "terms", operation_id = "preview_terms",
    request_body = crate::forms::TermsPreviewForm,
    responses((status = 200, body = Object), Problems))]
pub(crate) async fn preview(State(app): State<Arc<App>>, change: Change) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::body(&change.body);
    let conversion = fields.id::<ConversionId>("conversion_id");
    let affiliate = fields.optional_id::<AffiliateId>("affiliate_id");
    fields.finish()?;
    let id = conversion.expect("a missing conversion was remarked on");
    let (scope, sides) = (change.caller.scope, change.caller.sides());
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        let conversion = conversions::get(tx, scope, id)?
            .ok_or_else(|| super::no_such("conversion_id", "conversion", id))?;
        let affiliate = affiliate.or(conversion.affiliate).ok_or_else(|| {
            let message = "is missing: the conversion credits nobody, so say for whom";
            Problem::fields(vec![FieldProblem::new("affiliate_id", message)])
        })?;
        if affiliates::get(tx, scope, affiliate)?.is_none() {
            return Err(super::no_such("affiliate_id", "affiliate", affiliate));
        }
        let (_, offer) = visible(tx, scope, conversion.goal)?
            .ok_or_else(|| Problem::not_found(format!("there is no goal {}", conversion.goal)))?;
        let preview = hopline_books::terms::preview(tx, &conversion, affiliate)?;
        let margin = preview.earned.revenue.checked_sub(preview.earned.payout).ok();
        Ok::<_, Problem>(json!({
            "conversion_id": id,
            "affiliate_id": affiliate,
            "applies": preview.applies,
            "terms": TermsView::of(&preview.version, &offer, sides),
            "revenue": preview.earned.revenue,
            "payout": preview.earned.payout,
            "margin": margin,
            "lines": preview.earned.lines,
        }))
    });
    Ok(Json(found.await?))
}

/// Price the conversions of a past period again under proposed terms: who would gain and who would lose. Books nothing.
/// Credit stays as it was given; tiers, levels and settlements are left out.
#[utoipa::path(post, path = "/v1/terms/dry_run", tag = "terms", operation_id = "dry_run_terms",
    request_body = crate::forms::TermsDryRunForm,
    responses((status = 200, body = Object), Problems))]
pub(crate) async fn dry_run(State(app): State<Arc<App>>, change: Change) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::body(&change.body);
    let goal = fields.id::<GoalId>("goal_id");
    let (from, to) = (fields.optional_time("from"), fields.optional_time("to"));
    for (name, given) in [("from", from), ("to", to)] {
        if given.is_none() {
            fields.missing(name);
        }
    }
    for name in ["revenue", "payout"] {
        if !fields.has(name) {
            fields.missing(name);
        }
    }
    let (revenue, payout) = (price(&mut fields, "revenue").0, price(&mut fields, "payout").0);
    let plan = plan(&mut fields);
    fields.finish()?;
    let id = goal.expect("a missing goal was remarked on");
    let scope = change.caller.scope;
    let database = app.services.database_for(scope);
    let found =
        database.read(move |tx| visible(tx, scope, id)?.ok_or_else(|| super::no_such("goal_id", "goal", id)));
    let (goal, offer) = found.await?;
    let kind = Some(goal.kind.as_str().to_owned());
    let mut problems: Vec<FieldProblem> = refusals(plan.check("", goal.kind, offer.currency)).collect();
    let form = GoalTermsForm { kind, revenue, payout };
    let checked = form.check_allowing("", Some(offer.currency), plan.allow_above_100);
    let checked = checked.map_err(|refused| problems.extend(refusals(Err(refused))));
    let Some(checked) = checked.ok().filter(|_| problems.is_empty()) else {
        return Err(Problem::fields(problems));
    };
    let proposed = Proposed { goal: id, terms: checked.terms, plan };
    let mut run = DryRun::new(offer.currency, proposed);
    let mut filter = ConversionFilter {
        offer: Some(offer.id),
        goal: Some(goal.key),
        from,
        to,
        ..ConversionFilter::default()
    };
    let mut seen = 0;
    loop {
        let (asked, before) = (filter.clone(), run);
        let page = database.read(move |tx| {
            let page = conversions::list(tx, scope, &asked, PAGE)?;
            // A job may be run again.
            let mut run = before.clone();
            run.add(tx, &page)?;
            Ok::<_, Problem>((run, page.len(), page.last().map(|last| last.id)))
        });
        let (after, length, last) = page.await?;
        run = after;
        seen += length;
        filter.before = last;
        if length < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
        if seen >= CONVERSIONS_MAX {
            let message = format!("holds more than {CONVERSIONS_MAX} conversions: ask for a shorter period");
            return Err(Problem::fields(vec![FieldProblem::new("to", message)]));
        }
    }
    Ok(Json(answer(&run)))
}

fn answer(run: &DryRun) -> Value {
    let amount = |minor| Amount::new(minor, run.currency()).to_decimal();
    let shown = |change: &Changed| {
        json!({
            "conversions": change.conversions,
            "revenue_before": amount(change.revenue_before), "revenue_after": amount(change.revenue_after),
            "payout_before": amount(change.payout_before), "payout_after": amount(change.payout_after),
            "payout_change": amount(change.payout_after.saturating_sub(change.payout_before)),
        })
    };
    let mut all = Changed::default();
    let mut items = Vec::with_capacity(run.changes.len());
    for (affiliate, change) in &run.changes {
        all.revenue_before = all.revenue_before.saturating_add(change.revenue_before);
        all.revenue_after = all.revenue_after.saturating_add(change.revenue_after);
        all.payout_before = all.payout_before.saturating_add(change.payout_before);
        all.payout_after = all.payout_after.saturating_add(change.payout_after);
        let mut item = shown(change);
        item["affiliate_id"] = json!(affiliate);
        items.push(item);
    }
    all.conversions = run.conversions;
    json!({ "currency": run.currency(), "affiliates": items, "total": shown(&all), "unpriced": run.unpriced })
}
