//! What one commission is worth, and how much of it can be taken back (L-07).

use hopline_money::{Amount, Currency, div_half_even};

/// Why two amounts make no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Two currencies. For now revenue and payout of a conversion have the same.
    #[error("revenue is in {revenue} and payout in {payout}: both must have one currency")]
    CurrencyMismatch {
        /// The revenue's.
        revenue: Currency,
        /// The payout's.
        payout: Currency,
    },
    /// Below zero.
    #[error("{part} is {given}: expected zero or more")]
    Negative {
        /// "revenue" or "payout".
        part: &'static str,
        /// What was given.
        given: Amount,
    },
}

/// What an advertiser pays and an affiliate gets, in one currency and neither below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    currency: Currency,
    revenue_minor: i64,
    payout_minor: i64,
}

impl Share {
    /// Checks two amounts.
    ///
    /// # Errors
    /// Two currencies, or an amount below zero.
    pub fn new(revenue: Amount, payout: Amount) -> Result<Self, ShareError> {
        if revenue.currency != payout.currency {
            let (revenue, payout) = (revenue.currency, payout.currency);
            return Err(ShareError::CurrencyMismatch { revenue, payout });
        }
        if revenue.is_negative() {
            return Err(ShareError::Negative { part: "revenue", given: revenue });
        }
        if payout.is_negative() {
            return Err(ShareError::Negative { part: "payout", given: payout });
        }
        Ok(Self { currency: revenue.currency, revenue_minor: revenue.minor, payout_minor: payout.minor })
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { currency, revenue_minor: 0, payout_minor: 0 }
    }

    /// What the advertiser pays.
    #[must_use]
    pub const fn revenue(self) -> Amount {
        Amount::new(self.revenue_minor, self.currency)
    }

    /// What the affiliate gets.
    #[must_use]
    pub const fn payout(self) -> Amount {
        Amount::new(self.payout_minor, self.currency)
    }

    /// What the network keeps; below zero where it pays more than it gets.
    #[must_use]
    pub const fn margin(self) -> Amount {
        Amount::new(self.revenue_minor.saturating_sub(self.payout_minor), self.currency)
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether both are zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.revenue_minor == 0 && self.payout_minor == 0
    }

    /// Both parts added. None for two currencies or where a sum does not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            currency: (self.currency == other.currency).then_some(self.currency)?,
            revenue_minor: self.revenue_minor.checked_add(other.revenue_minor)?,
            payout_minor: self.payout_minor.checked_add(other.payout_minor)?,
        })
    }

    /// Both parts subtracted. None for two currencies or where a part would fall below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let less = |left: i64, right: i64| left.checked_sub(right).filter(|rest| *rest >= 0);
        Some(Self {
            currency: (self.currency == other.currency).then_some(self.currency)?,
            revenue_minor: less(self.revenue_minor, other.revenue_minor)?,
            payout_minor: less(self.payout_minor, other.payout_minor)?,
        })
    }
}

/// Why a reversal is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReversalRefusal {
    /// Another currency than the commission's.
    #[error("the commission is in {expected}, the reversal in {given}")]
    CurrencyMismatch {
        /// The reversal's.
        given: Currency,
        /// The commission's.
        expected: Currency,
    },
    /// Nothing is asked.
    #[error("a reversal of nothing")]
    Nothing,
    /// Everything is taken back already.
    #[error("the commission is reversed in full already")]
    AlreadyReversed,
    /// More than is left.
    #[error("{part}: {asked} is to be reversed, {left} is left")]
    TooMuch {
        /// "revenue" or "payout".
        part: &'static str,
        /// What was asked.
        asked: Amount,
        /// What is left.
        left: Amount,
    },
    /// More was reversed than booked: the books are wrong.
    #[error("more was reversed than booked: {reversed_revenue} and {reversed_payout} of the commission")]
    Inconsistent {
        /// Revenue reversed so far.
        reversed_revenue: Amount,
        /// Payout reversed so far.
        reversed_payout: Amount,
    },
}

/// Checks that reversals of one commission add up to at most its amounts, and returns what is left after
/// this one.
///
/// # Errors
/// Nothing is asked, nothing is left, or more is asked than is left.
pub fn reversible(original: Share, already_reversed: Share, asked: Share) -> Result<Share, ReversalRefusal> {
    for other in [already_reversed, asked] {
        if other.currency != original.currency {
            let (given, expected) = (other.currency, original.currency);
            return Err(ReversalRefusal::CurrencyMismatch { given, expected });
        }
    }
    let left = original.minus(already_reversed).ok_or(ReversalRefusal::Inconsistent {
        reversed_revenue: already_reversed.revenue(),
        reversed_payout: already_reversed.payout(),
    })?;
    if left.is_zero() {
        return Err(ReversalRefusal::AlreadyReversed);
    }
    if asked.is_zero() {
        return Err(ReversalRefusal::Nothing);
    }
    if asked.revenue_minor > left.revenue_minor {
        let (asked, left) = (asked.revenue(), left.revenue());
        return Err(ReversalRefusal::TooMuch { part: "revenue", asked, left });
    }
    left.minus(asked).ok_or(ReversalRefusal::TooMuch {
        part: "payout",
        asked: asked.payout(),
        left: left.payout(),
    })
}

/// The share to take back when `refunded_minor` of an order of `order_minor` are refunded **in all**, this
/// refund included: the same part of the commission as of the order, rounded half to even over the sum of
/// refunds, less what was taken back before. A full refund therefore takes back exactly what the order paid,
/// in however many steps. None where the amounts make no sense (the order is not above zero, or the refunds
/// exceed it).
#[must_use]
pub fn refund_share(
    original: Share,
    already_reversed: Share,
    order_minor: i64,
    refunded_minor: i64,
) -> Option<Share> {
    if order_minor <= 0 || !(0..=order_minor).contains(&refunded_minor) {
        return None;
    }
    let part = |minor: i64| {
        let product = i128::from(minor).checked_mul(i128::from(refunded_minor))?;
        i64::try_from(div_half_even(product, i128::from(order_minor))?).ok()
    };
    let due = Share {
        currency: original.currency,
        revenue_minor: part(original.revenue_minor)?,
        payout_minor: part(original.payout_minor)?,
    };
    let rest = |due: i64, before: i64| due.checked_sub(before).map(|rest| rest.max(0));
    Some(Share {
        currency: original.currency,
        revenue_minor: rest(due.revenue_minor, already_reversed.revenue_minor)?,
        payout_minor: rest(due.payout_minor, already_reversed.payout_minor)?,
    })
}
