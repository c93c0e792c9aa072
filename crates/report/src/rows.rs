//! What a store hands back.

use std::collections::BTreeMap;

use hopline_money::Currency;
use hopline_types::UnixMillis;

use crate::{Counters, Value};

/// Sums of one group in one currency (none: clicks).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// Values of the query's dimensions, in its order.
    pub key: Vec<Value>,
    /// Currency of the money; none for what comes from clicks.
    pub currency: Option<Currency>,
    /// The sums.
    pub counters: Counters,
}

/// What a store counted: one row per group and currency, ordered by them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportRows {
    /// The rows.
    pub rows: Vec<ReportRow>,
    /// Clicks and conversions up to this time are counted, as far as the store knows.
    pub fresh_until: Option<UnixMillis>,
    /// Raw clicks before this time were needed but have been deleted by retention.
    pub raw_missing_before: Option<UnixMillis>,
}

/// Adds up rows of the same group and currency.
#[derive(Debug, Default)]
pub struct RowFold {
    sums: BTreeMap<(Vec<Value>, Option<Currency>), Counters>,
}

impl RowFold {
    /// Adds `counters` to the sums of a group.
    pub fn add(&mut self, key: Vec<Value>, currency: Option<Currency>, counters: &Counters) {
        *self.sums.entry((key, currency)).or_default() += counters;
    }

    /// The rows, ordered, without those that are zero throughout.
    #[must_use]
    pub fn finish(self) -> Vec<ReportRow> {
        self.sums
            .into_iter()
            .filter(|(_, counters)| !counters.is_zero())
            .map(|((key, currency), counters)| ReportRow { key, currency, counters })
            .collect()
    }
}
