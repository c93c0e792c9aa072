//! The cells that all text forms share.

use hopline_money::{Currency, format_minor};

use super::{Amounts, Line};
use crate::explain::rfc3339;

/// What a line says beside its amounts.
pub(super) struct Cells {
    pub(super) effective_at: String,
    pub(super) booked_at: String,
    pub(super) record: String,
    pub(super) kind: &'static str,
    pub(super) conversion: String,
    pub(super) converted_at: String,
    pub(super) offer: String,
    pub(super) goal: String,
    pub(super) payout: String,
    pub(super) late_for: String,
    pub(super) reason: String,
}

impl Cells {
    pub(super) fn of(line: &Line) -> Self {
        let about = line.conversion.as_ref();
        Self {
            effective_at: rfc3339(line.effective_at),
            booked_at: rfc3339(line.booked_at),
            record: line.sequence.to_string(),
            kind: line.kind.as_str(),
            conversion: about.map(|about| about.id.to_string()).unwrap_or_default(),
            converted_at: about.map(|about| rfc3339(about.converted_at)).unwrap_or_default(),
            offer: about.map(|about| about.offer.to_string()).unwrap_or_default(),
            goal: about.map(|about| about.goal.clone()).unwrap_or_default(),
            payout: line.payout.map(|payout| payout.to_string()).unwrap_or_default(),
            late_for: line.late_for.map(|period| period.to_string()).unwrap_or_default(),
            reason: line.reason.clone().unwrap_or_default(),
        }
    }
}

/// Pending, approved, payable, paid as decimals.
pub(super) fn decimals(amounts: Amounts, currency: Currency) -> [String; 4] {
    amounts.each().map(|minor| format_minor(minor, currency))
}
