//! Routing numbers of banks in the United States (P-22).

use serde::{Deserialize, Serialize};

/// Why a text is no routing number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// Not nine digits.
    #[error("a routing number has nine digits")]
    Form,
    /// The check digit does not fit: mistyped.
    #[error("the routing number's check digit does not fit: a digit is wrong or two are swapped")]
    CheckDigit,
    /// The first two digits belong to no bank.
    #[error("a routing number starts with 01 to 12, 21 to 32, 61 to 72 or 80, this one with {0}")]
    Range(String),
}

/// A checked routing number: nine digits, 3-7-1 check digit, first two digits of a bank. Whether the bank is there only
/// the payer's own bank knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoutingNumber(String);

impl RoutingNumber {
    /// Checks a text. Spaces are taken out first.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn new(text: &str) -> Result<Self, RoutingError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() != 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(RoutingError::Form);
        }
        if !check_digit_fits(&digits) {
            return Err(RoutingError::CheckDigit);
        }
        let first: String = digits.chars().take(2).collect();
        match first.parse() {
            Ok(1..=12 | 21..=32 | 61..=72 | 80) => Ok(Self(digits)),
            _ => Err(RoutingError::Range(first)),
        }
    }

    /// The nine digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, which name the bank in controls and trace numbers.
    #[must_use]
    pub fn bank(&self) -> &str {
        self.0.get(..8).expect("nine digits")
    }
}

/// 3, 7, 1 times the digits adds up to a multiple of ten.
pub(crate) fn check_digit_fits(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .zip([3, 7, 1].into_iter().cycle())
        .map(|(digit, weight)| digit.to_digit(10).unwrap_or(0) * weight)
        .sum();
    sum.is_multiple_of(10)
}

impl TryFrom<String> for RoutingNumber {
    type Error = RoutingError;
    fn try_from(text: String) -> Result<Self, RoutingError> {
        Self::new(&text)
    }
}

impl From<RoutingNumber> for String {
    fn from(routing: RoutingNumber) -> String {
        routing.0
    }
}

impl std::fmt::Display for RoutingNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
