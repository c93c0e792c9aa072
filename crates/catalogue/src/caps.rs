//! Bounds on what an offer takes in a period.
//!
//! # Who counts what
//!
//! Clicks are counted by the edges ([`ClickCounters`]); conversions, revenue and payout by whoever books them, who
//! tells edges of a cap that is reached by a closure ([`crate::data::ClosureEntry`]).
//!
//! Only unique valid clicks count. A click is refused by a reached cap before anybody asks whether it is a repetition:
//! [`ClickCounters::reached`] for every click that is otherwise wanted, [`ClickCounters::try_take`] for those that
//! turn out unique.
//!
//! # Which caps apply to a click
//!
//! All of the offer's click caps whose scope holds the affiliate: the offer's own, each affiliate's own count, one
//! affiliate's. A cap for one affiliate overrules those for each affiliate of the same metric and period, so it may
//! be larger. A click is taken if every cap that applies has room, and counts in all of them or in none.
//!
//! # Several edges
//!
//! Edges do not talk to each other. Each takes its [`Share`] of an amount; the shares of all edges sum up to the amount
//! exactly, so the cap is never exceeded, and at most what quiet edges leave of theirs is not taken. One edge has
//! it all.

mod closures;
mod counters;
mod period;
mod share;

use std::sync::atomic::AtomicU64;

use hopline_types::{AffiliateId, CapId, UnixMillis};
use jiff::tz::TimeZone;

use crate::check::FieldError;
use crate::data::{CapEntry, CapMetric, CapPeriod, CapScope};
use crate::zone;

pub(crate) use closures::Closures;
pub use counters::{ClickCounters, Counter, CounterKey};
pub use period::Period;
pub use share::{Share, ShareError};

/// A bound, compiled.
#[derive(Debug)]
pub struct Cap {
    /// Its id.
    pub id: CapId,
    /// Whose are counted.
    pub scope: CapScope,
    /// What is counted.
    pub metric: CapMetric,
    /// In which time.
    pub period: CapPeriod,
    /// How many, or how much in minor units.
    pub amount: i64,
    zone: TimeZone,
    /// The period that was asked for last.
    recent: AtomicU64,
}

impl Cap {
    /// Compiles an entry.
    ///
    /// # Errors
    /// Every field that cannot be used.
    pub fn compile(entry: &CapEntry) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if entry.amount < 1 {
            let message = format!("{} is no amount of a cap, expected 1 or more", entry.amount);
            errors.push(FieldError::new("amount", message));
        }
        match zone::zone(&entry.zone) {
            Ok(zone) if errors.is_empty() => Ok(Self {
                id: entry.id,
                scope: entry.scope,
                metric: entry.metric,
                period: entry.period,
                amount: entry.amount,
                zone,
                recent: AtomicU64::new(0),
            }),
            Ok(_) => Err(errors),
            Err(message) => {
                errors.push(FieldError::new("zone", message));
                Err(errors)
            }
        }
    }

    /// The period that holds a moment.
    #[must_use]
    pub fn period_at(&self, now: UnixMillis) -> Period {
        period::remembered(&self.recent, now, || period::at(self.period, &self.zone, now))
    }

    /// Whose count an affiliate's click or conversion falls into, if this cap applies to it at all and is not
    /// overruled by another of `caps`: none inside for all affiliates together.
    #[must_use]
    pub fn counts_for(&self, affiliate: AffiliateId, caps: &[Self]) -> Option<Option<AffiliateId>> {
        match self.scope {
            CapScope::Offer => Some(None),
            CapScope::Affiliate(one) => (one == affiliate).then_some(Some(one)),
            CapScope::EachAffiliate => {
                let overruled = caps.iter().any(|other| {
                    other.scope == CapScope::Affiliate(affiliate)
                        && other.metric == self.metric
                        && other.period == self.period
                });
                (!overruled).then_some(Some(affiliate))
            }
        }
    }
}

/// An offer's caps, those on clicks first.
#[derive(Debug, Default)]
pub(crate) struct Caps {
    all: Box<[Cap]>,
    clicks: usize,
}

impl Caps {
    pub(crate) fn new(mut caps: Vec<Cap>) -> Self {
        caps.sort_by_key(|cap| (cap.metric != CapMetric::Clicks, cap.id));
        let clicks = caps.iter().filter(|cap| cap.metric == CapMetric::Clicks).count();
        Self { all: caps.into(), clicks }
    }

    pub(crate) fn all(&self) -> &[Cap] {
        &self.all
    }

    pub(crate) fn clicks(&self) -> &[Cap] {
        self.all.get(..self.clicks).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
