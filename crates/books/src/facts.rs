//! What reports learn: facts, and their form in the outbox.
//!
//! A [`Picture`] is what a conversion counts for at one moment, by affiliate. Every change takes one before and one
//! after, and [`put_changes`] writes the difference: one fact where the status stayed, two (out of the old status,
//! into the new one) where it changed. So the facts of a conversion always add up to its newest picture.
//!
//! Every decided conversion counts as one conversion (base goal) or event (further goals), also where it was rejected
//! or credits nobody: rates of approval need them. Sales, leads, installs and order values count where somebody is
//! credited. Settled clicks, tiers and bonuses bring money but no conversion.

use std::collections::BTreeMap;

use hopline_click_store::{Deltas, Dims, Fact};
use hopline_control_store::Tx;
use hopline_control_store::commissions::{self, InsertCommission};
use hopline_control_store::conversions::{Conversion, shown};
use hopline_control_store::facts::{self, NewFact};
use hopline_types::{AffiliateId, CommissionStatus, GoalKind, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::BookError;

mod json;

pub use json::{FactError, from_json, to_json};

/// What facts copy from the winning click and the offer; kept in the decision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Labels {
    /// Whether the goal is the offer's first.
    pub(crate) is_base: bool,
    /// The click's dimensions.
    #[serde(with = "json::dims")]
    pub(crate) dims: Dims,
}

/// What a conversion counts for, by affiliate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Picture(BTreeMap<Option<AffiliateId>, (CommissionStatus, Deltas)>);

/// What a stored conversion counts for now; nothing before its decision.
pub(crate) fn picture(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    labels: &Labels,
) -> Result<Picture, BookError> {
    if conversion.status.is_none() {
        return Ok(Picture::default());
    }
    let mut commissions = commissions::of_conversion(tx, conversion.id)?;
    // A later decision has left nothing of these.
    commissions.retain(|commission| commission.status != CommissionStatus::Unattributed);
    let refunds = commissions::refunds_of(tx, conversion.id)?;
    let left = commissions.iter().map(|commission| Left {
        affiliate: commission.affiliate,
        status: commission.status,
        revenue_minor: commission.revenue_minor - commission.reversed_revenue_minor,
        payout_minor: commission.payout_minor - commission.reversed_payout_minor,
    });
    let refunded_minor = refunded(conversion, refunds.iter().filter_map(|refund| refund.amount_minor).sum())?;
    Ok(Picture::of(conversion, labels, left, refunded_minor))
}

/// What was refunded of an order, in the currency of the terms: the same part of its converted amount as of what was
/// reported.
fn refunded(conversion: &Conversion, refunded_minor: i64) -> Result<i64, BookError> {
    let (Some(order), Some(amount)) = (conversion.order, conversion.amount) else {
        return Ok(refunded_minor);
    };
    if order.minor == 0 {
        return Ok(0);
    }
    let product = i128::from(amount.minor) * i128::from(refunded_minor);
    let part = hopline_money::div_half_even(product, i128::from(order.minor));
    let part = part.and_then(|part| i64::try_from(part).ok());
    part.ok_or_else(|| BookError::broken(format!("the refunds of conversion {} do not fit", conversion.id)))
}

/// What is left of a commission.
#[derive(Debug, Clone, Copy)]
struct Left {
    affiliate: AffiliateId,
    status: CommissionStatus,
    revenue_minor: i64,
    payout_minor: i64,
}

impl Picture {
    /// Of a conversion that was decided just now, with its commissions.
    pub(crate) fn of_new(conversion: &Conversion, labels: &Labels, new: &[InsertCommission]) -> Self {
        let left = new.iter().map(|commission| Left {
            affiliate: commission.affiliate,
            status: commission.status,
            revenue_minor: commission.revenue_minor,
            payout_minor: commission.payout_minor,
        });
        Self::of(conversion, labels, left, 0)
    }

    fn of(
        conversion: &Conversion,
        labels: &Labels,
        commissions: impl Iterator<Item = Left>,
        refunded_minor: i64,
    ) -> Self {
        let mut picture = Self::default();
        let Some(status) = conversion.status else { return picture };
        for (place, commission) in commissions.enumerate() {
            let mut deltas = Deltas::default();
            // The conversion itself counts once, with its first credit.
            if place == 0 {
                deltas = counts(conversion, labels, commission.status);
                deltas.refunds_minor = refunded_minor;
            }
            if commission.status != CommissionStatus::Rejected {
                deltas.revenue_minor = commission.revenue_minor;
                deltas.payout_minor = commission.payout_minor;
            }
            picture.0.insert(Some(commission.affiliate), (shown(Some(commission.status)), deltas));
        }
        if picture.0.is_empty() {
            let affiliate = conversion.affiliate;
            picture.0.insert(affiliate, (shown(Some(status)), counts(conversion, labels, status)));
        }
        picture
    }
}

fn counts(conversion: &Conversion, labels: &Labels, status: CommissionStatus) -> Deltas {
    if conversion.source.is_settlement() {
        return Deltas::default();
    }
    let one_if = i64::from;
    let is_credited = !matches!(status, CommissionStatus::Rejected | CommissionStatus::Unattributed);
    let is_approved =
        matches!(status, CommissionStatus::Approved | CommissionStatus::Payable | CommissionStatus::Paid);
    Deltas {
        conversions: one_if(labels.is_base),
        events: one_if(!labels.is_base),
        sales: one_if(is_credited && conversion.kind == GoalKind::Pps),
        leads: one_if(is_credited && conversion.kind == GoalKind::Ppl),
        installs: one_if(is_credited && conversion.kind == GoalKind::Ppi),
        gross_sales_minor: conversion.amount.filter(|_| is_credited).map_or(0, |amount| amount.minor),
        approved: one_if(is_approved),
        rejected: one_if(status == CommissionStatus::Rejected),
        reversed: one_if(status == CommissionStatus::Reversed),
        ..Deltas::default()
    }
}

/// Puts the difference of two pictures into the outbox. `cause` names the change for all time.
pub(crate) fn put_changes(
    tx: &mut dyn Tx,
    cause: &str,
    conversion: &Conversion,
    labels: &Labels,
    before: &Picture,
    now: UnixMillis,
) -> Result<(), BookError> {
    let after = picture(tx, conversion, labels)?;
    Ok(facts::put(tx, changes(cause, conversion, labels, (before, &after), now))?)
}

/// The difference of two pictures, for the outbox. `cause` names the change for all time.
pub(crate) fn changes(
    cause: &str,
    conversion: &Conversion,
    labels: &Labels,
    (before, after): (&Picture, &Picture),
    now: UnixMillis,
) -> Vec<NewFact> {
    let mut new = Vec::new();
    let mut affiliates: Vec<_> = before.0.keys().chain(after.0.keys()).copied().collect();
    affiliates.sort_unstable();
    affiliates.dedup();
    for affiliate in affiliates {
        // Link and dimensions are the first credit's affiliate's, and nobody else's.
        let is_first = affiliate == conversion.affiliate;
        let mut put = |part: &str, status: CommissionStatus, deltas: Deltas| {
            if deltas == Deltas::default() {
                return;
            }
            let who = affiliate.map_or(0, AffiliateId::get);
            let fact_id = format!("{cause}:{who}:{part}");
            let fact = Fact {
                fact_id,
                conversion: conversion.id,
                booked_at: now,
                converted_at: conversion.converted_at,
                clicked_at: conversion.clicked_at.filter(|_| is_first),
                advertiser: conversion.advertiser,
                offer: conversion.offer,
                goal: conversion.goal,
                goal_key: conversion.goal_key.clone(),
                goal_kind: conversion.kind,
                affiliate,
                link: conversion.link.filter(|_| is_first),
                dims: if is_first { labels.dims.clone() } else { Dims::default() },
                coupon: conversion.coupon.clone().unwrap_or_default(),
                status,
                currency: conversion.currency,
                deltas,
            };
            let json = to_json(&fact);
            new.push(NewFact { fact_id: fact.fact_id, fact: json });
        };
        match (before.0.get(&affiliate), after.0.get(&affiliate)) {
            (Some((old, was)), Some((new, is))) if old == new => put("change", *new, less(*is, *was)),
            (was, is) => {
                if let Some((status, deltas)) = was {
                    put("out", *status, less(Deltas::default(), *deltas));
                }
                if let Some((status, deltas)) = is {
                    put("in", *status, *deltas);
                }
            }
        }
    }
    new
}

fn less(left: Deltas, right: Deltas) -> Deltas {
    Deltas {
        conversions: left.conversions - right.conversions,
        events: left.events - right.events,
        sales: left.sales - right.sales,
        leads: left.leads - right.leads,
        installs: left.installs - right.installs,
        revenue_minor: left.revenue_minor - right.revenue_minor,
        payout_minor: left.payout_minor - right.payout_minor,
        gross_sales_minor: left.gross_sales_minor - right.gross_sales_minor,
        refunds_minor: left.refunds_minor - right.refunds_minor,
        approved: left.approved - right.approved,
        rejected: left.rejected - right.rejected,
        reversed: left.reversed - right.reversed,
    }
}
