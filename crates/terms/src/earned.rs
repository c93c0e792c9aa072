//! What a conversion, or an hour of clicks, earns.

use hopline_money::{Amount, Currency, MoneyError};
use hopline_types::GoalKind;
use serde::{Deserialize, Serialize};

use crate::{GoalTerms, Line, Side};

/// What both sides of a conversion come to, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earned {
    /// What the advertiser pays: the sum of the revenue lines.
    pub revenue: Amount,
    /// What the affiliate gets: the sum of the payout lines.
    pub payout: Amount,
    /// The steps, revenue first.
    pub lines: Vec<Line>,
}

/// Why terms and a conversion do not come to an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// A sale without its amount.
    #[error("amount is missing: pps is paid by the order's amount")]
    AmountMissing,
    /// An order below zero.
    #[error("amount {given} is negative: expected 0 or more")]
    AmountNegative {
        /// The order's amount.
        given: Amount,
    },
    /// The order is in another currency than the offer.
    #[error("currency {given} is not the offer's currency {expected}")]
    Currency {
        /// The order's currency.
        given: Currency,
        /// The offer's currency.
        expected: Currency,
    },
    /// Terms that [`GoalTerms::check`] would have refused.
    #[error("the {side} of these {kind} terms has no usable price")]
    Unusable {
        /// The kind of the terms.
        kind: GoalKind,
        /// The side without a price.
        side: Side,
    },
    /// Clicks to settle on a goal that does not pay clicks.
    #[error("clicks are settled by ppc terms, these are {kind}")]
    NotPaidPerClick {
        /// The kind of the terms.
        kind: GoalKind,
    },
    /// Fewer clicks than were settled before.
    #[error("{counted_now} clicks are counted, but {counted_before} were settled before")]
    CountWentBack {
        /// Clicks settled before.
        counted_before: u64,
        /// Clicks counted now.
        counted_now: u64,
    },
    /// Tiers that [`crate::Plan::check`] would have refused.
    #[error("a tier that was reached has no {side}")]
    TierWithoutPrice {
        /// The side without a price.
        side: Side,
    },
    /// More money than an amount holds.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl TermsError {
    /// The parameter of a conversion that is to blame, if one is.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::AmountMissing | Self::AmountNegative { .. } => Some("amount"),
            Self::Currency { .. } => Some("currency"),
            Self::Unusable { .. }
            | Self::NotPaidPerClick { .. }
            | Self::CountWentBack { .. }
            | Self::TierWithoutPrice { .. }
            | Self::Money(_) => None,
        }
    }
}

/// What one conversion earns in the offer's `currency`. `order` is the order's amount; `quantity` is how many pieces
/// (leads, installs, clicks; 1 for a sale) the fixed price is paid for.
///
/// # Errors
/// A sale without amount, a negative amount, another currency, unusable terms, or an amount too large.
pub fn commission(
    terms: &GoalTerms,
    order: Option<Amount>,
    quantity: u64,
    currency: Currency,
) -> Result<Earned, TermsError> {
    if let Some(order) = order {
        if order.currency != currency {
            return Err(TermsError::Currency { given: order.currency, expected: currency });
        }
        if order.is_negative() {
            return Err(TermsError::AmountNegative { given: order });
        }
    }
    let mut lines = Vec::new();
    for side in Side::ALL {
        let price = terms.price(side);
        let unusable = TermsError::Unusable { kind: terms.kind, side };
        match (terms.kind, price.percent, price.fixed) {
            (GoalKind::Pps, None, None) => return Err(unusable),
            (GoalKind::Pps, percent, fixed) => {
                let order = order.ok_or(TermsError::AmountMissing)?;
                if let Some(percent) = percent {
                    lines.push(Line::percent_of_order(side, order, &percent)?);
                }
                if let Some(fixed) = fixed {
                    lines.push(Line::pieces(side, "fixed amount", (quantity, "sale"), &fixed, currency)?);
                }
            }
            (kind, None, Some(fixed)) => {
                lines.push(Line::pieces(side, "fixed amount", (quantity, piece(kind)), &fixed, currency)?);
            }
            _ => return Err(unusable),
        }
    }
    total(lines, currency)
}

/// What settling clicks earns when `counted_before` of the same terms' clicks were settled already: the rounded worth
/// of all clicks so far, less the rounded worth of those before. However the clicks are divided into steps, the steps
/// add up to the rounded worth of all.
///
/// # Errors
/// Terms that are not `ppc` or unusable, a count that went back, or an amount too large.
pub fn click_settlement(
    terms: &GoalTerms,
    counted_before: u64,
    counted_now: u64,
    currency: Currency,
) -> Result<Earned, TermsError> {
    if terms.kind != GoalKind::Ppc {
        return Err(TermsError::NotPaidPerClick { kind: terms.kind });
    }
    if counted_now < counted_before {
        return Err(TermsError::CountWentBack { counted_before, counted_now });
    }
    let mut lines = Vec::new();
    for side in Side::ALL {
        let (None, Some(price)) = (terms.price(side).percent, terms.price(side).fixed) else {
            return Err(TermsError::Unusable { kind: terms.kind, side });
        };
        lines.push(Line::pieces(side, "clicks so far", (counted_now, "click"), &price, currency)?);
        if counted_before > 0 {
            let settled = Line::pieces(side, "", (counted_before, "click"), &price, currency)?;
            lines.push(settled.taken_away("settled before")?);
        }
    }
    total(lines, currency)
}

pub(crate) fn total(lines: Vec<Line>, currency: Currency) -> Result<Earned, TermsError> {
    let (mut revenue, mut payout) = (Amount::zero(currency), Amount::zero(currency));
    for line in &lines {
        let sum = match line.side {
            Side::Revenue => &mut revenue,
            Side::Payout => &mut payout,
        };
        *sum = sum.checked_add(line.rounded)?;
    }
    Ok(Earned { revenue, payout, lines })
}

pub(crate) const fn piece(kind: GoalKind) -> &'static str {
    match kind {
        GoalKind::Pps => "sale",
        GoalKind::Ppl => "lead",
        GoalKind::Ppc => "click",
        GoalKind::Ppi => "install",
    }
}
