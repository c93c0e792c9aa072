//! What decisions rest on, read once for many of them.

use std::collections::{BTreeMap, BTreeSet};

use hopline_catalogue::data::Standing;
use hopline_clickid::ClickClaims;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::findings::{self, Finding};
use hopline_control_store::offers::{self, Offer, TermsVersion};
use hopline_control_store::{Tx, affiliates};
use hopline_types::{AffiliateId, OfferId, UnixMillis};

use super::touch::Candidate;
use crate::BookError;
use crate::caps::{Asked, Sums};

/// Everything that the decisions of some conversions need of the store.
#[derive(Debug)]
pub(super) struct Known {
    offers: BTreeMap<OfferId, Offer>,
    terms: BTreeMap<hopline_types::GoalId, Vec<TermsVersion>>,
    standings: BTreeMap<AffiliateId, Standing>,
    findings: BTreeMap<(OfferId, AffiliateId), Vec<Finding>>,
    /// What caps have taken, with what was decided since.
    pub(super) sums: Sums,
}

impl Known {
    pub(super) fn read(tx: &mut dyn Tx, candidates: &[Candidate<'_>]) -> Result<Self, BookError> {
        let claims = || candidates.iter().filter_map(Candidate::claims);
        let own = candidates.iter().map(|candidate| candidate.conversion.offer);
        let offers = offers::find_many(tx, own.chain(claims().map(|claims| claims.offer)))?;
        // Only what has a click can earn, and only that falls under caps.
        let clicked = || candidates.iter().filter_map(|one| Some((&one.conversion, one.claims()?)));
        let terms = offers::terms_of_goals(tx, clicked().map(|(conversion, _)| conversion.goal))?;
        let standings = affiliates::standings(tx, claims().map(|claims| claims.affiliate))?;
        let findings = findings_about(tx, claims())?;
        let asked: Vec<Asked> =
            clicked().map(|(conversion, claims)| asked(conversion, claims.affiliate)).collect();
        let sums = Sums::read(tx, &asked)?;
        Ok(Self { offers, terms, standings, findings, sums })
    }

    pub(super) fn offer(&self, id: OfferId) -> Option<&Offer> {
        self.offers.get(&id)
    }

    pub(super) fn standing(&self, affiliate: AffiliateId) -> Option<Standing> {
        self.standings.get(&affiliate).copied()
    }

    /// The terms of a conversion.
    pub(super) fn terms(&self, conversion: &Conversion) -> Result<&TermsVersion, BookError> {
        let versions = self.terms.get(&conversion.goal).map(Vec::as_slice).unwrap_or_default();
        offers::in_force(versions, conversion.converted_at)
            .ok_or_else(|| BookError::field("event", format!("goal {} has no terms", conversion.goal)))
    }

    /// Findings about the time of a click, oldest first.
    pub(super) fn findings(&self, claims: &ClickClaims) -> impl Iterator<Item = &Finding> {
        let (at, whose) = (claims.at, (claims.offer, claims.affiliate));
        let about = self.findings.get(&whose).into_iter().flatten();
        about.filter(move |finding| finding.what.from <= at && at < finding.what.to)
    }

    pub(super) fn into_sums(self) -> Sums {
        self.sums
    }
}

/// What caps are asked about a conversion.
pub(super) fn asked(conversion: &Conversion, affiliate: AffiliateId) -> Asked {
    Asked { offer: conversion.offer, at: conversion.converted_at, affiliates: vec![affiliate] }
}

/// Findings about any of these clicks, and perhaps about the time between them.
fn findings_about<'a>(
    tx: &mut dyn Tx,
    claims: impl Iterator<Item = &'a ClickClaims>,
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
