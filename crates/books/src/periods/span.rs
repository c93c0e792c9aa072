//! Days, weeks and months of a time zone.

use hopline_terms::Span;
use hopline_types::UnixMillis;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::BookError;

/// From a time until before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start: UnixMillis,
    pub(super) end: UnixMillis,
}

/// The end of what never ends.
const NEVER: UnixMillis = UnixMillis(i64::MAX);

/// The period that holds a time.
///
/// # Errors
/// A time or zone that does not exist.
pub(super) fn period_of(span: Span, zone: &str, at: UnixMillis) -> Result<Period, BookError> {
    if span == Span::Total {
        return Ok(Period { start: UnixMillis(0), end: NEVER });
    }
    let broken = |error: jiff::Error| BookError::broken(format!("a {} in {zone}: {error}", span.as_str()));
    let zone = TimeZone::get(zone).map_err(broken)?;
    let day = Timestamp::from_millisecond(at.get()).map_err(broken)?.to_zoned(zone.clone()).date();
    let (first, next) = match span {
        Span::Week => {
            let first = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days());
            let first = first.map_err(broken)?;
            (first, first.checked_add(1.week()))
        }
        Span::Month => (day.first_of_month(), day.first_of_month().checked_add(1.month())),
        Span::Day | Span::Total => (day, day.checked_add(1.day())),
    };
    let begin = |day: Date| -> Result<UnixMillis, BookError> {
        Ok(UnixMillis(day.to_zoned(zone.clone()).map_err(broken)?.timestamp().as_millisecond()))
    };
    Ok(Period { start: begin(first)?, end: begin(next.map_err(broken)?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn a_period_begins_by_the_clock_of_its_zone_also_where_the_clock_is_changed() {
        let table = [
            (Span::Day, "UTC", "2026-03-01T23:59:59Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
            (
                Span::Day,
                "Europe/Berlin",
                "2026-03-29T10:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (Span::Week, "UTC", "2026-03-01T10:00:00Z", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"),
            (
                Span::Month,
                "Asia/Tokyo",
                "2026-02-28T15:00:00Z",
                "2026-02-28T15:00:00Z",
                "2026-03-31T15:00:00Z",
            ),
        ];
        for (span, zone, time, start, end) in table {
            let expected = Period { start: at(start), end: at(end) };
            assert_eq!(period_of(span, zone, at(time)).unwrap(), expected, "{time} {zone}");
        }
        assert_eq!(period_of(Span::Total, "UTC", at("2026-03-01T00:00:00Z")).unwrap().end, NEVER);
        assert!(period_of(Span::Day, "Mars/Olympus", UnixMillis(0)).is_err());
    }
}
