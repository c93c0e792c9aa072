//! `/v1/exchange_rates`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_books::rates::{self as books, RatesEntered};
use hopline_control_store::DatabaseExt;
use hopline_control_store::rates::{self, HeldPair, Policy, Rate, RateFilter, StoredRate};
use hopline_money::{Currency, Decimal};
use hopline_types::UnixMillis;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::Change;
use crate::upload::Upload;
use crate::view::Time;
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/exchange_rates";
/// The most rates of one request; a file may hold more.
const RATES_MAX: usize = 1_000;
const SOURCE_CHARS_MAX: usize = 100;

/// A published rate. It is never changed: a wrong one is followed by another, of the same time and another source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateView {
    #[schema(minimum = 1)]
    id: i64,
    /// One unit of this currency ...
    from: &'static str,
    /// ... is so many units of this one.
    to: &'static str,
    /// How many: decimal text.
    rate: String,
    /// Who published it.
    source: String,
    /// When it was published: it counts from then on.
    at: Time,
    entered_at: Time,
    entered_by: String,
}

impl RateView {
    fn of(stored: &StoredRate) -> Self {
        let Rate { from, to, rate, source, at } = &stored.rate;
        Self {
            id: stored.id,
            from: from.code(),
            to: to.code(),
            rate: rate.to_string(),
            source: source.clone(),
            at: Time(*at),
            entered_at: Time(stored.entered_at),
            entered_by: stored.entered_by.clone(),
        }
    }
}

/// What became of rates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RatesEnteredView {
    /// New ones.
    entered: u64,
    /// Those that were there.
    known: u64,
    /// Conversions that waited for a rate and are tried again.
    conversions_released: u64,
}

/// Conversions that wait for a rate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MissingRateView {
    /// The currency of their orders.
    from: &'static str,
    /// The currency of their offers.
    to: &'static str,
    conversions: i64,
    /// When the first of them happened.
    oldest: Time,
    /// When the last of them happened.
    newest: Time,
}

/// How rates are chosen: the newest one that is not later than a conversion and not older than this; that of the pair, else
/// that of the opposite pair, inverted, else two over the pivot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RatePolicyView {
    pivot: &'static str,
    days_max: i64,
}

/// Enter a published rate, or a list of up to 1,000: all or none. Rates that are there already change nothing.
#[utoipa::path(post, path = COLLECTION, tag = "exchange_rates",
    request_body = crate::forms::RatesBody,
    responses((status = 200, body = RatesEnteredView), Problems))]
pub(crate) async fn enter(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let now = app.services.clock.now();
    let mut problems = Vec::new();
    let mut new = Vec::new();
    match &change.body {
        Value::Array(items) => {
            if items.is_empty() || items.len() > RATES_MAX {
                let message = format!("the list has {} items, expected 1 to {RATES_MAX}", items.len());
                return Err(Problem::fields(vec![FieldProblem::new("body", message)]));
            }
            for (index, item) in items.iter().enumerate() {
                new.extend(read(format!("rates[{index}]"), item, now, &mut problems));
            }
        }
        single => new.extend(read(String::new(), single, now, &mut problems)),
    }
    if !problems.is_empty() {
        return Err(Problem::fields(problems));
    }
    let is_single = !change.body.is_array();
    work::run(&app, &change, Tell::Worker, move |work| {
        done(work, &new).map_err(|problem| named(problem, is_single))
    })
    .await
}

/// The one rate of a request has no number.
fn named(mut problem: Problem, is_single: bool) -> Problem {
    if is_single {
        for error in &mut problem.errors {
            error.field = error.field.trim_start_matches("rates[0].").to_owned();
        }
    }
    problem
}

fn done(work: &mut Work<'_>, new: &[Rate]) -> Result<Done, Problem> {
    let entered = books::enter_rates(work.tx, new, &work.caller.actor.name, work.now)?;
    let RatesEntered { new: count, known, released } = entered;
    let view = RatesEnteredView { entered: count, known, conversions_released: released };
    if count > 0 {
        let sources: std::collections::BTreeSet<&str> = new.iter().map(|rate| rate.source.as_str()).collect();
        let after = json!({"entered": count, "known": known, "sources": sources,
            "first": new.first(), "last": new.last()});
        work.audit("exchange_rates.enter", "exchange_rates".to_owned(), None, Some(after))?;
    }
    Ok(Done::ok(view))
}

fn read(path: String, value: &Value, now: UnixMillis, problems: &mut Vec<FieldProblem>) -> Option<Rate> {
    let mut fields = Fields::at(path, value);
    let (from, to) = (currency(&mut fields, "from"), currency(&mut fields, "to"));
    let rate = fields.word::<Decimal>("rate");
    let source = fields.text("source", SOURCE_CHARS_MAX);
    let at = fields.optional_time("at").unwrap_or(now);
    let own = fields.close();
    if own.is_empty() {
        let (from, to) = from.zip(to)?;
        return Some(Rate { from, to, rate: rate?, source, at });
    }
    problems.extend(own);
    None
}

/// A currency that must be there.
fn currency(fields: &mut Fields<'_>, name: &'static str) -> Option<Currency> {
    let code = fields.text(name, 3);
    if code.is_empty() {
        return None;
    }
    Currency::new(&code).map_err(|refusal| fields.refuse(name, refusal.to_string())).ok()
}

/// Enter the rates of a file: the European Central Bank's reference rates as XML or CSV, or a CSV of
/// date,from,to,rate,source. All or none; those that are there already change nothing.
#[utoipa::path(post, path = "/v1/exchange_rates/import", tag = "exchange_rates",
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = RatesEnteredView), Problems))]
pub(crate) async fn import(State(app): State<Arc<App>>, upload: Upload) -> Result<Response, Problem> {
    let new = books::read_file(&upload.text)
        .map_err(|refusal| Problem::fields(vec![FieldProblem::new("body", refusal.to_string())]))?;
    let new: Arc<[Rate]> = new.into();
    work::run(&app, &upload.change, Tell::Worker, move |work| done(work, &new)).await
}

/// List rates, newest entry first.
#[utoipa::path(get, path = COLLECTION, tag = "exchange_rates",
    params(crate::forms::ListParameters,
        ("from" = Option<String>, Query, description = "Only from this currency"),
        ("to" = Option<String>, Query, description = "Only to this currency"),
        ("source" = Option<String>, Query, description = "Only from this source")),
    responses((status = 200, body = crate::forms::Page<RateView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let mut filter = RateFilter {
        from: query.parsed("from"),
        to: query.parsed("to"),
        source: query.text("source"),
        before: None,
    };
    let list = query.list(&app, &caller)?;
    filter.before = list.after();
    let rows = list.rows();
    let database = app.services.database_for(caller.scope);
    let found: Result<_, Problem> = database.read(move |tx| Ok(rates::list(tx, &filter, rows)?)).await;
    Ok(Json(list.answer(&app, found?, |row| row.id, RateView::of)))
}

/// Which rates are missing, and how many conversions wait for each.
#[utoipa::path(get, path = "/v1/exchange_rates/missing", tag = "exchange_rates",
    responses((status = 200, body = crate::forms::Page<MissingRateView>), Problems))]
pub(crate) async fn missing(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    query.finish()?;
    let database = app.services.database_for(caller.scope);
    let found: Result<_, Problem> = database.read(move |tx| Ok(rates::held_pairs(tx)?)).await;
    let view = |pair: &HeldPair| MissingRateView {
        from: pair.from.code(),
        to: pair.to.code(),
        conversions: pair.conversions,
        oldest: Time(pair.oldest),
        newest: Time(pair.newest),
    };
    let items: Vec<MissingRateView> = found?.iter().map(view).collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

/// How rates are chosen.
#[utoipa::path(get, path = "/v1/exchange_rates/policy", tag = "exchange_rates",
    responses((status = 200, body = RatePolicyView), Problems))]
pub(crate) async fn policy(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<RatePolicyView>, Problem> {
    query.finish()?;
    let database = app.services.database_for(caller.scope);
    let found: Result<Policy, Problem> = database.read(move |tx| Ok(rates::policy(tx)?)).await;
    Ok(Json(view(found?)))
}

const fn view(policy: Policy) -> RatePolicyView {
    RatePolicyView { pivot: policy.pivot.code(), days_max: policy.days_max }
}

/// Choose rates otherwise from now on. What waits is tried again.
#[utoipa::path(patch, path = "/v1/exchange_rates/policy", tag = "exchange_rates",
    request_body = crate::forms::RatePolicyForm,
    responses((status = 200, body = RatePolicyView), Problems))]
pub(crate) async fn set_policy(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let pivot = fields.optional_text("pivot", 3);
    let pivot = pivot.and_then(|code| {
        Currency::new(&code).map_err(|refusal| fields.refuse("pivot", refusal.to_string())).ok()
    });
    let days_max = fields.optional_whole("days_max", 1, 366);
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = rates::policy(work.tx)?;
        let after =
            Policy { pivot: pivot.unwrap_or(before.pivot), days_max: days_max.unwrap_or(before.days_max) };
        rates::set_policy(work.tx, after)?;
        rates::release_held(work.tx)?;
        let told = |policy: Policy| serde_json::to_value(view(policy)).ok();
        work.audit("exchange_rates.policy", "exchange_rates".to_owned(), told(before), told(after))?;
        Ok(Done::ok(view(after)))
    })
    .await
}
