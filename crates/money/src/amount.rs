//! Money: a count of minor units in a currency.

use serde::{Deserialize, Serialize};

use crate::number::{self, NumberError};
use crate::{Currency, CurrencyError};

/// Why a calculation with money has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met; amounts are never converted on the way.
    #[error("{left} and {right} cannot be added: amounts must have one currency")]
    CurrencyMismatch {
        /// The first amount's.
        left: Currency,
        /// The second amount's.
        right: Currency,
    },
    /// The result does not fit 64 bits of minor units.
    #[error(
        "the result does not fit an amount of {currency}: expected at most 9223372036854775807 minor units"
    )]
    Overflow {
        /// The currency of the result.
        currency: Currency,
    },
    /// A total is to be split, but no part has a weight.
    #[error("nothing can be split over {parts} parts whose weights add up to zero")]
    NoWeight {
        /// How many weights there were.
        parts: usize,
    },
}

/// An amount of money. JSON form: `{"amount":"49.90","currency":"EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Amount {
    /// Count of the currency's minor units.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Amount {
    /// An amount of so many minor units.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads plain decimal notation. Zeros at the end do not count as places, so that `7.0 ISK` is seven.
    ///
    /// # Errors
    /// Says what is wrong: another character than digits, point and minus in front; no digit before or
    /// after the point; more places than the currency has; out of range.
    pub fn parse(decimal: &str, currency: Currency) -> Result<Self, NumberError> {
        let scanned = number::scan(decimal)?;
        let missing_places = u32::from(currency.exponent()).checked_sub(scanned.places).ok_or_else(|| {
            NumberError::Places {
                given: decimal.into(),
                places: scanned.places,
                allowed: currency.exponent(),
                unit: currency.code(),
            }
        })?;
        scanned
            .mantissa
            .zip(number::power_of_ten(missing_places))
            .and_then(|(mantissa, scale)| mantissa.checked_mul(scale))
            .and_then(|minor| i64::try_from(minor).ok())
            .map(|minor| Self { minor, currency })
            .ok_or_else(|| NumberError::Range {
                given: decimal.into(),
                min: format_minor(i128::from(i64::MIN), currency),
                max: format_minor(i128::from(i64::MAX), currency),
            })
    }

    /// The amount with all places of its currency, such as `49.90`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        format_minor(i128::from(self.minor), self.currency)
    }

    /// The sum.
    ///
    /// # Errors
    /// Refuses two currencies, and sums that do not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    /// The difference.
    ///
    /// # Errors
    /// Refuses two currencies, and differences that do not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    /// The same with the opposite sign.
    ///
    /// # Errors
    /// Refuses the one amount whose opposite does not fit.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_neg())
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
        }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        let currency = self.currency;
        minor.map(|minor| Self { minor, currency }).ok_or(MoneyError::Overflow { currency })
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

/// Prints minor units with all places of the currency; takes sums that are wider than an amount.
#[must_use]
pub fn format_minor(minor: i128, currency: Currency) -> String {
    number::print(minor, currency.exponent())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    amount: String,
    currency: String,
}

/// Why a pair of strings is no amount.
#[derive(Debug, thiserror::Error)]
enum WireError {
    #[error("currency: {0}")]
    Currency(#[from] CurrencyError),
    #[error("amount: {0}")]
    Amount(#[from] NumberError),
}

impl TryFrom<Wire> for Amount {
    type Error = WireError;
    fn try_from(wire: Wire) -> Result<Self, WireError> {
        let currency = Currency::new(&wire.currency)?;
        Ok(Self::parse(&wire.amount, currency)?)
    }
}

impl From<Amount> for Wire {
    fn from(amount: Amount) -> Self {
        Self { amount: amount.to_decimal(), currency: amount.currency.code().into() }
    }
}
