//! Counts, money and rates.

use hopline_money::{Amount, Currency, div_half_even, format_minor};
use hopline_report::{Cell, Exact};

/// A number and what it is measured in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) number: String,
    /// Currency code or sign; empty for counts.
    pub(crate) unit: &'static str,
}

/// What stands where a value is undefined.
const UNDEFINED: &str = "–";

impl Figure {
    pub(crate) fn count(count: i64) -> Self {
        Self { number: self::count(count), unit: "" }
    }

    pub(crate) fn undefined() -> Self {
        Self { number: UNDEFINED.into(), unit: "" }
    }

    pub(crate) fn minor(minor: i128, currency: Currency) -> Self {
        Self { number: grouped(&format_minor(minor, currency)), unit: currency.code() }
    }

    pub(crate) fn amount(amount: Amount) -> Self {
        Self::minor(i128::from(amount.minor), amount.currency)
    }

    /// A share of one, as percent with two places.
    pub(crate) fn percent(share: Cell) -> Self {
        let hundredths = match share {
            Cell::Decimal(Exact { mantissa, places }) if places >= 4 => {
                div_half_even(mantissa, 10_i128.pow(u32::from(places) - 4))
            }
            Cell::Null | Cell::Count(_) | Cell::Decimal(_) => None,
        };
        hundredths.map_or_else(Self::undefined, |mantissa| Self {
            number: grouped(&Exact { mantissa, places: 2 }.to_string()),
            unit: "%",
        })
    }

    /// Money per thing, with two places more than the currency.
    pub(crate) fn rate(rate: Cell, currency: Currency) -> Self {
        let places = currency.exponent() + 2;
        let shortened = match rate {
            Cell::Decimal(exact) if exact.places >= places => {
                div_half_even(exact.mantissa, 10_i128.pow(u32::from(exact.places - places)))
            }
            Cell::Null | Cell::Count(_) | Cell::Decimal(_) => None,
        };
        shortened.map_or_else(Self::undefined, |mantissa| Self {
            number: grouped(&Exact { mantissa, places }.to_string()),
            unit: currency.code(),
        })
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.number)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, "\u{a0}{}", self.unit) }
    }
}

/// A count with commas between thousands.
pub(crate) fn count(count: i64) -> String {
    grouped(&count.to_string())
}

/// Commas between thousands of a plain decimal.
fn grouped(plain: &str) -> String {
    let (sign, unsigned) = plain.strip_prefix('-').map_or(("", plain), |rest| ("−", rest));
    let (whole, behind) =
        unsigned.split_once('.').map_or((unsigned, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(behind) = behind {
        text.push('.');
        text.push_str(behind);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let table = [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.89", "−1,234,567.89")];
        for (plain, expected) in table {
            assert_eq!(grouped(plain), expected);
        }
    }

    #[test]
    fn shares_become_percent_and_undefined_ones_a_dash() {
        let share = Cell::Decimal(Exact { mantissa: 80_050, places: 6 });
        assert_eq!(Figure::percent(share).to_string(), "8.00\u{a0}%"); // 8.005: half to even
        assert_eq!(Figure::percent(Cell::Null).to_string(), "–");
    }

    #[test]
    fn rates_keep_two_places_more_than_the_currency() {
        let rate = Cell::Decimal(Exact { mantissa: 499_049, places: 6 });
        assert_eq!(Figure::rate(rate, Currency::EUR).to_string(), "0.4990\u{a0}EUR");
    }
}
