//! What is asked.

use std::collections::BTreeMap;

use hopline_money::Currency;
use hopline_types::{AdvertiserId, AffiliateId, UnixMillis};
use jiff::tz::TimeZone;

use crate::{Dimension, Metric};

/// A filter names at most this many values.
pub const FILTER_VALUES_MAX: usize = 500;

/// The value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// The row has none.
    None,
    /// An id.
    Id(i64),
    /// Text; never empty.
    Text(String),
    /// A piece of time: its start, and how it is written. Ordered by start.
    Time {
        /// Start of the hour, day, week or month, also where the query begins later.
        start: UnixMillis,
        /// `2026-02-01T13:00:00+01:00`, `2026-02-01`, `2026-W05`, `2026-02`.
        label: String,
    },
}

impl Value {
    /// Text, or nothing where it is empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }

    /// An id, or nothing where it is zero.
    #[must_use]
    pub const fn id(id: i64) -> Self {
        if id == 0 { Self::None } else { Self::Id(id) }
    }
}

/// Filters: a row passes if each dimension named has one of the values.
pub type Filters = BTreeMap<Dimension, Vec<Value>>;

/// What the credential may see; every store puts it into each of its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// Only this advertiser's.
    pub advertiser: Option<AdvertiserId>,
    /// Only this affiliate's. What the advertiser pays is hidden then.
    pub affiliate: Option<AffiliateId>,
}

impl Scope {
    /// Everything: operators and finance.
    pub const ALL: Self = Self { advertiser: None, affiliate: None };

    /// One advertiser.
    #[must_use]
    pub const fn advertiser(id: AdvertiserId) -> Self {
        Self { advertiser: Some(id), affiliate: None }
    }

    /// One affiliate.
    #[must_use]
    pub const fn affiliate(id: AffiliateId) -> Self {
        Self { advertiser: None, affiliate: Some(id) }
    }
}

/// Which time a conversion counts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Basis {
    /// The time of the click that won it; its own time where there is no click.
    Click,
    /// Its own time.
    #[default]
    Conversion,
}

impl Basis {
    /// The word in queries and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Conversion => "conversion",
        }
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object.
    #[default]
    Json,
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object a line; clicks only.
    Ndjson,
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// A dimension of the query.
    Dimension(Dimension),
    /// A metric of the query.
    Metric(Metric),
}

/// One part of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// By what.
    pub by: SortBy,
    /// Largest first; rows without a value come last either way.
    pub descending: bool,
}

/// A report asked for. [`ReportQuery::parse`] makes one from a query string.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportQuery {
    /// Start, inclusive.
    pub from: UnixMillis,
    /// End, exclusive.
    pub to: UnixMillis,
    /// Where days begin.
    pub zone: TimeZone,
    /// Dimensions of the rows, in order; none gives one row.
    pub group_by: Vec<Dimension>,
    /// Metrics of the rows, in order.
    pub metrics: Vec<Metric>,
    /// What rows must have.
    pub filters: Filters,
    /// Which time conversions count at.
    pub basis: Basis,
    /// Only conversions in this currency.
    pub currency: Option<Currency>,
    /// Order of the rows; the dimensions decide what it leaves open.
    pub sort: Vec<SortKey>,
    /// At most this many rows.
    pub limit: usize,
    /// How the answer is written.
    pub format: Format,
    /// What the credential may see.
    pub scope: Scope,
}

/// Raw clicks asked for. [`ClickQuery::parse`] makes one from a query string.
#[derive(Debug, Clone, PartialEq)]
pub struct ClickQuery {
    /// Start, inclusive.
    pub from: UnixMillis,
    /// End, exclusive.
    pub to: UnixMillis,
    /// What clicks must have.
    pub filters: Filters,
    /// How the answer is written.
    pub format: Format,
    /// What the credential may see.
    pub scope: Scope,
}
