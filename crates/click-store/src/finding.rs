//! Clicks that are found to be invalid after they were stored.

use hopline_types::{AffiliateId, Class, ClickFilter, FindingId, OfferId, Reason, UnixMillis, Verdict};

use crate::StoredClick;

/// A finding as the click store needs it. What it says never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclassify {
    /// Which finding.
    pub id: FindingId,
    /// Clicks on this offer
    pub offer: OfferId,
    /// by this affiliate,
    pub affiliate: AffiliateId,
    /// from then on, inclusive,
    pub from: UnixMillis,
    /// up to then, exclusive,
    pub to: UnixMillis,
    /// that equal this,
    pub filter: ClickFilter,
    /// are invalid for this reason.
    pub reason: Reason,
}

impl Reclassify {
    /// Whether it is about this click. Impressions, and what is invalid already, stay as they are.
    #[must_use]
    pub fn hits(&self, click: &StoredClick) -> bool {
        let is = |asked: &Option<String>, given: &str| asked.as_ref().is_none_or(|asked| asked == given);
        let (filter, dims) = (&self.filter, &click.dims);
        !click.is_impression
            && click.verdict.class != Class::Invalid
            && click.offer == Some(self.offer)
            && click.affiliate == Some(self.affiliate)
            && (self.from..self.to).contains(&click.at)
            && is(&filter.source, &dims.source)
            && is(&filter.sub1, dims.subs.first().map_or("", String::as_str))
            && is(&filter.referrer_host, &dims.referrer_host)
            && is(&filter.country, &dims.country)
            && filter.network.is_none_or(|network| network == click.network)
    }

    /// What the clicks count as.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        Verdict::invalid(self.reason)
    }
}

/// What a finding has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reclassified {
    /// Clicks that were stored and valid when it was applied.
    pub clicks: u64,
}
