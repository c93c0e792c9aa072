//! Traffic rules, closures and domains.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::OfferId;

use super::{Ids, Problem, template};
use crate::caps::{Cap, Caps, Closures};
use crate::catalogue::offer::Gate;
use crate::check::{check_rules, country};
use crate::data::{CapScope, ClosureEntry, DomainEntry, OfferEntry, Standing};
use crate::domains::{Domain, Domains};
use crate::fallback::chain_errors;
use crate::rotation::{OtherPage, Pages};
use crate::targeting::Wanted;

/// An offer's rules, compiled.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) fallback_offer: Option<u32>,
    pub(super) gate: Option<Box<Gate>>,
    pub(super) pages: Option<Box<Pages>>,
    pub(super) caps: Caps,
    pub(super) cookieless_countries: Box<[[u8; 2]]>,
}

pub(super) fn rules(
    entry: &OfferEntry,
    closures: &[ClosureEntry],
    ids: &Ids<'_>,
    problems: &mut Vec<Problem>,
) -> Rules {
    let plain = &entry.rules;
    let name = || entry.id.to_string();
    let wrong_fields = check_rules(plain);
    let are_right = wrong_fields.is_empty();
    problems.extend(wrong_fields.into_iter().map(|error| {
        let error = error.below("rules");
        Problem::Value { what: "offer", name: name(), field: error.field, reason: error.message }
    }));
    let mut missing =
        |of, id| problems.push(Problem::Missing { what: "rule of offer", name: name(), of, id });
    let fallback_offer = plain.fallback_offer_id.and_then(|id| {
        let place = ids.offers.get(&id).copied();
        if place.is_none() {
            missing("fallback offer", id.get());
        }
        place
    });
    for cap in &plain.caps {
        if let CapScope::Affiliate(id) = cap.scope
            && !ids.affiliates.contains_key(&id)
        {
            missing("affiliate", id.get());
        }
    }
    if !are_right {
        return Rules::default();
    }
    let wanted = Wanted::compile(&plain.targeting).ok().flatten();
    let has_gate = wanted.is_some() || !closures.is_empty();
    let mut cookieless: Vec<_> =
        plain.cookieless_countries.iter().filter_map(|code| country(code).ok()).collect();
    cookieless.sort_unstable();
    Rules {
        fallback_offer,
        gate: has_gate.then(|| Box::new(Gate { closures: Closures::new(closures), wanted })),
        pages: pages(entry, problems),
        caps: Caps::new(plain.caps.iter().filter_map(|cap| Cap::compile(cap).ok()).collect()),
        cookieless_countries: cookieless.into(),
    }
}

/// None where no other page is active.
fn pages(entry: &OfferEntry, problems: &mut Vec<Problem>) -> Option<Box<Pages>> {
    let mut others = Vec::new();
    for page in entry.rules.landing_pages.iter().filter(|page| page.standing == Standing::Active) {
        let what = format!("landing page {} of offer {}", page.id, entry.id);
        let template = template(&what, &page.url, Some(&entry.click_parameter), problems)?;
        others.push(OtherPage { id: page.id, weight: page.weight, template });
    }
    let own_weight = entry.rules.landing_page_weight.unwrap_or(1);
    (!others.is_empty()).then(|| Box::new(Pages::new(entry.id, own_weight, others)))
}

/// What no offer can be asked alone: chains of fallback offers, and ids of caps, by which clicks are counted.
pub(super) fn check_across_offers(offers: &[OfferEntry], problems: &mut Vec<Problem>) {
    let steps = offers.iter().filter_map(|offer| Some((offer.id, offer.rules.fallback_offer_id?)));
    problems.extend(chain_errors(steps).into_iter().map(Problem::Chain));
    let mut seen = BTreeSet::new();
    for offer in offers {
        // The same id twice in one offer is told with its rules.
        let own: BTreeSet<_> = offer.rules.caps.iter().map(|cap| cap.id).collect();
        let repeated = own.into_iter().filter(|id| !seen.insert(*id));
        problems.extend(repeated.map(|id| Problem::Twice { what: "cap", name: id.to_string() }));
    }
}

pub(super) fn closures(
    entries: &[ClosureEntry],
    ids: &Ids<'_>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<OfferId, Vec<ClosureEntry>> {
    let mut by_offer: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in entries {
        let name = entry.offer_id.to_string();
        if !ids.offers.contains_key(&entry.offer_id) {
            let id = entry.offer_id.get();
            problems.push(Problem::Missing { what: "closure of offer", name, of: "offer", id });
        } else if let Some(id) = entry.affiliate_id.filter(|id| !ids.affiliates.contains_key(id)) {
            let id = id.get();
            problems.push(Problem::Missing { what: "closure of offer", name, of: "affiliate", id });
        }
        by_offer.entry(entry.offer_id).or_default().push(*entry);
    }
    by_offer
}

pub(super) fn domains(entries: &[DomainEntry], ids: &Ids<'_>, problems: &mut Vec<Problem>) -> Domains {
    let mut domains = Domains::default();
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !seen.insert(entry.id) {
            problems.push(Problem::Twice { what: "domain id", name: entry.id.to_string() });
        }
        let name = || entry.host.clone();
        let missing = |of, id| Problem::Missing { what: "domain", name: name(), of, id };
        if let Some(id) = entry.affiliate_id.filter(|id| !ids.affiliates.contains_key(id)) {
            problems.push(missing("affiliate", id.get()));
        }
        if let Some(id) = entry.advertiser_id.filter(|id| !ids.advertisers.contains_key(id)) {
            problems.push(missing("advertiser", id.get()));
        }
        match Domain::compile(entry) {
            Ok(domain) => {
                if !domains.insert(domain) {
                    problems.push(Problem::Twice { what: "domain", name: name() });
                }
            }
            Err(errors) => problems.extend(errors.into_iter().map(|error| Problem::Value {
                what: "domain",
                name: name(),
                field: error.field,
                reason: error.message,
            })),
        }
    }
    domains
}
