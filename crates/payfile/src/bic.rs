//! Bank identifier codes (ISO 9362).

use serde::{Deserialize, Serialize};

/// Why a text is no BIC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BicError {
    /// Neither 8 nor 11 characters.
    #[error("a BIC has 8 or 11 characters, this one has {0}")]
    Length(usize),
    /// A character in a place where it cannot stand.
    #[error("a BIC has {expected} at place {place}, this one has {given:?}")]
    Character {
        /// Counted from 1.
        place: usize,
        /// What belongs there.
        expected: &'static str,
        /// What was found.
        given: char,
    },
}

/// A checked BIC: upper case, no spaces; four letters or digits (bank), two letters (country), two letters or digits
/// (place), optionally three more (branch). The form of pain.001's `BICFI`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bic(String);

impl Bic {
    /// Checks a text. Spaces are taken out and small letters made capital first.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn new(text: &str) -> Result<Self, BicError> {
        let bic: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let length = bic.chars().count();
        if length != 8 && length != 11 {
            return Err(BicError::Length(length));
        }
        for (index, given) in bic.chars().enumerate() {
            let in_country = index == 4 || index == 5;
            let (fits, expected) = if in_country {
                (given.is_ascii_alphabetic(), "a letter")
            } else {
                (given.is_ascii_alphanumeric(), "a letter or digit")
            };
            if !fits {
                return Err(BicError::Character { place: index + 1, expected, given });
            }
        }
        Ok(Self(bic))
    }

    /// The text: 8 or 11 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Bic {
    type Err = BicError;
    fn from_str(text: &str) -> Result<Self, BicError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Bic {
    type Error = BicError;
    fn try_from(text: String) -> Result<Self, BicError> {
        Self::new(&text)
    }
}

impl From<Bic> for String {
    fn from(bic: Bic) -> String {
        bic.0
    }
}

impl std::fmt::Display for Bic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_and_eleven_characters_are_accepted_and_normalised() {
        assert_eq!(Bic::new("cobadeff xxx").unwrap().as_str(), "COBADEFFXXX");
        assert_eq!(Bic::new("ABNANL2A").unwrap().as_str(), "ABNANL2A");
    }

    #[test]
    fn a_refusal_says_what_is_wrong() {
        assert_eq!(Bic::new("ABNANL2").unwrap_err(), BicError::Length(7));
        assert_eq!(
            Bic::new("ABNA1L2A").unwrap_err().to_string(),
            "a BIC has a letter at place 5, this one has '1'"
        );
        assert_eq!(
            Bic::new("ABNANL2Ä").unwrap_err().to_string(),
            "a BIC has a letter or digit at place 8, this one has 'Ä'"
        );
    }
}
