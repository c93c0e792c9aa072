//! Tiers, ladders, sign-up bonuses and contests: what the volume of a period brings.
//!
//! Conversions are booked at their own rates when they happen. What a period is worth by its tiers or its bonus, less what was
//! settled of it before, is the next settlement: one conversion of its own (source `period`), approved as the offer says. Where
//! volume went back, the last settlements are taken back, also after they were paid. What is paid depends on what the period
//! holds and not on the order in which that became known; the same period again books nothing.
//!
//! # Which periods
//!
//! Whatever changes a commission books something, so the ledger tells which periods may have changed: [`due_periods`] reads it
//! from a mark on, [`settle_period`] settles one of them in a transaction of its own, [`note_periods`] moves the mark once all are done. A
//! crash in between repeats some, which books nothing twice: a settlement's id is that of subject, affiliate, period and number. An
//! open period is settled as it goes.
//!
//! # What counts
//!
//! - *Tiers* of one version of terms: the conversions decided by that version, whose first credit the affiliate has. A new version
//!   begins to count anew.
//! - *Ladders*: all conversions of the offer from the bonus's entry to its end, in periods of UTC.
//! - *Sign-up*: affiliates that were entered since the bonus was, once they are active, or with their first conversion that stands.
//! - *Contests*: all conversions of the offer within it; settled after its end, and again when something of it changes.
//!
//! A conversion counts where it was neither rejected nor taken back as a whole; of a refunded order, what is left. Conversions that
//! earn nothing at all book nothing: they count once another one of their period is booked. Tiers and bonuses are above caps, which
//! bound what single conversions take. A settlement that somebody has rejected or refunded stays so and is not paid again.

use std::collections::{BTreeMap, BTreeSet};

use hopline_control_store::bonuses::{self, PeriodFilter, Standing, StoredBonus};
use hopline_control_store::offers::{self, Offer, TermsVersion};
use hopline_control_store::periods::{self, Touched};
use hopline_control_store::{Scope, Tx, affiliates, ledger, marks};
use hopline_money::Amount;
use hopline_terms::{Bonus, SignUp, Span, Sums, Volume, ranked};
use hopline_types::{AffiliateId, BonusId, OfferId, TermsId, UnixMillis};

use crate::BookError;

mod settle;
mod span;

use settle::{Subject, settle};
use span::{Period, period_of};

/// How far the ledger was read.
const MARK: &str = "periods.sequence";
/// Changes read at once, and affiliates that joined.
const AT_ONCE: u32 = 2_000;

/// A period that may have changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Tiers of a version of terms.
    Tiers {
        /// Which version.
        terms: TermsId,
        /// Whose volume.
        affiliate: AffiliateId,
        /// A time within the period.
        at: UnixMillis,
    },
    /// A ladder or a sign-up bonus.
    Bonus {
        /// Which.
        bonus: BonusId,
        /// Whose.
        affiliate: AffiliateId,
        /// A time within the period.
        at: UnixMillis,
    },
    /// A contest that has ended.
    Contest {
        /// Which.
        bonus: BonusId,
    },
}

/// What is to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueList {
    /// Each once.
    pub due: Vec<Due>,
    /// Where the ledger was read to.
    pub read_to: i64,
    /// Up to where everything was noted as settled.
    pub noted: i64,
    /// Whether there is more to read.
    pub has_more: bool,
}

/// What a settlement has booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PeriodSettled {
    /// Conversions made.
    pub conversions: u64,
    /// Settlements of which something was taken back.
    pub taken_back: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
}

/// Which periods may have changed since the mark, or since `from` where that is further, and which contests have ended.
///
/// # Errors
/// The store's.
pub fn due_periods(tx: &mut dyn Tx, from: i64, now: UnixMillis) -> Result<DueList, BookError> {
    let noted = marks::get(tx, MARK)?.unwrap_or(0);
    let before = noted.max(from);
    let head = ledger::head(tx)?.count;
    let tiered = periods::tiered(tx)?;
    let all = bonuses::list(tx, Scope::All, None)?;
    let mut due = BTreeSet::new();
    for bonus in &all {
        match &bonus.bonus {
            Bonus::SignUp { on: SignUp::Approval, .. } => {
                let since = (bonus.created_at, bonus.ended_at);
                for affiliate in periods::joined(tx, &subject_of(bonus), since, AT_ONCE)? {
                    due.insert(Due::Bonus { bonus: bonus.id, affiliate, at: bonus.created_at });
                }
            }
            Bonus::Contest { .. } if is_open_contest(tx, bonus, now)? => {
                due.insert(Due::Contest { bonus: bonus.id });
            }
            _ => {}
        }
    }
    if tiered.is_empty() && all.is_empty() {
        return Ok(DueList { due: Vec::new(), read_to: head, noted, has_more: false });
    }
    let touched = periods::touched(tx, (before, head), AT_ONCE)?;
    let has_more = touched.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    for one in &touched {
        for terms in tiered.get(&one.goal).into_iter().flatten() {
            due.insert(Due::Tiers { terms: *terms, affiliate: one.affiliate, at: one.at });
        }
        due.extend(all.iter().filter_map(|bonus| of_bonus(bonus, one, now)));
    }
    let read_to = touched.last().filter(|_| has_more).map_or(head, |last| last.sequence);
    let due = once_a_period(tx, due, &all)?;
    Ok(DueList { due, read_to, noted, has_more })
}

/// Notes that everything up to [`DueList::read_to`] is settled.
///
/// # Errors
/// The store's.
pub fn note_periods(tx: &mut dyn Tx, mark: i64) -> Result<(), BookError> {
    Ok(marks::set(tx, MARK, mark)?)
}

/// Settles a period: books the difference to what was settled of it.
///
/// # Errors
/// The store's; tiers or bonuses that come to no amount.
pub fn settle_period(tx: &mut dyn Tx, due: &Due, now: UnixMillis) -> Result<PeriodSettled, BookError> {
    match due {
        Due::Tiers { terms, affiliate, at } => tiers(tx, *terms, *affiliate, *at, now),
        Due::Bonus { bonus, affiliate, at } => {
            let bonus = bonus_of(tx, *bonus)?;
            single(tx, &bonus, *affiliate, *at, now)
        }
        Due::Contest { bonus } => {
            let bonus = bonus_of(tx, *bonus)?;
            contest(tx, &bonus, now)
        }
    }
}

fn subject_of(bonus: &StoredBonus) -> String {
    format!("bonus:{}", bonus.id)
}

fn closed_mark(bonus: BonusId) -> String {
    format!("periods.contest.{bonus}")
}

/// When a contest ends, or was ended.
fn end_of(bonus: &StoredBonus, to: UnixMillis) -> UnixMillis {
    bonus.ended_at.map_or(to, |ended| ended.min(to))
}

/// Whether a contest has ended and was never settled.
fn is_open_contest(tx: &mut dyn Tx, bonus: &StoredBonus, now: UnixMillis) -> Result<bool, BookError> {
    let Bonus::Contest { to, .. } = &bonus.bonus else { return Ok(false) };
    Ok(end_of(bonus, *to) <= now && marks::get(tx, &closed_mark(bonus.id))?.is_none())
}

/// What a change means for a bonus.
fn of_bonus(bonus: &StoredBonus, touched: &Touched, now: UnixMillis) -> Option<Due> {
    let at = touched.at;
    if bonus.offer != touched.offer || bonus.ended_at.is_some_and(|ended| at >= ended) {
        return None;
    }
    let (id, affiliate) = (bonus.id, touched.affiliate);
    match &bonus.bonus {
        Bonus::Ladder { .. } => (at >= bonus.created_at).then_some(Due::Bonus { bonus: id, affiliate, at }),
        Bonus::SignUp { on: SignUp::FirstSale, .. } => {
            (at >= bonus.created_at).then_some(Due::Bonus { bonus: id, affiliate, at: bonus.created_at })
        }
        Bonus::SignUp { on: SignUp::Approval, .. } => None,
        Bonus::Contest { from, to, .. } => {
            let is_within = *from <= at && at < *to && end_of(bonus, *to) <= now;
            is_within.then_some(Due::Contest { bonus: id })
        }
    }
}

/// Of several times within one period, one is enough.
fn once_a_period(tx: &mut dyn Tx, due: BTreeSet<Due>, all: &[StoredBonus]) -> Result<Vec<Due>, BookError> {
    let mut versions: BTreeMap<TermsId, TermsVersion> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for one in due {
        let key = match &one {
            Due::Tiers { terms, affiliate, at } => {
                if !versions.contains_key(terms) {
                    versions.insert(*terms, version_of(tx, *terms)?);
                }
                let tiers = versions.get(terms).and_then(|version| version.plan.tiers.as_ref());
                let Some(tiers) = tiers else { continue };
                (format!("tiers:{terms}"), Some(*affiliate), period_of(tiers.period, &tiers.zone, *at)?.start)
            }
            Due::Bonus { bonus, affiliate, at } => {
                let known = all.iter().find(|known| known.id == *bonus).map(|known| &known.bonus);
                let start = match known {
                    Some(Bonus::Ladder { period, .. }) => period_of(*period, "UTC", *at)?.start,
                    _ => *at,
                };
                (format!("bonus:{bonus}"), Some(*affiliate), start)
            }
            Due::Contest { bonus } => (format!("bonus:{bonus}"), None, UnixMillis(0)),
        };
        if seen.insert(key) {
            kept.push(one);
        }
    }
    Ok(kept)
}

fn version_of(tx: &mut dyn Tx, terms: TermsId) -> Result<TermsVersion, BookError> {
    offers::terms_of(tx, terms)?.ok_or_else(|| BookError::broken(format!("terms {terms} are missing")))
}

fn bonus_of(tx: &mut dyn Tx, bonus: BonusId) -> Result<StoredBonus, BookError> {
    let found = bonuses::get(tx, Scope::All, bonus)?;
    found.ok_or_else(|| BookError::broken(format!("bonus {bonus} is missing")))
}

fn offer_of(tx: &mut dyn Tx, offer: OfferId) -> Result<Offer, BookError> {
    let found = offers::get(tx, Scope::All, offer)?;
    found.ok_or_else(|| BookError::broken(format!("offer {offer} is missing")))
}

fn tiers(
    tx: &mut dyn Tx,
    terms: TermsId,
    affiliate: AffiliateId,
    at: UnixMillis,
    now: UnixMillis,
) -> Result<PeriodSettled, BookError> {
    let version = version_of(tx, terms)?;
    let Some(tiers) = version.plan.tiers.clone() else { return Ok(PeriodSettled::default()) };
    let goal = offers::goal(tx, version.goal_id)?
        .ok_or_else(|| BookError::broken(format!("goal {} is missing", version.goal_id)))?;
    let offer = offer_of(tx, goal.offer_id)?;
    let period = period_of(tiers.period, &tiers.zone, at)?;
    let filter = PeriodFilter {
        offer: offer.id,
        goal: Some(goal.id),
        affiliate: Some(affiliate),
        from: period.start,
        to: period.end,
    };
    let standing = bonuses::standing(tx, &filter)?;
    let own: Vec<Standing> = standing.into_iter().filter(|one| one.terms == Some(terms)).collect();
    let (mut revenue, mut payout) = (Amount::zero(offer.currency), Amount::zero(offer.currency));
    for one in &own {
        let add = |sum: Amount, minor| sum.checked_add(Amount::new(minor, offer.currency));
        revenue = add(revenue, one.revenue_minor).map_err(BookError::broken)?;
        payout = add(payout, one.payout_minor).map_err(BookError::broken)?;
    }
    let booked = Sums { revenue, payout };
    let pieces: Vec<_> = own.into_iter().map(|one| one.piece).collect();
    let subject = Subject {
        offer: &offer,
        goal: &goal,
        name: format!("tiers:{terms}"),
        rule: "tiers_of_the_period",
        reason: format!(
            "{} conversions of the {} count into the tiers of terms {terms}, version {}",
            pieces.len(),
            tiers.period.as_str(),
            version.version
        ),
        version: Some(&version),
        affiliate,
        period,
    };
    settle(tx, &subject, now, |settled| {
        tiers.settle(&pieces, &booked, settled, offer.currency).map_err(BookError::broken)
    })
}

fn volume_of<'a>(standing: impl IntoIterator<Item = &'a Standing>) -> Volume {
    let mut volume = Volume::default();
    for one in standing {
        volume.count += 1;
        volume.counted_minor = volume.counted_minor.saturating_add(one.piece.counted_minor);
    }
    volume
}

/// A ladder or a sign-up bonus.
fn single(
    tx: &mut dyn Tx,
    bonus: &StoredBonus,
    affiliate: AffiliateId,
    at: UnixMillis,
    now: UnixMillis,
) -> Result<PeriodSettled, BookError> {
    let offer = offer_of(tx, bonus.offer)?;
    let forever = period_of(Span::Total, "UTC", at)?;
    let ended = bonus.ended_at.unwrap_or(forever.end);
    let (period, rule) = match &bonus.bonus {
        Bonus::Ladder { period, .. } => (period_of(*period, "UTC", at)?, "ladder"),
        Bonus::SignUp { .. } => {
            let found = affiliates::get(tx, Scope::All, affiliate)?;
            let is_new = found.is_some_and(|found| found.created_at >= bonus.created_at);
            if !is_new {
                return Ok(PeriodSettled::default());
            }
            (Period { start: bonus.created_at, end: forever.end }, "sign_up")
        }
        Bonus::Contest { .. } => return Ok(PeriodSettled::default()),
    };
    let filter = PeriodFilter {
        offer: offer.id,
        goal: None,
        affiliate: Some(affiliate),
        from: period.start.max(bonus.created_at),
        to: period.end.min(ended),
    };
    let volume = volume_of(&bonuses::standing(tx, &filter)?);
    let counted = Amount::new(volume.counted_minor, offer.currency);
    let reason = match &bonus.bonus {
        Bonus::SignUp { on: SignUp::Approval, .. } => {
            format!("bonus \"{}\" for those who join", bonus.name)
        }
        _ => format!("bonus \"{}\": {} conversions count, {counted}", bonus.name, volume.count),
    };
    let subject = subject(bonus, &offer, affiliate, period, (rule, reason))?;
    settle(tx, &subject, now, |settled| {
        bonus.bonus.settle(volume, settled.payout, offer.currency).map_err(BookError::broken)
    })
}

fn contest(tx: &mut dyn Tx, bonus: &StoredBonus, now: UnixMillis) -> Result<PeriodSettled, BookError> {
    let mut all = PeriodSettled::default();
    let Bonus::Contest { by, from, to, prizes } = &bonus.bonus else { return Ok(all) };
    let offer = offer_of(tx, bonus.offer)?;
    let period = Period { start: *from, end: end_of(bonus, *to) };
    let filter =
        PeriodFilter { offer: offer.id, goal: None, affiliate: None, from: period.start, to: period.end };
    let standing = bonuses::standing(tx, &filter)?;
    let who: BTreeSet<AffiliateId> = standing.iter().map(|one| one.affiliate).collect();
    let scores: Vec<(AffiliateId, Volume)> = who
        .into_iter()
        .map(|who| (who, volume_of(standing.iter().filter(|one| one.affiliate == who))))
        .collect();
    let places = ranked(&scores, *by, prizes, offer.currency).map_err(BookError::broken)?;
    let before = bonuses::settled(tx, &subject_of(bonus))?;
    let concerned: BTreeSet<AffiliateId> =
        places.iter().map(|place| place.who).chain(before.into_iter().map(|(who, _)| who)).collect();
    for affiliate in concerned {
        let place = places.iter().find(|place| place.who == affiliate);
        let reason = match place {
            Some(place) => format!("contest \"{}\": rank {} of {}", bonus.name, place.rank, places.len()),
            None => format!("contest \"{}\": no volume is left", bonus.name),
        };
        let subject = subject(bonus, &offer, affiliate, period, ("contest", reason))?;
        let settled = settle(tx, &subject, now, |settled| {
            let line = place.and_then(|place| place.line.clone());
            hopline_terms::prize(line, settled.payout, offer.currency).map_err(BookError::broken)
        })?;
        all.conversions += settled.conversions;
        all.taken_back += settled.taken_back;
        all.transactions += settled.transactions;
    }
    marks::set(tx, &closed_mark(bonus.id), 1)?;
    Ok(all)
}

/// A bonus is booked on the offer's first goal.
fn subject<'a>(
    bonus: &StoredBonus,
    offer: &'a Offer,
    affiliate: AffiliateId,
    period: Period,
    (rule, reason): (&'static str, String),
) -> Result<Subject<'a>, BookError> {
    let goal = offer.goals.first();
    let goal = goal.ok_or_else(|| BookError::broken(format!("offer {} has no goal", offer.id)))?;
    Ok(Subject { offer, goal, name: subject_of(bonus), rule, reason, version: None, affiliate, period })
}
