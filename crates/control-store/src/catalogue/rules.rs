//! Traffic rules as edges get them.

use std::collections::HashMap;

use hopline_catalogue::data::{CapEntry, DomainEntry, LandingPageEntry, OfferRules};
use hopline_types::OfferId;

use crate::offers::traffic::{self, TrafficSettings};
use crate::{Row, StoreError, Tx, caps, landing_pages};

/// What is kept beside offers, by offer.
pub(super) struct ByOffer {
    landing_pages: HashMap<OfferId, Vec<LandingPageEntry>>,
    caps: HashMap<OfferId, Vec<CapEntry>>,
}

fn grouped<T>(entries: Vec<(OfferId, T)>) -> HashMap<OfferId, Vec<T>> {
    let mut groups: HashMap<OfferId, Vec<T>> = HashMap::new();
    for (offer, entry) in entries {
        groups.entry(offer).or_default().push(entry);
    }
    groups
}

pub(super) fn by_offer(tx: &mut dyn Tx) -> Result<ByOffer, StoreError> {
    Ok(ByOffer { landing_pages: grouped(landing_pages::all(tx)?), caps: grouped(caps::all(tx)?) })
}

impl ByOffer {
    /// An offer's rules: those kept beside it, and those in its row from the column `first` on.
    pub(super) fn take(&mut self, offer: OfferId, row: &Row, first: usize) -> Result<OfferRules, StoreError> {
        let TrafficSettings {
            targeting,
            fallback_offer_id,
            landing_page_weight,
            cookies,
            cookieless_countries,
        } = traffic::read(row, first)?;
        Ok(OfferRules {
            targeting,
            fallback_offer_id,
            landing_page_weight,
            landing_pages: self.landing_pages.remove(&offer).unwrap_or_default(),
            caps: self.caps.remove(&offer).unwrap_or_default(),
            cookies,
            cookieless_countries,
        })
    }
}

pub(super) fn domains(tx: &mut dyn Tx) -> Result<Vec<DomainEntry>, StoreError> {
    tx.query("SELECT id, host, affiliate_id, advertiser_id, default_url FROM domains ORDER BY id", &[])?
        .iter()
        .map(|row| {
            Ok(DomainEntry {
                id: row.id(0)?,
                host: row.text(1)?.to_owned(),
                affiliate_id: row.id_or_null(2)?,
                advertiser_id: row.id_or_null(3)?,
                default_url: row.text_or_null(4)?.map(str::to_owned),
            })
        })
        .collect()
}
