//! Exact decimals: percentages, prices finer than a minor unit, exchange rates.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::number::{self, NumberError};

/// An exact decimal number of up to 12 places, below 10^18 in either direction. Kept without zeros at the
/// end, so that equal numbers are equal values: `0.50` reads as and prints `0.5`. JSON form: a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

impl Decimal {
    /// The most decimal places.
    pub const PLACES_MAX: u8 = 12;
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    const WHOLE_MAX: i128 = 10_i128.pow(18);

    /// A whole number.
    ///
    /// # Errors
    /// Refuses what does not lie below 10^18.
    pub fn whole(value: i64) -> Result<Self, NumberError> {
        Self::parse(&value.to_string())
    }

    /// Reads plain decimal notation: digits, optional point, optional minus in front.
    ///
    /// # Errors
    /// Says what is wrong: another character, a missing digit, more than 12 places, out of range.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let scanned = number::scan(text)?;
        let scale = u8::try_from(scanned.places).ok().filter(|scale| *scale <= Self::PLACES_MAX);
        let scale = scale.ok_or_else(|| NumberError::Places {
            given: text.into(),
            places: scanned.places,
            allowed: Self::PLACES_MAX,
            unit: "a decimal",
        })?;
        let limit = number::power_of_ten(scanned.places).and_then(|power| power.checked_mul(Self::WHOLE_MAX));
        match (scanned.mantissa, limit) {
            (Some(mantissa), Some(limit)) if mantissa.unsigned_abs() < limit.unsigned_abs() => {
                Ok(Self { mantissa, scale })
            }
            _ => Err(NumberError::Range {
                given: text.into(),
                min: "-999999999999999999.999999999999".into(),
                max: "999999999999999999.999999999999".into(),
            }),
        }
    }

    /// So many units of the last of [`Decimal::PLACES_MAX`] places.
    pub(crate) fn of_places(units: i128) -> Option<Self> {
        Self::parse(&number::print(units, Self::PLACES_MAX)).ok()
    }

    /// The number times 10^[`Decimal::scale`].
    #[must_use]
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Decimal places, without zeros at the end.
    #[must_use]
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The mantissa at the full 12 places; fits, since whole parts stay below 10^18.
    fn at_full_scale(self) -> i128 {
        let missing = u32::from(Self::PLACES_MAX.saturating_sub(self.scale));
        number::power_of_ten(missing)
            .and_then(|power| self.mantissa.checked_mul(power))
            .expect("a decimal below 10^18 has at most 30 digits at 12 places")
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at_full_scale().cmp(&other.at_full_scale())
    }
}

impl std::str::FromStr for Decimal {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Decimal {
    type Error = NumberError;
    fn try_from(text: String) -> Result<Self, NumberError> {
        Self::parse(&text)
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> String {
        decimal.to_string()
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&number::print(self.mantissa, self.scale))
    }
}
