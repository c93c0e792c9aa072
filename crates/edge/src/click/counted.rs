//! What a click takes from the duplicate memory and from caps.

use hopline_catalogue::{Catalogue, Offer, Target};
use hopline_types::{AffiliateId, OfferId, UnixMillis};

use super::Visit;
use crate::thread::Thread;

/// What the duplicate memory and the caps took for a click, to be given back if the click is not written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    offer: u32,
    visitors: [Option<u64>; 2],
    /// Whose caps took it, and when.
    caps: Option<(OfferId, AffiliateId, UnixMillis)>,
}

impl Counted {
    /// The click was not written, so it was not counted.
    #[cold]
    pub(crate) fn give_back(self, thread: &Thread, catalogue: &Catalogue) {
        for visitor in self.visitors.into_iter().flatten() {
            thread.shared.duplicates.forget(visitor, self.offer);
        }
        if let Some((offer, affiliate, at)) = self.caps
            && let Some(offer) = catalogue.offer(offer)
        {
            thread.shared.counters.give_back(offer, affiliate, at);
            thread.tally.borrow_mut().give_back(offer, affiliate, at);
        }
    }
}

/// What became of a click that is to be counted.
pub(super) enum Count {
    First(Counted),
    Again(Counted),
    /// A first one, but somebody else took the last place since the offer was asked.
    TooLate,
}

impl Visit<'_> {
    /// Counts a click of this visitor. A visitor who gets a cookie with the answer is remembered in either case, so that the
    /// next click with the cookie is known.
    pub(super) fn count(&self, target: &Target<'_>, visitor: u64, new: Option<u64>) -> Count {
        let shared = &self.thread.shared;
        let offer = target.offer.number;
        let is_new = |visitor: u64| {
            let seen = shared.duplicates.seen(visitor, offer, self.ask.now, shared.duplicate_window_ms);
            (!seen).then_some(visitor)
        };
        let visitors = [is_new(visitor), new.and_then(is_new)];
        let mut counted = Counted { offer, visitors, caps: None };
        if visitors[0].is_none() {
            return Count::Again(counted);
        }
        if target.offer.click_caps().is_empty() {
            return Count::First(counted);
        }
        if !self.take(target.offer, target.affiliate.id) {
            counted.give_back(self.thread, self.catalogue);
            return Count::TooLate;
        }
        counted.caps = Some((target.offer.id, target.affiliate.id, self.ask.now));
        Count::First(counted)
    }

    /// Takes a click from the offer's caps, if they have room.
    fn take(&self, offer: &Offer, affiliate: AffiliateId) -> bool {
        let is_taken = self.thread.shared.counters.try_take(offer, affiliate, self.ask.now).is_ok();
        if is_taken {
            self.thread.tally.borrow_mut().add(offer, affiliate, self.ask.now);
        }
        is_taken
    }
}
