//! Conversions and the paths that led to them.
//!
//! A path is the valid clicks of the conversion's visitor on offers of its advertiser, within the offer's window. The visitor
//! is the one of the click that the conversion names; where the click store does not have that click, the path is that
//! click alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use hopline_attribution::models::Journey;
use hopline_click_store::{ClickStore, ClickStoreError, Touch};
use hopline_clickid::ClickClaims;
use hopline_control_store::conversions::{self, Conversion, ConversionFilter};
use hopline_control_store::{Scope, StoreError, Tx, click_keys, offers};
use hopline_types::{AffiliateId, CommissionStatus, OfferId};
use tokio::task::JoinSet;

/// The most conversions of one answer.
pub(super) const CONVERSIONS_MAX: usize = 5_000;
/// Visitors looked up at a time.
const LOOKUPS: usize = 32;

/// The conversions under the models, with what their click ids say.
pub(super) struct Credited {
    pub(super) conversions: Vec<(Conversion, ClickClaims)>,
    /// Windows of their offers, in milliseconds.
    pub(super) windows: BTreeMap<OfferId, i64>,
    pub(super) has_more: bool,
}

/// Reads them, the newest first.
pub(super) fn credited(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &ConversionFilter,
) -> Result<Credited, StoreError> {
    let Some(keys) = click_keys::ring(tx)? else {
        return Ok(Credited { conversions: Vec::new(), windows: BTreeMap::new(), has_more: false });
    };
    let most = u32::try_from(CONVERSIONS_MAX).unwrap_or(u32::MAX);
    let mut found = conversions::list(tx, scope, filter, most + 1)?;
    let has_more = found.len() > CONVERSIONS_MAX;
    found.truncate(CONVERSIONS_MAX);
    let counts = |conversion: &Conversion| {
        let status = conversion.shown_status();
        let stands =
            matches!(status, CommissionStatus::Pending | CommissionStatus::Approved | CommissionStatus::Paid);
        conversion.affiliate.is_some() && !conversion.source.is_settlement() && stands
    };
    let conversions: Vec<(Conversion, ClickClaims)> = found
        .into_iter()
        .filter(counts)
        .filter_map(|conversion| {
            let click_id = conversion.click_id.as_deref()?;
            let claims = keys.verify(click_id, conversion.received_at).ok()?;
            Some((conversion, claims))
        })
        .collect();
    let mut windows = BTreeMap::new();
    for (conversion, _) in &conversions {
        if let std::collections::btree_map::Entry::Vacant(vacant) = windows.entry(conversion.offer) {
            let offer = offers::get(tx, scope, conversion.offer)?;
            let seconds = offer.map_or(0, |offer| offer.settings.window_seconds);
            vacant.insert(seconds.saturating_mul(1_000));
        }
    }
    Ok(Credited { conversions, windows, has_more })
}

/// The paths of conversions, and of how many the visitor is not known.
pub(super) async fn journeys(
    store: &Arc<dyn ClickStore>,
    conversions: Vec<(Conversion, ClickClaims)>,
    windows: &BTreeMap<OfferId, i64>,
) -> Result<(Vec<Journey<AffiliateId>>, u64), ClickStoreError> {
    let clicks = conversions.iter().map(|(_, claims)| (claims.unique, claims.at)).collect();
    let clicks = store.find_clicks(clicks).await?;
    let mut journeys: Vec<Journey<AffiliateId>> = Vec::with_capacity(conversions.len());
    let mut asked = Vec::new();
    let mut without_visitor = 0;
    for ((conversion, claims), click) in conversions.iter().zip(&clicks) {
        let window_ms = windows.get(&conversion.offer).copied().unwrap_or_default();
        // A time in whole seconds may lie before a click in the same second.
        let at = conversion.converted_at.max(conversion.clicked_at.unwrap_or(conversion.converted_at));
        let own = (claims.at, claims.unique.bits(), claims.affiliate);
        match click {
            Some(click) => {
                asked.push((journeys.len(), click.visitor_key, conversion.advertiser, at, window_ms))
            }
            None => without_visitor += 1,
        }
        journeys.push(Journey { at, window_ms, touches: vec![own] });
    }
    for some in asked.chunks(LOOKUPS) {
        let mut looking = JoinSet::new();
        for (place, visitor, advertiser, at, window_ms) in some.iter().copied() {
            let store = Arc::clone(store);
            looking.spawn(async move {
                let found = store.touches(visitor, advertiser, at.plus(-window_ms), at.plus(1)).await;
                (place, found)
            });
        }
        while let Some(looked) = looking.join_next().await {
            let (place, found) = match looked {
                Ok(looked) => looked,
                Err(failure) => match failure.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is going away: so is this request.
                    Err(_) => return std::future::pending().await,
                },
            };
            let touches = found?;
            if let Some(journey) = journeys.get_mut(place)
                && !touches.is_empty()
            {
                let touch = |touch: &Touch| (touch.at, touch.unique.bits(), touch.affiliate);
                journey.touches = touches.iter().map(touch).collect();
            }
        }
    }
    Ok((journeys, without_visitor))
}
