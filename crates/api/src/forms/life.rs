//! Rates of exchange, judgements, chargebacks: what their requests hold.

use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A published rate of exchange.
#[derive(ToSchema)]
#[schema(examples(json!({"from": "EUR", "to": "USD", "rate": "1.1523", "source": "ecb", "at": "2026-02-27T15:00:00Z"})))]
pub(crate) struct RateForm {
    /// ISO 4217 code: one unit of it ...
    #[schema(min_length = 3, max_length = 3, examples("EUR"))]
    from: String,
    /// ... is so many units of this one.
    #[schema(min_length = 3, max_length = 3, examples("USD"))]
    to: String,
    /// Decimal text above zero, of at most 12 places.
    #[schema(max_length = 64, examples("1.1523"))]
    rate: String,
    /// Who published it.
    #[schema(min_length = 1, max_length = 100)]
    source: String,
    /// RFC 3339: when it was published, at most a day ahead; now, where it is absent.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// One rate, or a list of up to 1,000.
pub(crate) struct RatesBody;

impl PartialSchema for RatesBody {
    fn schema() -> RefOr<Schema> {
        let one = Ref::from_schema_name("RateForm");
        let several = ArrayBuilder::new().items(one.clone()).min_items(Some(1)).max_items(Some(1_000));
        OneOfBuilder::new().item(one).item(several).into()
    }
}

impl ToSchema for RatesBody {}

/// How rates are chosen.
#[derive(ToSchema)]
#[schema(examples(json!({"pivot": "EUR", "days_max": 7})))]
pub(crate) struct RatePolicyForm {
    /// Over which currency two rates make a third.
    #[schema(min_length = 3, max_length = 3)]
    pivot: Option<String>,
    /// How old a rate may be.
    #[schema(minimum = 1, maximum = 366)]
    days_max: Option<i64>,
}

/// What became of a conversion in reality.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum JudgementWord {
    Approve,
    Reject,
}

/// The judgement of one conversion.
#[derive(ToSchema)]
pub(crate) struct JudgementForm {
    #[schema(minimum = 1)]
    id: i64,
    decision: JudgementWord,
    /// Needed for rejections.
    #[schema(min_length = 1, max_length = 200)]
    reason: Option<String>,
}

/// Judgements of up to 1,000 conversions.
#[derive(ToSchema)]
#[schema(examples(json!({"items": [{"id": 1, "decision": "approve"}, {"id": 2, "decision": "reject", "reason": "cancelled"}]})))]
pub(crate) struct JudgementsForm {
    #[schema(min_items = 1, max_items = 1_000)]
    items: Vec<JudgementForm>,
}

/// A chargeback.
#[derive(ToSchema)]
#[schema(examples(json!({"reason": "card reported stolen"})))]
pub(crate) struct ChargebackForm {
    /// Of the order's amount, decimal text; all that is left where it is absent.
    amount: Option<String>,
    /// What it has cost, charged to the affiliates: decimal text in the offer's currency. For operators.
    fee: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// What was a mistake.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum UndoWord {
    Approval,
    Rejection,
    Refund,
}

/// A step to undo.
#[derive(ToSchema)]
#[schema(examples(json!({"what": "approval", "reason": "approved the wrong one"})))]
pub(crate) struct UndoForm {
    what: UndoWord,
    /// Which refund, chargeback or undoing of one; needed where `what` is `refund`.
    #[schema(minimum = 1)]
    refund_id: Option<i64>,
    /// Whether the fee of a chargeback is given back too.
    return_fee: Option<bool>,
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// What an approval rule does.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ApprovalActionWord {
    Approve,
    Pending,
    Reject,
}

/// When an approval rule fits: what is absent does not matter.
#[derive(ToSchema)]
pub(crate) struct ApprovalConditionsForm {
    /// The goal is one of these, by key.
    #[schema(max_items = 50)]
    goals: Option<Vec<String>>,
    /// The order is at least this: decimal text in the offer's currency.
    amount_from: Option<String>,
    /// The order is below this: decimal text in the offer's currency.
    amount_below: Option<String>,
    /// The click came from one of these countries (ISO 3166-1 alpha-2).
    #[schema(max_items = 250)]
    countries: Option<Vec<String>>,
    /// All credited affiliates are among these.
    #[schema(max_items = 1_000)]
    affiliate_ids: Option<Vec<i64>>,
    /// All credited affiliates were entered at least so many days before.
    #[schema(minimum = 0, maximum = 36_500)]
    affiliate_days: Option<i64>,
    /// Whether a check has flagged it.
    flagged: Option<bool>,
}

/// One approval rule.
#[derive(ToSchema)]
pub(crate) struct ApprovalRuleForm {
    /// What people call it; shown where it has decided.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `approve`, `pending` (a person judges) or `reject`.
    action: ApprovalActionWord,
    /// How long what it approves is held; as the offer says, where it is absent.
    #[schema(minimum = 0, maximum = 365)]
    hold_days: Option<i64>,
    conditions: Option<ApprovalConditionsForm>,
}

/// All approval rules of an offer, in order: the first one that fits decides.
#[derive(ToSchema)]
#[schema(examples(json!({"rules": [
    {"name": "flagged", "action": "pending", "conditions": {"flagged": true}},
    {"name": "small orders of known affiliates", "action": "approve", "hold_days": 7,
     "conditions": {"amount_below": "200.00", "countries": ["AT", "DE"], "affiliate_days": 90}},
    {"name": "all others", "action": "pending"}
]})))]
pub(crate) struct ApprovalRulesForm {
    #[schema(max_items = 50)]
    rules: Vec<ApprovalRuleForm>,
}

/// What becomes of a conversion that nothing has qualified in time.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum AtDeadlineWord {
    Reject,
    Approve,
}

/// How conversions of a goal are qualified.
#[derive(ToSchema)]
#[schema(examples(json!({"by_goal": "install", "within_days": 30, "at_deadline": "reject"})))]
pub(crate) struct QualificationForm {
    /// The key of a goal of the same offer: a later conversion of it, for the same customer or order, qualifies. Only the
    /// advertiser does, where it is absent.
    #[schema(max_length = 64)]
    by_goal: Option<String>,
    /// How long it may take; as long as it takes, where it is absent.
    #[schema(minimum = 1, maximum = 366)]
    within_days: Option<i64>,
    /// What happens then: `reject` (default) or `approve`.
    at_deadline: Option<AtDeadlineWord>,
}

/// The currency that an affiliate wants to be paid in.
#[derive(ToSchema)]
#[schema(examples(json!({"currency": "USD"})))]
pub(crate) struct PayoutCurrencyForm {
    /// ISO 4217 code; null: in what it has earned.
    #[schema(min_length = 3, max_length = 3)]
    currency: Option<String>,
}
