//! Findings, as the click store takes them.

use hopline_click_store::Reclassify;
use hopline_control_store::findings::Finding;

/// What the click store must do about a finding.
#[must_use]
pub fn reclassify(finding: &Finding) -> Reclassify {
    let what = &finding.what;
    Reclassify {
        id: finding.id,
        offer: what.offer_id,
        affiliate: what.affiliate_id,
        from: what.from,
        to: what.to,
        filter: what.filter.clone(),
        reason: what.reason,
    }
}
