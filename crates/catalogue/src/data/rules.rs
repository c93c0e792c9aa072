//! An offer's traffic rules as they were saved.

use hopline_types::{AdvertiserId, AffiliateId, CapId, DomainId, LandingPageId, OfferId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::Standing;

/// Who is wanted, where visitors land, how much is taken. Empty: everybody, the offer's own page, without bound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OfferRules {
    /// Which visitors are wanted.
    pub targeting: Targeting,
    /// Whose visitors this offer gets on: those that the offer does not want go on to this one, for the same affiliate,
    /// before any fallback URL is looked at. Chains have no loops and at most eight offers.
    pub fallback_offer_id: Option<OfferId>,
    /// The offer's own landing page's share among [`OfferRules::landing_pages`]; 0 to 10,000. Only matters where there
    /// are others; none is 1.
    pub landing_page_weight: Option<u32>,
    /// Further landing pages, at most 100, ascending by id.
    pub landing_pages: Vec<LandingPageEntry>,
    /// Bounds per period, at most 100.
    pub caps: Vec<CapEntry>,
    /// Whether visitors get the cookie `hl_vid`.
    pub cookies: CookieMode,
    /// Countries (ISO 3166-1 alpha-2) whose visitors get no cookie whatever [`OfferRules::cookies`] says.
    pub cookieless_countries: Vec<String>,
}

/// Which visitors are wanted. All parts must hold; an empty part always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targeting {
    /// ISO 3166-1 alpha-2, capital letters.
    pub countries: Matching,
    /// ISO 3166-2 with its country, such as `US-CA`.
    pub regions: Matching,
    /// `desktop mobile tablet tv`.
    pub devices: Matching,
    /// Names as in reports, without regard to case.
    pub os: Matching,
    /// Names as in reports, without regard to case.
    pub browsers: Matching,
    /// Primary language subtags, small letters, such as `de`.
    pub languages: Matching,
    /// When the offer is served; none: always.
    pub hours: Option<Hours>,
}

/// A list of 1 to 500 values that are wanted, or of values that are not. What is not known of a visitor is on no list: it fails
/// `only` and passes `not`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// Everything.
    #[default]
    Any,
    /// Only these.
    Only(Vec<String>),
    /// All but these.
    Not(Vec<String>),
}

/// Hours of the week in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// IANA name, such as `Europe/Berlin`.
    pub zone: String,
    /// Seven lists, Monday first: hours 0 to 23 by the zone's clock at which the offer is served.
    pub week: [Vec<u8>; 7],
}

/// A landing page beside the offer's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandingPageEntry {
    /// Its id: `lp` in links, `landing_page` in reports.
    pub id: LandingPageId,
    /// Where it is; holds macros like the offer's own.
    pub url: String,
    /// Share of the visitors who name none, 0 to 10,000: with 0 it is reached by `lp` only.
    pub weight: u32,
    /// Only active ones are used.
    pub standing: Standing,
}

/// A bound on what is taken in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapEntry {
    /// Its id.
    pub id: CapId,
    /// Whose are counted.
    pub scope: CapScope,
    /// What is counted.
    pub metric: CapMetric,
    /// In which time.
    pub period: CapPeriod,
    /// IANA name of the zone in which days, weeks (from Monday) and months begin.
    pub zone: String,
    /// How many, or how much in minor units of the offer's currency; what brings the sum above it is not taken.
    pub amount: i64,
}

/// Whose clicks, conversions or amounts a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapScope {
    /// All of the offer's together.
    Offer,
    /// Every affiliate's by itself.
    EachAffiliate,
    /// One affiliate's; overrules [`CapScope::EachAffiliate`] of the same metric and period.
    Affiliate(AffiliateId),
}

/// What a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMetric {
    /// Unique valid clicks; counted by the edge.
    Clicks,
    /// Conversions that are not rejected.
    Conversions,
    /// What the advertiser pays, minor units.
    Revenue,
    /// What affiliates get, minor units.
    Payout,
}

/// The time in which a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapPeriod {
    /// From midnight to midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
    /// All time.
    Total,
}

/// A cap on conversions, revenue or payout that is reached: clicks are not taken until its period ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosureEntry {
    /// The offer.
    pub offer_id: OfferId,
    /// One affiliate's clicks only, else all.
    pub affiliate_id: Option<AffiliateId>,
    /// When the period ends; none: never.
    pub until: Option<UnixMillis>,
}

/// Whether visitors get the cookie `hl_vid`. Without it a visitor is known by a daily pseudonym and by the click id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieMode {
    /// With every counted click.
    #[default]
    Always,
    /// Only where the link says `gdpr=0`, or carries a TC string (`gdpr_consent`) with consent to purpose 1, storing
    /// information on the device.
    Consent,
    /// Never.
    Never,
}

/// A host of links beside the edge's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainEntry {
    /// Its id.
    pub id: DomainId,
    /// Serialised host without port, as the URL standard writes it.
    pub host: String,
    /// Only this affiliate's links are answered on it.
    pub affiliate_id: Option<AffiliateId>,
    /// Only links to this advertiser's offers are answered on it.
    pub advertiser_id: Option<AdvertiserId>,
    /// Where visitors go whose path names no link of this host, the bare `/` among them; none: 404. No macros.
    pub default_url: Option<String>,
}
