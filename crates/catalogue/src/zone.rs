//! Time zones by their IANA names.
//!
//! Zones come from the system's zone files and are read while a catalogue is compiled or a field is checked, never
//! while a click is answered.

use hopline_types::{MINUTE_MS, UnixMillis};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The zone of a name.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| format!("{name:?} is no time zone known here, expected one like Europe/Berlin"))
}

/// A time as the zone library has it; times outside its years -9999 to 9999 stop at the ends.
pub(crate) fn timestamp(at: UnixMillis) -> Timestamp {
    let end = if at.get() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.get()).unwrap_or(end)
}

/// Milliseconds that the zone's clocks show more than UTC.
pub(crate) fn offset(zone: &TimeZone, at: UnixMillis) -> i64 {
    i64::from(zone.to_offset(timestamp(at)).seconds()) * (MINUTE_MS / 60)
}

/// The first moment of a day; none where the zone library knows no such time.
pub(crate) fn day_start(zone: &TimeZone, day: Date) -> Option<UnixMillis> {
    let start = day.to_zoned(zone.clone()).ok()?;
    Some(UnixMillis(start.timestamp().as_millisecond()))
}

/// The day of a moment: that whose first moment was the last one to pass. Where clocks go back over midnight this is
/// the new day, though they show the old one again.
pub(crate) fn day(zone: &TimeZone, at: UnixMillis) -> Date {
    let shown = zone.to_datetime(timestamp(at)).date();
    let Ok(next) = shown.checked_add(1.day()) else { return shown };
    match day_start(zone, next) {
        Some(start) if start <= at => next,
        _ => shown,
    }
}
