//! Splitting a total so that its parts add up.

use crate::MoneyError;

/// Splits a total over weights by the largest remainder: each part gets the whole units of its exact share,
/// then one unit each goes to the largest fractional parts, equal ones in order of their index. A negative
/// total is the mirror image of the positive one. A weight of zero gets nothing.
///
/// # Errors
/// No weight is above zero.
pub fn split(total_minor: i64, weights: &[u64]) -> Result<Vec<i64>, MoneyError> {
    let total = u128::from(total_minor.unsigned_abs());
    let sum: u128 = weights.iter().fold(0, |sum, weight| sum.saturating_add(u128::from(*weight)));
    let no_weight = MoneyError::NoWeight { parts: weights.len() };
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given = 0_u128;
    for (index, weight) in weights.iter().enumerate() {
        // 2^63 times 2^64 fits 128 bits.
        let product = total.saturating_mul(u128::from(*weight));
        let whole = product.checked_div(sum).ok_or(no_weight.clone())?;
        let remainder = product.checked_rem(sum).ok_or(no_weight.clone())?;
        parts.push(whole);
        remainders.push((std::cmp::Reverse(remainder), index));
        given = given.saturating_add(whole);
    }
    if sum == 0 {
        return Err(no_weight);
    }
    remainders.sort_unstable();
    let left_over =
        usize::try_from(total.saturating_sub(given)).expect("fewer units are left over than parts");
    for (_, index) in remainders.iter().take(left_over) {
        if let Some(part) = parts.get_mut(*index) {
            *part = part.saturating_add(1);
        }
    }
    Ok(parts.into_iter().map(|part| signed(part, total_minor < 0)).collect())
}

fn signed(part: u128, negative: bool) -> i64 {
    let magnitude = i128::try_from(part).expect("a part is at most the total");
    let value = if negative { magnitude.saturating_neg() } else { magnitude };
    i64::try_from(value).expect("a part is at most the total")
}
