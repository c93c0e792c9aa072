//! How an offer's credit is given: what comes besides model and window.

use hopline_attribution::{CouponRule, HALF_LIFE_MS, Policy, SelfReferral, VIEW_WINDOW_MS};
use hopline_types::{Model, OfferId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::{Offer, OfferSettings};
use crate::{Row, Scope, StoreError, Tx};

/// How credit is given besides [`OfferSettings::model`] and its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributionSettings {
    /// The greatest age of a view that counts.
    pub view_window_ms: i64,
    /// The age at which a touch weighs half in `time_decay`.
    pub half_life_ms: i64,
    /// What a coupon does.
    pub coupon: CouponRule,
    /// Whether a customer stays with the affiliate of its first conversion.
    pub lifetime: bool,
    /// What happens to affiliates' own purchases.
    pub self_referral: SelfReferral,
    /// Whether the clicks of a customer's other devices count.
    pub cross_device: bool,
}

impl Default for AttributionSettings {
    fn default() -> Self {
        Self {
            view_window_ms: VIEW_WINDOW_MS,
            half_life_ms: HALF_LIFE_MS,
            coupon: CouponRule::OverridesClick,
            lifetime: false,
            self_referral: SelfReferral::Reject,
            cross_device: false,
        }
    }
}

impl AttributionSettings {
    /// The policy of an offer with these settings. A view never counts longer than a click.
    #[must_use]
    pub fn policy(&self, settings: &OfferSettings) -> Policy {
        let click_window_ms = settings.window_seconds.saturating_mul(1_000);
        Policy {
            model: settings.model,
            click_window_ms,
            view_window_ms: self.view_window_ms.min(click_window_ms),
            coupon: self.coupon,
            lifetime: self.lifetime,
            self_referral: self.self_referral,
            half_life_ms: self.half_life_ms,
        }
    }

    /// Whether more clicks are needed than the one that a conversion names.
    #[must_use]
    pub const fn needs_path(&self, model: Model) -> bool {
        match model {
            // The click that is named is the last one.
            Model::LastClick | Model::LastNonDirect => self.cross_device,
            Model::FirstClick | Model::Linear | Model::PositionBased | Model::TimeDecay => true,
        }
    }
}

/// One column: JSON of what was set.
pub(super) fn read(row: &Row, column: usize) -> Result<AttributionSettings, StoreError> {
    serde_json::from_str(row.text(column)?).map_err(|refusal| {
        StoreError::new(crate::ErrorKind::Broken, format!("offers.attribution: {refusal}"))
    })
}

/// Gives an offer these settings and gives back its new state; `None` where it does not exist or may not be seen.
/// Affiliates see offers but change none.
///
/// # Errors
/// Those of the store.
pub fn update_attribution(
    tx: &mut dyn Tx,
    scope: Scope,
    id: OfferId,
    settings: &AttributionSettings,
    now: UnixMillis,
) -> Result<Option<Offer>, StoreError> {
    if matches!(scope, Scope::Affiliate(_)) {
        return Ok(None);
    }
    let Some(mut offer) = super::get(tx, scope, id)? else { return Ok(None) };
    if offer.attribution == *settings {
        return Ok(Some(offer));
    }
    offer.attribution = *settings;
    offer.updated_at = now;
    let text = serde_json::to_string(settings).expect("settings are plain data");
    tx.execute(
        "UPDATE offers SET updated_at = $2, attribution = $3 WHERE id = $1",
        &[id.into(), now.into(), text.into()],
    )?;
    Ok(Some(offer))
}
