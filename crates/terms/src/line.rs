//! One step of a calculation, written so that a pocket calculator can follow.

use hopline_money::{Amount, Currency, Decimal, MoneyError, percent_of, times};
use serde::{Deserialize, Serialize};

use crate::Side;

/// One step of a calculation: `basis` × `rate` = `exact`, rounded half to even to `rounded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Whose total it counts into.
    pub side: Side,
    /// What is calculated, such as `percent of the order`.
    pub label: String,
    /// What is multiplied, such as `49.90 EUR` or `150 clicks`.
    pub basis: String,
    /// By what, such as `12 %` or `0.05 EUR`.
    pub rate: String,
    /// The product before rounding, such as `5.988`.
    pub exact: String,
    /// What is booked, such as `5.99 EUR`.
    pub rounded: Amount,
}

impl Line {
    pub(crate) fn percent_of_order(side: Side, order: Amount, percent: &Decimal) -> Result<Self, MoneyError> {
        Self::percent(side, "percent of the order", order, percent)
    }

    pub(crate) fn percent(
        side: Side,
        label: &str,
        order: Amount,
        percent: &Decimal,
    ) -> Result<Self, MoneyError> {
        let currency = order.currency;
        let product = i128::from(order.minor)
            .checked_mul(percent.mantissa())
            .ok_or(MoneyError::Overflow { currency })?;
        let places = u32::from(percent.scale()) + 2 + u32::from(currency.exponent());
        Ok(Self {
            side,
            label: label.to_owned(),
            basis: order.to_string(),
            rate: format!("{percent} %"),
            exact: plain(product, places, currency),
            rounded: percent_of(order, percent)?,
        })
    }

    /// `unit` is the singular of what is counted.
    pub(crate) fn pieces(
        side: Side,
        label: &str,
        (quantity, unit): (u64, &str),
        price: &Decimal,
        currency: Currency,
    ) -> Result<Self, MoneyError> {
        let product =
            i128::from(quantity).checked_mul(price.mantissa()).ok_or(MoneyError::Overflow { currency })?;
        let plural = if quantity == 1 { "" } else { "s" };
        Ok(Self {
            side,
            label: label.to_owned(),
            basis: format!("{quantity} {unit}{plural}"),
            rate: format!("{} {currency}", plain(price.mantissa(), price.scale().into(), currency)),
            exact: plain(product, price.scale().into(), currency),
            rounded: times(quantity, price, currency)?,
        })
    }

    /// Nothing, and why.
    pub(crate) fn nothing(side: Side, label: &str, counted: Option<Amount>, currency: Currency) -> Self {
        let zero = Amount::zero(currency);
        Self {
            side,
            label: label.to_owned(),
            basis: counted.unwrap_or(zero).to_string(),
            rate: "0 %".to_owned(),
            exact: plain(0, 0, currency),
            rounded: zero,
        }
    }

    /// An amount that conversions or settlements had brought, taken away.
    pub(crate) fn taken(side: Side, label: &str, count: usize, amount: Amount) -> Result<Self, MoneyError> {
        let rounded = amount.checked_neg()?;
        Ok(Self {
            side,
            label: label.to_owned(),
            basis: amount.to_string(),
            rate: format!("-1 (of {count})"),
            exact: plain(rounded.minor.into(), amount.currency.exponent().into(), amount.currency),
            rounded,
        })
    }

    /// A share of an amount that is divided into equal parts.
    pub(crate) fn share(side: Side, label: &str, whole: Amount, parts: usize, rounded: Amount) -> Self {
        let currency = whole.currency;
        Self {
            side,
            label: label.to_owned(),
            basis: whole.to_string(),
            rate: format!("1/{parts}"),
            exact: plain(rounded.minor.into(), currency.exponent().into(), currency),
            rounded,
        }
    }

    /// The same amount taken away.
    pub(crate) fn taken_away(self, label: &str) -> Result<Self, MoneyError> {
        let is_zero = self.exact.chars().all(|character| matches!(character, '0' | '.'));
        let exact = if is_zero { self.exact } else { format!("-{}", self.exact) };
        Ok(Self { label: label.to_owned(), exact, rounded: self.rounded.checked_neg()?, ..self })
    }
}

/// `mantissa` / 10^`places` in plain notation: no zeros at the end beyond the places of the currency.
pub(crate) fn plain(mantissa: i128, places: u32, currency: Currency) -> String {
    let (least, places) = (usize::from(currency.exponent()), usize::try_from(places).unwrap_or(usize::MAX));
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let fraction = format!("{:0<least$}", fraction.trim_end_matches('0'));
    let sign = if mantissa < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_results_keep_all_their_places_and_at_least_those_of_the_currency() {
        let table = [
            (5_988_000, 6, Currency::EUR, "5.988"),
            (3, 0, Currency::EUR, "3.00"),
            (5, 3, Currency::EUR, "0.005"),
            (0, 5, Currency::EUR, "0.00"),
            (70, 1, Currency::JPY, "7"),
            (75, 1, Currency::JPY, "7.5"),
            (-12_345, 3, Currency::EUR, "-12.345"),
            (1_000, 0, Currency::JPY, "1000"),
        ];
        for (mantissa, places, currency, expected) in table {
            assert_eq!(plain(mantissa, places, currency), expected);
        }
    }
}
