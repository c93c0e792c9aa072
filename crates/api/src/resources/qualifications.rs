//! `/v1/goals/{id}/qualification`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::offers::{self, Goal, Offer};
use hopline_control_store::qualifications::{self, AtDeadline, Qualification};
use hopline_control_store::{DatabaseExt, Scope, Tx};
use hopline_types::{GoalId, GoalKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::work::{self, Done, Tell};

/// How conversions of a goal are qualified. Until then they are pending, whatever approves others.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QualificationView {
    goal_id: i64,
    /// Whether they need to be.
    needed: bool,
    /// The key of the goal whose later conversion, for the same customer or order, qualifies; null: only the advertiser does.
    by_goal: Option<String>,
    /// How long it may take; null: as long as it takes.
    within_days: Option<i64>,
    /// What happens then: `reject` or `approve`.
    at_deadline: Option<&'static str>,
}

impl QualificationView {
    fn of(goal: GoalId, found: Option<Qualification>, offer: &Offer) -> Self {
        let by = found.and_then(|found| found.by_goal);
        let by = by.and_then(|by| offer.goals.iter().find(|goal| goal.id == by));
        Self {
            goal_id: goal.get(),
            needed: found.is_some(),
            by_goal: by.map(|goal| goal.key.clone()),
            within_days: found.and_then(|found| found.within_days),
            at_deadline: found.map(|found| found.at_deadline.as_str()),
        }
    }
}

/// A goal and its offer, if the offer may be seen.
fn visible(tx: &mut dyn Tx, scope: Scope, id: GoalId) -> Result<(Goal, Offer), Problem> {
    let unknown = || Problem::not_found(format!("there is no goal {id}"));
    let goal = offers::goal(tx, id)?.ok_or_else(unknown)?;
    let offer = offers::get(tx, scope, goal.offer_id)?.ok_or_else(unknown)?;
    Ok((goal, offer))
}

/// How conversions of a goal are qualified.
#[utoipa::path(get, path = "/v1/goals/{id}/qualification", tag = "qualifications",
    params(("id" = i64, Path)),
    responses((status = 200, body = QualificationView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GoalId>,
    query: Query,
) -> Result<Json<QualificationView>, Problem> {
    query.finish()?;
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        let (_, offer) = visible(tx, scope, id)?;
        Ok::<_, Problem>(QualificationView::of(id, qualifications::get(tx, scope, id)?, &offer))
    });
    Ok(Json(found.await?))
}

/// Let conversions of a goal wait until they are qualified: by the advertiser, who approves or rejects them, by a later
/// conversion, or by nothing in time. What waits already goes on as before.
#[utoipa::path(post, path = "/v1/goals/{id}/qualification", tag = "qualifications",
    params(("id" = i64, Path)), request_body = crate::forms::QualificationForm,
    responses((status = 200, body = QualificationView), Problems))]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Id(id): Id<GoalId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let by_goal = fields.optional_text("by_goal", 64);
    let within_days = fields.optional_whole("within_days", 1, 366);
    let at_deadline = fields.optional_choice("at_deadline", &AtDeadline::WORDS);
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let scope = work.caller.scope;
        let (goal, offer) = visible(work.tx, scope, id)?;
        let by = by_goal.as_ref().map(|key| by(&offer, &goal, key)).transpose()?;
        if goal.kind == GoalKind::Ppc {
            return Err(Problem::conflict(format!(
                "goal {id} is paid by counted clicks, which are not qualified"
            )));
        }
        let before = QualificationView::of(id, qualifications::get(work.tx, scope, id)?, &offer);
        let new = Qualification {
            goal: id,
            by_goal: by,
            within_days,
            at_deadline: at_deadline.unwrap_or(AtDeadline::Reject),
        };
        qualifications::set(work.tx, &new)?;
        let view = QualificationView::of(id, Some(new), &offer);
        let told = |view: &QualificationView| serde_json::to_value(view).ok();
        work.audit("goal.qualification", format!("goal:{id}"), told(&before), told(&view))?;
        Ok(Done::ok(view))
    })
    .await
}

/// The goal whose conversions qualify.
fn by(offer: &Offer, own: &Goal, key: &str) -> Result<GoalId, Problem> {
    let refused = |message: String| Problem::fields(vec![FieldProblem::new("by_goal", message)]);
    let found = offer.goals.iter().find(|goal| goal.key == key);
    match found {
        None => Err(refused(format!("{key:?} is no goal of this offer"))),
        Some(goal) if goal.id == own.id => Err(refused("is the goal itself".to_owned())),
        Some(goal) if goal.kind == GoalKind::Ppc => {
            Err(refused(format!("{key:?} is paid by counted clicks and has no conversions of its own")))
        }
        Some(goal) => Ok(goal.id),
    }
}

/// Conversions of the goal need not be qualified any more. Those that wait are left to a person.
#[utoipa::path(delete, path = "/v1/goals/{id}/qualification", tag = "qualifications",
    params(("id" = i64, Path)),
    responses((status = 200, body = QualificationView), Problems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Id(id): Id<GoalId>,
    change: Change,
) -> Result<Response, Problem> {
    Fields::body(&change.body).finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let (_, offer) = visible(work.tx, scope, id)?;
        let before = QualificationView::of(id, qualifications::get(work.tx, scope, id)?, &offer);
        if qualifications::remove(work.tx, id)? {
            let before = serde_json::to_value(&before).ok();
            work.audit("goal.qualification", format!("goal:{id}"), before, None)?;
        }
        Ok(Done::ok(QualificationView::of(id, None, &offer)))
    })
    .await
}
