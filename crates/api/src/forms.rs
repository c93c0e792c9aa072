//! What requests hold, for the OpenAPI document only. Requests are read by [`crate::fields`]; a test compares the names
//! that are read with those written here.

#![expect(dead_code, reason = "these types are only described, never filled")]

mod installs;
mod life;
mod payouts;
mod rules;
mod words;

pub(crate) use installs::*;
pub(crate) use life::*;
pub(crate) use payouts::*;
pub(crate) use rules::*;
pub(crate) use words::*;

use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::resources::offers::TargetingView;

/// Which part of a list is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// The most items.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// A part of a list.
#[derive(ToSchema)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    /// For the next part; null at the end.
    next_cursor: Option<String>,
}

/// A new advertiser.
#[derive(ToSchema)]
#[schema(examples(json!({"name": "Acme", "currency": "EUR"})))]
pub(crate) struct AdvertiserForm {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// ISO 4217 code.
    #[schema(min_length = 3, max_length = 3, examples("EUR"))]
    currency: String,
    /// `active` (default), `paused`, `pending` or `blocked`.
    status: Option<Status>,
}

/// What to change of an advertiser.
#[derive(ToSchema)]
#[schema(examples(json!({"name": "Acme", "status": "active"})))]
pub(crate) struct AdvertiserChangeForm {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    status: Option<Status>,
}

/// How credit is given.
#[derive(ToSchema)]
pub(crate) struct AttributionForm {
    /// `last_click` (default), `first_click`, `last_non_direct`, `linear`, `position_based` or `time_decay`.
    model: Option<Model>,
    /// How old a click may be; 30 by default.
    #[schema(minimum = 1, maximum = 365)]
    window_days: Option<i64>,
    /// The same in seconds.
    #[schema(minimum = 1, maximum = 31_536_000)]
    window_seconds: Option<i64>,
    /// How old a view may be, where no click counts; 24 by default, and never longer than a click.
    #[schema(minimum = 1, maximum = 8_760)]
    view_window_hours: Option<i64>,
    /// With `time_decay`: after how many days a touch weighs half; 7 by default.
    #[schema(minimum = 1, maximum = 365)]
    half_life_days: Option<i64>,
    /// What a coupon does: `overrides_click` (default), `fallback` (only where no click counts) or `ignored`.
    #[schema(value_type = Option<String>)]
    coupon: Option<String>,
    /// Whether a customer stays with the affiliate of its first conversion; false by default.
    lifetime: Option<bool>,
    /// What happens to affiliates' own purchases: `reject` (default) or `allow`.
    #[schema(value_type = Option<String>)]
    self_referral: Option<String>,
    /// Whether the clicks of a customer's other devices count; false by default.
    cross_device: Option<bool>,
}

/// A coupon.
#[derive(ToSchema)]
#[schema(examples(json!({"advertiser_id": 1, "code": "SUMMER10", "affiliate_id": 1, "valid_until": "2026-09-01T00:00:00Z"})))]
pub(crate) struct CouponForm {
    /// At whose shop it is taken; an advertiser's own by default.
    #[schema(minimum = 1)]
    advertiser_id: Option<i64>,
    /// One within the advertiser, whatever its case.
    #[schema(min_length = 1, max_length = 100)]
    code: String,
    /// Whose it is.
    #[schema(minimum = 1)]
    affiliate_id: i64,
    /// The only offer for which it counts.
    #[schema(minimum = 1)]
    offer_id: Option<i64>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    valid_from: Option<String>,
    /// RFC 3339; not at or after this time.
    #[schema(format = DateTime)]
    valid_until: Option<String>,
}

/// One coupon, or a list of up to 1,000: all are entered, or none.
pub(crate) struct CouponsBody;

impl PartialSchema for CouponsBody {
    fn schema() -> RefOr<Schema> {
        let one = Ref::from_schema_name("CouponForm");
        let several = ArrayBuilder::new().items(one.clone()).min_items(Some(1)).max_items(Some(1_000));
        OneOfBuilder::new().item(one).item(several).into()
    }
}

impl ToSchema for CouponsBody {}

/// A price: a percentage of the order, an amount per piece, or both. Decimal texts.
#[derive(ToSchema)]
#[schema(as = Price)]
pub(crate) struct PriceFormDoc {
    #[schema(examples("12.5"))]
    percent: Option<String>,
    #[schema(examples("3.00"))]
    fixed: Option<String>,
}

/// A paid event.
#[derive(ToSchema)]
pub(crate) struct GoalForm {
    /// Its name in postbacks: `[A-Za-z0-9_-]`.
    #[schema(min_length = 1, max_length = 64)]
    key: String,
    #[schema(max_length = 200)]
    name: Option<String>,
    /// `pps`, `ppl`, `ppc` or `ppi`.
    kind: Kind,
    /// What the advertiser pays.
    revenue: PriceFormDoc,
    /// What the affiliate gets.
    payout: PriceFormDoc,
}

/// A new offer.
#[derive(ToSchema)]
#[schema(examples(json!({
    "advertiser_id": 1, "name": "Shoes", "currency": "EUR",
    "landing_page": "https://shop.example/shoes?c={click_id}&s={sub1}",
    "postback_auth": "token", "attribution": {"model": "last_click", "window_days": 30},
    "approval": "automatic", "hold_days": 0,
    "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}]
})))]
pub(crate) struct OfferForm {
    #[schema(minimum = 1)]
    advertiser_id: i64,
    /// ISO 4217 code; never changes.
    #[schema(min_length = 3, max_length = 3)]
    currency: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `active` (default), `paused`, `pending` or `blocked`.
    status: Option<Status>,
    /// Holds macros such as `{click_id}`.
    #[schema(min_length = 1, max_length = 4096)]
    landing_page: String,
    #[schema(max_length = 4096)]
    fallback_url: Option<String>,
    /// Hosts that a deep link may name, exact.
    #[schema(max_items = 100)]
    deep_link_hosts: Option<Vec<String>>,
    /// Query parameter of the click id where the landing page names no `{click_id}`; `hl_click` by default.
    click_parameter: Option<String>,
    /// Whether unknown query parameters are handed to the landing page.
    pass_parameters: Option<bool>,
    /// `none`, `token` (default) or `hmac`.
    postback_auth: Option<PostbackAuth>,
    attribution: Option<AttributionForm>,
    /// `automatic` (default) or `manual`.
    approval: Option<Approval>,
    #[schema(minimum = 0, maximum = 365)]
    hold_days: Option<i64>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    /// Replaced as a whole; null: everybody is wanted.
    targeting: Option<TargetingView>,
    /// Which offer gets the visitors that this one does not want, before any fallback URL. Chains have no loops and at
    /// most eight offers.
    #[schema(minimum = 1)]
    fallback_offer_id: Option<i64>,
    /// The share of `landing_page` among the offer's landing pages; null is 1.
    #[schema(minimum = 0, maximum = 10_000)]
    landing_page_weight: Option<u32>,
    /// Whether visitors get the cookie: `always` (default), `consent` (only where the link carries a consent) or `never`.
    cookies: Option<Cookies>,
    /// Countries (ISO 3166-1 alpha-2) whose visitors get no cookie whatever `cookies` says.
    cookieless_countries: Option<Vec<String>>,
    /// All caps of the offer. One that is there already but for its amount keeps its id and what it has taken.
    #[schema(max_items = 100)]
    caps: Option<Vec<CapForm>>,
    #[schema(min_items = 1, max_items = 50)]
    goals: Vec<GoalForm>,
}

/// What to change of an offer.
#[derive(ToSchema)]
#[schema(examples(json!({
    "status": "active", "hold_days": 14, "targeting": {"countries": {"only": ["AT", "DE"]}},
    "caps": [{"metric": "conversions", "period": "day", "amount": 100, "zone": "Europe/Berlin"}]
})))]
pub(crate) struct OfferChangeForm {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    status: Option<Status>,
    #[schema(min_length = 1, max_length = 4096)]
    landing_page: Option<String>,
    #[schema(max_length = 4096)]
    fallback_url: Option<String>,
    deep_link_hosts: Option<Vec<String>>,
    click_parameter: Option<String>,
    pass_parameters: Option<bool>,
    postback_auth: Option<PostbackAuth>,
    attribution: Option<AttributionForm>,
    approval: Option<Approval>,
    #[schema(minimum = 0, maximum = 365)]
    hold_days: Option<i64>,
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    /// Replaced as a whole; null: everybody is wanted.
    targeting: Option<TargetingView>,
    /// Which offer gets the visitors that this one does not want, before any fallback URL. Chains have no loops and at
    /// most eight offers.
    #[schema(minimum = 1)]
    fallback_offer_id: Option<i64>,
    /// The share of `landing_page` among the offer's landing pages; null is 1.
    #[schema(minimum = 0, maximum = 10_000)]
    landing_page_weight: Option<u32>,
    /// Whether visitors get the cookie: `always` (default), `consent` (only where the link carries a consent) or `never`.
    cookies: Option<Cookies>,
    /// Countries (ISO 3166-1 alpha-2) whose visitors get no cookie whatever `cookies` says.
    cookieless_countries: Option<Vec<String>>,
    /// All caps of the offer. One that is there already but for its amount keeps its id and what it has taken.
    #[schema(max_items = 100)]
    caps: Option<Vec<CapForm>>,
}

/// A new version of a goal's terms.
#[derive(ToSchema)]
#[schema(examples(json!({"revenue": {"percent": "14"}, "payout": {"percent": "11"}})))]
pub(crate) struct TermsForm {
    revenue: PriceFormDoc,
    payout: PriceFormDoc,
    /// RFC 3339; now, where it is absent. Not in the past.
    #[schema(format = DateTime)]
    effective_from: Option<String>,
    /// RFC 3339: when it ends; never, where it is absent.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// For this affiliate alone; goes before its group's and the goal's.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// For the affiliates of this group alone; goes before the goal's.
    #[schema(minimum = 1)]
    group_id: Option<i64>,
    /// Other prices under conditions, the first that fits: `{"name", "when": {"sku", "product", "category", "customer": "new" or
    /// "returning", "country", "amount_from", "amount_below", "field": {"coupon", "source", "adv1", "sub1", ...}}, "revenue", "payout"}`.
    #[schema(value_type = Option<Vec<Object>>, max_items = 200)]
    rates: Option<Vec<serde_json::Value>>,
    /// Parts that do not count: `tax`, `shipping`, `discount`.
    without: Option<Vec<String>>,
    /// Orders of which less counts earn nothing.
    order_min: Option<String>,
    /// Of larger orders only this much counts.
    order_max: Option<String>,
    /// Payments of a customer after the first: `{"payments", "months", "until", "then": [{"after", "revenue", "payout"}]}`.
    #[schema(value_type = Option<Object>)]
    recurring: Option<serde_json::Value>,
    /// What the volume of a period changes, settled as it goes as the difference to what was booked: `{"by": "count" or "amount", "period", "zone", "mode": "retroactive" or "marginal", "steps":
    /// [{"from", "revenue", "payout"}]}`.
    #[schema(value_type = Option<Object>)]
    tiers: Option<serde_json::Value>,
    /// What recruiters get, the affiliate's own first: `{"of": "payout" or "order", "percent", "fixed"}`.
    #[schema(value_type = Option<Vec<Object>>, max_items = 10)]
    levels: Option<Vec<serde_json::Value>>,
    /// Whether percentages above 100 are meant.
    allow_above_100: Option<bool>,
}

/// A new group of affiliates.
#[derive(ToSchema)]
#[schema(examples(json!({"name": "Gold"})))]
pub(crate) struct GroupForm {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Which group an affiliate is in.
#[derive(ToSchema)]
#[schema(examples(json!({"group_id": null})))]
pub(crate) struct MembershipForm {
    /// Null: none.
    #[schema(minimum = 1)]
    group_id: Option<i64>,
}

/// Who recruited an affiliate.
#[derive(ToSchema)]
#[schema(examples(json!({"recruited_by": null})))]
pub(crate) struct RecruiterForm {
    /// Null: nobody.
    #[schema(minimum = 1)]
    recruited_by: Option<i64>,
}

/// A new bonus.
#[derive(ToSchema)]
#[schema(examples(json!({"offer_id": 1, "name": "Spring", "bonus": {"kind": "ladder", "by": "count", "period": "month",
    "rungs": [{"from": "10", "amount": "50.00"}, {"from": "50", "amount": "300.00"}]}})))]
pub(crate) struct BonusForm {
    #[schema(minimum = 1)]
    offer_id: i64,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// One of `{"kind": "ladder", "by": "count" or "amount", "period": "day", "week", "month" or "total", "highest_only", "rungs": [{"from",
    /// "amount"}]}`, `{"kind": "sign_up", "on": "approval" or "first_sale", "amount"}`, `{"kind": "contest", "by", "from", "to", "prizes"}`.
    #[schema(value_type = Object)]
    bonus: serde_json::Value,
}

/// For which conversion terms are asked for.
#[derive(ToSchema)]
#[schema(examples(json!({"conversion_id": 1, "affiliate_id": 1})))]
pub(crate) struct TermsPreviewForm {
    #[schema(minimum = 1)]
    conversion_id: i64,
    /// For whom; the affiliate that is credited, where it is absent.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
}

/// Terms that might be, and the period to price again.
#[derive(ToSchema)]
#[schema(examples(json!({"goal_id": 1, "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z",
    "revenue": {"percent": "12"}, "payout": {"percent": "9"}})))]
pub(crate) struct TermsDryRunForm {
    #[schema(minimum = 1)]
    goal_id: i64,
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    revenue: PriceFormDoc,
    payout: PriceFormDoc,
    /// Other prices under conditions, the first that fits: `{"name", "when": {"sku", "product", "category", "customer": "new" or
    /// "returning", "country", "amount_from", "amount_below", "field": {"coupon", "source", "adv1", "sub1", ...}}, "revenue", "payout"}`.
    #[schema(value_type = Option<Vec<Object>>, max_items = 200)]
    rates: Option<Vec<serde_json::Value>>,
    /// Parts that do not count: `tax`, `shipping`, `discount`.
    without: Option<Vec<String>>,
    /// Orders of which less counts earn nothing.
    order_min: Option<String>,
    /// Of larger orders only this much counts.
    order_max: Option<String>,
    /// Payments of a customer after the first: `{"payments", "months", "until", "then": [{"after", "revenue", "payout"}]}`.
    #[schema(value_type = Option<Object>)]
    recurring: Option<serde_json::Value>,
    /// What the volume of a period changes, settled as it goes as the difference to what was booked: `{"by": "count" or "amount", "period", "zone", "mode": "retroactive" or "marginal", "steps":
    /// [{"from", "revenue", "payout"}]}`.
    #[schema(value_type = Option<Object>)]
    tiers: Option<serde_json::Value>,
    /// What recruiters get, the affiliate's own first: `{"of": "payout" or "order", "percent", "fixed"}`.
    #[schema(value_type = Option<Vec<Object>>, max_items = 10)]
    levels: Option<Vec<serde_json::Value>>,
    /// Whether percentages above 100 are meant.
    allow_above_100: Option<bool>,
}

/// A new affiliate.
#[derive(ToSchema)]
#[schema(examples(json!({
    "name": "Blog", "email": "blog@example.com", "status": "active",
    "payout_method": {"type": "sepa", "holder": "Blog GmbH", "iban": "DE89370400440532013000"}
})))]
pub(crate) struct AffiliateForm {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// `pending` (default), `active`, `paused` or `blocked`.
    status: Option<Status>,
    /// An object with `type`: `sepa` with `holder`, `iban`, and perhaps `bic` and `address`; `paypal` with `email`;
    /// `wise` with `email` or `recipient`; `ach` with `holder`, `routing_number`, `account_number`; `manual`.
    #[schema(value_type = Option<Object>)]
    payout_method: Option<Value>,
}

/// What to change of an affiliate.
#[derive(ToSchema)]
#[schema(examples(json!({"status": "active"})))]
pub(crate) struct AffiliateChangeForm {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    status: Option<Status>,
    #[schema(value_type = Option<Object>)]
    payout_method: Option<Value>,
}

/// A new link.
#[derive(ToSchema)]
#[schema(examples(json!({"offer_id": 1, "affiliate_id": 1})))]
pub(crate) struct LinkForm {
    #[schema(minimum = 1)]
    offer_id: i64,
    /// Needed but for affiliates, whose own it is.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// `[A-Za-z0-9_-]{3,64}`; generated where it is absent.
    #[schema(min_length = 3, max_length = 64)]
    code: Option<String>,
    /// The domain on which it is shown; the edge's own host where it is absent.
    #[schema(minimum = 1)]
    domain_id: Option<i64>,
}

/// What to change of a link.
#[derive(ToSchema)]
#[schema(examples(json!({"status": "active"})))]
pub(crate) struct LinkChangeForm {
    /// `active`, `paused` or `blocked`.
    status: Option<LinkStatus>,
    /// The domain on which it is shown; null: the edge's own host.
    #[schema(minimum = 1)]
    domain_id: Option<i64>,
}

/// A new API key.
#[derive(ToSchema)]
#[schema(examples(json!({"name": "reports", "role": "finance"})))]
pub(crate) struct KeyForm {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `operator`, `finance`, `advertiser` or `affiliate`.
    role: RoleName,
    #[schema(minimum = 1)]
    advertiser_id: Option<i64>,
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A new user.
#[derive(ToSchema)]
#[schema(examples(json!({"email": "someone@example.com", "role": "finance", "password": "a long pass phrase"})))]
pub(crate) struct UserForm {
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// `operator`, `finance`, `advertiser` or `affiliate`.
    role: RoleName,
    #[schema(minimum = 1)]
    advertiser_id: Option<i64>,
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    #[schema(format = Password, min_length = 8, max_length = 1024)]
    password: String,
}

/// A reported conversion.
#[derive(ToSchema)]
#[schema(examples(json!({"offer_id": 1, "event": "sale", "order_id": "A-1", "amount": "49.90", "currency": "EUR", "coupon": "SPRING"})))]
pub(crate) struct ConversionForm {
    #[schema(max_length = 64)]
    click_id: Option<String>,
    /// Needed where there is no `click_id`.
    #[schema(minimum = 1)]
    offer_id: Option<i64>,
    /// A goal's key; the offer's first goal where it is absent.
    event: Option<String>,
    /// The same as `event`.
    goal: Option<String>,
    #[schema(max_length = 128)]
    order_id: Option<String>,
    /// Decimal text.
    #[schema(max_length = 64, examples("49.90"))]
    amount: Option<String>,
    #[schema(min_length = 3, max_length = 3)]
    currency: Option<String>,
    #[schema(max_length = 128)]
    coupon: Option<String>,
    #[schema(max_length = 128)]
    customer_id: Option<String>,
    /// `pending`, `approved` or `rejected`.
    status: Option<ReportedStatus>,
    /// Line items.
    #[schema(value_type = Option<Vec<Object>>)]
    items: Option<Value>,
    /// When it happened: RFC 3339.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// The same as Unix seconds.
    ts: Option<i64>,
    #[schema(max_length = 256)]
    adv1: Option<String>,
    #[schema(max_length = 256)]
    adv2: Option<String>,
    #[schema(max_length = 256)]
    adv3: Option<String>,
    #[schema(max_length = 256)]
    adv4: Option<String>,
    #[schema(max_length = 256)]
    adv5: Option<String>,
    #[schema(max_length = 256)]
    adv6: Option<String>,
    #[schema(max_length = 256)]
    adv7: Option<String>,
    #[schema(max_length = 256)]
    adv8: Option<String>,
    #[schema(max_length = 256)]
    adv9: Option<String>,
    #[schema(max_length = 256)]
    adv10: Option<String>,
}

/// One conversion, or a list of up to 1,000.
pub(crate) struct ConversionsBody;

impl PartialSchema for ConversionsBody {
    fn schema() -> RefOr<Schema> {
        let one = Ref::from_schema_name("ConversionForm");
        let several = ArrayBuilder::new().items(one.clone()).min_items(Some(1)).max_items(Some(1_000));
        OneOfBuilder::new().item(one).item(several).into()
    }
}

impl ToSchema for ConversionsBody {}

/// A conversion that was there already, or the results of a list.
pub(crate) struct ConversionOrResults;

impl PartialSchema for ConversionOrResults {
    fn schema() -> RefOr<Schema> {
        let each = ["ConversionView", "ItemResults"].map(Ref::from_schema_name);
        each.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).into()
    }
}

impl ToSchema for ConversionOrResults {}

/// A field in which a repeated report differs from the first one.
#[derive(ToSchema)]
#[schema(as = Difference)]
pub(crate) struct DifferenceDoc {
    field: String,
    /// What was reported first, and counts.
    first: String,
    /// What was reported now, and changes nothing.
    now: String,
}

/// A refund.
#[derive(ToSchema)]
#[schema(examples(json!({"amount": "10.00", "reason": "one of two returned"})))]
pub(crate) struct RefundForm {
    /// Of the order's amount, decimal text; all that is left where it is absent.
    amount: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// A rejection.
#[derive(ToSchema)]
#[schema(examples(json!({"reason": "cancelled by the customer"})))]
pub(crate) struct RejectForm {
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// The reasoning behind a conversion.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct Explanation(Value);

/// A payout batch to draft.
#[derive(ToSchema)]
#[schema(examples(json!({"currency": "EUR", "method": "sepa", "minimum": "25.00"})))]
pub(crate) struct BatchForm {
    #[schema(min_length = 3, max_length = 3)]
    currency: String,
    /// `sepa`, `ach`, `paypal`, `wise`, `bank` or `manual`.
    method: Method,
    /// RFC 3339; now, where it is absent.
    #[schema(format = DateTime)]
    cutoff: Option<String>,
    /// Decimal text: whoever has less is left out. The method's own minimum and those of affiliates count besides.
    minimum: Option<String>,
    /// Decimal text: amounts are rounded down to multiples of it, the rest stays on the balance.
    round_down_to: Option<String>,
}

/// The bank's answer.
#[derive(ToSchema)]
#[schema(examples(json!({"failed": []})))]
pub(crate) struct SettleForm {
    failed: Vec<FailedForm>,
}

/// A payout that the bank did not pay.
#[derive(ToSchema)]
pub(crate) struct FailedForm {
    #[schema(minimum = 1)]
    payout_id: i64,
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Which clicks to settle.
#[derive(ToSchema)]
#[schema(examples(json!({})))]
pub(crate) struct SettlementForm {
    /// RFC 3339; now, where it is absent.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// What a report counts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportParameters {
    /// A day or a time; today where it is absent.
    from: Option<String>,
    /// A day, meant whole, or a time.
    to: Option<String>,
    /// IANA time zone; UTC where it is absent.
    tz: Option<String>,
    /// Dimensions, separated by commas; `day` where it is absent. Filters are `filter[dimension]=v1,v2`. An A/B report of
    /// landing pages: `group_by=landing_page&metrics=gross_clicks,unique_clicks,conversions,cvr,epc&filter[offer]=1`;
    /// rows name them by id, those who landed on the offer's own page stand under null.
    group_by: Option<String>,
    /// Metrics, separated by commas.
    metrics: Option<String>,
    /// `conversion` (default) or `click`.
    basis: Option<ReportBasis>,
    /// ISO 4217 code.
    currency: Option<String>,
    /// Dimensions and metrics, separated by commas; `-` before one for largest first.
    sort: Option<String>,
    #[param(minimum = 1, maximum = 100_000)]
    limit: Option<u32>,
    /// `json` (default) or `csv`.
    format: Option<ReportFormat>,
}

/// Which clicks are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClickParameters {
    /// A day or a time; today where it is absent.
    from: Option<String>,
    /// A day, meant whole, or a time.
    to: Option<String>,
    /// IANA time zone; UTC where it is absent. Filters are `filter[dimension]=v1,v2`.
    tz: Option<String>,
    /// `ndjson` (default) or `csv`.
    format: Option<ClickFormat>,
}

/// A report.
#[derive(ToSchema)]
pub(crate) struct ReportAnswer {
    /// One object per row: dimensions and metrics by name; counts are numbers, money and rates decimal texts.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Value>,
    #[schema(value_type = Object)]
    totals: Value,
    #[schema(value_type = Object)]
    meta: Value,
}
