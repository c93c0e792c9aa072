//! Schedules: drafts that prepare themselves.
//!
//! A schedule runs at the beginning of its day, in its time zone. It drafts what was owed `net_days` before that day began; with 0
//! everything up to it. After a pause it runs once and takes everything: nothing is drafted twice, for open items are
//! taken by one payout only. Its draft counts as made by who has last changed the schedule, so another person approves
//! it (L-25). Where nobody can be paid there is no draft; the schedule says why.

use hopline_control_store::Tx;
use hopline_control_store::payouts::{self, Schedule, ScheduleDone};
use hopline_types::{PayoutMethod, UnixMillis};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::draft::{DraftOptions, draft_if_any};
use super::{BatchView, NewBatch};
use crate::{BookError, FieldError};

/// The most days between what is owed and what is drafted.
const NET_DAYS_MAX: u16 = 366;

/// On which days a schedule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "every", deny_unknown_fields)]
pub enum Frequency {
    /// Each week.
    Week {
        /// 1 is Monday, 7 Sunday.
        weekday: i8,
    },
    /// Twice a month.
    HalfMonth {
        /// Two days of the month; a month that is shorter has its last day instead.
        days: [i8; 2],
    },
    /// Each month.
    Month {
        /// The day; a month that is shorter has its last day instead.
        day: i8,
    },
}

/// What a schedule drafts, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    /// ISO 4217 code.
    pub currency: String,
    /// Payout method.
    pub method: PayoutMethod,
    /// On which days.
    pub when: Frequency,
    /// Days between what is owed and what is drafted (net-N).
    #[serde(default)]
    pub net_days: u16,
    /// Decimal; an affiliate with less is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// Decimal; see [`DraftOptions::round_down_to`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_down_to: Option<String>,
    /// Name in the time zone database.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl NewSchedule {
    /// What is wrong with it, by field.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut day = |field: &str, day: i8| {
            if !(1..=31).contains(&day) {
                faults.push(FieldError::new(field, format!("{day} is no day of a month: expected 1 to 31")));
            }
        };
        match self.when {
            Frequency::Week { weekday } if !(1..=7).contains(&weekday) => {
                let message = format!("{weekday} is no weekday: expected 1 (Monday) to 7 (Sunday)");
                faults.push(FieldError::new("when.weekday", message));
            }
            Frequency::Week { .. } => {}
            Frequency::Month { day: given } => day("when.day", given),
            Frequency::HalfMonth { days: [first, second] } => {
                day("when.days", first);
                day("when.days", second);
                if first >= second {
                    faults.push(FieldError::new("when.days", "are not two days in order"));
                }
            }
        }
        if self.net_days > NET_DAYS_MAX {
            faults.push(FieldError::new("net_days", format!("is more than {NET_DAYS_MAX}")));
        }
        if TimeZone::get(&self.time_zone).is_err() {
            faults.push(FieldError::new(
                "time_zone",
                format!("{:?} is not in the time zone database", self.time_zone),
            ));
        }
        let currency = hopline_money::Currency::payable(&self.currency);
        match &currency {
            Err(error) => faults.push(FieldError::new("currency", error)),
            Ok(currency) => {
                for (field, text) in [("minimum", &self.minimum), ("round_down_to", &self.round_down_to)] {
                    match text.as_ref().map(|text| hopline_money::Amount::parse(text, *currency)) {
                        Some(Err(error)) => faults.push(FieldError::new(field, error)),
                        Some(Ok(amount))
                            if amount.is_negative() || (field == "round_down_to" && amount.is_zero()) =>
                        {
                            faults.push(FieldError::new(field, format!("{amount} is too small")));
                        }
                        Some(Ok(_)) | None => {}
                    }
                }
            }
        }
        let only = match self.method {
            PayoutMethod::Sepa => Some("EUR"),
            PayoutMethod::Ach => Some("USD"),
            PayoutMethod::Paypal | PayoutMethod::Wise | PayoutMethod::Manual | PayoutMethod::Bank => None,
        };
        if let Some(only) = only.filter(|only| *only != self.currency) {
            faults.push(FieldError::new(
                "currency",
                format!("{} pays {only}, not {}", self.method, self.currency),
            ));
        }
        faults
    }

    fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// When it runs next after a time.
    #[must_use]
    pub fn next_after(&self, after: UnixMillis) -> UnixMillis {
        let zone = self.zone();
        let mut day = Timestamp::from_millisecond(after.get()).unwrap_or_default().to_zoned(zone).date();
        // Every frequency has a day within a month and a day.
        for _ in 0..=40 {
            day = day.saturating_add(1.days());
            if self.is_due_on(day) {
                let begin = self.begin_of(day);
                if begin > after {
                    return begin;
                }
            }
        }
        UnixMillis(i64::MAX)
    }

    fn is_due_on(&self, date: Date) -> bool {
        let is_day = |day: i8| date.day() == day.min(date.days_in_month());
        match self.when {
            Frequency::Week { weekday } => date.weekday().to_monday_one_offset() == weekday,
            Frequency::HalfMonth { days } => days.into_iter().any(is_day),
            Frequency::Month { day } => is_day(day),
        }
    }

    fn begin_of(&self, date: Date) -> UnixMillis {
        let zoned = date.to_zoned(self.zone());
        zoned.map_or(UnixMillis(i64::MAX), |zoned| UnixMillis(zoned.timestamp().as_millisecond()))
    }

    /// Up to when a run takes what is owed: the last moment before the day, `net_days` earlier.
    fn cutoff(&self, due_at: UnixMillis) -> UnixMillis {
        let day = Timestamp::from_millisecond(due_at.get()).unwrap_or_default().to_zoned(self.zone()).date();
        let day = day.saturating_sub(i64::from(self.net_days).days());
        self.begin_of(day).plus(-1)
    }
}

/// What a stored schedule drafts, and when.
///
/// # Errors
/// [`BookError::Broken`] where it cannot be read.
pub fn schedule_of(schedule: &Schedule) -> Result<NewSchedule, BookError> {
    serde_json::from_str(&schedule.state.content)
        .map_err(|error| BookError::broken(format!("payout schedule {}: {error}", schedule.id)))
}

/// Runs the next schedule that is due, if there is one, and gives back what it drafted. Of two who do this at once one drafts.
///
/// # Errors
/// The store's. A draft that is refused is noted with the schedule, which then waits for its next day.
pub fn run_due(tx: &mut dyn Tx, now: UnixMillis) -> Result<Option<(Schedule, Option<BatchView>)>, BookError> {
    let Some(due) = payouts::due_schedules(tx, now, 1)?.pop() else { return Ok(None) };
    let new = schedule_of(&due)?;
    // The last of the days that have passed meanwhile.
    let mut last = due.state.next_at;
    loop {
        let next = new.next_after(last);
        if next > now {
            break;
        }
        last = next;
    }
    let asked = NewBatch {
        currency: new.currency.clone(),
        method: new.method.as_str().to_owned(),
        cutoff: Some(new.cutoff(last)),
        minimum: new.minimum.clone(),
    };
    let options = DraftOptions { round_down_to: new.round_down_to.clone(), schedule: Some(due.id) };
    let (drafted, outcome) = match draft_if_any(tx, &asked, &options, &due.state.changed_by, now) {
        Ok(Ok(view)) => {
            let outcome =
                format!("drafted {} payouts, left {} out", view.payouts.len(), view.batch.refused.len());
            (Some(view), outcome)
        }
        Ok(Err(0)) => (None, "nothing was owed".to_owned()),
        Ok(Err(refused)) => (None, format!("nobody could be paid: {refused} left out")),
        Err(BookError::Invalid(errors)) => (None, BookError::Invalid(errors).to_string()),
        Err(error) => return Err(error),
    };
    let done = ScheduleDone {
        at: now,
        next_at: new.next_after(last.max(now)),
        batch: drafted.as_ref().map(|view| view.batch.id),
        outcome,
    };
    if !payouts::note_schedule(tx, due.id, due.state.next_at, &done)? {
        return Err(BookError::broken(format!("payout schedule {} was run in between", due.id)));
    }
    Ok(Some((due, drafted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(when: Frequency, net_days: u16, time_zone: &str) -> NewSchedule {
        NewSchedule {
            currency: "EUR".into(),
            method: PayoutMethod::Sepa,
            when,
            net_days,
            minimum: None,
            round_down_to: None,
            time_zone: time_zone.into(),
        }
    }

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn schedules_run_at_the_beginning_of_their_days() {
        let weekly = schedule(Frequency::Week { weekday: 1 }, 0, "UTC");
        assert_eq!(weekly.next_after(at("2026-03-01T10:00:00Z")), at("2026-03-02T00:00:00Z"));
        assert_eq!(weekly.next_after(at("2026-03-02T00:00:00Z")), at("2026-03-09T00:00:00Z"));
        let halves = schedule(Frequency::HalfMonth { days: [15, 31] }, 0, "UTC");
        assert_eq!(halves.next_after(at("2026-02-01T00:00:00Z")), at("2026-02-15T00:00:00Z"));
        assert_eq!(halves.next_after(at("2026-02-15T00:00:00Z")), at("2026-02-28T00:00:00Z"));
        let monthly = schedule(Frequency::Month { day: 1 }, 0, "Europe/Berlin");
        assert_eq!(monthly.next_after(at("2026-03-01T10:00:00Z")), at("2026-03-31T22:00:00Z"));
    }

    #[test]
    fn net_days_lie_between_what_is_owed_and_its_draft() {
        let due = at("2026-03-31T00:00:00Z");
        assert_eq!(
            schedule(Frequency::Month { day: 31 }, 0, "UTC").cutoff(due),
            at("2026-03-30T23:59:59.999Z")
        );
        assert_eq!(
            schedule(Frequency::Month { day: 31 }, 30, "UTC").cutoff(due),
            at("2026-02-28T23:59:59.999Z")
        );
    }

    #[test]
    fn every_fault_of_a_schedule_is_named() {
        let fields = |schedule: &NewSchedule| -> Vec<String> {
            schedule.faults().into_iter().map(|fault| fault.field).collect()
        };
        let mut wrong = schedule(Frequency::HalfMonth { days: [16, 0] }, 999, "Mars/Olympus");
        wrong.currency = "USD".into();
        wrong.minimum = Some("1.234".into());
        assert_eq!(
            fields(&wrong),
            ["when.days", "when.days", "net_days", "time_zone", "minimum", "currency"]
        );
        assert_eq!(fields(&schedule(Frequency::Week { weekday: 8 }, 0, "UTC")), ["when.weekday"]);
        assert!(fields(&schedule(Frequency::Month { day: 31 }, 30, "UTC")).is_empty());
    }
}
