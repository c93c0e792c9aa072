//! Reading and printing of plain decimal notation.

/// The longest number that is read, in bytes.
pub(crate) const LENGTH_MAX: usize = 64;

/// Why a text is no number, or not one that fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing was given.
    #[error("nothing was given: expected digits such as 49.90")]
    Empty,
    /// Longer than any number that could fit.
    #[error("the number has {length} characters: at most 64 are read")]
    TooLong {
        /// Length in bytes.
        length: usize,
    },
    /// Something other than digits, one point and a minus in front.
    #[error(
        "{given:?} has {character:?} as character {position}: expected digits, optionally a point and a minus in front, such as 49.90"
    )]
    Character {
        /// What was given.
        given: String,
        /// The first character that is not allowed there.
        character: char,
        /// Its position, from 1.
        position: usize,
    },
    /// No digit before or after the point, or none at all.
    #[error("{given:?} lacks a digit {place}: expected a form such as 49.90")]
    DigitMissing {
        /// What was given.
        given: String,
        /// Where: "before the point", "after the point" or "after the minus".
        place: &'static str,
    },
    /// More decimal places than allowed. Such input is never rounded.
    #[error("{given:?} has {places} decimal places: {unit} has at most {allowed}, and nothing is rounded")]
    Places {
        /// What was given.
        given: String,
        /// Its decimal places, without zeros at the end.
        places: u32,
        /// What would have been accepted.
        allowed: u8,
        /// The currency's code, or "a decimal".
        unit: &'static str,
    },
    /// Too large in either direction.
    #[error("{given:?} is out of range: expected {min} to {max}")]
    Range {
        /// What was given.
        given: String,
        /// The smallest accepted number.
        min: String,
        /// The largest accepted number.
        max: String,
    },
}

/// A number as read: `mantissa` / 10^`places`, without zeros at the end of its fraction. The mantissa is
/// None where it does not fit 128 bits.
pub(crate) struct Scanned {
    pub(crate) mantissa: Option<i128>,
    pub(crate) places: u32,
}

/// Reads digits, optional point, optional minus, and nothing else.
pub(crate) fn scan(given: &str) -> Result<Scanned, NumberError> {
    if given.is_empty() {
        return Err(NumberError::Empty);
    }
    if given.len() > LENGTH_MAX {
        return Err(NumberError::TooLong { length: given.len() });
    }
    let missing = |place| Err(NumberError::DigitMissing { given: given.into(), place });
    let (negative, digits) = match given.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, given),
    };
    let mut seen_point = false;
    let signs = usize::from(negative);
    for (at, character) in digits.chars().enumerate() {
        let allowed = character.is_ascii_digit() || (character == '.' && !seen_point);
        if !allowed {
            let position = at.saturating_add(signs).saturating_add(1);
            return Err(NumberError::Character { given: given.into(), character, position });
        }
        seen_point |= character == '.';
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() {
        return missing(if seen_point { "before the point" } else { "after the minus" });
    }
    if seen_point && fraction.is_empty() {
        return missing("after the point");
    }
    let fraction = fraction.trim_end_matches('0');
    let mut mantissa = Some(0_i128);
    for digit in whole.bytes().chain(fraction.bytes()) {
        let value = i128::from(digit.saturating_sub(b'0'));
        mantissa = mantissa.and_then(|sum| sum.checked_mul(10)).and_then(|sum| sum.checked_add(value));
    }
    let mantissa = if negative { mantissa.and_then(i128::checked_neg) } else { mantissa };
    let places = u32::try_from(fraction.len()).expect("a fraction is shorter than 64 characters");
    Ok(Scanned { mantissa, places })
}

/// Ten to the power of a number of places; None beyond 38.
pub(crate) fn power_of_ten(places: u32) -> Option<i128> {
    10_i128.checked_pow(places)
}

/// Prints `mantissa` / 10^`places` with exactly that many places.
pub(crate) fn print(mantissa: i128, places: u8) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let places = usize::from(places);
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
