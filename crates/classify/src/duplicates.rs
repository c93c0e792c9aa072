//! Who clicked what lately: a fixed table shared by all threads without a lock.
//!
//! # Layout
//!
//! Sets of eight 64-bit words, one cache line each. A word is empty (0) or holds a fingerprint of visitor and offer
//! (high 40 bits, never 0) and the time of the counted click in ticks of ten seconds (low 24 bits, so ages up to
//! 2.6 years are told apart). The hash chooses the set, other bits of it make the fingerprint. One look-up touches
//! one cache line; an insertion is one compare-and-swap. The default of 2^20 words takes 8 MiB.
//!
//! # What it promises
//!
//! - A duplicate changes nothing: the window counts from the counted click, so a visitor who keeps clicking is
//!   counted again once per window.
//! - Two threads that see the same visitor at the same instant agree: one of them counts. (Should the set be full
//!   of other visitors' writes in that very instant, both may.)
//! - Windows are rounded up to whole ticks.
//!
//! # What it does not promise
//!
//! - **It forgets under pressure**: a set that is full drops its oldest entry, and the next click of that visitor
//!   counts as unique. With 2^20 words and a window of 24 hours that begins above roughly 500,000 unique visitors a
//!   day per table; size it to twice the expected number.
//! - It takes strangers for each other with probability 8 * 2^-40 per look-up.
//! - It is this process's memory: after a restart it knows what [`DuplicateTable::seed`] is given, and edges do not
//!   share it.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hopline_types::UnixMillis;

/// Entries of a table where nothing else is configured: 8 MiB.
pub const DUPLICATE_ENTRIES_DEFAULT: usize = 1 << 20;

/// The table's unit of time.
pub const TICK_MS: i64 = 10_000;

const WAYS: usize = 8;
const TICK_BITS: u32 = 24;
const TICK_MASK: u64 = (1 << TICK_BITS) - 1;

#[repr(align(64))]
#[derive(Default)]
struct Set([AtomicU64; WAYS]);

/// The table; see the module's header for what it promises.
pub struct DuplicateTable {
    sets: Box<[Set]>,
    hasher: foldhash::quality::FixedState,
}

impl std::fmt::Debug for DuplicateTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DuplicateTable").field("entries", &(self.sets.len() * WAYS)).finish_non_exhaustive()
    }
}

impl DuplicateTable {
    /// A table of at least `entries` entries (rounded up to a power of two, at least eight). `seed` should be a
    /// random number, so that nobody can choose visitors that fall into one set.
    #[must_use]
    pub fn new(entries: usize, seed: u64) -> Self {
        let sets = entries.div_ceil(WAYS).max(1).next_power_of_two();
        let sets = std::iter::repeat_with(Set::default).take(sets).collect();
        Self { sets, hasher: foldhash::quality::FixedState::with_seed(seed) }
    }

    /// Whether this visitor's click on this offer was counted within `window_ms` before `now`; if not, remembers
    /// that it is counted now.
    #[must_use]
    pub fn seen(&self, visitor: u64, offer: u32, now: UnixMillis, window_ms: i64) -> bool {
        let (set, fingerprint) = self.place(visitor, offer);
        let tick = tick(now);
        let window = window_ticks(window_ms);
        loop {
            let words = set.0.each_ref().map(|slot| slot.load(Relaxed));
            let mut own = None;
            for (way, word) in words.iter().enumerate() {
                if word >> TICK_BITS == fingerprint {
                    if age(*word, tick) < window {
                        return true;
                    }
                    own = Some(way);
                }
            }
            // Prefer the visitor's own outdated word, then an empty one, then the oldest.
            let empty = || words.iter().position(|word| *word == 0);
            let victim = own.or_else(empty).unwrap_or_else(|| oldest(&words, tick));
            let new = fingerprint << TICK_BITS | tick;
            if set.0[victim].compare_exchange(words[victim], new, Relaxed, Relaxed).is_ok() {
                return false;
            }
            // Somebody else was faster at this place: it may have been this very visitor.
        }
    }

    /// Takes a click back that [`DuplicateTable::seen`] has remembered but that was not recorded.
    #[cold]
    pub fn forget(&self, visitor: u64, offer: u32) {
        let (set, fingerprint) = self.place(visitor, offer);
        for slot in &set.0 {
            let word = slot.load(Relaxed);
            if word >> TICK_BITS == fingerprint {
                // If it is no longer there, there is nothing to take back.
                let _changed = slot.compare_exchange(word, 0, Relaxed, Relaxed);
            }
        }
    }

    /// Remembers counted clicks from before a restart, oldest first: (visitor, offer, when).
    pub fn seed(&self, clicks: impl IntoIterator<Item = (u64, u32, UnixMillis)>) {
        for (visitor, offer, at) in clicks {
            let _seen = self.seen(visitor, offer, at, TICK_MS);
        }
    }

    fn place(&self, visitor: u64, offer: u32) -> (&Set, u64) {
        let hash = self.hasher.hash_one((visitor, offer));
        let low = usize::try_from(hash & 0xff_ffff).expect("24 bits fit");
        // Up to 2^24 sets; the fingerprint comes from the other 40 bits.
        let set = &self.sets[low & (self.sets.len() - 1)];
        (set, (hash >> 24).max(1))
    }
}

fn tick(now: UnixMillis) -> u64 {
    u64::try_from(now.get().div_euclid(TICK_MS)).unwrap_or(0) & TICK_MASK
}

fn window_ticks(window_ms: i64) -> u64 {
    let ticks = window_ms.saturating_add(TICK_MS - 1).div_euclid(TICK_MS);
    // Half the range at most, so that ages and the future stay apart.
    u64::try_from(ticks).unwrap_or(0).min(TICK_MASK / 2)
}

/// The first of the oldest words.
fn oldest(words: &[u64; WAYS], tick: u64) -> usize {
    let ages = words.map(|word| age(word, tick));
    (1..WAYS).fold(0, |oldest, way| if ages[way] > ages[oldest] { way } else { oldest })
}

/// Ticks since the word was written; 0 if the clock has stepped back since.
const fn age(word: u64, tick: u64) -> u64 {
    let age = tick.wrapping_sub(word & TICK_MASK) & TICK_MASK;
    if age > TICK_MASK / 2 { 0 } else { age }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    // C-06
    #[test]
    fn c_06_the_window_counts_from_the_counted_click() {
        let table = DuplicateTable::new(1024, 7);
        assert!(!table.seen(1, 1, NOW, DAY));
        assert!(table.seen(1, 1, NOW, DAY));
        assert!(table.seen(1, 1, NOW.plus(DAY - TICK_MS), DAY));
        assert!(!table.seen(1, 1, NOW.plus(DAY), DAY), "duplicates must not have moved the window");
        assert!(table.seen(1, 1, NOW.plus(DAY + 1), DAY));
    }

    #[test]
    fn other_visitors_and_other_offers_are_strangers() {
        let table = DuplicateTable::new(1024, 7);
        assert!(!table.seen(1, 1, NOW, DAY));
        assert!(!table.seen(2, 1, NOW, DAY));
        assert!(!table.seen(1, 2, NOW, DAY));
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_second_unique_click() {
        let table = DuplicateTable::new(1024, 7);
        assert!(!table.seen(1, 1, NOW, DAY));
        assert!(table.seen(1, 1, NOW.plus(-3_600_000), DAY));
    }

    #[test]
    fn a_full_set_forgets_its_oldest_entry() {
        let table = DuplicateTable::new(8, 7);
        for visitor in 0_i64..9 {
            assert!(!table.seen(u64::try_from(visitor).unwrap(), 1, NOW.plus(visitor * TICK_MS), DAY));
        }
        let later = NOW.plus(9 * TICK_MS);
        assert!((1..9).all(|visitor| table.seen(visitor, 1, later, DAY)));
        assert!(!table.seen(0, 1, later, DAY));
    }

    #[test]
    fn a_forgotten_click_counts_again_and_a_seeded_one_does_not() {
        let table = DuplicateTable::new(1024, 7);
        table.seed([(1, 1, NOW), (2, 1, NOW.plus(-2 * DAY))]);
        assert!(table.seen(1, 1, NOW, DAY));
        assert!(!table.seen(2, 1, NOW, DAY));
        table.forget(1, 1);
        assert!(!table.seen(1, 1, NOW, DAY));
    }

    #[test]
    fn few_of_half_a_table_of_visitors_are_forgotten() {
        let table = DuplicateTable::new(1 << 14, 7);
        for visitor in 0..1 << 13 {
            assert!(!table.seen(visitor, 1, NOW, DAY));
        }
        let forgotten = (0..1 << 13).filter(|visitor| !table.seen(*visitor, 1, NOW, DAY)).count();
        assert!(forgotten < (1 << 13) / 20, "{forgotten} of 8192");
    }

    #[test]
    fn threads_that_see_the_same_visitors_count_each_once() {
        let table = DuplicateTable::new(1 << 14, 7);
        let counted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| (0..1000).filter(|visitor| !table.seen(*visitor, 1, NOW, DAY)).count())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(counted, 1000);
    }
}
