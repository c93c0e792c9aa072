//! How long after its click an install began, counted per affiliate (C-15).
//!
//! Counted are conversions of goals that pay for installs, whichever way they were reported, with a click of this affiliate before
//! them. Apple's postbacks name no click and are not among them.

use hopline_types::{AffiliateId, OfferId, UnixMillis};

use crate::{ErrorKind, Scope, StoreError, Tx};

/// Which installs are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimingPeriod {
    /// From when on, inclusive: the time of the install.
    pub from: UnixMillis,
    /// Up to when, exclusive.
    pub to: UnixMillis,
    /// Only this offer's.
    pub offer: Option<OfferId>,
}

/// Installs of one affiliate on one offer within one span of time after the click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimingCount {
    /// The offer.
    pub offer: OfferId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// Which span: 0 below ten seconds, 1 below a minute, 2 below ten minutes, 3 below an hour, 4 to 26 the hour that begins one to
    /// 23 hours after the click, 27 later.
    pub span: u8,
    /// How many.
    pub installs: u64,
}

/// Counts installs by offer, affiliate and span, in order of these. For the network and advertisers: affiliates see none.
///
/// # Errors
/// The store fails.
pub fn counts(tx: &mut dyn Tx, scope: Scope, period: TimingPeriod) -> Result<Vec<TimingCount>, StoreError> {
    let rows = tx.query(
        "SELECT offer_id, affiliate_id, span, CAST(count(*) AS BIGINT) FROM (SELECT c.offer_id, c.affiliate_id, \
         CASE WHEN c.converted_at - c.clicked_at < 10000 THEN 0 WHEN c.converted_at - c.clicked_at < 60000 THEN 1 \
         WHEN c.converted_at - c.clicked_at < 600000 THEN 2 WHEN c.converted_at - c.clicked_at < 3600000 THEN 3 \
         WHEN c.converted_at - c.clicked_at < 86400000 THEN 3 + (c.converted_at - c.clicked_at) / 3600000 \
         ELSE 27 END AS span \
         FROM conversions c JOIN goals g ON g.id = c.goal_id \
         WHERE ($1 = 'all' OR ($1 = 'advertiser' AND c.advertiser_id = $2)) AND g.kind = 'ppi' \
         AND c.converted_at >= $3 AND c.converted_at < $4 AND (c.offer_id = $5 OR $5 IS NULL) \
         AND c.affiliate_id IS NOT NULL AND c.converted_at >= c.clicked_at) spans \
         GROUP BY offer_id, affiliate_id, span ORDER BY offer_id, affiliate_id, span",
        &scope.bind([period.from.into(), period.to.into(), period.offer.into()]),
    )?;
    let broken = |what: &str| StoreError::new(ErrorKind::Broken, format!("counting installs: {what}"));
    rows.iter()
        .map(|row| {
            Ok(TimingCount {
                offer: row.id(0)?,
                affiliate: row.id(1)?,
                span: u8::try_from(row.int(2)?).map_err(|_| broken("no span"))?,
                installs: u64::try_from(row.int(3)?).map_err(|_| broken("no count"))?,
            })
        })
        .collect()
}
