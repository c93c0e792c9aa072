//! The sums of many caps in memory, while a batch is decided: each conversion finds what those before it have taken.
//!
//! Whoever reads sums to decide by them holds the lock of their offers from before the reading to the end of the
//! transaction ([`Lock::Caps`]), in ascending order of offers, so that nobody else takes the same room. Offers without
//! such caps are not locked.

use std::collections::{BTreeMap, BTreeSet};

use hopline_catalogue::Cap;
use hopline_catalogue::data::{CapEntry, CapMetric, CapScope};
use hopline_control_store::caps::{self, Addition, CapSpan, CapSum};
use hopline_control_store::{Lock, Tx};
use hopline_types::{AffiliateId, CapId, OfferId, UnixMillis};

use super::{Part, Room, Sum, Taking, total};
use crate::BookError;

/// Something that may fall under caps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) offer: OfferId,
    /// When it happened.
    pub(crate) at: UnixMillis,
    /// Whose it may be; ascending, each once.
    pub(crate) affiliates: Vec<AffiliateId>,
}

/// Which way something is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Out of the sums.
    Out,
    /// Into them.
    In,
}

/// Which sum.
type Key = (CapId, Option<AffiliateId>, UnixMillis);

/// All caps and sums that some things may fall under.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    caps: OfferCaps,
    sums: BTreeMap<Key, CapSum>,
    added: BTreeMap<Key, Addition>,
    /// The least that came to each sum that has refused something.
    wanted: BTreeMap<Key, Addition>,
}

/// By offer, of those that have caps; the inner error where one cannot be used.
type OfferCaps = BTreeMap<OfferId, Result<Usable, BookError>>;

/// The caps of one offer; both lists in the same order.
#[derive(Debug)]
struct Usable {
    entries: Vec<CapEntry>,
    compiled: Vec<Cap>,
}

impl Sums {
    /// Locks and reads the sums that these may fall into.
    pub(crate) fn read(tx: &mut dyn Tx, asked: &[Asked]) -> Result<Self, BookError> {
        let offers: BTreeSet<OfferId> = asked.iter().map(|asked| asked.offer).collect();
        let mut sums = Self { caps: caps_of(tx, offers)?, ..Self::default() };
        lock_those_with_caps(tx, &sums.caps)?;
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        for asked in asked {
            // Where a cap cannot be used, whoever asks for room learns it.
            for place in sums.places(asked).unwrap_or_default() {
                keys.insert(place.key());
            }
        }
        let keys: Vec<Key> = keys.into_iter().collect();
        let kept = caps::sums_many(tx, &keys)?;
        sums.sums = keys.into_iter().zip(kept).collect();
        Ok(sums)
    }

    /// The sums that this falls into, as they are now.
    pub(crate) fn room(&self, asked: &Asked) -> Result<Room, BookError> {
        let places = self.places(asked)?.into_iter();
        let sums = places.map(|place| Sum {
            taken: self.sums.get(&place.key()).copied().unwrap_or_default().taken,
            cap: place.entry.clone(),
            whose: place.whose,
            span: place.span,
            is_overruled: place.is_overruled,
        });
        Ok(Room { sums: sums.collect() })
    }

    /// Adds parts to all sums of a room, whether or not there is room, and gives back which sums those were. Where one of
    /// them would leave 64 bits none is changed.
    pub(crate) fn take(&mut self, room: &Room, parts: &[Part]) -> Result<Vec<Taking>, BookError> {
        let mut changed = Vec::new();
        for addition in room.additions(parts) {
            let key = key(&addition);
            let before = self.sums.get(&key).copied().unwrap_or_default();
            let taken = before.taken.checked_add(addition.delta).ok_or_else(|| {
                let Addition { cap, delta, .. } = addition;
                BookError::broken(format!("cap {cap}: {} + {delta} leaves 64 bits", before.taken))
            })?;
            changed.push((key, CapSum { taken, ..before }, addition));
        }
        for (key, after, addition) in changed {
            self.sums.insert(key, after);
            let none = Addition { delta: 0, ..addition };
            self.added.entry(key).or_insert(none).delta += addition.delta;
            if after.wanted.is_some() {
                self.want(addition);
            }
        }
        Ok(room.takings(parts))
    }

    /// Takes what is counted out of sums, or puts it in again, without asking whether there is room.
    pub(crate) fn shift(
        &mut self,
        takings: &[Taking],
        parts: &[Part],
        shift: Shift,
    ) -> Result<(), BookError> {
        for taking in takings {
            let counted = total(parts, taking.metric, taking.affiliate);
            let delta = if matches!(shift, Shift::Out) { counted.saturating_neg() } else { counted };
            let span = CapSpan { start: taking.start, end: taking.end };
            let addition = Addition { cap: taking.cap, affiliate: taking.affiliate, span, delta };
            let key = key(&addition);
            let sum = self.sums.entry(key).or_default();
            sum.taken = sum.taken.checked_add(delta).ok_or_else(|| {
                BookError::broken(format!("cap {}: {} + {delta} leaves 64 bits", taking.cap, sum.taken))
            })?;
            let none = Addition { delta: 0, ..addition };
            self.added.entry(key).or_insert(none).delta += delta;
        }
        Ok(())
    }

    /// Notes what was refused, in the sums of a room that have no place for it.
    pub(crate) fn refuse(&mut self, room: &Room, parts: &[Part]) {
        for refused in room.refused(parts) {
            self.want(refused);
        }
    }

    fn want(&mut self, wanted: Addition) {
        let sum = self.sums.entry(key(&wanted)).or_default();
        if wanted.delta > 0 && sum.wanted.is_none_or(|least| wanted.delta < least) {
            sum.wanted = Some(wanted.delta);
            self.wanted.insert(key(&wanted), wanted);
        }
    }

    /// Writes what was added, and what was refused.
    pub(crate) fn write(self, tx: &mut dyn Tx) -> Result<(), BookError> {
        let additions: Vec<Addition> =
            self.added.into_values().filter(|addition| addition.delta != 0).collect();
        if !additions.is_empty() {
            caps::add_many(tx, &additions)?;
        }
        let wanted: Vec<Addition> = self.wanted.into_values().collect();
        if !wanted.is_empty() {
            caps::refuse_many(tx, &wanted)?;
        }
        Ok(())
    }

    fn places(&self, asked: &Asked) -> Result<Vec<Place<'_>>, BookError> {
        let caps = match self.caps.get(&asked.offer) {
            None => return Ok(Vec::new()),
            Some(Err(unusable)) => return Err(unusable.clone()),
            Some(Ok(caps)) => caps,
        };
        let mut places = Vec::new();
        for (entry, cap) in caps.entries.iter().zip(&caps.compiled) {
            let affiliates = &asked.affiliates;
            let whose: Vec<(Option<AffiliateId>, bool)> = match cap.scope {
                CapScope::Offer => vec![(None, false)],
                CapScope::Affiliate(one) if affiliates.contains(&one) => vec![(Some(one), false)],
                CapScope::Affiliate(_) => Vec::new(),
                CapScope::EachAffiliate => {
                    let is_overruled = |affiliate| cap.counts_for(affiliate, &caps.compiled).is_none();
                    affiliates.iter().map(|one| (Some(*one), is_overruled(*one))).collect()
                }
            };
            let period = cap.period_at(asked.at);
            let span = CapSpan { start: period.start, end: period.end };
            let place = |(whose, is_overruled)| Place { entry, whose, span, is_overruled };
            places.extend(whose.into_iter().map(place));
        }
        Ok(places)
    }
}

const fn key(addition: &Addition) -> Key {
    (addition.cap, addition.affiliate, addition.span.start)
}

/// One sum that something falls into.
struct Place<'a> {
    entry: &'a CapEntry,
    whose: Option<AffiliateId>,
    span: CapSpan,
    is_overruled: bool,
}

impl Place<'_> {
    const fn key(&self) -> Key {
        (self.entry.id, self.whose, self.span.start)
    }
}

/// Locks the sums of these offers, for somebody who will look at them one after the other.
pub(crate) fn lock(tx: &mut dyn Tx, offers: BTreeSet<OfferId>) -> Result<(), BookError> {
    let caps = caps_of(tx, offers)?;
    lock_those_with_caps(tx, &caps)
}

fn lock_those_with_caps(tx: &mut dyn Tx, caps: &OfferCaps) -> Result<(), BookError> {
    for offer in caps.keys() {
        tx.lock(Lock::Caps(*offer))?;
    }
    Ok(())
}

/// The caps that the books count, of those offers that have any.
fn caps_of(tx: &mut dyn Tx, offers: BTreeSet<OfferId>) -> Result<OfferCaps, BookError> {
    let offers: Vec<OfferId> = offers.into_iter().collect();
    let found = caps::caps_of_many(tx, &offers)?;
    let mut caps = OfferCaps::new();
    for (offer, mut entries) in offers.into_iter().zip(found) {
        entries.retain(|entry| entry.metric != CapMetric::Clicks);
        if !entries.is_empty() {
            let compiled = entries.iter().map(compile).collect::<Result<Vec<Cap>, BookError>>();
            caps.insert(offer, compiled.map(|compiled| Usable { entries, compiled }));
        }
    }
    Ok(caps)
}

fn compile(entry: &CapEntry) -> Result<Cap, BookError> {
    Cap::compile(entry).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        BookError::broken(format!("cap {} cannot be used: {}", entry.id, errors.join("; ")))
    })
}
