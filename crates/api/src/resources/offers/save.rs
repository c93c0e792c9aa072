//! Saves traffic rules with what other objects decide about them: whether they are there, and whether chains of
//! fallback offers end.

use hopline_catalogue::check_chain;
use hopline_catalogue::data::CapScope;
use hopline_control_store::caps::{self, NewCap};
use hopline_control_store::links::{self, LinkFilter};
use hopline_control_store::offers::{self, Offer};
use hopline_control_store::{Page, Scope, affiliates};
use hopline_types::AffiliateId;

use super::caps::is_shown;
use super::form::Rules;
use crate::problem::{FieldProblem, Problem};
use crate::resources::no_such;
use crate::work::Work;

/// Gives an offer these rules, as far as they are named.
pub(super) fn rules(work: &mut Work<'_>, offer: Offer, rules: &Rules) -> Result<Offer, Problem> {
    let Rules { traffic, caps } = rules;
    let (scope, id) = (work.caller.scope, offer.id);
    if let Some(caps) = caps {
        save_caps(work, &offer, caps)?;
    }
    if traffic.is_empty() {
        return Ok(offer);
    }
    if let Some(fallback) = traffic.fallback()
        && offers::get(work.tx, scope, fallback)?.is_none()
    {
        return Err(no_such("fallback_offer_id", "offer", fallback));
    }
    let mut apply = |settings: &mut _| traffic.apply(settings);
    let saved = offers::update_traffic(work.tx, scope, id, &mut apply, work.now)?.unwrap_or(offer);
    if traffic.fallback().is_some() {
        check_chain(offers::fallbacks(work.tx)?).map_err(|refusal| {
            Problem::fields(vec![FieldProblem::new("fallback_offer_id", refusal.to_string())])
        })?;
    }
    Ok(saved)
}

fn save_caps(work: &mut Work<'_>, offer: &Offer, wanted: &[NewCap]) -> Result<(), Problem> {
    let mut refusals = Vec::new();
    for (index, cap) in wanted.iter().enumerate() {
        if let CapScope::Affiliate(affiliate) = cap.scope
            && !may_name(work, affiliate)?
        {
            let message = format!("there is no affiliate {affiliate}");
            refusals.push(FieldProblem::new(format!("caps[{index}].affiliate_id"), message));
        }
    }
    if !refusals.is_empty() {
        return Err(Problem::fields(refusals));
    }
    // What somebody is not shown is not theirs to take away.
    let sides = work.caller.sides();
    let hidden = caps::caps_of(work.tx, offer.id)?.into_iter().filter(|cap| !is_shown(cap.metric, sides));
    let hidden = hidden.map(|cap| NewCap {
        scope: cap.scope,
        metric: cap.metric,
        period: cap.period,
        zone: cap.zone,
        amount: cap.amount,
    });
    let all: Vec<NewCap> = hidden.chain(wanted.iter().cloned()).collect();
    caps::replace(work.tx, offer.id, &all, work.now)?;
    Ok(())
}

/// Advertisers see no affiliates, but those who have links to their offers they may name.
pub(in crate::resources) fn may_name(work: &mut Work<'_>, affiliate: AffiliateId) -> Result<bool, Problem> {
    let scope = work.caller.scope;
    if let Scope::Advertiser(_) = scope {
        let filter = LinkFilter { affiliate_id: Some(affiliate), ..LinkFilter::default() };
        return Ok(!links::list(work.tx, scope, &filter, Page::first(1))?.is_empty());
    }
    Ok(affiliates::get(work.tx, scope, affiliate)?.is_some())
}
