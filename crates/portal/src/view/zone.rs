//! The viewer's time zone: where days begin, and how times are written.
//!
//! A script puts the browser's IANA name into the cookie `hl_tz`; whatever else stands there is UTC.

use hopline_types::UnixMillis;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned, civil};

/// The longest name that is looked up.
const NAME_BYTES_MAX: usize = 64;

/// A time zone with its name.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) zone: TimeZone,
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC }
    }

    /// Reads the cookie's value.
    pub(crate) fn from_cookie(value: &str) -> Self {
        let name = value.replace("%2F", "/").replace("%2f", "/").replace("%2B", "+").replace("%2b", "+");
        let fits = name.len() <= NAME_BYTES_MAX
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
        let found = if fits { TimeZone::get(&name).ok() } else { None };
        found.map_or_else(Self::utc, |zone| Self { name: zone.iana_name().unwrap_or("UTC").to_owned(), zone })
    }

    pub(crate) fn at(&self, time: UnixMillis) -> Zoned {
        let end = if time.get() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_millisecond(time.get()).unwrap_or(end).to_zoned(self.zone.clone())
    }

    /// The date some days from the day of `time`.
    fn date(&self, time: UnixMillis, days: i64) -> civil::Date {
        self.at(time).date().saturating_add(days.days())
    }

    /// When the day begins that lies some days from the day of `time`. Need not be at 00:00.
    pub(crate) fn day_start(&self, time: UnixMillis, days: i64) -> UnixMillis {
        let start = self.date(time, days).to_zoned(self.zone.clone()).and_then(|day| day.start_of_day());
        start.map_or(time, |start| UnixMillis(start.timestamp().as_millisecond()))
    }

    /// `Sunday, 22 November 2026`.
    pub(crate) fn long_date(&self, time: UnixMillis) -> String {
        self.at(time).strftime("%A, %-d %B %Y").to_string()
    }

    /// `12:03:11`.
    pub(crate) fn seconds(&self, time: UnixMillis) -> String {
        self.at(time).strftime("%H:%M:%S").to_string()
    }

    /// `12:03` today, `21 Nov, 12:03` on another day.
    pub(crate) fn short(&self, time: UnixMillis, now: UnixMillis) -> String {
        let local = self.at(time);
        let form = if local.date() == self.at(now).date() { "%H:%M" } else { "%-d %b, %H:%M" };
        local.strftime(form).to_string()
    }

    /// `22 Nov 2026, 12:03:11`.
    pub(crate) fn stamp(&self, time: UnixMillis) -> String {
        self.at(time).strftime("%-d %b %Y, %H:%M:%S").to_string()
    }

    /// `22 Nov 2026, 12:03:11 (Europe/Berlin)`.
    pub(crate) fn long(&self, time: UnixMillis) -> String {
        format!("{} ({})", self.stamp(time), self.name)
    }
}

/// RFC 3339, for `<time datetime>`.
pub(crate) fn rfc3339(time: UnixMillis) -> String {
    Timestamp::from_millisecond(time.get()).map_or_else(|_| String::new(), |time| time.to_string())
}

/// A span in the largest fitting unit: `2 s`, `5 min`, `3 h`, `2 d`.
pub(crate) fn age(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_looked_up_and_everything_else_is_utc() {
        let table = [
            ("Europe%2FBerlin", "Europe/Berlin"),
            ("America/New_York", "America/New_York"),
            ("Mars/Olympus", "UTC"),
            ("../../etc/passwd", "UTC"),
            ("<script>", "UTC"),
            ("", "UTC"),
        ];
        for (cookie, expected) in table {
            assert_eq!(Zone::from_cookie(cookie).name, expected, "{cookie}");
        }
    }

    #[test]
    fn the_day_begins_where_the_viewer_is() {
        let at = |text: &str| UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond());
        let zone = Zone::from_cookie("Europe/Berlin");
        let now = at("2026-03-29T22:30:00Z"); // 00:30 on the 30th, the day after clocks changed
        assert_eq!(zone.day_start(now, 0), at("2026-03-29T22:00:00Z"));
        assert_eq!(zone.day_start(now, -1), at("2026-03-28T23:00:00Z"));
        assert_eq!(zone.long_date(now), "Monday, 30 March 2026");
    }

    #[test]
    fn ages_are_in_the_largest_fitting_unit() {
        let table =
            [(-5, "0 s"), (2_900, "2 s"), (61_000, "1 min"), (7_200_000, "2 h"), (200_000_000, "2 d")];
        for (millis, expected) in table {
            assert_eq!(age(millis), expected);
        }
    }
}
