//! What a conversion earns under a plan.
//!
//! 1. What counts: the amount without the parts that the plan takes off, up to the maximum ([`Plan::counted`]).
//! 2. Below the minimum, after the last paid payment or after the end, it earns nothing, and a line says so.
//! 3. Each item for which the first rate that fits is a rate for items is priced by that one. Everything else is *the rest
//!    of the order*, priced by the first rate that fits the order, else by the goal's own prices (or those that a
//!    later payment has). Where the items come to more than what counts, what counts is divided among them in proportion.
//! 4. A fixed amount is paid per piece of an item with its own rate, and once for the rest, where there is one.
//!
//! The two sides may be priced by different rates: a rate without one side leaves it to the goal's own price.

use hopline_money::{Amount, Currency, times};
use hopline_types::GoalKind;

use crate::earned::{piece, total};
use crate::order::{Item, Order, Payment};
use crate::plan::{Plan, Rate};
use crate::{Earned, GoalTerms, Line, Price, Side, TermsError, time};

/// What one conversion earns in the offer's `currency`.
///
/// # Errors
/// A sale without amount, a negative amount, another currency, unusable terms, or an amount too large.
pub fn earn(terms: &GoalTerms, plan: &Plan, order: &Order, currency: Currency) -> Result<Earned, TermsError> {
    let counted = plan.counted(order, currency)?;
    if terms.kind == GoalKind::Pps && counted.is_none() {
        return Err(TermsError::AmountMissing);
    }
    if let Some(note) = earns_nothing(plan, order, counted, currency)? {
        let lines = Side::ALL.map(|side| Line::nothing(side, &note, counted, currency));
        return total(lines.into(), currency);
    }
    let parts = divide(plan, order, counted)?;
    let mut lines = Vec::new();
    for side in Side::ALL {
        for part in &parts {
            let (price, name) = part.price(terms, plan, order, side);
            part.lines(terms.kind, side, &price, &name, currency, &mut lines)?;
        }
    }
    total(lines, currency)
}

/// Why an order earns nothing, if so.
fn earns_nothing(
    plan: &Plan,
    order: &Order,
    counted: Option<Amount>,
    currency: Currency,
) -> Result<Option<String>, TermsError> {
    if let (Some(least), Some(counted)) = (&plan.order_min, counted) {
        let least = times(1, least, currency)?;
        if counted.minor < least.minor {
            return Ok(Some(format!("the order is below the minimum of {least}")));
        }
    }
    let (Some(recurring), Some(payment)) = (&plan.recurring, order.payment) else { return Ok(None) };
    let Payment { number, first_at, at } = payment;
    if let Some(most) = recurring.payments.filter(|most| number > *most) {
        return Ok(Some(format!("payment {number} of the customer: {most} are paid")));
    }
    if let Some(months) = recurring.months
        && at >= time::months_later(first_at, months)
    {
        return Ok(Some(format!("more than {months} months after the customer's first payment")));
    }
    if recurring.until.is_some_and(|until| at.get() >= until) {
        return Ok(Some("after the end of paid renewals".to_owned()));
    }
    Ok(None)
}

/// What is priced by one rate.
struct Priced<'a> {
    /// The item; the rest of the order has none.
    item: Option<&'a Item>,
    /// The rate, with its place among the plan's.
    rate: Option<(usize, &'a Rate)>,
    /// What counts of it.
    counted: Option<Amount>,
    quantity: u64,
    /// Whether there are others.
    is_alone: bool,
    /// Whether it counts for less than it was reported at.
    is_share: bool,
}

fn divide<'a>(
    plan: &'a Plan,
    order: &'a Order,
    counted: Option<Amount>,
) -> Result<Vec<Priced<'a>>, TermsError> {
    let find = |item: Option<&Item>| {
        let fits = |(_, rate): &(usize, &Rate)| rate.when.fits(order, counted, item);
        plan.rates.iter().enumerate().find(fits)
    };
    let rest = find(None);
    let whole = |is_alone, counted| Priced {
        item: None,
        rate: rest,
        counted,
        quantity: order.quantity,
        is_alone,
        is_share: false,
    };
    let Some(amount) = counted else { return Ok(vec![whole(true, None)]) };
    let own = |item: &'a Item| {
        find(Some(item)).filter(|(_, rate)| rate.when.is_about_items()).map(|rate| (item, rate))
    };
    let own: Vec<(&Item, (usize, &Rate))> = order.items.iter().filter_map(own).collect();
    if own.is_empty() {
        return Ok(vec![whole(true, counted)]);
    }
    let mut of_all = Amount::zero(amount.currency);
    for item in &order.items {
        of_all = of_all.checked_add(item.amount)?;
    }
    let is_share = of_all.minor > amount.minor;
    let mut left = amount;
    let mut parts = Vec::with_capacity(own.len() + 1);
    let shares = if is_share { Some(shares(&order.items, amount)?) } else { None };
    for (item, rate) in own {
        let place = order.items.iter().position(|known| std::ptr::eq(known, item));
        let share = shares.as_ref().zip(place).and_then(|(shares, place)| shares.get(place).copied());
        let counted = share.unwrap_or(item.amount);
        left = left.checked_sub(counted)?;
        parts.push(Priced {
            item: Some(item),
            rate: Some(rate),
            counted: Some(counted),
            quantity: item.quantity,
            is_alone: false,
            is_share,
        });
    }
    if parts.len() < order.items.len() || !left.is_zero() {
        parts.push(whole(false, Some(left)));
    }
    Ok(parts)
}

/// What counts, divided among items in proportion to their amounts.
fn shares(items: &[Item], counted: Amount) -> Result<Vec<Amount>, TermsError> {
    let weights: Vec<u64> =
        items.iter().map(|item| u64::try_from(item.amount.minor).unwrap_or_default()).collect();
    let shares = hopline_money::split(counted.minor, &weights)?;
    Ok(shares.into_iter().map(|minor| Amount::new(minor, counted.currency)).collect())
}

impl Priced<'_> {
    /// Its price on a side, and what that is called.
    fn price(&self, terms: &GoalTerms, plan: &Plan, order: &Order, side: Side) -> (Price, String) {
        let named = |rate: &Rate| match side {
            Side::Revenue => rate.revenue,
            Side::Payout => rate.payout,
        };
        if let Some((place, rate)) = self.rate
            && let Some(price) = named(rate)
        {
            let name = if rate.name.is_empty() { format!("rate {}", place + 1) } else { rate.name.clone() };
            return (price, format!(" ({name})"));
        }
        if let (Some(recurring), Some(payment)) = (&plan.recurring, order.payment) {
            let reached = recurring.then.iter().filter(|then| payment.number > then.after);
            let mut changed = reached.filter_map(|then| {
                let price = match side {
                    Side::Revenue => then.revenue,
                    Side::Payout => then.payout,
                };
                price.map(|price| (price, then.after))
            });
            if let Some((price, after)) = changed.next_back() {
                return (price, format!(" (payment {}: rate after {after})", payment.number));
            }
        }
        (*terms.price(side), String::new())
    }

    fn lines(
        &self,
        kind: GoalKind,
        side: Side,
        price: &Price,
        name: &str,
        currency: Currency,
        lines: &mut Vec<Line>,
    ) -> Result<(), TermsError> {
        let unusable = TermsError::Unusable { kind, side };
        let share = if self.is_share { ", its share of what counts" } else { "" };
        let what = match (self.item, self.is_alone) {
            (Some(item), _) => format!("item {}{share}", item.name()),
            (None, true) => "the order".to_owned(),
            (None, false) => "the rest of the order".to_owned(),
        };
        let (percent, fixed) = match (kind, price.percent, price.fixed) {
            (GoalKind::Pps, None, None) => return Err(unusable),
            (GoalKind::Pps, percent, fixed) => (percent, fixed),
            (_, None, Some(fixed)) => (None, Some(fixed)),
            _ => return Err(unusable),
        };
        if let Some(percent) = percent {
            let counted = self.counted.ok_or(TermsError::AmountMissing)?;
            lines.push(Line::percent(side, &format!("percent of {what}{name}"), counted, &percent)?);
        }
        if let Some(fixed) = fixed {
            let label = match self.item {
                Some(_) => format!("fixed amount for {what}{name}"),
                None => format!("fixed amount{name}"),
            };
            let unit = if self.item.is_some() { "piece" } else { piece(kind) };
            lines.push(Line::pieces(side, &label, (self.quantity, unit), &fixed, currency)?);
        }
        Ok(())
    }
}
