//! The forms of dates and numbers inside a document.

use jiff::civil::{Date, Time};

/// `2026-03-02`, nothing shorter or longer.
pub(super) fn is_date(text: &str) -> bool {
    matches_form(text, "0000-00-00") && text.parse::<Date>().is_ok()
}

/// `2026-03-01T10:00:00`, optionally with a fraction of the second, optionally with `Z` or an offset.
pub(super) fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some((clock, rest)) = time.split_at_checked(8) else { return false };
    // XSD knows no leap seconds, jiff reads them as second 59.
    let clock_fits =
        matches_form(clock, "00:00:00") && !clock.ends_with("60") && clock.parse::<Time>().is_ok();
    let after_fraction = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            fraction.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        Some(_) => return false,
        None => rest,
    };
    let offset_fits = matches!(after_fraction, "" | "Z")
        || after_fraction.strip_prefix(['+', '-']).is_some_and(|offset| {
            matches_form(offset, "00:00") && offset.parse::<Time>().is_ok_and(|offset| offset.hour() <= 14)
        });
    is_date(date) && clock_fits && offset_fits
}

/// An unsigned decimal with at most two places, in hundredths.
pub(super) fn hundredths(text: &str) -> Option<i128> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    // 18 digits are the schema's limit, which keeps sums far from overflow.
    if !(1..=18).contains(&whole.len()) || !(1..=2).contains(&places.len()) {
        return None;
    }
    let tenfold = if places.len() == 1 { 10 } else { 1 };
    Some(count(whole)? * 100 + count(places)? * tenfold)
}

/// Digits only.
pub(super) fn count(text: &str) -> Option<i128> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Whether the text has digits where the form has `0`, and the form's own characters elsewhere.
fn matches_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(|(c, of)| if of == '0' { c.is_ascii_digit() } else { c == of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_taken_in_one_form_only() {
        for text in ["2026-03-02", "2028-02-29"] {
            assert!(is_date(text), "{text}");
        }
        for text in ["02.03.2026", "20260302", "2026-3-2", "2026-02-29", "2026-03-02Z", ""] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn times_may_have_a_fraction_and_an_offset() {
        for text in ["2026-03-01T10:00:00", "2026-03-01T10:00:00.123Z", "2026-03-01T10:00:00+01:00"] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "2026-03-01",
            "2026-03-01 10:00:00",
            "2026-03-01T25:00:00",
            "2026-03-01T10:00:60",
            "2026-03-01T10:00:00.Z",
            "2026-03-01T10:00:00+1",
            "2026-03-01T10:00:00+24:00",
            "2026-03-01T10:00",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
    }

    #[test]
    fn amounts_are_read_exactly_and_more_than_two_places_are_refused() {
        for (text, value) in [("50.00", 5000), ("50", 5000), ("0.5", 50), ("999999999.99", 99_999_999_999)] {
            assert_eq!(hundredths(text), Some(value), "{text}");
        }
        for text in ["", ".5", "5.", "50.000", "-1.00", "+1.00", "1e3", "1,00", "1234567890123456789"] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }
}
