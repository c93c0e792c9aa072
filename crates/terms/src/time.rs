//! Months of the calendar, in UTC.

use hopline_types::UnixMillis;

const DAY_MS: i64 = 86_400_000;

/// The same day and time so many months later; the last day of a month that is too short.
pub(crate) fn months_later(at: UnixMillis, months: u32) -> UnixMillis {
    let (day, rest) = (at.get().div_euclid(DAY_MS), at.get().rem_euclid(DAY_MS));
    let (year, month, day) = civil(day);
    let later = (year * 12 + month - 1) + i64::from(months);
    let (year, month) = (later.div_euclid(12), later.rem_euclid(12) + 1);
    let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
    let length = next - days(year, month, 1);
    UnixMillis(days(year, month, day.min(length)) * DAY_MS + rest)
}

/// Days since 1970-01-01: years are counted from March, in eras of 400 years.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_on_the_same_day_or_the_last_one() {
        let at = |year, month, day| UnixMillis(days(year, month, day) * DAY_MS + 5);
        let table = [
            (at(2026, 1, 31), 1, at(2026, 2, 28)),
            (at(2027, 12, 31), 2, at(2028, 2, 29)),
            (at(2026, 3, 1), 12, at(2027, 3, 1)),
            (at(1970, 1, 1), 0, at(1970, 1, 1)),
        ];
        for (from, months, expected) in table {
            assert_eq!(months_later(from, months), expected);
        }
        assert_eq!(days(2026, 3, 1) * DAY_MS, 1_772_323_200_000);
        for day in (-800_000..800_000).step_by(37) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}
