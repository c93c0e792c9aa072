//! Which clicks are to be looked for before conversions are decided.
//!
//! Most conversions need but the click that they name. Where the offer's model looks at more, it is the other clicks of that
//! click's visitor within the window; with `cross_device` also those of the visitors that the same customer was at earlier
//! conversions, and then without any click id too.

use std::collections::BTreeMap;

use hopline_click_store::StoredClick;
use hopline_control_store::customers::{self, Customer, Sought};
use hopline_control_store::{Tx, offers};
use hopline_types::{AdvertiserId, ConversionId, SECOND_MS, UnixMillis};

use crate::BookError;

/// Clicks to look for in the click store ([`hopline_click_store::ClickStore::touches`]), for each visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoughtTouches {
    /// Whose offers were clicked.
    pub advertiser: AdvertiserId,
    /// Who clicked.
    pub visitors: Vec<u64>,
    /// Not before.
    pub from: UnixMillis,
    /// Before this.
    pub to: UnixMillis,
}

/// What is to be looked for, in the order of the conversions; none where nothing is. It reads only.
///
/// # Errors
/// The store's.
pub fn sought_touches(
    tx: &mut dyn Tx,
    conversions: &[(ConversionId, Option<&StoredClick>)],
) -> Result<Vec<Option<SoughtTouches>>, BookError> {
    if conversions.is_empty() || !customers::are_paths_needed(tx)? {
        return Ok(vec![None; conversions.len()]);
    }
    let ids: Vec<ConversionId> = conversions.iter().map(|(id, _)| *id).collect();
    let sought = customers::sought(tx, &ids)?;
    let offers = offers::find_many(tx, sought.iter().flatten().map(|sought| sought.offer))?;
    let mut known_as: Vec<(Customer, UnixMillis, ConversionId)> = Vec::new();
    for (id, one) in ids.iter().zip(&sought) {
        let Some(one) = one else { continue };
        if offers.get(&one.offer).is_some_and(|offer| offer.attribution.cross_device) {
            known_as.extend(one.customer.clone().map(|customer| (customer, one.converted_at, *id)));
        }
    }
    let found = customers::visitors(tx, &known_as)?;
    let visitors: BTreeMap<ConversionId, Vec<u64>> =
        known_as.iter().map(|(_, _, id)| *id).zip(found).collect();
    let look = |((id, click), sought): (&(ConversionId, Option<&StoredClick>), Option<Sought>)| {
        let sought = sought?;
        let offer = offers.get(&sought.offer)?;
        if !offer.attribution.needs_path(offer.settings.model) {
            return None;
        }
        let mut keys: Vec<u64> = click.iter().map(|click| click.visitor_key).collect();
        let others = visitors.get(id);
        for key in others.into_iter().flatten() {
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        if keys.is_empty() {
            return None;
        }
        let window_ms = offer.settings.window_seconds.saturating_mul(SECOND_MS);
        // A time in whole seconds means the whole second, as far as it had passed.
        let end = sought.converted_at.plus(SECOND_MS).min(sought.received_at.plus(1));
        Some(SoughtTouches {
            advertiser: sought.advertiser,
            visitors: keys,
            from: sought.converted_at.plus(-window_ms),
            to: end.max(sought.converted_at.plus(1)),
        })
    };
    Ok(conversions.iter().zip(sought).map(look).collect())
}
