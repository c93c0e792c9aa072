//! Counts of clicks, shared by an edge's threads.
//!
//! # Guarantee
//!
//! Whatever the threads do at the same time, a count never rises above its limit by [`ClickCounters::try_take`]: every
//! step is one compare-and-swap that looks at the limit. A click takes from all its caps in order of their ids; where
//! one has no room it gives back what it took. Meanwhile another thread may see a cap as reached that is not: close to
//! a limit a click may be refused that would have fitted, never one taken that does not.
//!
//! # Limits
//!
//! Only clicks of offers with click caps come here. A count takes about 100 bytes; there are as many as caps, times
//! affiliates for those that count each, until [`ClickCounters::forget_before`] drops the ended periods.
//!
//! # Across restarts
//!
//! [`ClickCounters::snapshot`] and [`ClickCounters::restore`] hand the counts out and in as plain data;
//! [`ClickCounters::add_click`] counts what was taken after the snapshot. A snapshot is exact if no thread takes
//! meanwhile.

use std::sync::atomic::{AtomicI64, Ordering};

use dashmap::DashMap;
use hopline_types::{AffiliateId, CapId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::{Cap, Share};
use crate::Offer;

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterKey {
    /// The cap.
    pub cap_id: CapId,
    /// Whose clicks; none: everybody's.
    pub affiliate_id: Option<AffiliateId>,
    /// The start of the period.
    pub start: UnixMillis,
}

/// A count as plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// What is counted.
    #[serde(flatten)]
    pub key: CounterKey,
    /// When the period ends; none: never.
    pub end: Option<UnixMillis>,
    /// How many were taken.
    pub count: i64,
}

/// The counts of one edge.
#[derive(Debug, Default)]
pub struct ClickCounters {
    share: Share,
    counts: DashMap<CounterKey, Count, foldhash::fast::FixedState>,
}

#[derive(Debug)]
struct Count {
    taken: AtomicI64,
    /// When the period ends; the largest number: never.
    end: AtomicI64,
}

/// A cap that applies to a click, in its period.
struct Slot<'a> {
    cap: &'a Cap,
    key: CounterKey,
    end: i64,
}

impl ClickCounters {
    /// No counts, for an edge that may take this share of every cap.
    #[must_use]
    pub fn new(share: Share) -> Self {
        Self { share, counts: DashMap::default() }
    }

    /// A cap that has no room for one more click, if there is one. Changes nothing.
    #[must_use]
    pub fn reached<'a>(&self, offer: &'a Offer, affiliate: AffiliateId, now: UnixMillis) -> Option<&'a Cap> {
        slots(offer, affiliate, now)
            .find(|slot| self.count(&slot.key) >= self.share.limit(slot.cap.amount))
            .map(|slot| slot.cap)
    }

    /// Takes one click from every cap that applies, or from none.
    ///
    /// # Errors
    /// The cap that has no room.
    pub fn try_take<'a>(
        &self,
        offer: &'a Offer,
        affiliate: AffiliateId,
        now: UnixMillis,
    ) -> Result<(), &'a Cap> {
        for (taken, slot) in slots(offer, affiliate, now).enumerate() {
            let limit = self.share.limit(slot.cap.amount);
            if !self.with(slot.key, slot.end, |count| count.try_add(limit)) {
                slots(offer, affiliate, now).take(taken).for_each(|slot| self.take_back(&slot.key));
                return Err(slot.cap);
            }
        }
        Ok(())
    }

    /// Gives back a click that was taken at `at` and then not answered.
    pub fn give_back(&self, offer: &Offer, affiliate: AffiliateId, at: UnixMillis) {
        slots(offer, affiliate, at).for_each(|slot| self.take_back(&slot.key));
    }

    /// Counts a click that was taken at `at`, whatever the limits: for replays.
    pub fn add_click(&self, offer: &Offer, affiliate: AffiliateId, at: UnixMillis) {
        for slot in slots(offer, affiliate, at) {
            self.with(slot.key, slot.end, |count| count.add(1));
        }
    }

    /// Adds to a count, whatever the limits.
    pub fn add(&self, counter: Counter) {
        let end = counter.end.map_or(i64::MAX, UnixMillis::get);
        self.with(counter.key, end, |count| count.add(counter.count.max(0)));
    }

    /// How many a count holds.
    #[must_use]
    pub fn count(&self, key: &CounterKey) -> i64 {
        self.counts.get(key).map_or(0, |count| count.taken.load(Ordering::Acquire))
    }

    /// Drops the counts of periods that have ended by `now`.
    pub fn forget_before(&self, now: UnixMillis) {
        self.counts.retain(|_, count| *count.end.get_mut() > now.get());
    }

    /// All counts, ordered by their keys.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Counter> {
        let mut counters: Vec<_> = self
            .counts
            .iter()
            .map(|entry| {
                let end = entry.end.load(Ordering::Acquire);
                Counter {
                    key: *entry.key(),
                    end: (end != i64::MAX).then_some(UnixMillis(end)),
                    count: entry.taken.load(Ordering::Acquire),
                }
            })
            .collect();
        counters.sort_unstable_by_key(|counter| counter.key);
        counters
    }

    /// Puts counts in the place of all that are there.
    pub fn restore(&self, counters: impl IntoIterator<Item = Counter>) {
        self.counts.clear();
        counters.into_iter().for_each(|counter| self.add(counter));
    }

    /// Reaches a count, made if it is not there. A found one is only read-locked, so threads wait for each other no
    /// longer than a compare-and-swap takes.
    fn with<T>(&self, key: CounterKey, end: i64, act: impl FnOnce(&Count) -> T) -> T {
        if let Some(count) = self.counts.get(&key) {
            count.lasts_until(end);
            return act(&count);
        }
        let count = self
            .counts
            .entry(key)
            .or_insert_with(|| Count { taken: AtomicI64::new(0), end: AtomicI64::new(end) })
            .downgrade();
        count.lasts_until(end);
        act(&count)
    }

    fn take_back(&self, key: &CounterKey) {
        if let Some(count) = self.counts.get(key) {
            count.take_back();
        }
    }
}

impl Count {
    fn try_add(&self, limit: i64) -> bool {
        let one_more = |taken: i64| (taken < limit).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }

    fn add(&self, number: i64) {
        let more = |taken: i64| Some(taken.saturating_add(number));
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).expect("always some");
    }

    fn take_back(&self) {
        // It is 0 where the count was dropped or restored meanwhile, and holds no such click.
        let one_less = |taken: i64| Some((taken - 1).max(0));
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less).expect("always some");
    }

    /// A cap whose period was lengthened keeps its count until the new end.
    fn lasts_until(&self, end: i64) {
        if self.end.load(Ordering::Relaxed) < end {
            self.end.fetch_max(end, Ordering::Relaxed);
        }
    }
}

/// The click caps that apply, each in its period at this moment.
fn slots(offer: &Offer, affiliate: AffiliateId, at: UnixMillis) -> impl Iterator<Item = Slot<'_>> {
    let caps = offer.click_caps();
    caps.iter().filter_map(move |cap| {
        let affiliate_id = cap.counts_for(affiliate, caps)?;
        let period = cap.period_at(at);
        let key = CounterKey { cap_id: cap.id, affiliate_id, start: period.start };
        Some(Slot { cap, key, end: period.end.map_or(i64::MAX, UnixMillis::get) })
    })
}

#[cfg(test)]
mod tests;
