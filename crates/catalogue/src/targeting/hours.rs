//! Hours of the week in a zone.

use hopline_types::{HOUR_MS, UnixMillis};
use jiff::tz::TimeZone;

use crate::check::FieldError;
use crate::data::Hours;
use crate::zone;

const DAY_MS: i64 = 24 * HOUR_MS;
/// 1970-01-01 was a Thursday: the fourth day.
const FIRST_WEEKDAY: i64 = 3;

/// Hours at which an offer is served: what the zone's clocks show decides, so an hour that summer time repeats counts
/// twice and one that it skips does not come.
#[derive(Debug)]
pub(super) struct CompiledHours {
    zone: TimeZone,
    /// One bit per hour, Monday first.
    week: [u32; 7],
}

impl CompiledHours {
    pub(super) fn compile(hours: &Hours) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let zone =
            zone::zone(&hours.zone).map_err(|message| errors.push(FieldError::new("zone", message))).ok();
        let mut week = [0; 7];
        for ((day, bits), given) in week.iter_mut().enumerate().zip(&hours.week) {
            for hour in given {
                if *hour > 23 {
                    let message = format!("{hour} is no hour, expected 0 to 23");
                    errors.push(FieldError::new(format!("week[{day}]"), message));
                } else {
                    *bits |= 1_u32 << hour;
                }
            }
        }
        if hours.week.iter().all(Vec::is_empty) {
            errors
                .push(FieldError::new("week", "without any hour nobody is served: pause the offer instead"));
        }
        match zone {
            Some(zone) if errors.is_empty() => Ok(Self { zone, week }),
            _ => Err(errors),
        }
    }

    /// Whether this is such an hour.
    pub(super) fn hold(&self, now: UnixMillis) -> bool {
        let shown = now.plus(zone::offset(&self.zone, now)).get();
        let weekday = (shown.div_euclid(DAY_MS) + FIRST_WEEKDAY).rem_euclid(7);
        let hour = shown.rem_euclid(DAY_MS) / HOUR_MS;
        let bits = usize::try_from(weekday).ok().and_then(|day| self.week.get(day)).copied().unwrap_or(0);
        bits >> hour & 1 == 1
    }
}
