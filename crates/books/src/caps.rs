//! Caps on conversions, revenue and payout: asked and counted where a conversion is decided, given back where it is
//! undone.
//!
//! All of it happens in the transaction that decides, so a sum never passes its cap: what would bring one above its
//! amount is rejected with the reason `cap`, and counts nowhere. (A cap that is lowered below its sum takes nothing
//! more, but nothing that it has taken is undone.) Caps on clicks are the edge's.
//!
//! # What counts when
//!
//! - A conversion counts in the periods that hold the time at which it happened, as reported: neither that of its
//!   click nor that of its decision. A late report counts where it belongs.
//! - Revenue and payout count for every goal and for settled clicks; as a conversion counts only the offer's first goal,
//!   as in reports.
//! - What nobody is credited for, and what the advertiser itself reports as rejected, takes nothing and is refused by
//!   no cap.
//! - A conversion that brings nothing of what a cap counts is never refused by it, however full it is.
//! - Where several are credited, one cap without room rejects the whole conversion; it counts as a conversion of the
//!   first.
//!
//! # When clicks stop
//!
//! A sum that becomes full raises the catalogue's version, and edges take no more clicks until the period ends or there
//! is room again. It is full when it reaches its amount, and also once it has refused something: few amounts are hit
//! exactly, and with leads at 3.00 and 100.00 a day the 34th is rejected. What was refused may have been uncommonly
//! large, so the least that came since counts: while that would fit, clicks are taken.
//!
//! # What is given back
//!
//! A rejected conversion gives back all that it took; a refund its part of revenue and payout; a conversion that was
//! taken back whole its count too. That opens a reached cap again, also while its period goes on. Nothing rejected
//! before becomes good by that.
//!
//! The decision keeps which sums it added to. What is given back is the difference between what the conversion's
//! commissions count for before a change and after it. So every sum always equals a recount ([`verify`]), whatever
//! became of the caps meanwhile.

use hopline_catalogue::data::{CapEntry, CapMetric};
use hopline_control_store::Tx;
use hopline_control_store::caps::{self, Addition, CapSpan};
use hopline_types::{AffiliateId, OfferId, UnixMillis};

use crate::BookError;

mod reasoning;
mod recount;
mod sums;
mod takings;

pub(crate) use reasoning::hide;
pub use recount::{CapsSound, CapsUnsound, verify};
pub(crate) use sums::Shift;
pub(crate) use sums::{Asked, Sums, lock};
pub(crate) use takings::{Taking, counted, keep, of as takings_of, parts_of};

/// Why a conversion is rejected that a cap has no room for.
pub(crate) const REASON: &str = "cap";

/// What one affiliate's part of a conversion counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) affiliate: AffiliateId,
    pub(crate) conversions: i64,
    pub(crate) revenue_minor: i64,
    pub(crate) payout_minor: i64,
}

/// What parts come to in the sum of a metric that is one affiliate's, or all's.
fn total(parts: &[Part], metric: CapMetric, whose: Option<AffiliateId>) -> i64 {
    let own = parts.iter().filter(|part| whose.is_none_or(|affiliate| affiliate == part.affiliate));
    own.map(|part| match metric {
        CapMetric::Clicks => 0,
        CapMetric::Conversions => part.conversions,
        CapMetric::Revenue => part.revenue_minor,
        CapMetric::Payout => part.payout_minor,
    })
    .sum()
}

/// The sums that something falls into, as they were before it.
#[derive(Debug, Default)]
pub(crate) struct Room {
    sums: Vec<Sum>,
}

/// One cap's sum.
#[derive(Debug)]
struct Sum {
    cap: CapEntry,
    whose: Option<AffiliateId>,
    span: CapSpan,
    taken: i64,
    /// The affiliate has a cap of its own for this: it is counted here too, but not refused.
    is_overruled: bool,
}

impl Sum {
    fn adds(&self, parts: &[Part]) -> i64 {
        total(parts, self.cap.metric, self.whose)
    }

    fn addition(&self, parts: &[Part]) -> Addition {
        Addition { cap: self.cap.id, affiliate: self.whose, span: self.span, delta: self.adds(parts) }
    }

    fn refuses(&self, parts: &[Part]) -> bool {
        let adds = self.adds(parts);
        let fits = self.taken.checked_add(adds).is_some_and(|sum| sum <= self.cap.amount);
        adds > 0 && !fits && !self.is_overruled
    }
}

impl Room {
    /// Looks up the sums of an offer's caps for something of these affiliates at a time.
    pub(crate) fn look(
        tx: &mut dyn Tx,
        offer: OfferId,
        at: UnixMillis,
        affiliates: &[AffiliateId],
    ) -> Result<Self, BookError> {
        let asked = Asked { offer, at, affiliates: affiliates.to_vec() };
        Sums::read(tx, std::slice::from_ref(&asked))?.room(&asked)
    }

    /// Whether no cap refuses them.
    pub(crate) fn holds(&self, parts: &[Part]) -> bool {
        !self.sums.iter().any(|sum| sum.refuses(parts))
    }

    /// Adds them to all sums, whether or not there is room, and gives back which sums those were.
    pub(crate) fn take(&self, tx: &mut dyn Tx, parts: &[Part]) -> Result<Vec<Taking>, BookError> {
        let additions: Vec<Addition> = self.additions(parts).collect();
        caps::add_many(tx, &additions)?;
        Ok(self.takings(parts))
    }

    fn additions(&self, parts: &[Part]) -> impl Iterator<Item = Addition> {
        self.sums.iter().map(|sum| sum.addition(parts)).filter(|addition| addition.delta != 0)
    }

    /// What the sums that refuse parts would have had to take.
    fn refused(&self, parts: &[Part]) -> impl Iterator<Item = Addition> {
        let refusing = self.sums.iter().filter(|sum| sum.refuses(parts));
        refusing.map(|sum| sum.addition(parts))
    }

    /// Notes in the sums that refuse parts that they did.
    pub(crate) fn refuse(&self, tx: &mut dyn Tx, parts: &[Part]) -> Result<(), BookError> {
        let refused: Vec<Addition> = self.refused(parts).collect();
        Ok(caps::refuse_many(tx, &refused)?)
    }

    /// Which sums parts are added to.
    pub(crate) fn takings(&self, parts: &[Part]) -> Vec<Taking> {
        let taking = |sum: &Sum| Taking {
            cap: sum.cap.id,
            affiliate: sum.whose,
            metric: sum.cap.metric,
            start: sum.span.start,
            end: sum.span.end,
        };
        self.sums.iter().filter(|sum| sum.adds(parts) != 0).map(taking).collect()
    }
}
