//! Caps that were reached outside the edges.

use hopline_types::{AffiliateId, UnixMillis};

use crate::data::ClosureEntry;

/// An offer's closures: until when it takes nobody's clicks, and until when not one affiliate's.
#[derive(Debug, Default)]
pub(crate) struct Closures {
    all: Option<UnixMillis>,
    /// Ascending, each affiliate once.
    affiliates: Box<[(AffiliateId, UnixMillis)]>,
}

impl Closures {
    /// Of several for the same, the longest counts.
    pub(crate) fn new(entries: &[ClosureEntry]) -> Self {
        let until = |entry: &ClosureEntry| entry.until.unwrap_or(UnixMillis(i64::MAX));
        let mut affiliates: Vec<_> =
            entries.iter().filter_map(|entry| Some((entry.affiliate_id?, until(entry)))).collect();
        affiliates.sort_unstable_by_key(|(id, until)| (*id, std::cmp::Reverse(*until)));
        affiliates.dedup_by_key(|(id, _)| *id);
        let all = entries.iter().filter(|entry| entry.affiliate_id.is_none()).map(until).max();
        Self { all, affiliates: affiliates.into() }
    }

    pub(crate) fn closed(&self, affiliate: AffiliateId, now: UnixMillis) -> bool {
        let holds = |until: UnixMillis| now < until;
        let own = || {
            let place = self.affiliates.binary_search_by_key(&affiliate, |(id, _)| *id).ok()?;
            self.affiliates.get(place).map(|(_, until)| *until)
        };
        self.all.is_some_and(holds) || own().is_some_and(holds)
    }
}
