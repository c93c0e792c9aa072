//! Currencies of ISO 4217.

mod list_one;

/// Why a text names no currency that amounts can be counted in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    /// Not on the list; superseded codes are not on it either.
    #[error(
        "{given:?} is no currency of ISO 4217 list one (2026-01-01): expected three capital letters such as EUR"
    )]
    Unknown {
        /// What was given.
        given: String,
    },
    /// On the list, but without a minor unit: metals, units of account, test codes.
    #[error("{code} has no minor unit in ISO 4217: no amount can be counted or paid in it")]
    NoMinorUnit {
        /// The code.
        code: &'static str,
    },
    /// Countable, but a fund code or indexed unit in which nobody is paid.
    #[error("{code} is a fund code or an indexed unit: nobody can be paid in it")]
    NotPayable {
        /// The code.
        code: &'static str,
    },
}

/// A currency with a minor unit. Text form: its code of three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

impl Currency {
    /// Euro.
    pub const EUR: Self = Self { code: "EUR", exponent: 2 };
    /// US dollar.
    pub const USD: Self = Self { code: "USD", exponent: 2 };
    /// Yen, which has no decimal places.
    pub const JPY: Self = Self { code: "JPY", exponent: 0 };

    /// Looks a code up.
    ///
    /// # Errors
    /// Refuses codes that are not on the list, and those without a minor unit.
    pub fn new(code: &str) -> Result<Self, CurrencyError> {
        let by_places = [
            (2, list_one::PLACES_2),
            (0, list_one::PLACES_0),
            (3, list_one::PLACES_3),
            (4, list_one::PLACES_4),
        ];
        for (exponent, codes) in by_places {
            if let Some(code) = find(codes, code) {
                return Ok(Self { code, exponent });
            }
        }
        match find(list_one::NO_MINOR_UNIT, code) {
            Some(code) => Err(CurrencyError::NoMinorUnit { code }),
            None => Err(CurrencyError::Unknown { given: code.chars().take(16).collect() }),
        }
    }

    /// Looks up a code that somebody is to be paid in.
    ///
    /// # Errors
    /// As [`Currency::new`], and refuses fund codes and indexed units.
    pub fn payable(code: &str) -> Result<Self, CurrencyError> {
        let currency = Self::new(code)?;
        if currency.is_payable() {
            Ok(currency)
        } else {
            Err(CurrencyError::NotPayable { code: currency.code })
        }
    }

    /// The three letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// The decimal places of the minor unit: 0, 2, 3 or 4.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }

    /// Whether somebody can be paid in it: no for fund codes and indexed units such as CLF or CHE.
    #[must_use]
    pub fn is_payable(self) -> bool {
        find(list_one::FUNDS, self.code).is_none()
    }

    /// All currencies, ordered by decimal places and code.
    pub fn all() -> impl Iterator<Item = Self> {
        let by_places = [
            (0, list_one::PLACES_0),
            (2, list_one::PLACES_2),
            (3, list_one::PLACES_3),
            (4, list_one::PLACES_4),
        ];
        by_places
            .into_iter()
            .flat_map(|(exponent, codes)| codes.iter().map(move |code| Self { code, exponent }))
    }
}

fn find(codes: &'static [&'static str], wanted: &str) -> Option<&'static str> {
    let at = codes.binary_search(&wanted).ok()?;
    codes.get(at).copied()
}

impl std::str::FromStr for Currency {
    type Err = CurrencyError;
    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        Self::new(code)
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(code: String) -> Result<Self, CurrencyError> {
        Self::new(&code)
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> &'static str {
        currency.code
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.code)
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

// Written out: the derived one would ask for input that lives forever, since the code does.
impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::new(&code).map_err(serde::de::Error::custom)
    }
}
