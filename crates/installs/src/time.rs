//! Times as others write them.

use hopline_types::{SECOND_MS, UnixMillis};

/// Numbers from here on are milliseconds: as seconds they would lie after the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A time as Unix seconds or milliseconds, as RFC 3339, or as `2026-02-01 10:00:00`, which is meant in UTC.
pub(crate) fn read(text: &str) -> Option<UnixMillis> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return match number {
            ..=0 => None,
            MILLISECONDS_FROM.. => Some(UnixMillis(number)),
            seconds => Some(UnixMillis(seconds * SECOND_MS)),
        };
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(UnixMillis(at.as_millisecond()));
    }
    let civil = text.strip_suffix(" UTC").unwrap_or(text).parse::<jiff::civil::DateTime>().ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UnixMillis(at.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_the_forms_that_are_sent() {
        let at = Some(UnixMillis(1_769_940_000_000));
        for text in [
            "1769940000",
            "1769940000000",
            "2026-02-01T10:00:00Z",
            "2026-02-01T11:00:00+01:00",
            "2026-02-01 10:00:00",
            "2026-02-01 10:00:00.000",
            " 2026-02-01 10:00:00 UTC ",
        ] {
            assert_eq!(read(text), at, "{text}");
        }
        for text in ["", "0", "-1", "yesterday", "{install_time}", "2026-02-31 10:00:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
