//! Cutting time in a zone.

use hopline_types::{HOUR_MS, UnixMillis};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned, civil};

use crate::{Dimension, ReportQuery, Value};

/// A query has at most this many pieces of time: a year of hours and a bit.
pub const SEGMENTS_MAX: usize = 10_000;

/// A piece of the query's period that lies in one value of each of its time dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Start, inclusive.
    pub from: UnixMillis,
    /// End, exclusive.
    pub to: UnixMillis,
    /// Values of the time dimensions, in the order of `group_by`.
    pub values: Vec<Value>,
}

impl ReportQuery {
    /// Cuts the period so that each piece lies in one value of every time dimension asked for.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment> {
        cut(self.from, self.to, &self.zone, &self.group_by, usize::MAX)
    }

    /// Puts a row's key together from a segment's time values and the other dimensions' values, each in the
    /// order of `group_by`.
    #[must_use]
    pub fn key(&self, segment: &Segment, others: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut times = segment.values.iter().cloned();
        let mut others = others.into_iter();
        self.group_by
            .iter()
            .map(|dimension| if dimension.is_time() { times.next() } else { others.next() })
            .map(|value| value.unwrap_or(Value::None))
            .collect()
    }
}

/// At most `limit` pieces, so that an absurd period is noticed before it fills the memory.
pub(crate) fn cut(
    from: UnixMillis,
    to: UnixMillis,
    zone: &TimeZone,
    group_by: &[Dimension],
    limit: usize,
) -> Vec<Segment> {
    let times: Vec<Dimension> = group_by.iter().copied().filter(|dimension| dimension.is_time()).collect();
    let mut segments = Vec::new();
    let mut start = from;
    while start < to && segments.len() < limit {
        let pieces: Vec<Piece> = times.iter().map(|dimension| piece(start, zone, *dimension)).collect();
        let end = pieces.iter().map(|piece| piece.end).min().unwrap_or(to).min(to);
        let values = pieces.into_iter().map(|piece| piece.value).collect();
        // A zone that repeats time cannot make a piece end before it began, but never loop on a surprise.
        let end = if end > start { end } else { to };
        segments.push(Segment { from: start, to: end, values });
        start = end;
    }
    segments
}

struct Piece {
    end: UnixMillis,
    value: Value,
}

/// The hour, day, week or month that holds `at`.
fn piece(at: UnixMillis, zone: &TimeZone, dimension: Dimension) -> Piece {
    let local = zoned(at, zone);
    let day = local.date();
    if dimension == Dimension::Hour {
        let offset = i64::from(local.offset().seconds()) * 1_000;
        let start = UnixMillis((at.get() + offset).div_euclid(HOUR_MS) * HOUR_MS - offset);
        let label = zoned(start, zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        return Piece { end: start.plus(HOUR_MS), value: Value::Time { start, label } };
    }
    let week = day.iso_week_date();
    let (first, next, label) = match dimension {
        Dimension::Week => {
            let past = i64::from(week.weekday().to_monday_zero_offset());
            let monday = moved(day, -past);
            (monday, moved(monday, 7), format!("{}-W{:02}", week.year(), week.week()))
        }
        Dimension::Month => {
            let first = day.first_of_month();
            (first, moved(day.last_of_month(), 1), day.strftime("%Y-%m").to_string())
        }
        _ => (day, moved(day, 1), day.to_string()),
    };
    let start = day_start(first, zone);
    Piece { end: day_start(next, zone), value: Value::Time { start, label } }
}

/// A date some days later; stays where the calendar ends.
pub(crate) fn moved(date: civil::Date, days: i64) -> civil::Date {
    date.saturating_add(days.days())
}

/// The first instant of a date in a zone (which need not be 00:00).
pub(crate) fn day_start(date: civil::Date, zone: &TimeZone) -> UnixMillis {
    date.to_zoned(zone.clone())
        .and_then(|zoned| zoned.start_of_day())
        .map_or(UnixMillis(i64::MAX), |zoned| UnixMillis(zoned.timestamp().as_millisecond()))
}

/// An instant in a zone; instants beyond the calendar (years -9999 to 9999) become its ends.
pub(crate) fn zoned(at: UnixMillis, zone: &TimeZone) -> Zoned {
    let end = if at.get() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.get()).unwrap_or(end).to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn labels(from: &str, to: &str, zone: &str, group_by: &[Dimension]) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        cut(at(from), at(to), &zone, group_by, 1_000)
            .into_iter()
            .map(|segment| {
                let values = segment.values.iter().map(|value| match value {
                    Value::Time { label, .. } => label.clone(),
                    other => format!("{other:?}"),
                });
                let hours = (segment.to.get() - segment.from.get()) / HOUR_MS;
                format!("{} {hours}h", values.collect::<Vec<_>>().join(" "))
            })
            .collect()
    }

    #[test]
    fn days_of_a_zone_have_23_or_25_hours_when_clocks_change() {
        assert_eq!(
            labels("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", "Europe/Berlin", &[Dimension::Day]),
            ["2026-03-28 24h", "2026-03-29 23h", "2026-03-30 24h"]
        );
        assert_eq!(
            labels("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "Europe/Berlin", &[Dimension::Day]),
            ["2026-10-25 25h"]
        );
    }

    #[test]
    fn the_repeated_hour_has_two_names() {
        assert_eq!(
            labels("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "Europe/Berlin", &[Dimension::Hour]),
            ["2026-10-25T02:00:00+02:00 1h", "2026-10-25T02:00:00+01:00 1h"]
        );
    }

    #[test]
    fn weeks_and_months_are_cut_where_either_ends() {
        assert_eq!(
            labels(
                "2025-12-31T00:00:00Z",
                "2026-01-06T00:00:00Z",
                "UTC",
                &[Dimension::Week, Dimension::Month]
            ),
            ["2026-W01 2025-12 24h", "2026-W01 2026-01 96h", "2026-W02 2026-01 24h"]
        );
    }

    #[test]
    fn hours_of_kolkata_begin_at_the_half_hour_of_utc() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let segments =
            cut(at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z"), &zone, &[Dimension::Hour], 10);
        assert_eq!(segments.len(), 2);
        assert_eq!(segments[0].to, at("2026-01-01T00:30:00Z"));
    }

    #[test]
    fn without_time_dimensions_the_period_is_one_piece() {
        assert_eq!(labels("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "UTC", &[]), [" 8760h"]);
    }
}
