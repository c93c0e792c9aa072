//! Events that are booked after their period was closed (L-12).
//!
//! A closed period takes no entry any more. What happened in it and is booked later becomes effective with the first
//! moment of the open period, and its reason begins with the period and the time that it was for:
//! `late for 2026-01, happened at 1767225600000`, then `; ` and its own reason, if it has one. A store does this for
//! everything it books, in one place; recipes and callers know nothing of it. As the text follows from the request and
//! the moved time alone, a repetition of the request is still known as one.

use hopline_types::UnixMillis;

use crate::{Balanced, Draft, Period};

const LATE_FOR: &str = "late for ";
const HAPPENED_AT: &str = ", happened at ";
const OWN: &str = "; ";

/// What a late transaction was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// The period that was closed.
    pub period: Period,
    /// When it happened.
    pub happened_at: UnixMillis,
}

impl Draft {
    /// Moves what happened before `open_from` there, and says so; leaves everything else as it is.
    #[must_use]
    pub fn not_before(self, open_from: UnixMillis) -> Self {
        let happened_at = self.effective_at;
        if happened_at >= open_from {
            return self;
        }
        let period =
            Period::of(happened_at).map_or_else(|| "before 1970".to_owned(), |period| period.to_string());
        let own = self.reason.map_or_else(String::new, |reason| format!("{OWN}{reason}"));
        let reason = format!("{LATE_FOR}{period}{HAPPENED_AT}{}{own}", happened_at.get());
        Self { effective_at: open_from, reason: Some(reason), ..self }
    }

    /// When it happened: its effective time, unless it came late.
    #[must_use]
    pub fn happened_at(&self) -> UnixMillis {
        self.late().map_or(self.effective_at, |late| late.happened_at)
    }

    /// Its reason as it was asked for, without the note of a late one.
    #[must_use]
    pub fn own_reason(&self) -> Option<&str> {
        let reason = self.reason.as_deref()?;
        if self.late().is_some() { reason.split_once(OWN).map(|(_, own)| own) } else { Some(reason) }
    }

    /// The closed period that it was for, where it came late.
    #[must_use]
    pub fn late(&self) -> Option<Late> {
        late(self.reason.as_deref(), self.effective_at)
    }
}

/// The closed period that a transaction with this reason was for, where it came late.
#[must_use]
pub fn late(reason: Option<&str>, effective_at: UnixMillis) -> Option<Late> {
    let text = reason?.strip_prefix(LATE_FOR)?;
    let (period, rest) = text.split_once(HAPPENED_AT)?;
    let time = rest.split_once(OWN).map_or(rest, |(time, _)| time);
    let late = Late { period: period.parse().ok()?, happened_at: UnixMillis(time.parse().ok()?) };
    let fits = Period::of(late.happened_at) == Some(late.period) && late.period.end() <= effective_at;
    fits.then_some(late)
}

impl Balanced {
    /// As [`Draft::not_before`]; lines stay as they are, so it still balances.
    #[must_use]
    pub fn not_before(self, open_from: UnixMillis) -> Self {
        Self::of(self.into_draft().not_before(open_from))
    }
}
