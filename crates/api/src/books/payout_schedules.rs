//! `/v1/payout_schedules`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_books::payouts::{Frequency, NewSchedule, schedule_of};
use hopline_control_store::payouts::{
    Schedule, ScheduleState, find_schedule, insert_schedule, list_schedules, save_schedule,
};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_types::{PayoutMethod, UnixMillis};
use serde::Serialize;
use serde_json::Value;
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

const COLLECTION: &str = "/v1/payout_schedules";

/// A schedule that prepares drafts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleView {
    #[schema(minimum = 1)]
    id: i64,
    active: bool,
    currency: String,
    /// `sepa`, `ach`, `paypal`, `wise`, `bank` or `manual`.
    method: &'static str,
    /// On which days.
    when: Value,
    /// Days between what is owed and what is drafted.
    net_days: u16,
    minimum: Option<String>,
    round_down_to: Option<String>,
    time_zone: String,
    /// When it runs next.
    next_at: Time,
    last_at: Option<Time>,
    /// The batch that it drafted last.
    last_payout_batch_id: Option<i64>,
    /// What came of its last run.
    last_outcome: Option<String>,
    created_at: Time,
    changed_at: Time,
    /// Its drafts count as made by this one: another person approves them.
    changed_by: String,
}

fn view(schedule: &Schedule) -> Result<ScheduleView, Problem> {
    let new = schedule_of(schedule)?;
    Ok(ScheduleView {
        id: schedule.id,
        active: schedule.state.is_active,
        currency: new.currency,
        method: new.method.as_str(),
        when: serde_json::to_value(new.when).unwrap_or_default(),
        net_days: new.net_days,
        minimum: new.minimum,
        round_down_to: new.round_down_to,
        time_zone: new.time_zone,
        next_at: Time(schedule.state.next_at),
        last_at: schedule.last_at.map(Time),
        last_payout_batch_id: schedule.last_batch.map(hopline_types::BatchId::get),
        last_outcome: schedule.last_outcome.clone(),
        created_at: Time(schedule.created_at),
        changed_at: Time(schedule.state.changed_at),
        changed_by: schedule.state.changed_by.clone(),
    })
}

/// What a request says; what it does not say is none.
struct Given {
    currency: Option<String>,
    method: Option<PayoutMethod>,
    when: Option<Frequency>,
    net_days: Option<u16>,
    minimum: Option<Option<String>>,
    round_down_to: Option<Option<String>>,
    time_zone: Option<String>,
    active: Option<bool>,
}

fn given(fields: &mut Fields<'_>) -> Given {
    let currency = fields.optional_text("currency", 3);
    let method = fields.optional_word::<PayoutMethod>("method");
    let when = match fields.value("when").cloned().map(serde_json::from_value::<Frequency>) {
        None => None,
        Some(Ok(when)) => Some(when),
        Some(Err(error)) => {
            fields.refuse("when", error.to_string());
            None
        }
    };
    let net_days = fields.optional_whole("net_days", 0, 366).and_then(|days| u16::try_from(days).ok());
    let minimum = crate::conversions::form::amount(fields, "minimum");
    let minimum = fields.has("minimum").then_some(minimum);
    let round_down_to = crate::conversions::form::amount(fields, "round_down_to");
    let round_down_to = fields.has("round_down_to").then_some(round_down_to);
    let time_zone = fields.optional_text("time_zone", 64);
    let active = fields.optional_flag("active");
    Given { currency, method, when, net_days, minimum, round_down_to, time_zone, active }
}

/// Refuses what a schedule may not be.
fn check(new: &NewSchedule, mut fields: Fields<'_>) -> Result<(), Problem> {
    for fault in new.faults() {
        fields.refuse(&fault.field, fault.message);
    }
    fields.finish()
}

fn state(new: &NewSchedule, is_active: bool, by: &str, now: UnixMillis) -> ScheduleState {
    ScheduleState {
        content: serde_json::to_string(new).expect("schedules are plain data"),
        is_active,
        next_at: new.next_after(now),
        changed_at: now,
        changed_by: by.to_owned(),
    }
}

fn found(tx: &mut dyn hopline_control_store::Tx, id: i64) -> Result<Schedule, Problem> {
    find_schedule(tx, id)?.ok_or_else(|| Problem::not_found(format!("there is no payout schedule {id}")))
}

/// Enter a schedule: it prepares drafts by itself, at the beginning of its days.
#[utoipa::path(post, path = COLLECTION, tag = "payouts", operation_id = "payout_schedules_create",
    request_body = crate::forms::ScheduleForm,
    responses((status = 201, body = ScheduleView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let given = given(&mut fields);
    for name in ["currency", "method", "when"] {
        if !fields.has(name) {
            fields.missing(name);
        }
    }
    let (Some(currency), Some(method), Some(when)) = (given.currency, given.method, given.when) else {
        fields.finish()?;
        return Err(Problem::internal("a missing field was not remarked on"));
    };
    let new = NewSchedule {
        currency,
        method,
        when,
        net_days: given.net_days.unwrap_or(0),
        minimum: given.minimum.flatten(),
        round_down_to: given.round_down_to.flatten(),
        time_zone: given.time_zone.unwrap_or_else(|| "UTC".to_owned()),
    };
    check(&new, fields)?;
    let is_active = given.active.unwrap_or(true);
    work::run(&app, &change, Tell::Nobody, move |work| {
        let state = state(&new, is_active, &work.caller.actor.name, work.now);
        let id = insert_schedule(work.tx, &state)?;
        let view = view(&found(work.tx, id)?)?;
        work.audit(
            "payout_schedule.create",
            format!("payout_schedule:{id}"),
            None,
            serde_json::to_value(&view).ok(),
        )?;
        Ok(Done::created(COLLECTION, view))
    })
    .await
}

/// List schedules.
#[utoipa::path(get, path = COLLECTION, tag = "payouts", operation_id = "payout_schedules_list",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<ScheduleView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let (after, rows) = (list.after().unwrap_or(0), list.rows());
    let found: Result<_, StoreError> =
        app.services.database_for(caller.scope).read(move |tx| list_schedules(tx, after, rows)).await;
    let found = found?;
    for schedule in &found {
        view(schedule)?;
    }
    Ok(Json(list.answer(&app, found, |row| row.id, |row| view(row).ok())))
}

/// Get a schedule.
#[utoipa::path(get, path = "/v1/payout_schedules/{id}", tag = "payouts", operation_id = "payout_schedules_get",
    params(("id" = i64, Path)),
    responses((status = 200, body = ScheduleView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<i64>,
) -> Result<Json<ScheduleView>, Problem> {
    let database = app.services.database_for(caller.scope);
    let read = database.read(move |tx| view(&found(tx, id)?));
    Ok(Json(read.await?))
}

/// Change a schedule, or stop it. Its next run is reckoned anew from now.
#[utoipa::path(patch, path = "/v1/payout_schedules/{id}", tag = "payouts", operation_id = "payout_schedules_update",
    params(("id" = i64, Path)), request_body = crate::forms::ScheduleChangeForm,
    responses((status = 200, body = ScheduleView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<i64>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    given(&mut fields);
    fields.finish()?;
    let body = change.body.clone();
    work::run(&app, &change, Tell::Nobody, move |work| {
        let before = found(work.tx, id)?;
        let mut new = schedule_of(&before)?;
        let mut fields = Fields::body(&body);
        let given = given(&mut fields);
        new.currency = given.currency.unwrap_or(new.currency);
        new.method = given.method.unwrap_or(new.method);
        new.when = given.when.unwrap_or(new.when);
        new.net_days = given.net_days.unwrap_or(new.net_days);
        new.minimum = given.minimum.unwrap_or(new.minimum);
        new.round_down_to = given.round_down_to.unwrap_or(new.round_down_to);
        new.time_zone = given.time_zone.unwrap_or(new.time_zone);
        check(&new, fields)?;
        let is_active = given.active.unwrap_or(before.state.is_active);
        save_schedule(work.tx, id, &state(&new, is_active, &work.caller.actor.name, work.now))?;
        let after = view(&found(work.tx, id)?)?;
        let log = |view: &ScheduleView| serde_json::to_value(view).ok();
        work.audit(
            "payout_schedule.update",
            format!("payout_schedule:{id}"),
            log(&view(&before)?),
            log(&after),
        )?;
        Ok(Done::ok(after))
    })
    .await
}
