//! Counting again.

use std::collections::BTreeMap;

use hopline_control_store::conversions::{self, ConversionFilter};
use hopline_control_store::{Scope, Tx, caps};
use hopline_types::{AffiliateId, CapId, UnixMillis};

use super::{takings, total};
use crate::BookError;

const PAGE: u32 = 1_000;

/// What was found sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapsSound {
    /// Sums compared.
    pub sums: u64,
    /// Conversions that count in them.
    pub conversions: u64,
}

/// A sum that is not what its conversions come to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cap {cap}, {}, period from {}: kept {kept}, its conversions give {counted}", whose(*affiliate), crate::explain::rfc3339(*start))]
pub struct CapsUnsound {
    /// The cap.
    pub cap: CapId,
    /// Whose sum; none: all of the offer's together.
    pub affiliate: Option<AffiliateId>,
    /// When its period begins.
    pub start: UnixMillis,
    /// As kept.
    pub kept: i64,
    /// Counted again.
    pub counted: i64,
}

fn whose(affiliate: Option<AffiliateId>) -> String {
    affiliate.map_or_else(|| "all affiliates".to_owned(), |affiliate| format!("affiliate {affiliate}"))
}

/// Counts all conversions again and compares with every kept sum of a cap. Reads conversions in pages; names the first
/// sum that differs.
///
/// # Errors
/// The store fails; a decision that cannot be read.
pub fn verify(tx: &mut dyn Tx) -> Result<Result<CapsSound, CapsUnsound>, BookError> {
    let mut sums: BTreeMap<(CapId, Option<AffiliateId>, UnixMillis), (i64, i64)> = BTreeMap::new();
    for kept in caps::kept(tx)? {
        sums.insert((kept.cap_id, kept.affiliate_id, kept.start), (kept.taken, 0));
    }
    let mut found = CapsSound { sums: 0, conversions: 0 };
    let mut filter = ConversionFilter::default();
    loop {
        let page = conversions::list(tx, Scope::All, &filter, PAGE)?;
        let Some(last) = page.last() else { break };
        filter.before = Some(last.id);
        for conversion in &page {
            let takings = takings::of(conversion)?;
            if takings.is_empty() {
                continue;
            }
            found.conversions += 1;
            let parts = takings::parts(tx, conversion)?;
            for taking in &takings {
                let sum = sums.entry((taking.cap, taking.affiliate, taking.start)).or_default();
                sum.1 += total(&parts, taking.metric, taking.affiliate);
            }
        }
    }
    for ((cap, affiliate, start), (kept, counted)) in sums {
        if kept != counted {
            return Ok(Err(CapsUnsound { cap, affiliate, start, kept, counted }));
        }
        found.sums += 1;
    }
    Ok(Ok(found))
}
