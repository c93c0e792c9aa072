//! Deciding again: what came too late for a decision is not lost.
//!
//! A decision stands as long as the same facts in another order of arrival would have led to it. Where they would not, the
//! conversion is decided again and the difference is booked: nothing is edited, what stood before is kept and explained
//! . The purpose is that the books do not depend on what came first.
//!
//! # What is looked at again
//!
//! [`reconsiderations`] holds the conversions, each with its reason:
//!
//! - `clicks`: where an offer's model looks at all clicks of a visitor, some may be stored after the decision. Such a
//!   conversion is looked at again [`LOOKS`] after it.
//! - `coupon`: a coupon with its code was entered or archived ([`reconsiderations::ask_for_coupons`]).
//! - `customer`: a conversion of the same customer that happened before it was decided after it, or was decided otherwise:
//!   that may change to whom the customer is bound, how many orders it made, and where else it clicked.
//!
//! A look computes the decision from what is known now and compares ([`weigh`]). Of one customer's conversions the earlier
//! is looked at first and, where it changes, asks for all later ones: changes go forward in time only, so they come to an end, and
//! every conversion has its last look after the last change before it.
//!
//! # What is booked
//!
//! See [`crate::commission::Correction`]. Ids are functions of conversion and number of the decision (L-04). Everything takes
//! effect when it is booked, so a closed period stays as it was. Commissions that are paid are corrected on the payable
//! account; what was refunded is taken back as the same part of the new amounts (L-07); holds end when they would have ended.
//!
//! # Several at once
//!
//! What is corrected is locked first, and read again: whoever refunds or judges it meanwhile comes before or after, and where
//! that has changed what was compared, all of it fails as a conflict and is to be asked for again.
//!
//! # What stays as it is
//!
//! - What a person or a deadline has rejected, what the advertiser has rejected with its report, what a cap has refused, what was
//!   set aside, settled clicks, and installs that Apple has reported. What a person has approved stays approved, whoever
//!   is credited.
//! - What happened longer before the late fact than the offer's window for clicks: then a conversion is final.
//! - A correction that a cap has no room for is not made. Caps count in the order of arrival, and so what they refuse depends
//!   on it.
//! - An affiliate that is credited is taken to take part still. Terms are those in force when the conversion happened;
//!   groups, recruiters and approval rules those of now.
//! - The fee of a chargeback stays with whom it was charged to.
//! - Two conversions of a customer in the same millisecond count in the order of their arrival.

use std::collections::BTreeMap;

use hopline_click_store::{StoredClick, Touch};
use hopline_clickid::KeyRing;
use hopline_control_store::commissions::{self, Commission};
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::customers::Customer;
use hopline_control_store::reconsiderations::{self, Asked, Pending, Why};
use hopline_control_store::{ErrorKind, StoreError, Tx, ledger};
use hopline_ledger::Draft;
use hopline_types::{
    CommissionStatus, ConversionId, ConversionSource, HOUR_MS, MINUTE_MS, SECOND_MS, UnixMillis,
};
use serde_json::Value;

use super::judge::{Ruled, Ruling};
use super::known::Known;
use super::touch::Candidate;
use super::{customers, not_found};
use crate::{BookError, caps, qualify};

mod apply;
mod weigh;

use weigh::Weighed;

/// How long after its decision a conversion is looked at again for clicks that were stored late: shipping that was slow, an
/// edge that was away for a while, clicks that were set aside and are restored.
pub(crate) const LOOKS: [i64; 3] = [10 * MINUTE_MS, 6 * HOUR_MS, 72 * HOUR_MS];

/// A decided conversion to look at again.
#[derive(Debug, Clone, Copy)]
pub struct ToReconsider<'a> {
    /// Which.
    pub conversion: ConversionId,
    /// The stored click that its click id names, where it was found.
    pub click: Option<&'a StoredClick>,
    /// What [`crate::sought_touches`] asked for.
    pub touches: &'a [Touch],
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconsidered {
    /// Which.
    pub conversion: ConversionId,
    /// Whether it was looked at; not where an earlier conversion of the same customer was first.
    pub was_looked_at: bool,
    /// The number of the decision that stands now, where it is a new one.
    pub number: Option<i64>,
    /// How many ledger transactions were booked.
    pub transactions: u64,
}

/// Looks at decided conversions again and corrects what differs, in one transaction. Each must be named once. The inner
/// errors are those of single conversions: these stay as they are and are not asked for any more.
///
/// # Errors
/// The store's; what the ledger refuses. The transaction may not be committed then.
pub fn decide_again(
    tx: &mut dyn Tx,
    asked: &[ToReconsider<'_>],
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Vec<Result<Reconsidered, BookError>>, BookError> {
    let ids: Vec<ConversionId> = asked.iter().map(|asked| asked.conversion).collect();
    let pending = reconsiderations::of_conversions(tx, &ids, now)?;
    let found = conversions::find_many(tx, &ids)?;
    let stored = commissions::of_conversions(tx, &ids)?;
    let mut answers: Vec<Result<Reconsidered, BookError>> = Vec::with_capacity(asked.len());
    let mut looked: Vec<(ConversionId, Pending)> = Vec::new();
    let mut chosen: Vec<Chosen<'_>> = Vec::new();
    let mut next: Vec<Asked> = Vec::new();
    let first = first_of_customers(&found);
    let each = asked.iter().zip(pending).zip(found.into_iter().zip(stored));
    for (place, ((asked, pending), (found, stored))) in each.enumerate() {
        let id = asked.conversion;
        let Some(conversion) = found else {
            answers.push(Err(not_found(id)));
            continue;
        };
        let stands = Reconsidered { conversion: id, was_looked_at: true, number: None, transactions: 0 };
        let mut candidate = Candidate::new(conversion, asked.click, asked.touches, keys, now);
        let is_first = candidate.customer.as_ref().is_none_or(|customer| first.get(customer) == Some(&id));
        if pending.is_empty() || !is_first {
            answers.push(Ok(Reconsidered { was_looked_at: is_first, ..stands }));
            continue;
        }
        answers.push(Ok(stands));
        looked.extend(pending.iter().map(|pending| (id, *pending)));
        let follows = |pending: &Pending| look_after(&candidate.conversion, pending);
        next.extend(pending.iter().filter_map(follows));
        let only_clicks = pending.iter().all(|pending| pending.why == Why::Clicks);
        if is_closed(&candidate.conversion) || (only_clicks && knows_all(&candidate)) {
            continue;
        }
        let live = stored.iter().filter(|commission| commission.status != CommissionStatus::Unattributed);
        candidate.credited = live.map(|commission| commission.affiliate).collect();
        chosen.push(Chosen { place, candidate, pending, stored });
    }
    reconsiderations::done(tx, &looked)?;
    reconsiderations::ask(tx, &next)?;

    let candidates: Vec<Candidate<'_>> = chosen.iter().map(|chosen| chosen.candidate.clone()).collect();
    let mut known = Known::read(tx, &candidates)?;
    let mut drafts: Vec<Draft> = Vec::new();
    let mut corrected = Vec::new();
    for chosen in chosen {
        if known.is_final(&chosen) {
            continue;
        }
        let place = chosen.place;
        match known.look_at(tx, chosen, now) {
            Ok(None) => {}
            Ok(Some(correction)) => {
                if let Some(Ok(answer)) = answers.get_mut(place) {
                    answer.number = Some(correction.number);
                    answer.transactions =
                        u64::try_from(correction.drafts.len()).map_err(BookError::broken)?;
                }
                drafts.extend(correction.drafts);
                corrected.push(correction.conversion);
            }
            Err(BookError::Store(error)) => return Err(error.into()),
            // Refused before anything was written.
            Err(refusal) => {
                if let Some(answer) = answers.get_mut(place) {
                    *answer = Err(refusal);
                }
            }
        }
    }
    let (sums, _) = known.into_changes();
    qualify::note(tx, &corrected)?;
    sums.write(tx)?;
    ledger::post_many(tx, drafts, now)?;
    Ok(answers)
}

/// A conversion that is looked at.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    place: usize,
    candidate: Candidate<'a>,
    pending: Vec<Pending>,
    stored: Vec<Commission>,
}

/// What a correction leaves to be booked.
struct Corrected {
    number: i64,
    conversion: Conversion,
    drafts: Vec<Draft>,
}

/// The earliest conversion of each customer.
fn first_of_customers(found: &[Option<Conversion>]) -> BTreeMap<Customer, ConversionId> {
    let mut first: BTreeMap<Customer, (UnixMillis, ConversionId)> = BTreeMap::new();
    for conversion in found.iter().flatten() {
        let Some(customer) = super::touch::customer_of(conversion) else { continue };
        let own = (conversion.converted_at, conversion.id);
        let known = first.entry(customer).or_insert(own);
        *known = own.min(*known);
    }
    first.into_iter().map(|(customer, (_, id))| (customer, id)).collect()
}

/// Whether a conversion stays as it is, whatever becomes known.
pub(crate) fn is_closed(conversion: &Conversion) -> bool {
    let is_reported = matches!(
        conversion.source,
        ConversionSource::Postback
            | ConversionSource::Pixel
            | ConversionSource::Api
            | ConversionSource::Import
            | ConversionSource::Play
            | ConversionSource::Measurement
    );
    let is_decided = conversion.decided_at.is_some();
    let is_refused = conversion.requested_status == Some(CommissionStatus::Rejected);
    let reason = conversion.reason.as_deref().unwrap_or_default();
    let is_aside = match conversion.status {
        Some(CommissionStatus::Unattributed) => reason == "set_aside",
        Some(CommissionStatus::Rejected) => reason == caps::REASON,
        _ => false,
    };
    !is_reported || !is_decided || is_refused || is_aside
}

/// Whether the decision has seen all clicks that are known now. Of a customer's click it may not have seen the visitor, which
/// matters to later conversions.
fn knows_all(candidate: &Candidate<'_>) -> bool {
    if candidate.customer.is_some() && candidate.named_click().is_some() {
        return false;
    }
    let decision = candidate.conversion.decision.as_deref();
    let decision: Value = decision.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let seen: Vec<&str> = decision["touches"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|touch| touch["click"].as_str())
        .collect();
    candidate.gathered().all(|claims| seen.contains(&claims.unique.to_string().as_str()))
}

/// Asks for looks at conversions after their decision.
pub(super) fn look_later<'a>(
    tx: &mut dyn Tx,
    decided: impl Iterator<Item = &'a Conversion>,
    now: UnixMillis,
) -> Result<(), BookError> {
    let asked = |conversion: &Conversion| look(conversion, now, 1);
    Ok(reconsiderations::ask(tx, &decided.filter_map(asked).collect::<Vec<_>>())?)
}

fn look(conversion: &Conversion, decided_at: UnixMillis, number: usize) -> Option<Asked> {
    let after = *LOOKS.get(number.checked_sub(1)?)?;
    Some(Asked {
        conversion: conversion.id,
        advertiser: conversion.advertiser,
        why: Why::Clicks,
        due_at: decided_at.plus(after),
        asked_at: decided_at,
        look: i64::try_from(number).ok()?,
    })
}

/// The look that follows one.
fn look_after(conversion: &Conversion, pending: &Pending) -> Option<Asked> {
    let number = usize::try_from(pending.look).ok()?.checked_add(1)?;
    (pending.why == Why::Clicks).then(|| look(conversion, pending.asked_at, number)).flatten()
}

impl Known {
    /// Whether a conversion happened too long before what is asked about it.
    fn is_final(&self, chosen: &Chosen<'_>) -> bool {
        let conversion = &chosen.candidate.conversion;
        let Some(offer) = self.offer(conversion.offer) else { return true };
        let window_ms = offer.settings.window_seconds.saturating_mul(SECOND_MS);
        let asked_at = chosen.pending.iter().map(|pending| pending.asked_at).max();
        asked_at.is_none_or(|at| at.since(conversion.converted_at) > window_ms)
    }

    /// Looks at one and writes down what differs, but for what is to be booked.
    fn look_at(
        &mut self,
        tx: &mut dyn Tx,
        chosen: Chosen<'_>,
        now: UnixMillis,
    ) -> Result<Option<Corrected>, BookError> {
        let takings = caps::takings_of(&chosen.candidate.conversion)?;
        let parts = caps::parts_of(&chosen.stored);
        self.sums.shift(&takings, &parts, caps::Shift::Out)?;
        let ruled = self.rule(&chosen.candidate, now);
        let corrected = match ruled {
            Ok(ruled) => self.compare(tx, &chosen, ruled, now),
            Err(refusal) => Err(refusal),
        };
        if !matches!(corrected, Ok(Some(_))) {
            self.sums.shift(&takings, &parts, caps::Shift::In)?;
        }
        corrected
    }

    fn compare(
        &mut self,
        tx: &mut dyn Tx,
        chosen: &Chosen<'_>,
        ruled: Ruled,
        now: UnixMillis,
    ) -> Result<Option<Corrected>, BookError> {
        // What has no room is not corrected.
        if matches!(ruled.ruling, Ruling::Capped(_)) {
            return Ok(None);
        }
        let binds = ruled.ruling.binds();
        let weighed = weigh::weigh(&chosen.candidate.conversion, &chosen.stored, &ruled.ruling);
        let corrected = match weighed {
            Weighed::Stands => None,
            Weighed::Differs(targets) => {
                let id = chosen.candidate.conversion.id;
                conversions::lock(tx, [id])?;
                if commissions::of_conversion(tx, id)? != chosen.stored {
                    let detail = format!("conversion {id} was changed while it was looked at");
                    return Err(StoreError::new(ErrorKind::Conflict, detail).into());
                }
                let Some(judged) = apply::judged(tx, &chosen.candidate.conversion)? else { return Ok(None) };
                Some(self.apply(tx, chosen, ruled, (targets, judged), now)?)
            }
        };
        if let Some((customer, one)) = customers::noted(&chosen.candidate, binds)
            && hopline_control_store::customers::note_again(tx, &customer, &one)?
        {
            customers::look_at_later(tx, &[(customer, one.at, one.conversion)], now)?;
        }
        Ok(corrected)
    }
}
