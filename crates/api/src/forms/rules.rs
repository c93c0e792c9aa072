//! What requests about traffic, its rules and findings, hold, for the OpenAPI document only.

#![expect(dead_code, reason = "these types are only described, never filled")]

use utoipa::ToSchema;

use super::words::{CapMetricName, CapPeriodName, FindingReason, Status};
use crate::resources::click_findings::FilterView;
use crate::view::Money;

/// A bound on what an offer takes in a period.
#[derive(ToSchema)]
pub(crate) struct CapForm {
    /// Not read: what was got may be sent back.
    id: Option<i64>,
    /// `clicks` (unique valid ones), `conversions` (not rejected ones), `revenue` or `payout` (operators only).
    metric: CapMetricName,
    /// `day`, `week` (from Monday), `month` or `total`.
    period: CapPeriodName,
    /// IANA time zone in which the period begins; `UTC` where it is absent.
    #[schema(max_length = 64, examples("Europe/Berlin"))]
    zone: Option<String>,
    /// How many, or for revenue and payout how much: money, or its decimal text in the offer's currency.
    amount: CapAmountForm,
    /// Only this affiliate's are counted; overrules `each_affiliate` for the same metric and period.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// Every affiliate's are counted apart.
    each_affiliate: Option<bool>,
    /// Not read: what was got may be sent back.
    taken: Option<CapAmountForm>,
}

/// A count, money, or either as text.
#[derive(ToSchema)]
#[schema(as = CapAmountGiven)]
pub(crate) enum CapAmountForm {
    #[schema(title = "count")]
    Count(i64),
    #[schema(title = "text")]
    Text(String),
    #[schema(title = "money")]
    Money(Money),
}

/// A new landing page.
#[derive(ToSchema)]
#[schema(examples(json!({"offer_id": 1, "name": "Red", "url": "https://shop.example/red?c={click_id}", "weight": 1})))]
pub(crate) struct LandingPageForm {
    #[schema(minimum = 1)]
    offer_id: i64,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Holds macros such as `{click_id}`.
    #[schema(min_length = 1, max_length = 4096)]
    url: String,
    /// Share of the visitors whose link names no page; 1 by default, with 0 it is reached by `lp` only.
    #[schema(minimum = 0, maximum = 10_000)]
    weight: Option<u32>,
    /// `active` (default), `paused`, `pending` or `blocked`.
    status: Option<Status>,
}

/// What to change of a landing page.
#[derive(ToSchema)]
#[schema(examples(json!({"weight": 2})))]
pub(crate) struct LandingPageChangeForm {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 4096)]
    url: Option<String>,
    #[schema(minimum = 0, maximum = 10_000)]
    weight: Option<u32>,
    status: Option<Status>,
}

/// A new domain.
#[derive(ToSchema)]
#[schema(examples(json!({"host": "go.example.com", "default_url": "https://example.com/"})))]
pub(crate) struct DomainForm {
    /// A host name, without scheme, port and path.
    #[schema(min_length = 1, max_length = 253)]
    host: String,
    /// Only this affiliate's links are answered on it.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// Only links to this advertiser's offers are answered on it.
    #[schema(minimum = 1)]
    advertiser_id: Option<i64>,
    /// Where visitors go whose path names no link of this host; absent: 404. No macros.
    #[schema(max_length = 4096)]
    default_url: Option<String>,
}

/// What to change of a domain; null takes away.
#[derive(ToSchema)]
#[schema(examples(json!({"default_url": "https://example.com/"})))]
pub(crate) struct DomainChangeForm {
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    #[schema(minimum = 1)]
    advertiser_id: Option<i64>,
    #[schema(max_length = 4096)]
    default_url: Option<String>,
}

/// A finding: which clicks are invalid, and why.
#[derive(ToSchema)]
#[schema(examples(json!({
    "offer_id": 1, "affiliate_id": 1, "from": "2026-01-31T00:00:00Z", "to": "2026-02-01T00:00:00Z",
    "filter": {"source": "popunder"}, "reason": "bot", "remark": "One click a second for a night, none converted."
})))]
pub(crate) struct ClickFindingForm {
    #[schema(minimum = 1)]
    offer_id: i64,
    #[schema(minimum = 1)]
    affiliate_id: i64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    from: String,
    /// RFC 3339; up to then, exclusive, and not in the future. At most 366 days after `from`.
    #[schema(format = DateTime)]
    to: String,
    /// All clicks of the period, where it is absent.
    filter: Option<FilterView>,
    reason: FindingReason,
    /// What affiliate and advertiser are told.
    #[schema(min_length = 1, max_length = 1000)]
    remark: String,
}
