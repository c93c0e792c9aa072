//! The two kinds of rule: a share that must be reached, and one that must be far from another.

use super::{Flag, Ratio, Signal, Z_BOUND};

/// Whom a norm is made of.
pub(super) const OTHERS: &str = "of the other affiliates";
const TERM_BITS_MAX: u32 = 24;

/// A share that must be reached, whatever the norm.
pub(super) struct Floor {
    pub(super) signal: Signal,
    pub(super) whole: u64,
    pub(super) part: u64,
    pub(super) percent: u64,
}

impl Floor {
    pub(super) fn reached(&self, own: Ratio) -> Option<Flag> {
        let own = own.capped();
        let share = u128::from(own.part) * 100 >= u128::from(own.whole) * u128::from(self.percent);
        let is_reached = own.whole >= self.whole && own.part >= self.part && share;
        is_reached.then(|| Flag { signal: self.signal, reason: own.in_words() })
    }

    pub(super) fn in_words(&self) -> String {
        format!("at least {} % and {} of at least {}", self.percent, self.part, self.whole)
    }
}

/// A share that must be far from another.
pub(super) struct Compare {
    pub(super) signal: Signal,
    pub(super) factor: u32,
    pub(super) whole: u64,
}

impl Compare {
    pub(super) fn above(&self, own: Ratio, base: Ratio, whose: &str) -> Option<Flag> {
        let is_far = self.is_enough(own, base) && far_above(own, base, self.factor);
        is_far.then(|| self.flag(own, base, whose))
    }

    pub(super) fn below(&self, own: Ratio, base: Ratio) -> Option<Flag> {
        let is_far = self.is_enough(own, base) && far_above(base, own, self.factor);
        is_far.then(|| self.flag(own, base, OTHERS))
    }

    const fn is_enough(&self, own: Ratio, base: Ratio) -> bool {
        own.whole >= self.whole && base.whole >= self.whole
    }

    fn flag(&self, own: Ratio, base: Ratio, whose: &str) -> Flag {
        let reason = format!("{}, against {} {whose}", own.capped().in_words(), base.capped().in_words());
        Flag { signal: self.signal, reason }
    }

    pub(super) fn above_in_words(&self) -> String {
        self.in_words("at least", "times")
    }

    pub(super) fn below_in_words(&self) -> String {
        self.in_words("at most one part in", "of")
    }

    fn in_words(&self, by: &str, link: &str) -> String {
        format!(
            "{by} {} {link} the share compared with, by at least {Z_BOUND} standard errors, each side with at least {}",
            self.factor, self.whole
        )
    }
}

/// Whether the first share is at least `factor` times the second, and [`Z_BOUND`] standard errors above it.
///
/// z² = (ad - bc)² (b + d) / (b d (a + c) (b + d - a - c)) for a of b against c of d, multiplied out.
pub(crate) fn far_above(high: Ratio, low: Ratio, factor: u32) -> bool {
    let (a, b) = high.capped().fitted();
    let (c, d) = low.capped().fitted();
    let (own, base) = (a * d, c * b);
    if own <= base || own < base * u128::from(factor) {
        return false;
    }
    let difference = own - base;
    let (all, parts) = (b + d, a + c);
    let bound = u128::from(Z_BOUND * Z_BOUND);
    difference * difference * all >= bound * b * d * parts * (all - parts)
}

impl Ratio {
    pub(super) fn capped(self) -> Self {
        Self { part: self.part.min(self.whole), whole: self.whole }
    }

    /// Halved until squares and products of two pairs fit 128 bits.
    fn fitted(self) -> (u128, u128) {
        let bits = u64::BITS - self.whole.leading_zeros();
        let shift = bits.saturating_sub(TERM_BITS_MAX);
        (u128::from(self.part >> shift), u128::from(self.whole >> shift))
    }

    fn in_words(self) -> String {
        let tenths = (u128::from(self.part) * 1_000).checked_div(u128::from(self.whole)).unwrap_or(0);
        format!("{} of {} ({}.{} %)", self.part, self.whole, tenths / 10, tenths % 10)
    }
}
