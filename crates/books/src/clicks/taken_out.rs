//! Clicks that were settled and then found to be invalid.
//!
//! The clicks of an hour are a pile: each settlement has put some on top, at the worth of all so far less the worth of those
//! below. What is taken out comes off the top, at the same worth, by the terms that it was settled by. So the money that
//! is left is always the worth of the clicks that are left.

use hopline_click_store::ClickCount;
use hopline_control_store::Tx;
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::findings::{self, Finding};
use hopline_control_store::offers;
use hopline_control_store::settlements::{self, Correction};
use hopline_types::{GoalId, HOUR_MS, UnixMillis};

use super::{ClicksSettled, event_id};
use crate::{BookError, refund};

/// Brings an hour down to what is counted now, where findings explain it. `before`: clicks settled and not taken out, and
/// in how many steps.
pub(super) fn take_out(
    tx: &mut dyn Tx,
    goal: GoalId,
    count: &ClickCount,
    (clicks, settlements): (u64, i64),
    settled: &mut ClicksSettled,
    now: UnixMillis,
) -> Result<(), BookError> {
    let end = count.hour.plus(HOUR_MS);
    let findings = findings::between(tx, count.offer, count.affiliate, count.hour, end)?;
    if findings.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = findings.iter().map(name).collect();
    let names = shortened(&names.join(", "));
    let mut top = clicks;
    for number in (1..=settlements).rev() {
        if top <= count.clicks {
            break;
        }
        let step = conversions::find_by_event(tx, &event_id(goal, count, number))?
            .ok_or_else(|| BookError::broken(format!("settlement {number} of {count:?} is missing")))?;
        let left = step.quantity - settlements::corrected_of(tx, step.id)?;
        let out = u64::try_from(left).map_err(BookError::broken)?.min(top - count.clicks);
        if out == 0 {
            continue;
        }
        let bottom = top - out;
        let reason = format!("{out} clicks of the hour were found to be invalid: {names}");
        let correction = Correction {
            conversion: step.id,
            goal,
            affiliate: count.affiliate,
            hour: count.hour,
            clicks: i64::try_from(out).map_err(BookError::broken)?,
            reason: reason.clone(),
        };
        settlements::correct(tx, &correction, now)?;
        settled.transactions += money_back(tx, step, (bottom, top), &reason, now)?;
        settled.taken_out += out;
        top = bottom;
    }
    Ok(())
}

fn name(finding: &Finding) -> String {
    format!("finding {} ({})", finding.id, finding.what.reason)
}

/// As much as fits into a reason.
fn shortened(names: &str) -> String {
    const CHARS_MAX: usize = 400;
    let mut text: String = names.chars().take(CHARS_MAX).collect();
    if text.len() < names.len() {
        text.push('…');
    }
    text
}

/// Takes back what these clicks had brought; a step that no cap had room for has brought nothing.
fn money_back(
    tx: &mut dyn Tx,
    step: Conversion,
    (bottom, top): (u64, u64),
    reason: &str,
    now: UnixMillis,
) -> Result<u64, BookError> {
    let Some(terms) = step.terms else { return Ok(0) };
    let terms = offers::terms_of(tx, terms)?
        .ok_or_else(|| BookError::broken(format!("terms {terms} of conversion {} are missing", step.id)))?;
    let worth = hopline_terms::click_settlement(&terms.terms, bottom, top, step.currency)
        .map_err(BookError::broken)?;
    refund::take_out(tx, step, (worth.revenue, worth.payout), (reason, refund::FINDER), now)
}
