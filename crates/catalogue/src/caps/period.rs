//! Days, weeks and months of a zone.

use std::sync::atomic::{AtomicU64, Ordering};

use hopline_types::{MINUTE_MS, UnixMillis};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::data::CapPeriod;
use crate::zone;

/// A time in which a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first moment; 1970 for [`CapPeriod::Total`].
    pub start: UnixMillis,
    /// The first moment behind it; none: it does not end.
    pub end: Option<UnixMillis>,
}

/// The period that holds a moment. Days begin with the zone's first moment of the day, whatever its clock shows then;
/// with summer time they have 23 or 25 hours.
pub(super) fn at(period: CapPeriod, zone: &TimeZone, now: UnixMillis) -> Period {
    let day = zone::day(zone, now);
    let (first, length) = match period {
        CapPeriod::Total => return Period { start: UnixMillis(0), end: None },
        CapPeriod::Day => (day, 1.day()),
        CapPeriod::Week => {
            (day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()), 7.days())
        }
        CapPeriod::Month => (day.first_of_month(), 1.month()),
    };
    let start = |day: Date| zone::day_start(zone, day);
    Period {
        start: start(first).unwrap_or(UnixMillis(i64::MIN)),
        end: first.checked_add(length).ok().and_then(start),
    }
}

/// The period as last worked out, if it holds the moment; else works it out and remembers it. Start and length are kept
/// in one word, in minutes, so that threads never see half of another's: a period that does not begin and end with
/// a minute between 1970 and the year 10000 is not kept.
pub(super) fn remembered(recent: &AtomicU64, now: UnixMillis, work_out: impl FnOnce() -> Period) -> Period {
    let word = recent.load(Ordering::Relaxed);
    if word != 0 {
        let minutes = |bits| i64::try_from(bits & u64::from(u32::MAX)).expect("32 bits fit") * MINUTE_MS;
        let start = UnixMillis(minutes(word >> 32));
        let end = start.plus(minutes(word));
        if start <= now && now < end {
            return Period { start, end: Some(end) };
        }
    }
    let period = work_out();
    if let Some(word) = packed(period) {
        recent.store(word, Ordering::Relaxed);
    }
    period
}

fn packed(period: Period) -> Option<u64> {
    let minutes = |millis: i64| {
        u32::try_from(millis / MINUTE_MS).ok().filter(|_| millis % MINUTE_MS == 0).map(u64::from)
    };
    let start = minutes(period.start.get())?;
    let length = minutes(period.end?.since(period.start))?;
    Some(start << 32 | length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(time: &str) -> UnixMillis {
        UnixMillis(time.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn within(period: CapPeriod, zone: &str, now: &str) -> (UnixMillis, Option<UnixMillis>) {
        let found = at(period, &TimeZone::get(zone).unwrap(), millis(now));
        (found.start, found.end)
    }

    #[test]
    fn days_weeks_and_months_begin_by_the_zones_clock_also_when_it_is_moved() {
        use CapPeriod::{Day, Month, Week};
        for (period, zone, now, start, end) in [
            (Day, "UTC", "2026-02-28T23:59:59.999Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
            (Day, "Europe/Berlin", "2026-02-28T23:00:00Z", "2026-02-28T23:00:00Z", "2026-03-01T23:00:00Z"),
            // 23 and 25 hours.
            (Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Day, "Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // Clocks skip the first hour of the day.
            (Day, "America/Asuncion", "2023-10-01T10:00:00Z", "2023-10-01T04:00:00Z", "2023-10-02T03:00:00Z"),
            // Clocks go back one minute behind midnight: the day has begun and does not begin again.
            (Day, "America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"),
            (Week, "Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Week, "Asia/Kolkata", "2026-01-01T00:00:00Z", "2025-12-28T18:30:00Z", "2026-01-04T18:30:00Z"),
            (
                Month,
                "America/New_York",
                "2026-03-31T23:00:00Z",
                "2026-03-01T05:00:00Z",
                "2026-04-01T04:00:00Z",
            ),
            (
                Month,
                "Pacific/Auckland",
                "2024-02-29T10:00:00Z",
                "2024-01-31T11:00:00Z",
                "2024-02-29T11:00:00Z",
            ),
        ] {
            assert_eq!(
                within(period, zone, now),
                (millis(start), Some(millis(end))),
                "{period:?} {zone} {now}"
            );
        }
        assert_eq!(within(CapPeriod::Total, "UTC", "2026-01-01T00:00:00Z"), (UnixMillis(0), None));
    }

    proptest! {
        #[test]
        fn periods_hold_their_moments_and_follow_each_other_without_gap(
            zone in proptest::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Asuncion", "Asia/Kathmandu",
                "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia", "America/Havana",
            ]),
            period in proptest::sample::select(vec![CapPeriod::Day, CapPeriod::Week, CapPeriod::Month]),
            now in 0_i64..4_000_000_000_000,
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let recent = AtomicU64::new(0);
            let ask = |now| remembered(&recent, now, || at(period, &zone, now));
            let found = at(period, &zone, UnixMillis(now));
            let end = found.end.unwrap();
            prop_assert!(found.start.get() <= now && now < end.get());
            for moment in [now, found.start.get(), end.get() - 1] {
                prop_assert_eq!(at(period, &zone, UnixMillis(moment)), found);
                prop_assert_eq!(ask(UnixMillis(moment)), found);
            }
            prop_assert_eq!(ask(end).start, end);
            prop_assert_eq!(ask(found.start.plus(-1)).end, Some(found.start));
        }
    }
}
