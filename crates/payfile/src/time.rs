//! Times in the forms of the files.

use hopline_types::UnixMillis;
use jiff::{Timestamp, tz::TimeZone};

/// `2026-03-01T10:00:00Z`, for `CreDtTm`.
pub(crate) fn iso(at: UnixMillis) -> String {
    form(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// `20260301T100000Z`.
pub(crate) fn compact(at: UnixMillis) -> String {
    form(at, "%Y%m%dT%H%M%SZ")
}

/// A time of UTC in a form. Times outside the years 1 to 9999 stop at the nearest end of that range.
pub(crate) fn form(at: UnixMillis, form: &str) -> String {
    const FIRST: i64 = -62_135_596_800_000; // 0001-01-01T00:00:00Z
    const LAST: i64 = 253_402_207_199_000; // jiff's last second, in 9999
    let timestamp =
        Timestamp::from_millisecond(at.get().clamp(FIRST, LAST)).expect("clamped into jiff's range");
    timestamp.to_zoned(TimeZone::UTC).strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_second_also_at_the_ends_of_the_range() {
        assert_eq!(iso(UnixMillis(1_772_359_200_999)), "2026-03-01T10:00:00Z");
        assert_eq!(iso(UnixMillis(i64::MIN)), "0001-01-01T00:00:00Z");
        assert_eq!(iso(UnixMillis(i64::MAX)).len(), 20);
    }
}
