//! Periods: the calendar months of effective time, in UTC.

use hopline_types::UnixMillis;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The years that a period may have.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

/// A text that is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no month: expected one such as 2026-01, of the years 1970 to 9998")]
pub struct PeriodError {
    /// What was given.
    pub given: String,
}

/// A calendar month in UTC. Text form: `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    year: i16,
    month: i8,
}

impl Period {
    /// The month that holds a time. None outside the years that a period may have.
    #[must_use]
    pub fn of(time: UnixMillis) -> Option<Self> {
        let day = Timestamp::from_millisecond(time.get()).ok()?.to_zoned(TimeZone::UTC).date();
        Self::new(day.year(), day.month())
    }

    fn new(year: i16, month: i8) -> Option<Self> {
        (YEARS.contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> UnixMillis {
        moment(self.first_day())
    }

    /// The first moment after it.
    #[must_use]
    pub fn end(self) -> UnixMillis {
        moment(self.first_day().last_of_month().tomorrow().expect("years end before the calendar does"))
    }

    /// The month after it, while there is one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::of(self.end())
    }

    fn first_day(self) -> Date {
        date(self.year, self.month, 1)
    }
}

fn moment(day: Date) -> UnixMillis {
    let midnight = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).expect("years stay within the calendar");
    UnixMillis(midnight.as_millisecond())
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl std::str::FromStr for Period {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let read = || {
            let (year, month) = text.split_once('-')?;
            Self::new(year.parse().ok()?, month.parse().ok()?)
        };
        // One month has one text.
        let period = read().filter(|period| period.to_string() == text);
        period.ok_or_else(|| PeriodError { given: text.chars().take(32).collect() })
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;
    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> String {
        period.to_string()
    }
}
