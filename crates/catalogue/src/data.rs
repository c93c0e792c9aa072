//! The catalogue as plain data: what the control store hands out and the snapshot file holds.
//!
//! Everything here is a value as it was saved; nothing has been compiled yet. Ids are the control store's
//! numbers. Secrets are base64 (standard alphabet, padded) and print as `***`.

mod rules;

pub use rules::{
    CapEntry, CapMetric, CapPeriod, CapScope, ClosureEntry, CookieMode, DomainEntry, Hours, LandingPageEntry,
    Matching, OfferRules, Targeting,
};

use hopline_types::{AdvertiserId, AffiliateId, GoalId, GoalKind, LinkId, OfferId, PostbackAuth, UnixMillis};
use serde::{Deserialize, Serialize};

/// A secret as text; its `Debug` form shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// All an edge needs, at one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueData {
    /// Rises with every change in the control store.
    pub version: i64,
    /// Keys that sign and verify click ids.
    pub click_keys: Vec<ClickKeyEntry>,
    /// Keys of the visitors' daily pseudonyms.
    pub pseudonym_keys: Vec<PseudonymKeyEntry>,
    /// The network's own fallback URL.
    pub fallback_url: Option<String>,
    /// Who pays.
    pub advertisers: Vec<AdvertiserEntry>,
    /// What is advertised.
    pub offers: Vec<OfferEntry>,
    /// Who embeds links.
    pub affiliates: Vec<AffiliateEntry>,
    /// The links.
    pub links: Vec<LinkEntry>,
    /// Hosts of links beside the edge's own.
    #[serde(default)]
    pub domains: Vec<DomainEntry>,
    /// Caps that were reached outside the edges, and until when.
    #[serde(default)]
    pub closures: Vec<ClosureEntry>,
}

/// A click key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickKeyEntry {
    /// The number inside click ids.
    pub id: u8,
    /// At least 32 random bytes.
    pub secret: Secret,
    /// Exactly one key signs.
    pub signs: bool,
    /// Ids minted later than this with this key are refused (a compromised key, cut off).
    pub not_after: Option<UnixMillis>,
}

/// The key of one UTC day's pseudonyms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PseudonymKeyEntry {
    /// Days since 1970-01-01.
    pub day: i64,
    /// 32 random bytes.
    pub secret: Secret,
}

/// Whether something takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Takes part.
    Active,
    /// Switched off for now.
    Paused,
    /// Applied, not yet let in (affiliates).
    Pending,
    /// Shut out or put away.
    Blocked,
}

impl Standing {
    /// The word in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Pending => "pending",
            Self::Blocked => "blocked",
        }
    }
}

impl std::str::FromStr for Standing {
    type Err = hopline_types::UnknownWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Active, Self::Paused, Self::Pending, Self::Blocked]
            .into_iter()
            .find(|standing| standing.as_str() == text)
            .ok_or_else(|| hopline_types::UnknownWord {
                given: text.into(),
                expected: "active, paused, pending, blocked".into(),
            })
    }
}

/// An advertiser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvertiserEntry {
    /// Its id.
    pub id: AdvertiserId,
    /// Whether its offers run.
    pub standing: Standing,
    /// SHA-256 of the postback token, lower-case hex.
    pub postback_token_sha256: String,
    /// Key of signed postbacks: the text itself is the HMAC key.
    pub signing_key: Secret,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferEntry {
    /// Its id.
    pub id: OfferId,
    /// Who pays.
    pub advertiser_id: AdvertiserId,
    /// Whether it runs.
    pub standing: Standing,
    /// ISO 4217 code of its terms.
    pub currency: String,
    /// Where visitors land; holds macros.
    pub landing_page: String,
    /// Where visitors go that the offer does not want; holds macros.
    pub fallback_url: Option<String>,
    /// Hosts that a deep link may name, exact.
    pub deep_link_hosts: Vec<String>,
    /// Query parameter that carries the click id where the landing page names no `{click_id}`.
    pub click_parameter: String,
    /// Whether query parameters unknown to us are handed to the landing page.
    pub pass_parameters: bool,
    /// What postbacks must prove.
    pub postback_auth: PostbackAuth,
    /// Not before.
    pub starts_at: Option<UnixMillis>,
    /// Not at or after.
    pub ends_at: Option<UnixMillis>,
    /// Paid events, in order; the first is meant where a postback names none.
    pub goals: Vec<GoalEntry>,
    /// Who is wanted, where visitors land, how much is taken.
    #[serde(default)]
    pub rules: OfferRules,
}

/// A goal of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalEntry {
    /// Its id.
    pub id: GoalId,
    /// Its name in postbacks.
    pub key: String,
    /// What it pays for.
    pub kind: GoalKind,
}

/// An affiliate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AffiliateEntry {
    /// Its id.
    pub id: AffiliateId,
    /// Whether its links run.
    pub standing: Standing,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEntry {
    /// Its id.
    pub id: LinkId,
    /// The path.
    pub code: String,
    /// The offer.
    pub offer_id: OfferId,
    /// The affiliate.
    pub affiliate_id: AffiliateId,
    /// Whether it runs.
    pub standing: Standing,
}
