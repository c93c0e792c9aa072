//! What comes from the control store: names, conversions, balances, links.

use std::collections::BTreeMap;

use hopline_books::AffiliateBalance;
use hopline_control_store::conversions::{self, Conversion, ConversionFilter};
use hopline_control_store::links::{self, LinkFilter};
use hopline_control_store::{Page, Scope, StoreError, Tx, affiliates, offers};
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, OfferId, Role, UnixMillis};

use crate::session::Viewer;
use crate::text::ENGLISH;
use crate::view::number::{Figure, count};
use crate::view::tone::tone;
use crate::view::zone::rfc3339;

/// Links shown to an affiliate.
const LINKS_MAX: u32 = 50;
/// Balances shown to finance.
const DUE_MAX: usize = 10;

/// Names of what rows refer to, as far as the viewer may see them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) offers: BTreeMap<i64, String>,
    pub(crate) affiliates: BTreeMap<i64, String>,
}

impl Names {
    /// Looks up what is not known yet.
    pub(crate) fn learn(
        &mut self,
        tx: &mut dyn Tx,
        scope: Scope,
        offer_ids: impl IntoIterator<Item = OfferId>,
        affiliate_ids: impl IntoIterator<Item = AffiliateId>,
    ) -> Result<(), StoreError> {
        for id in offer_ids {
            if !self.offers.contains_key(&id.get())
                && let Some(offer) = offers::get(tx, scope, id)?
            {
                self.offers.insert(id.get(), offer.settings.name);
            }
        }
        for id in affiliate_ids {
            if !self.affiliates.contains_key(&id.get())
                && let Some(affiliate) = affiliates::get(tx, scope, id)?
            {
                self.affiliates.insert(id.get(), affiliate.name);
            }
        }
        Ok(())
    }

    pub(crate) fn offer(&self, id: OfferId) -> String {
        let known = self.offers.get(&id.get());
        known.cloned().unwrap_or_else(|| format!("{} {id}", ENGLISH.tables.offer))
    }

    pub(crate) fn affiliate(&self, id: AffiliateId) -> String {
        let known = self.affiliates.get(&id.get());
        known.cloned().unwrap_or_else(|| format!("{} {id}", ENGLISH.tables.affiliate))
    }
}

/// A conversion in a list.
#[derive(Debug)]
pub(crate) struct ConversionRow {
    pub(crate) id: ConversionId,
    pub(crate) at: String,
    pub(crate) at_utc: String,
    pub(crate) offer: String,
    pub(crate) what: String,
    pub(crate) status: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) amount: Vec<Figure>,
}

/// The newest conversions below an id, with the names that their rows need.
pub(crate) fn newest(
    tx: &mut dyn Tx,
    viewer: &Viewer,
    before: Option<ConversionId>,
    limit: u32,
    names: &mut Names,
) -> Result<Vec<Conversion>, StoreError> {
    let filter = ConversionFilter { before, ..ConversionFilter::default() };
    let found = conversions::list(tx, viewer.scope, &filter, limit)?;
    let offer_ids = found.iter().map(|conversion| conversion.offer);
    let affiliate_ids = found.iter().filter_map(|conversion| conversion.affiliate);
    names.learn(tx, viewer.scope, offer_ids, affiliate_ids)?;
    Ok(found)
}

/// The status that a role is shown: affiliates see when their money is free.
pub(crate) fn shown_status(role: Role, conversion: &Conversion) -> CommissionStatus {
    match role {
        Role::Affiliate => conversion.status.unwrap_or(CommissionStatus::Pending),
        Role::Operator | Role::Finance | Role::Advertiser => conversion.shown_status(),
    }
}

/// Rows of a list.
pub(crate) fn conversion_rows(
    viewer: &Viewer,
    found: &[Conversion],
    names: &Names,
    now: UnixMillis,
) -> Vec<ConversionRow> {
    found.iter().map(|conversion| row(viewer, conversion, names, now)).collect()
}

fn row(viewer: &Viewer, conversion: &Conversion, names: &Names, now: UnixMillis) -> ConversionRow {
    let role = viewer.role();
    let status = shown_status(role, conversion);
    let money = match role {
        Role::Affiliate | Role::Finance => conversion.payout,
        Role::Operator | Role::Advertiser => conversion.revenue,
    };
    let mut what = vec![ENGLISH.words.kind(conversion.kind).to_owned()];
    if conversion.quantity > 1 {
        what.push(format!("× {}", count(conversion.quantity)));
    }
    what.extend(conversion.order_id.clone());
    if role != Role::Affiliate {
        what.extend(conversion.affiliate.map(|affiliate| names.affiliate(affiliate)));
    }
    ConversionRow {
        id: conversion.id,
        at: viewer.zone.short(conversion.converted_at, now),
        at_utc: rfc3339(conversion.converted_at),
        offer: names.offer(conversion.offer),
        what: what.join(" · "),
        status: ENGLISH.words.status(status),
        tone: tone(status),
        amount: money.map(Figure::amount).into_iter().collect(),
    }
}

/// An affiliate's balance in one currency.
#[derive(Debug)]
pub(crate) struct BalancePart {
    pub(crate) figures: Vec<BalanceFigure>,
}

/// One part of it.
#[derive(Debug)]
pub(crate) struct BalanceFigure {
    pub(crate) label: &'static str,
    pub(crate) value: Figure,
    pub(crate) note: &'static str,
}

/// What an affiliate has.
pub(crate) fn balance(balances: &[AffiliateBalance]) -> Vec<BalancePart> {
    let t = &ENGLISH.dashboard;
    let part = |balance: &AffiliateBalance| {
        let figure = |label, amount, note| BalanceFigure { label, value: Figure::amount(amount), note };
        let mut figures = vec![
            figure(t.pending, balance.pending, t.pending_note),
            figure(t.approved, balance.approved, t.approved_note),
            figure(t.payable, balance.payable, t.payable_note),
            figure(t.paid, balance.paid, ""),
        ];
        if !balance.carried.is_zero() {
            figures.push(figure(t.carried, balance.carried, ""));
        }
        BalancePart { figures }
    };
    balances.iter().map(part).collect()
}

/// What is to be paid to one affiliate.
#[derive(Debug)]
pub(crate) struct DueRow {
    pub(crate) name: String,
    pub(crate) pending: String,
    pub(crate) approved: String,
    pub(crate) payable: String,
    pub(crate) unit: &'static str,
}

/// The largest balances.
pub(crate) fn largest(mut balances: Vec<AffiliateBalance>) -> Vec<AffiliateBalance> {
    balances.retain(|balance| !balance.payable.is_zero() || !balance.approved.is_zero());
    balances.sort_by_key(|balance| std::cmp::Reverse((balance.payable.minor, balance.approved.minor)));
    balances.truncate(DUE_MAX);
    balances
}

/// Rows of what is to be paid.
pub(crate) fn due(balances: &[AffiliateBalance], names: &Names) -> Vec<DueRow> {
    let row = |balance: &AffiliateBalance| DueRow {
        name: names.affiliate(balance.affiliate),
        pending: Figure::amount(balance.pending).number,
        approved: Figure::amount(balance.approved).number,
        payable: Figure::amount(balance.payable).number,
        unit: balance.payable.currency.code(),
    };
    balances.iter().map(row).collect()
}

/// A link to copy.
#[derive(Debug)]
pub(crate) struct LinkRow {
    pub(crate) offer: String,
    pub(crate) url: String,
}

/// An affiliate's links.
pub(crate) fn own_links(
    tx: &mut dyn Tx,
    viewer: &Viewer,
    edge: &str,
    names: &mut Names,
) -> Result<Vec<LinkRow>, StoreError> {
    let filter = LinkFilter { affiliate_id: viewer.user.affiliate_id, ..LinkFilter::default() };
    let found = links::list(tx, viewer.scope, &filter, Page::first(LINKS_MAX))?;
    names.learn(tx, viewer.scope, found.iter().map(|link| link.offer_id), [])?;
    let row = |link: &links::Link| LinkRow {
        offer: names.offer(link.offer_id),
        url: format!("{}/{}", edge.trim_end_matches('/'), link.code),
    };
    Ok(found.iter().map(row).collect())
}
