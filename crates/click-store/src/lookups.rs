//! What comes back out, besides reports.

use hopline_clickid::UniqueNumber;
use hopline_types::{AdvertiserId, AffiliateId, Class, LinkId, OfferId, UnixMillis};

use crate::{StoredClick, StreamId};

/// Which touches are asked for: a visitor's, on offers of an advertiser, `from` inclusive, `to` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchQuery {
    /// Who clicked.
    pub visitor_key: u64,
    /// Whose offers.
    pub advertiser: AdvertiserId,
    /// Not before.
    pub from: UnixMillis,
    /// Before this.
    pub to: UnixMillis,
}

/// A click that may win a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// Which click.
    pub unique: UniqueNumber,
    /// When.
    pub at: UnixMillis,
    /// The advertiser.
    pub advertiser: AdvertiserId,
    /// The offer.
    pub offer: OfferId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The link.
    pub link: Option<LinkId>,
    /// Unique or duplicate; invalid clicks are no touches.
    pub class: Class,
}

/// Unique valid clicks of one UTC hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClickCount {
    /// Start of the hour.
    pub hour: UnixMillis,
    /// The offer.
    pub offer: OfferId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// How many clicks.
    pub clicks: u64,
}

/// Hours whose counts of unique clicks have changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedHours {
    /// Ask with this the next time.
    pub version: u64,
    /// Starts of the hours, ascending.
    pub hours: Vec<UnixMillis>,
}

/// A place between two raw clicks: (UTC day since 1970, number of the last click handed out).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClickCursor {
    /// Days since 1970-01-01.
    pub day: i64,
    /// The last click handed out.
    pub after: UniqueNumber,
}

impl std::fmt::Display for ClickCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.day, self.after.bits())
    }
}

impl std::str::FromStr for ClickCursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('.').and_then(|(day, after)| Some((day.parse().ok()?, after.parse().ok()?)));
        match parts {
            Some((day, after)) => Ok(Self { day, after: UniqueNumber::from_bits(after) }),
            None => Err(format!("{text:?} is no cursor that was handed out here")),
        }
    }
}

/// Some raw clicks, by UTC day and within a day by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClickPage {
    /// The clicks.
    pub clicks: Vec<StoredClick>,
    /// Ask on from here; none when there is nothing more.
    pub next: Option<ClickCursor>,
}

/// A unique click, for an edge's memory of duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentClick {
    /// The visitor.
    pub visitor_key: u64,
    /// The pseudonym under which it was counted; 0 where the visitor brought a cookie.
    pub pseudonym: u64,
    /// The offer.
    pub offer: OfferId,
    /// When.
    pub at: UnixMillis,
}

/// What is stored of one stream, for comparison with what its edge answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The stream.
    pub stream: StreamId,
    /// First record id covered by a batch.
    pub first: u64,
    /// Last record id covered by a batch.
    pub last: u64,
    /// Clicks stored.
    pub clicks: u64,
    /// Impressions stored.
    pub impressions: u64,
    /// Runs of record ids (first, last) that no batch covered.
    pub gaps: Vec<(u64, u64)>,
}

/// What retention shall delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Raw clicks of UTC days that ended before this.
    pub clicks_before: Option<UnixMillis>,
    /// Touches before this.
    pub touches_before: Option<UnixMillis>,
}

/// What retention has deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// UTC days of raw clicks.
    pub days_dropped: u64,
    /// Touches.
    pub touches_dropped: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Rollups and tallies equal a recount of the rows.
    Sound {
        /// Raw rows recounted.
        clicks: u64,
        /// Facts recounted.
        facts: u64,
    },
    /// The first difference found, in words.
    Differs(String),
}
