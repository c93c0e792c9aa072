//! The three calculations that round, each exactly once and half to even.
//!
//! All of them are a product over a power of ten: the product is exact in `i128`, [`div_half_even`] does the
//! one rounding. A product that does not fit 128 bits has a result that does not fit an amount either.

use crate::number::power_of_ten;
use crate::{Amount, Currency, Decimal, MoneyError};

/// Divides and rounds half to even. None where the divisor is zero or the result does not fit.
#[must_use]
pub fn div_half_even(dividend: i128, divisor: i128) -> Option<i128> {
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?.unsigned_abs();
    let to_next = divisor.unsigned_abs().checked_sub(rest)?;
    let is_odd = quotient.checked_rem(2)? != 0;
    let away_from_zero = rest > to_next || (rest == to_next && is_odd);
    if !away_from_zero {
        return Some(quotient);
    }
    let step = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    quotient.checked_add(step)
}

/// So many percent of an amount: 12.5 percent of 49.90 EUR is 6.24 EUR.
///
/// # Errors
/// The result does not fit.
pub fn percent_of(amount: Amount, percent: &Decimal) -> Result<Amount, MoneyError> {
    let hundredths = u32::from(percent.scale()).saturating_add(2);
    scaled(i128::from(amount.minor), percent.mantissa(), 0, hundredths, amount.currency)
}

/// A quantity at a price per piece, which may be finer than a minor unit: 3 clicks at 0.0125 EUR are 0.04 EUR.
///
/// # Errors
/// The result does not fit.
pub fn times(quantity: u64, price: &Decimal, currency: Currency) -> Result<Amount, MoneyError> {
    let up = u32::from(currency.exponent());
    scaled(i128::from(quantity), price.mantissa(), up, u32::from(price.scale()), currency)
}

/// An amount in another currency, at `rate` units of `to` for one unit of the amount's currency.
///
/// # Errors
/// The result does not fit.
pub fn convert(amount: Amount, rate: &Decimal, to: Currency) -> Result<Amount, MoneyError> {
    let up = u32::from(to.exponent());
    let down = u32::from(rate.scale()).saturating_add(u32::from(amount.currency.exponent()));
    scaled(i128::from(amount.minor), rate.mantissa(), up, down, to)
}

/// A product of rates over a product of rates, as a decimal of 12 places, rounded once: with what one euro is in two
/// currencies, what one of them is in the other. None where a divisor is zero, or the result is zero or does not fit.
#[must_use]
pub fn rate_of(numerators: &[Decimal], denominators: &[Decimal]) -> Option<Decimal> {
    let product = |of: &[Decimal]| {
        of.iter().try_fold((1_i128, 0_u32), |(mantissa, scale), rate| {
            let mantissa = mantissa.checked_mul(rate.mantissa())?;
            Some((mantissa, scale.checked_add(u32::from(rate.scale()))?))
        })
    };
    let ((above, above_scale), (below, below_scale)) = (product(numerators)?, product(denominators)?);
    let up = below_scale.checked_add(u32::from(Decimal::PLACES_MAX))?;
    let shared = up.min(above_scale);
    let above = above.checked_mul(power_of_ten(up.checked_sub(shared)?)?)?;
    let below = below.checked_mul(power_of_ten(above_scale.checked_sub(shared)?)?)?;
    Decimal::of_places(div_half_even(above, below)?).filter(|rate| !rate.is_zero())
}

/// `count` × `factor` × 10^(`up` − `down`), rounded once.
fn scaled(count: i128, factor: i128, up: u32, down: u32, currency: Currency) -> Result<Amount, MoneyError> {
    let shared = up.min(down);
    let up = power_of_ten(up.saturating_sub(shared));
    let down = power_of_ten(down.saturating_sub(shared));
    count
        .checked_mul(factor)
        .zip(up)
        .and_then(|(product, up)| product.checked_mul(up))
        .zip(down)
        .and_then(|(product, down)| div_half_even(product, down))
        .and_then(|minor| i64::try_from(minor).ok())
        .map(|minor| Amount { minor, currency })
        .ok_or(MoneyError::Overflow { currency })
}
