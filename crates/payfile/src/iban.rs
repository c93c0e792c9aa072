//! International bank account numbers.

mod registry;

use serde::{Deserialize, Serialize};

/// Why a text is no IBAN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IbanError {
    /// Nothing but spaces.
    #[error("the IBAN is empty")]
    Empty,
    /// A character that no IBAN has.
    #[error("an IBAN is made of letters A-Z and digits, this one has {0:?}")]
    Character(char),
    /// The first two characters name no country that uses IBANs.
    #[error("no IBANs are known for country {0:?}")]
    Country(String),
    /// Too short or too long for its country.
    #[error("an IBAN of {country} has {expected} characters, this one has {given}")]
    Length {
        /// The country's code.
        country: String,
        /// Characters that its IBANs have.
        expected: usize,
        /// Characters found.
        given: usize,
    },
    /// A letter where the country has a digit, or the other way round.
    #[error("an IBAN of {country} has {expected} at place {place}, this one has {given:?}")]
    Structure {
        /// The country's code.
        country: String,
        /// Counted from 1.
        place: usize,
        /// What belongs there.
        expected: &'static str,
        /// What was found.
        given: char,
    },
    /// The two digits after the country do not fit the rest: mistyped.
    #[error("the IBAN's check digits do not fit: a digit or letter is wrong or two are swapped")]
    CheckDigits,
}

/// A checked IBAN: upper case, no spaces; right length and structure for its country, right check digits.
///
/// Whether the account exists only its bank knows.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Iban(String);

impl Iban {
    /// Checks a text. Spaces are taken out and small letters made capital first.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn new(text: &str) -> Result<Self, IbanError> {
        let iban: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        if iban.is_empty() {
            return Err(IbanError::Empty);
        }
        if let Some(other) = iban.chars().find(|c| !c.is_ascii_alphanumeric()) {
            return Err(IbanError::Character(other));
        }
        let code: String = iban.chars().take(2).collect();
        let Some(country) = registry::country(&code) else {
            return Err(IbanError::Country(code));
        };
        if iban.len() != country.length() {
            return Err(IbanError::Length { country: code, expected: country.length(), given: iban.len() });
        }
        check_structure(&iban, country)?;
        let check_digits: String = iban.chars().skip(2).take(2).collect();
        // 00, 01 and 99 also leave a rest of 1 where 97, 98 and 02 do, but are never given out.
        if matches!(check_digits.as_str(), "00" | "01" | "99") || rest_of_97(&iban) != 1 {
            return Err(IbanError::CheckDigits);
        }
        Ok(Self(iban))
    }

    /// The electronic form: upper case, no spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country's code.
    #[must_use]
    pub fn country(&self) -> &str {
        self.0.get(..2).expect("an IBAN starts with its country")
    }

    /// Whether the account's country takes part in SEPA credit transfers (as of 2026).
    #[must_use]
    pub fn in_sepa(&self) -> bool {
        registry::country(self.country()).is_some_and(|country| country.sepa)
    }

    /// The form for screens and logs: country and last four characters.
    #[must_use]
    pub fn masked(&self) -> String {
        let last = self.0.get(self.0.len() - 4..).expect("an IBAN is ASCII and longer than four");
        format!("{}...{last}", self.country())
    }
}

fn check_structure(iban: &str, country: &registry::Country) -> Result<(), IbanError> {
    let kinds = std::iter::repeat_n('n', 2)
        .chain(country.runs().flat_map(|(kind, length)| std::iter::repeat_n(kind, length)));
    for (place, (given, kind)) in iban.chars().skip(2).zip(kinds).enumerate() {
        let (fits, expected) = match kind {
            'n' => (given.is_ascii_digit(), "a digit"),
            'a' => (given.is_ascii_alphabetic(), "a letter"),
            _ => (true, "a letter or digit"),
        };
        if !fits {
            return Err(IbanError::Structure {
                country: country.code.into(),
                place: place + 3,
                expected,
                given,
            });
        }
    }
    Ok(())
}

/// ISO 7064: the first four characters go to the end, letters count as 10 to 35, the whole is divided by 97.
fn rest_of_97(iban: &str) -> u32 {
    iban.chars().cycle().skip(4).take(iban.len()).fold(0, |rest, c| {
        let value = c.to_digit(36).expect("checked: letters and digits");
        (if value < 10 { rest * 10 } else { rest * 100 } + value) % 97
    })
}

impl std::str::FromStr for Iban {
    type Err = IbanError;
    fn from_str(text: &str) -> Result<Self, IbanError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Iban {
    type Error = IbanError;
    fn try_from(text: String) -> Result<Self, IbanError> {
        Self::new(&text)
    }
}

impl From<Iban> for String {
    fn from(iban: Iban) -> String {
        iban.0
    }
}

impl std::fmt::Display for Iban {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the masked form, so that bank data does not reach logs.
impl std::fmt::Debug for Iban {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Iban({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_wrong() {
        let cases = [
            ("  ", "the IBAN is empty"),
            ("DE89-3704", "an IBAN is made of letters A-Z and digits, this one has '-'"),
            ("XX89370400440532013000", "no IBANs are known for country \"XX\""),
            ("DE8937040044053201300", "an IBAN of DE has 22 characters, this one has 21"),
            ("GB29NWBK6016133192681O", "an IBAN of GB has a digit at place 22, this one has 'O'"),
            ("GB291WBK60161331926819", "an IBAN of GB has a letter at place 5, this one has '1'"),
            (
                "DE88370400440532013000",
                "the IBAN's check digits do not fit: a digit or letter is wrong or two are swapped",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(Iban::new(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn spaces_and_small_letters_are_normalised() {
        assert_eq!(Iban::new(" de89 3704 0044 0532 0130 00 ").unwrap().as_str(), "DE89370400440532013000");
    }

    #[test]
    fn debug_output_hides_the_account() {
        let iban = Iban::new("DE89370400440532013000").unwrap();
        assert_eq!(format!("{iban:?}"), "Iban(DE...3000)");
    }

    #[test]
    fn sepa_reaches_switzerland_but_not_brazil() {
        assert!(Iban::new("CH9300762011623852957").unwrap().in_sepa());
        assert!(!Iban::new("BR9700360305000010009795493P1").unwrap().in_sepa());
    }
}
