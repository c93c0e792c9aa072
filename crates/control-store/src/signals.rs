//! Orders as the signs of cookie stuffing need them: how soon after their click, and of whom.
//!
//! An order is a conversion of an offer's first goal that names an affiliate, whatever became of it; settled clicks are
//! none. It lies in a period by the time at which it happened, as reported. An order that happened before its click (a
//! shop's clock, a time in whole seconds) tells nothing of haste and is left out of those with a click.
//!
//! A customer is known where an earlier conversion of the same advertiser names it, of any offer's first goal, also one that
//! nobody was credited for.
//!
//! # Cost
//!
//! One statement. It reads all conversions of the period's advertisers once, for the customers' first orders: made for a
//! person who looks, not for a page that refreshes. Source: C-10.

use hopline_types::{AffiliateId, OfferId, UnixMillis};

use crate::{ErrorKind, Row, Scope, StoreError, Tx};

/// Which orders are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderPeriod {
    /// From when on, inclusive.
    pub from: UnixMillis,
    /// Up to when, exclusive.
    pub to: UnixMillis,
    /// Milliseconds from click to order below which an order is quick.
    pub quick_below_ms: i64,
    /// Only this offer's.
    pub offer: Option<OfferId>,
}

/// The orders of one affiliate on one offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderSignals {
    /// The offer.
    pub offer: OfferId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// Orders with a click before them.
    pub with_click: u64,
    /// Those of them that followed their click at once.
    pub quick: u64,
    /// Orders that name a customer.
    pub with_customer: u64,
    /// Those of them whose customer was one before.
    pub returning: u64,
}

/// Counts orders per offer and affiliate, in order of both. For the network and advertisers: affiliates see none.
///
/// # Errors
/// The store fails.
pub fn orders(tx: &mut dyn Tx, scope: Scope, period: OrderPeriod) -> Result<Vec<OrderSignals>, StoreError> {
    let rows = tx.query(
        "SELECT c.offer_id, c.affiliate_id, \
         CAST(sum(CASE WHEN c.converted_at >= c.clicked_at THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN c.converted_at >= c.clicked_at AND c.converted_at - c.clicked_at < $5 \
         THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN c.customer_id IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN known.since < c.converted_at THEN 1 ELSE 0 END) AS BIGINT) \
         FROM conversions c JOIN goals g ON g.id = c.goal_id \
         LEFT JOIN (SELECT e.advertiser_id, e.customer_id, min(e.converted_at) AS since \
         FROM conversions e JOIN goals h ON h.id = e.goal_id \
         WHERE ($1 = 'all' OR ($1 = 'advertiser' AND e.advertiser_id = $2)) AND e.customer_id IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM goals f WHERE f.offer_id = h.offer_id AND f.position < h.position) \
         GROUP BY e.advertiser_id, e.customer_id) known \
         ON known.advertiser_id = c.advertiser_id AND known.customer_id = c.customer_id \
         WHERE ($1 = 'all' OR ($1 = 'advertiser' AND c.advertiser_id = $2)) \
         AND c.converted_at >= $3 AND c.converted_at < $4 AND (c.offer_id = $6 OR $6 IS NULL) \
         AND c.affiliate_id IS NOT NULL AND c.source NOT IN ('settlement', 'period') \
         AND NOT EXISTS (SELECT 1 FROM goals f WHERE f.offer_id = g.offer_id AND f.position < g.position) \
         GROUP BY c.offer_id, c.affiliate_id ORDER BY c.offer_id, c.affiliate_id",
        &scope.bind([
            period.from.into(),
            period.to.into(),
            period.quick_below_ms.into(),
            period.offer.into(),
        ]),
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<OrderSignals, StoreError> {
    let count = |column| {
        let number = row.int(column)?;
        u64::try_from(number)
            .map_err(|_| StoreError::new(ErrorKind::Broken, format!("a count of {number} orders")))
    };
    Ok(OrderSignals {
        offer: row.id(0)?,
        affiliate: row.id(1)?,
        with_click: count(2)?,
        quick: count(3)?,
        with_customer: count(4)?,
        returning: count(5)?,
    })
}
