//! What is known of a conversion when it is priced.

use std::collections::BTreeMap;

use hopline_money::{Amount, Currency, MoneyError, percent_of, times};
use hopline_types::UnixMillis;

use crate::TermsError;
use crate::plan::{Condition, Customer, Part, Plan};

/// A conversion as terms see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// Its amount in the offer's currency.
    pub amount: Option<Amount>,
    /// Pieces of the fixed price: 1 for a sale.
    pub quantity: u64,
    /// Its items, as far as they could be read.
    pub items: Vec<Item>,
    /// Parts of the amount that the advertiser reports.
    pub parts: BTreeMap<Part, Amount>,
    /// Whether the customer is new; absent where the order names none.
    pub customer: Option<Customer>,
    /// Where the click came from.
    pub country: Option<String>,
    /// Other words: `coupon`, `source`, `adv1` to `adv10`, `sub1` to `sub10`.
    pub fields: BTreeMap<String, String>,
    /// Which payment of the customer it is; absent where the order names none.
    pub payment: Option<Payment>,
}

/// Which payment of a customer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// From 1.
    pub number: u32,
    /// When the first was made.
    pub first_at: UnixMillis,
    /// When this one was made.
    pub at: UnixMillis,
}

/// One item of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its SKU.
    pub sku: Option<String>,
    /// Its product.
    pub product: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// How many pieces.
    pub quantity: u64,
    /// What all of its pieces come to.
    pub amount: Amount,
}

impl Item {
    /// What it is called in calculations.
    #[must_use]
    pub fn name(&self) -> &str {
        let names = [&self.sku, &self.product, &self.category];
        names.into_iter().find_map(Option::as_deref).unwrap_or("without a name")
    }
}

impl Condition {
    /// Whether an order, of which `counted` counts, fits, and the item where one is asked about.
    pub(crate) fn fits(&self, order: &Order, counted: Option<Amount>, item: Option<&Item>) -> bool {
        let one_of = |words: &[String], given: Option<&str>| {
            words.is_empty() || given.is_some_and(|given| words.iter().any(|word| word == given))
        };
        let of_item =
            |words: &[String], given: fn(&Item) -> Option<&str>| one_of(words, item.and_then(given));
        let amount = |bound: &hopline_money::Decimal, is_from: bool| {
            counted.is_some_and(|counted| {
                times(1, bound, counted.currency).is_ok_and(|bound| {
                    if is_from { counted.minor >= bound.minor } else { counted.minor < bound.minor }
                })
            })
        };
        let field = |(name, words): (&String, &Vec<String>)| {
            one_of(words, order.fields.get(name).map(String::as_str))
        };
        of_item(&self.sku, |item| item.sku.as_deref())
            && of_item(&self.product, |item| item.product.as_deref())
            && of_item(&self.category, |item| item.category.as_deref())
            && (self.customer.is_none() || self.customer == order.customer)
            && one_of(&self.country, order.country.as_deref())
            && self.amount_from.as_ref().is_none_or(|from| amount(from, true))
            && self.amount_below.as_ref().is_none_or(|below| amount(below, false))
            && self.field.iter().all(field)
    }
}

impl Plan {
    /// What counts of an order: its amount less what is taken off, at least nothing and at most the maximum.
    ///
    /// # Errors
    /// A negative amount or one in another currency, or more than an amount holds.
    pub fn counted(&self, order: &Order, currency: Currency) -> Result<Option<Amount>, TermsError> {
        let Some(mut counted) = order.amount else { return Ok(None) };
        if counted.currency != currency {
            return Err(TermsError::Currency { given: counted.currency, expected: currency });
        }
        if counted.is_negative() {
            return Err(TermsError::AmountNegative { given: counted });
        }
        for part in &self.without {
            if let Some(part) = order.parts.get(part) {
                counted = counted.checked_sub(*part)?;
            }
        }
        if counted.is_negative() {
            counted = Amount::zero(currency);
        }
        if let Some(most) = &self.order_max {
            let most = times(1, most, currency)?;
            counted.minor = counted.minor.min(most.minor);
        }
        Ok(Some(counted))
    }
}

/// Levels: what recruiters get for a conversion that brought the affiliate `payout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelEarned {
    /// 1 is the affiliate's own recruiter.
    pub level: usize,
    /// How much.
    pub amount: Amount,
    /// How it was calculated.
    pub lines: Vec<crate::Line>,
}

impl Plan {
    /// What each level gets for a conversion of which `counted` counts and that brings the affiliate `payout`.
    ///
    /// # Errors
    /// More than an amount holds.
    pub fn levels_earned(
        &self,
        payout: Amount,
        counted: Option<Amount>,
    ) -> Result<Vec<LevelEarned>, MoneyError> {
        let currency = payout.currency;
        let mut all = Vec::with_capacity(self.levels.len());
        for (place, level) in self.levels.iter().enumerate() {
            let number = place + 1;
            let mut earned = LevelEarned { level: number, amount: Amount::zero(currency), lines: Vec::new() };
            let base = match level.of {
                crate::LevelOf::Payout => Some(("the affiliate's payout", payout)),
                crate::LevelOf::Order => counted.map(|counted| ("the order", counted)),
            };
            if let (Some(percent), Some((what, base))) = (&level.percent, base) {
                let label = format!("level {number}: percent of {what}");
                earned.lines.push(crate::Line::percent(crate::Side::Payout, &label, base, percent)?);
                earned.amount = earned.amount.checked_add(percent_of(base, percent)?)?;
            }
            if let Some(fixed) = &level.fixed {
                let label = format!("level {number}: fixed amount");
                let line =
                    crate::Line::pieces(crate::Side::Payout, &label, (1, "conversion"), fixed, currency)?;
                earned.amount = earned.amount.checked_add(line.rounded)?;
                earned.lines.push(line);
            }
            all.push(earned);
        }
        Ok(all)
    }
}
