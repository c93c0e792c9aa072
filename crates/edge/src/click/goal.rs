//! Where the visitor goes.

use std::fmt::Write as _;

use hopline_catalogue::{Offer, Target, Template, allowed_deep_link};
use hopline_record::{Click, Flags};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{Class, Reason, Verdict};

use super::Visit;
use super::record::with;
use super::verdict::Judged;

/// Where the visitor is sent.
#[derive(Clone, Copy)]
pub(super) enum Goal<'a> {
    Landing(&'a Template),
    Deep,
    Fallback(&'a Template),
    Nowhere,
    /// Asked to come again.
    Later,
    Image,
    /// A shop's script is told the click id.
    Script,
}

impl Visit<'_> {
    /// Where the visitor goes; takes deep link and chosen landing page into the record, in the place of what the link said.
    pub(super) fn goal<'a>(
        &'a self,
        target: &Target<'a>,
        judged: &Judged,
        deep_link: &str,
        click: &mut Click,
    ) -> Goal<'a> {
        let named = std::mem::take(&mut click.landing_page);
        let follows = !judged.is_refused && follow_deep_link(target.offer, deep_link, click);
        if self.is_speculative() {
            return Goal::Later;
        }
        if self.is_impression {
            return Goal::Image;
        }
        if self.is_script() {
            return Goal::Script;
        }
        if judged.is_refused {
            return self.catalogue.fallback(target.offer).map_or(Goal::Nowhere, Goal::Fallback);
        }
        if follows {
            return Goal::Deep;
        }
        let page = target.offer.page_named(&named, judged.visitor_key);
        click.landing_page = named;
        click.landing_page.clear();
        if let Some(id) = page.id {
            write!(click.landing_page, "{id}").expect("a string takes all");
        }
        click.flags = with(click.flags, &[(page.named_unknown, Flags::LANDING_PAGE_UNKNOWN)]);
        Goal::Landing(page.template)
    }
}

/// Takes the deep link into the record if it may be followed, else flags it; tells whether it is followed.
fn follow_deep_link(offer: &Offer, text: &str, click: &mut Click) -> bool {
    if text.is_empty() {
        return false;
    }
    match allowed_deep_link(offer, text) {
        Some(url) => {
            click.deep_link.push_str(&url);
            true
        }
        None => {
            click.flags = click.flags.with(Flags::DEEP_LINK_REFUSED);
            false
        }
    }
}

pub(super) const fn outcome(verdict: Verdict, goal: Goal<'_>) -> EdgeOutcome {
    match (verdict.class, verdict.reason) {
        (_, Reason::Prefetch) => EdgeOutcome::Prefetch,
        (_, Reason::Head) => EdgeOutcome::Head,
        (Class::Invalid, Reason::Stuffing) => EdgeOutcome::Stuffing,
        _ => match goal {
            Goal::Landing(_) | Goal::Deep => EdgeOutcome::Redirect,
            Goal::Script => EdgeOutcome::Script,
            Goal::Fallback(_) => EdgeOutcome::Fallback,
            Goal::Image => EdgeOutcome::Impression,
            Goal::Later => EdgeOutcome::Prefetch,
            Goal::Nowhere => EdgeOutcome::NotFound,
        },
    }
}
