//! What a conversion earns for whom: which terms apply to each affiliate, what they come to, and what recruiters get.
//!
//! An affiliate's own terms go before its group's before the goal's. Where several share the credit, each has its share of what
//! the conversion earns under the terms that apply to it. Recruiters get their levels on top, as commissions of the same
//! conversion without revenue; one that has a share itself gets both as one commission. Only active ones are paid. Levels do
//! not count into caps, which bound what is paid for bringing orders.
//!
//! Nothing is asked of the store for terms that need nothing: groups where a version is for one, recruiters where there
//! are levels, earlier orders where a rate or a renewal depends on them. An order is a customer's later one by the times at
//! which they happened; where one becomes known later, those after it are decided again ([`super::again`]).
//!
//! # Items
//!
//! A conversion's items are a JSON list of objects with `sku`, `product` (or `name`), `category`, `quantity` and either
//! `amount`, what all pieces come to, or `price`, of one piece, as texts in the currency of the order. `type` is `tax`, `shipping`
//! or `discount` for parts that are none. What cannot be read belongs to the rest of the order.

use std::collections::{BTreeMap, BTreeSet};

use hopline_attribution::Decision;
use hopline_catalogue::data::Standing;
use hopline_click_store::Dims;
use hopline_clickid::UniqueNumber;
use hopline_control_store::bonuses::{self, AskedCustomer, Before};
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{self, TermsVersion, Whose};
use hopline_control_store::{Tx, affiliates, groups};
use hopline_money::{Amount, times};
use hopline_terms::{Customer, Earned, Item, LEVELS_MAX, Line, Order, Part, Payment, Plan};
use hopline_types::{AffiliateId, ConversionId, GoalId, GroupId};
use serde_json::{Value, json};

use crate::BookError;

/// What terms depend on besides the conversion.
#[derive(Debug, Default)]
pub(crate) struct Circumstances {
    groups: BTreeMap<AffiliateId, GroupId>,
    recruiters: BTreeMap<AffiliateId, Vec<AffiliateId>>,
    active: BTreeSet<AffiliateId>,
    before: BTreeMap<ConversionId, Before>,
}

impl Circumstances {
    pub(crate) fn read<'a>(
        tx: &mut dyn Tx,
        conversions: impl Iterator<Item = &'a Conversion>,
        terms: &BTreeMap<GoalId, Vec<TermsVersion>>,
        concerned: &BTreeSet<AffiliateId>,
    ) -> Result<Self, BookError> {
        let mut circumstances = Self::default();
        let versions = || terms.values().flatten();
        if versions().any(|version| matches!(version.whose, Whose::Group(_))) {
            circumstances.groups = groups::of_affiliates(tx, concerned.iter().copied())?;
        }
        if versions().any(|version| !version.plan.levels.is_empty()) {
            circumstances.recruiters = groups::recruiters(tx, concerned.iter().copied(), LEVELS_MAX)?;
            let all: BTreeSet<AffiliateId> = circumstances.recruiters.values().flatten().copied().collect();
            let standings = affiliates::standings(tx, all)?;
            let active = standings.into_iter().filter(|(_, standing)| *standing == Standing::Active);
            circumstances.active = active.map(|(affiliate, _)| affiliate).collect();
        }
        let asks = |conversion: &&Conversion| {
            let versions = terms.get(&conversion.goal).into_iter().flatten();
            versions.map(|version| &version.plan).any(depends_on_customer)
        };
        let asked: Vec<AskedCustomer> = conversions.filter(asks).filter_map(asked_customer).collect();
        let before = bonuses::customers_before(tx, &asked)?;
        circumstances.before = asked.iter().map(|one| one.conversion).zip(before).collect();
        Ok(circumstances)
    }

    /// The version that applies to an affiliate.
    pub(crate) fn version<'a>(
        &self,
        conversion: &Conversion,
        versions: &'a [TermsVersion],
        affiliate: AffiliateId,
    ) -> Result<&'a TermsVersion, BookError> {
        let group = self.groups.get(&affiliate).copied();
        offers::applying(versions, conversion.converted_at, affiliate, group)
            .ok_or_else(|| BookError::field("event", format!("goal {} has no terms", conversion.goal)))
    }

    /// What a conversion comes to for each of these affiliates, in their order, as if it were its alone.
    pub(crate) fn earnings<'a>(
        &self,
        conversion: &Conversion,
        versions: &'a [TermsVersion],
        dims: Option<&Dims>,
        affiliates: impl IntoIterator<Item = AffiliateId>,
    ) -> Result<Earnings<'a>, BookError> {
        let order = self.order(conversion, dims);
        let mut each: Vec<(AffiliateId, &TermsVersion, Earned)> = Vec::new();
        for affiliate in affiliates {
            let version = self.version(conversion, versions, affiliate)?;
            let known = each.iter().find(|(_, known, _)| known.id == version.id);
            let earned = match known.map(|(_, _, earned)| earned.clone()) {
                Some(earned) => earned,
                None => hopline_terms::earn(&version.terms, &version.plan, &order, conversion.currency)
                    .map_err(|error| BookError::field(error.field().unwrap_or("terms"), error))?,
            };
            each.push((affiliate, version, earned));
        }
        Ok(Earnings { each, order })
    }

    fn order(&self, conversion: &Conversion, dims: Option<&Dims>) -> Order {
        let (items, parts) = items(conversion);
        let before = self.before.get(&conversion.id).copied();
        let mut fields = BTreeMap::new();
        let mut field = |name: String, value: &str| {
            if !value.is_empty() {
                fields.insert(name, value.to_owned());
            }
        };
        field("coupon".to_owned(), conversion.coupon.as_deref().unwrap_or_default());
        let adv: Vec<String> =
            conversion.adv.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        for (number, value) in (1..).zip(&adv) {
            field(format!("adv{number}"), value);
        }
        if let Some(dims) = dims {
            field("source".to_owned(), &dims.source);
            for (number, value) in (1..).zip(&dims.subs) {
                field(format!("sub{number}"), value);
            }
        }
        Order {
            amount: conversion.amount,
            quantity: u64::try_from(conversion.quantity).unwrap_or_default(),
            items,
            parts,
            customer: before
                .map(|before| if before.orders == 0 { Customer::New } else { Customer::Returning }),
            country: dims.map(|dims| dims.country.clone()).filter(|country| !country.is_empty()),
            fields,
            payment: before.map(|before| Payment {
                number: u32::try_from(before.payments).unwrap_or(u32::MAX).saturating_add(1),
                first_at: before.first_at.unwrap_or(conversion.converted_at),
                at: conversion.converted_at,
            }),
        }
    }
}

/// Whether terms ask what the customer did before.
fn depends_on_customer(plan: &Plan) -> bool {
    plan.recurring.is_some() || plan.rates.iter().any(|rate| rate.when.customer.is_some())
}

fn asked_customer(conversion: &Conversion) -> Option<AskedCustomer> {
    Some(AskedCustomer {
        conversion: conversion.id,
        advertiser: conversion.advertiser,
        goal: conversion.goal,
        customer: conversion.customer_id.clone()?,
        at: conversion.converted_at,
    })
}

/// The items of an order, and the parts that are none, in the currency of its amount.
fn items(conversion: &Conversion) -> (Vec<Item>, BTreeMap<Part, Amount>) {
    let (mut items, mut parts) = (Vec::new(), BTreeMap::<Part, Amount>::new());
    let list: Vec<Value> =
        conversion.items.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for value in &list {
        let Some((item, part)) = item(conversion, value) else { continue };
        match part {
            None => items.push(item),
            Some(part) => {
                let sum = parts.get(&part).copied().unwrap_or(Amount::zero(item.amount.currency));
                if let Ok(sum) = sum.checked_add(item.amount) {
                    parts.insert(part, sum);
                }
            }
        }
    }
    (items, parts)
}

fn item(conversion: &Conversion, value: &Value) -> Option<(Item, Option<Part>)> {
    let text = |names: &[&str]| names.iter().find_map(|name| value[*name].as_str()).map(str::to_owned);
    let quantity = value["quantity"].as_u64().or_else(|| value["quantity"].as_str()?.parse().ok());
    let quantity = quantity.unwrap_or(1).max(1);
    let reported = conversion.order.map_or(conversion.currency, |order| order.currency);
    let amount = match (value["amount"].as_str(), value["price"].as_str()) {
        (Some(amount), _) => Amount::parse(amount, reported).ok()?,
        (None, Some(price)) => times(quantity, &hopline_money::Decimal::parse(price).ok()?, reported).ok()?,
        (None, None) => return None,
    };
    let amount = match &conversion.exchange {
        None => amount,
        Some(exchange) => exchange.convert(amount).ok()?,
    };
    let part = match value["type"].as_str() {
        Some("tax") => Some(Part::Tax),
        Some("shipping") => Some(Part::Shipping),
        Some("discount") => Some(Part::Discount),
        _ => None,
    };
    let item = Item {
        sku: text(&["sku"]),
        product: text(&["product", "name"]),
        category: text(&["category"]),
        quantity,
        amount,
    };
    (!amount.is_negative()).then_some((item, part))
}

/// What a conversion comes to for those who are credited.
#[derive(Debug)]
pub(crate) struct Earnings<'a> {
    /// In the order of the credits.
    each: Vec<(AffiliateId, &'a TermsVersion, Earned)>,
    order: Order,
}

/// What a recruiter gets.
#[derive(Debug)]
pub(crate) struct LevelShare {
    pub(crate) affiliate: AffiliateId,
    pub(crate) payout: Amount,
    recruited: AffiliateId,
    level: usize,
    lines: Vec<Line>,
}

impl<'a> Earnings<'a> {
    /// What the first of them has.
    pub(crate) fn main(&self) -> Result<(&'a TermsVersion, &Earned), BookError> {
        let first = self.each.first().ok_or_else(|| BookError::broken("terms of nobody were asked for"))?;
        Ok((first.1, &first.2))
    }

    /// The shares of the credits: revenue and payout.
    pub(crate) fn split(
        &self,
        decision: &Decision<UniqueNumber, AffiliateId>,
    ) -> Result<(Vec<Amount>, Vec<Amount>), BookError> {
        let (mut revenues, mut payouts) = (Vec::new(), Vec::new());
        for (place, (_, _, earned)) in self.each.iter().enumerate() {
            let own = |amount| -> Result<Amount, BookError> {
                let shares = decision.split(amount).map_err(BookError::broken)?;
                shares.get(place).copied().ok_or_else(|| BookError::broken("a credit has no share"))
            };
            revenues.push(own(earned.revenue)?);
            payouts.push(own(earned.payout)?);
        }
        Ok((revenues, payouts))
    }

    /// What recruiters get for the share of one affiliate.
    pub(crate) fn levels(
        &self,
        circumstances: &Circumstances,
        affiliate: AffiliateId,
        payout: Amount,
    ) -> Result<Vec<LevelShare>, BookError> {
        let Some((_, version, _)) = self.each.iter().find(|(known, ..)| *known == affiliate) else {
            return Ok(Vec::new());
        };
        let counted = version.plan.counted(&self.order, payout.currency).map_err(BookError::broken)?;
        let earned = version.plan.levels_earned(payout, counted).map_err(BookError::broken)?;
        let chain = circumstances.recruiters.get(&affiliate).into_iter().flatten();
        let shares = chain.zip(earned).filter(|(recruiter, _)| circumstances.active.contains(recruiter));
        let share = |(recruiter, earned): (&AffiliateId, hopline_terms::LevelEarned)| LevelShare {
            affiliate: *recruiter,
            payout: earned.amount,
            recruited: affiliate,
            level: earned.level,
            lines: earned.lines,
        };
        Ok(shares.map(share).filter(|share| !share.payout.is_zero()).collect())
    }

    /// Writes down whose terms applied and why, those of others who share the credit, and levels.
    pub(crate) fn explain(&self, reasoning: &mut Value, levels: &[LevelShare]) {
        if let Some((affiliate, version, _)) = self.each.first() {
            reasoning["terms"]["applies"] = json!(why(version, *affiliate));
            if !version.plan.is_empty() {
                reasoning["terms"]["plan"] = json!(version.plan);
            }
        }
        let first = self.each.first().map(|(_, version, _)| version.id);
        let others = self.each.iter().filter(|(_, version, _)| Some(version.id) != first);
        let others: Vec<Value> = others
            .map(|(affiliate, version, earned)| {
                json!({ "affiliate_id": affiliate, "terms_id": version.id, "version": version.version,
                    "applies": why(version, *affiliate), "lines": earned.lines })
            })
            .collect();
        if !others.is_empty() {
            reasoning["other_terms"] = Value::Array(others);
        }
        let levels: Vec<Value> = levels
            .iter()
            .map(|share| {
                json!({ "affiliate_id": share.affiliate, "recruited": share.recruited, "level": share.level,
                    "payout": share.payout, "lines": share.lines })
            })
            .collect();
        if !levels.is_empty() {
            reasoning["levels"] = Value::Array(levels);
        }
    }
}

/// Why a version applies to an affiliate.
pub(crate) fn why(version: &TermsVersion, affiliate: AffiliateId) -> String {
    match version.whose {
        Whose::Affiliate(_) => format!("version {}: terms of affiliate {affiliate} alone", version.version),
        Whose::Group(group) => {
            format!(
                "version {}: terms of group {group}, to which affiliate {affiliate} belongs",
                version.version
            )
        }
        Whose::All => format!("version {}: the goal's terms for all", version.version),
    }
}
