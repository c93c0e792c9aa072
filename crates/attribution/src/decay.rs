//! Powers of two with negative fractions for exponents, in integers.

/// Weight of age zero: 1 with 63 binary places.
const ONE: u64 = 1 << 63;

/// 2^(-1/2^k) for k from 1, with 64 binary places: each the square root of the one before.
const ROOTS: [u64; 64] = {
    let mut roots = [0; 64];
    let mut power: u128 = 1 << 63;
    let mut k = 0;
    while k < roots.len() {
        power = (power << 64).isqrt();
        // Below 2^64, since a root of a number below one is below one.
        let [.., a, b, c, d, e, f, g, h] = power.to_be_bytes();
        roots[k] = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        k += 1;
    }
    roots
};

/// 2^(-age / half-life) with 63 binary places: the whole halvings as a shift, then one factor for each binary digit
/// of the rest. Off by less than 2^-56; zero after 64 halvings.
pub(crate) fn halvings(age_ms: u64, half_life_ms: u64) -> u64 {
    let half_life = u128::from(half_life_ms.max(1));
    let whole = u128::from(age_ms) / half_life;
    let mut rest = u128::from(age_ms) % half_life;
    let mut weight = ONE;
    for root in ROOTS {
        rest *= 2;
        if rest >= half_life {
            rest -= half_life;
            weight = times_fraction(weight, root);
        }
    }
    u32::try_from(whole).ok().and_then(|whole| weight.checked_shr(whole)).unwrap_or(0)
}

/// `weight` × `fraction` / 2^64, rounded.
fn times_fraction(weight: u64, fraction: u64) -> u64 {
    let product = u128::from(weight) * u128::from(fraction) + (1 << 63);
    u64::try_from(product >> 64).expect("the product of two numbers below 2^64 is below 2^128")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_halvings_are_exact() {
        for halving in 0..64 {
            assert_eq!(halvings(halving * 1_000, 1_000), ONE >> halving);
        }
        assert_eq!(halvings(64_000, 1_000), 0);
        assert_eq!(halvings(u64::MAX, 1), 0);
    }

    #[test]
    fn parts_of_a_halving_agree_with_long_decimal_arithmetic() {
        // 2^(-1/2), 2^(-1/3), 2^(-5/7), times 2^63, by decimal arithmetic with 60 digits.
        let table = [
            (1, 2, 6_521_908_912_666_391_106_u64),
            (1, 3, 7_320_595_236_998_672_906),
            (5, 7, 5_621_708_225_366_857_994),
        ];
        for (age, half_life, expected) in table {
            let off = halvings(age, half_life).abs_diff(expected);
            assert!(off < 64, "{age}/{half_life}: off by {off}");
        }
    }

    #[test]
    fn older_never_weighs_more() {
        let weights: Vec<u64> = (0..20_000).map(|age| halvings(age, 1_009)).collect();
        assert!(weights.is_sorted_by(|younger, older| younger >= older));
    }
}
