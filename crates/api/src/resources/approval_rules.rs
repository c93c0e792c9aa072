//! `/v1/offers/{id}/approval_rules`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::approval_rules::{self, Action, ApprovalRule, Conditions};
use hopline_control_store::offers::{self, Offer};
use hopline_control_store::{DatabaseExt, Scope, Tx};
use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, OfferId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::conversions::form;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Money;
use crate::work::{self, Done, Tell};

const RULES_MAX: usize = 50;
const NAMED_MAX: usize = 1_000;

/// When a rule fits; what is absent does not matter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalConditionsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    goals: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_from: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_below: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    countries: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affiliate_ids: Option<Vec<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affiliate_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flagged: Option<bool>,
}

/// A rule: the first one of an offer that fits decides.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalRuleView {
    name: String,
    /// `approve`, `pending` or `reject`.
    action: &'static str,
    /// How long what it approves is held; null: as the offer says.
    hold_days: Option<i64>,
    conditions: ApprovalConditionsView,
}

impl ApprovalRuleView {
    fn of(rule: &ApprovalRule, currency: Currency) -> Self {
        let Conditions { goals, amount_from, amount_below, countries, affiliates, affiliate_days, flagged } =
            rule.conditions.clone();
        let money = |minor: Option<i64>| minor.map(|minor| Money::of(minor, currency));
        Self {
            name: rule.name.clone(),
            action: rule.action.as_str(),
            hold_days: rule.hold_days,
            conditions: ApprovalConditionsView {
                goals,
                amount_from: money(amount_from),
                amount_below: money(amount_below),
                countries,
                affiliate_ids: affiliates.map(|ids| ids.into_iter().map(AffiliateId::get).collect()),
                affiliate_days,
                flagged,
            },
        }
    }
}

fn unknown(id: OfferId) -> Problem {
    Problem::not_found(format!("there is no offer {id}"))
}

/// The offer, if it is the caller's: affiliates see offers but not their rules.
fn owned(tx: &mut dyn Tx, scope: Scope, id: OfferId) -> Result<Offer, Problem> {
    offers::get(tx, scope, id)?.ok_or_else(|| unknown(id))
}

fn answer(rules: &[ApprovalRule], currency: Currency) -> Value {
    let items: Vec<_> = rules.iter().map(|rule| ApprovalRuleView::of(rule, currency)).collect();
    json!({"items": items, "next_cursor": null})
}

/// List the approval rules of an offer, in order.
#[utoipa::path(get, path = "/v1/offers/{id}/approval_rules", tag = "approval_rules",
    params(("id" = i64, Path)),
    responses((status = 200, body = crate::forms::Page<ApprovalRuleView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<OfferId>,
    query: Query,
) -> Result<Json<Value>, Problem> {
    query.finish()?;
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        let offer = owned(tx, scope, id)?;
        Ok::<_, Problem>((approval_rules::of_offer(tx, scope, id)?, offer.currency))
    });
    let (rules, currency) = found.await?;
    Ok(Json(answer(&rules, currency)))
}

/// Replace the approval rules of an offer. What was decided before stays. Where no rule fits the offer's `approval` says;
/// what the advertiser asks for with its report comes before all rules.
#[utoipa::path(post, path = "/v1/offers/{id}/approval_rules", tag = "approval_rules",
    params(("id" = i64, Path)), request_body = crate::forms::ApprovalRulesForm,
    responses((status = 200, body = crate::forms::Page<ApprovalRuleView>), Problems))]
pub(crate) async fn replace(
    State(app): State<Arc<App>>,
    Id(id): Id<OfferId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let given = match fields.value("rules") {
        None => {
            fields.missing("rules");
            Vec::new()
        }
        Some(Value::Array(rules)) if rules.len() <= RULES_MAX => rules.clone(),
        Some(Value::Array(rules)) => {
            fields.refuse("rules", format!("has {} entries, at most {RULES_MAX} are allowed", rules.len()));
            Vec::new()
        }
        Some(_) => {
            fields.refuse("rules", "is not a list");
            Vec::new()
        }
    };
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let offer = owned(work.tx, scope, id)?;
        let mut problems = Vec::new();
        let mut rules: Vec<ApprovalRule> = Vec::with_capacity(given.len());
        for (index, value) in given.iter().enumerate() {
            let mut fields = Fields::at(format!("rules[{index}]"), value);
            if let Some(rule) = rule(&mut fields, &offer) {
                if rules.iter().any(|other| other.name == rule.name) {
                    fields.refuse("name", format!("{:?} is the name of another rule", rule.name));
                }
                rules.push(rule);
            }
            problems.extend(fields.close());
        }
        if !problems.is_empty() {
            return Err(Problem::fields(problems));
        }
        let before = approval_rules::of_offer(work.tx, scope, id)?;
        approval_rules::replace(work.tx, id, &rules)?;
        let (before, after) = (answer(&before, offer.currency), answer(&rules, offer.currency));
        work.audit("offer.approval_rules", format!("offer:{id}"), Some(before), Some(after.clone()))?;
        Ok(Done::ok(after))
    })
    .await
}

fn rule(fields: &mut Fields<'_>, offer: &Offer) -> Option<ApprovalRule> {
    let name = fields.text("name", TEXT_CHARS_MAX);
    let action = fields.choice("action", &Action::WORDS);
    let hold_days = fields.optional_whole("hold_days", 0, 365);
    let conditions = match fields.value("conditions") {
        None => Conditions::default(),
        Some(value) => {
            let mut own = Fields::at(fields.place("conditions"), value);
            let conditions = conditions(&mut own, offer);
            fields.refuse_all(own.close());
            conditions
        }
    };
    let action = action?;
    if hold_days.is_some() && action != Action::Approve {
        fields.refuse("hold_days", "goes with the action approve only");
    }
    Some(ApprovalRule { name, action, hold_days, conditions })
}

fn conditions(fields: &mut Fields<'_>, offer: &Offer) -> Conditions {
    let goals = fields.optional_texts("goals", RULES_MAX);
    for goal in goals.iter().flatten() {
        if !offer.goals.iter().any(|known| known.key == *goal) {
            fields.refuse("goals", format!("{goal:?} is no goal of this offer"));
        }
    }
    let countries = fields.optional_texts("countries", 250);
    for country in countries.iter().flatten() {
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            fields.refuse("countries", format!("{country:?} is no ISO 3166-1 alpha-2 code such as DE"));
        }
    }
    let amount_from = money(fields, "amount_from", offer.currency);
    let amount_below = money(fields, "amount_below", offer.currency);
    if let (Some(from), Some(below)) = (amount_from, amount_below)
        && from >= below
    {
        fields.refuse("amount_below", "is not above amount_from: no order would fit");
    }
    Conditions {
        goals,
        amount_from,
        amount_below,
        countries,
        affiliates: affiliates(fields),
        affiliate_days: fields.optional_whole("affiliate_days", 0, 36_500),
        flagged: fields.optional_flag("flagged"),
    }
}

fn money(fields: &mut Fields<'_>, name: &'static str, currency: Currency) -> Option<i64> {
    let text = form::amount(fields, name)?;
    match Amount::parse(&text, currency) {
        Ok(amount) => Some(amount.minor),
        Err(refusal) => {
            fields.refuse(name, refusal.to_string());
            None
        }
    }
}

fn affiliates(fields: &mut Fields<'_>) -> Option<Vec<AffiliateId>> {
    let value = fields.value("affiliate_ids")?;
    let ids = value.as_array().filter(|ids| ids.len() <= NAMED_MAX);
    let Some(ids) = ids else {
        fields.refuse("affiliate_ids", format!("is no list of up to {NAMED_MAX} ids"));
        return None;
    };
    let read = |id: &Value| id.as_i64().and_then(|id| AffiliateId::new(id).ok());
    let read: Option<Vec<AffiliateId>> = ids.iter().map(read).collect();
    if read.is_none() {
        fields.refuse("affiliate_ids", "holds what is no id: expected whole numbers from 1");
    }
    read
}
