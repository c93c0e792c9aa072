//! What decisions rest on, read once for many of them.

use std::collections::{BTreeMap, BTreeSet};

use hopline_catalogue::data::Standing;
use hopline_clickid::ClickClaims;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::coupons::{self, Coupon};
use hopline_control_store::findings::{self, Finding};
use hopline_control_store::offers::{self, Offer, TermsVersion};
use hopline_control_store::{Tx, affiliates};
use hopline_types::{AdvertiserId, AffiliateId, OfferId, UnixMillis};

use super::customers::Customers;
use super::earn::Circumstances;
use super::touch::Candidate;
use crate::BookError;
use crate::approval::rules::Rules;
use crate::caps::{Asked, Sums};

/// Everything that the decisions of some conversions need of the store.
#[derive(Debug)]
pub(super) struct Known {
    offers: BTreeMap<OfferId, Offer>,
    terms: BTreeMap<hopline_types::GoalId, Vec<TermsVersion>>,
    standings: BTreeMap<AffiliateId, Standing>,
    findings: BTreeMap<(OfferId, AffiliateId), Vec<Finding>>,
    /// Coupons by advertiser and code, oldest first.
    coupons: BTreeMap<(AdvertiserId, String), Vec<Coupon>>,
    pub(super) customers: Customers,
    pub(super) circumstances: Circumstances,
    pub(super) rules: Rules,
    /// What caps have taken, with what was decided since.
    pub(super) sums: Sums,
}

impl Known {
    pub(super) fn read(tx: &mut dyn Tx, candidates: &[Candidate<'_>]) -> Result<Self, BookError> {
        let claims = || candidates.iter().flat_map(Candidate::all_claims);
        let own = candidates.iter().map(|candidate| candidate.conversion.offer);
        let offers = offers::find_many(tx, own.chain(claims().map(|claims| claims.offer)))?;
        let codes: BTreeSet<_> = candidates.iter().filter_map(code_of).collect();
        let coupons = coupons::of_codes(tx, &codes.into_iter().collect::<Vec<_>>())?;
        let mut customers = Customers::read(tx, candidates)?;
        // Only what has a click, a coupon or a customer can earn, and only that falls under caps.
        let owners = || coupons.values().flatten().map(|coupon| coupon.what.affiliate_id);
        let may_earn = |one: &&Candidate<'_>| {
            one.all_claims().next().is_some() || code_of(one).is_some() || one.customer.is_some()
        };
        let may_earn = || candidates.iter().filter(may_earn).map(|one| &one.conversion);
        let terms = offers::terms_of_goals(tx, may_earn().map(|conversion| conversion.goal))?;
        let bound: Vec<AffiliateId> = customers.bound().collect();
        let clicked: BTreeSet<AffiliateId> = claims().map(|claims| claims.affiliate).collect();
        let concerned: BTreeSet<AffiliateId> =
            clicked.into_iter().chain(owners()).chain(bound.iter().copied()).collect();
        customers.read_affiliates(tx, &concerned)?;
        let standings = affiliates::standings(tx, concerned.iter().copied())?;
        let circumstances = Circumstances::read(tx, may_earn(), &terms, &concerned)?;
        let findings = findings_about(tx, claims())?;
        let mut might: Vec<Asked> = Vec::new();
        for one in candidates {
            let owners = code_of(one).and_then(|code| coupons.get(&code)).into_iter().flatten();
            let owners = owners.map(|coupon| coupon.what.affiliate_id);
            let bound = one.customer.iter().flat_map(|_| bound.iter().copied());
            let whose: BTreeSet<AffiliateId> =
                one.all_claims().map(|claims| claims.affiliate).chain(owners).chain(bound).collect();
            if !whose.is_empty() || one.customer.is_some() {
                might.push(asked(&one.conversion, whose.into_iter().collect()));
            }
        }
        let sums = Sums::read(tx, &might)?;
        let goals = candidates.iter().map(|candidate| candidate.conversion.goal);
        let rules = Rules::read(tx, offers.keys().copied(), goals, standings.keys().copied())?;
        Ok(Self { offers, terms, standings, findings, coupons, customers, circumstances, rules, sums })
    }

    /// The coupons that ever had the code which a conversion names, oldest first.
    pub(super) fn coupons_of(&self, candidate: &Candidate<'_>) -> &[Coupon] {
        let coupons = code_of(candidate).and_then(|code| self.coupons.get(&code));
        coupons.map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn offer(&self, id: OfferId) -> Option<&Offer> {
        self.offers.get(&id)
    }

    pub(super) fn standing(&self, affiliate: AffiliateId) -> Option<Standing> {
        self.standings.get(&affiliate).copied()
    }

    /// Whether an affiliate takes part, as far as a conversion is concerned.
    pub(super) fn is_active(&self, candidate: &Candidate<'_>, affiliate: AffiliateId) -> bool {
        self.standing(affiliate) == Some(Standing::Active) || candidate.credited.contains(&affiliate)
    }

    /// All versions of the terms of a conversion's goal.
    pub(super) fn terms(&self, conversion: &Conversion) -> &[TermsVersion] {
        self.terms.get(&conversion.goal).map(Vec::as_slice).unwrap_or_default()
    }

    /// Findings about the time of a click, oldest first.
    pub(super) fn findings(&self, claims: &ClickClaims) -> impl Iterator<Item = &Finding> {
        let (at, whose) = (claims.at, (claims.offer, claims.affiliate));
        let about = self.findings.get(&whose).into_iter().flatten();
        about.filter(move |finding| finding.what.from <= at && at < finding.what.to)
    }

    /// What is to be written of sums and customers.
    pub(super) fn into_changes(self) -> (Sums, Customers) {
        (self.sums, self.customers)
    }
}

/// What caps are asked about a conversion.
pub(super) fn asked(conversion: &Conversion, affiliates: Vec<AffiliateId>) -> Asked {
    Asked { offer: conversion.offer, at: conversion.converted_at, affiliates }
}

/// The code that a conversion names.
fn code_of(candidate: &Candidate<'_>) -> Option<(AdvertiserId, String)> {
    let key = coupons::key_of(candidate.conversion.coupon.as_deref()?);
    (!key.is_empty()).then_some((candidate.conversion.advertiser, key))
}

/// Findings about any of these clicks, and perhaps about the time between them.
fn findings_about(
    tx: &mut dyn Tx,
    claims: impl Iterator<Item = ClickClaims>,
) -> Result<BTreeMap<(OfferId, AffiliateId), Vec<Finding>>, BookError> {
    let mut times: BTreeMap<(OfferId, AffiliateId), BTreeSet<UnixMillis>> = BTreeMap::new();
    for claims in claims {
        times.entry((claims.offer, claims.affiliate)).or_default().insert(claims.at);
    }
    let period = |((offer, affiliate), times): (&(OfferId, AffiliateId), &BTreeSet<UnixMillis>)| {
        let (first, last) = times.first().zip(times.last())?;
        Some((*offer, *affiliate, *first, last.plus(1)))
    };
    let asked: Vec<_> = times.iter().filter_map(period).collect();
    let found = findings::between_many(tx, &asked)?;
    let whose = asked.into_iter().map(|(offer, affiliate, ..)| (offer, affiliate));
    Ok(whose.zip(found).filter(|(_, found)| !found.is_empty()).collect())
}
