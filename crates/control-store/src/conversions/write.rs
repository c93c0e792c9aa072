//! Writing conversions: taken in once, decided once, then only their status moves.

use std::collections::{BTreeMap, BTreeSet};

use hopline_money::{Amount, Currency};
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, ConversionSource, GoalId, LinkId, OfferId,
    TermsId, UnixMillis,
};

use super::{Conversion, owned};
use crate::{ErrorKind, Row, StoreError, Tx, Value};

/// A conversion to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertConversion {
    /// The event that reported it.
    pub event_id: String,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// Its offer.
    pub offer: OfferId,
    /// Its goal.
    pub goal: GoalId,
    /// The goal's key.
    pub goal_key: String,
    /// What makes it one: see the schema.
    pub idempotency: String,
    /// How it came in.
    pub source: ConversionSource,
    /// What the advertiser asks for: pending, approved or rejected.
    pub requested_status: Option<CommissionStatus>,
    /// The advertiser's order id.
    pub order_id: Option<String>,
    /// The click id as sent.
    pub click_id: Option<String>,
    /// Coupon code.
    pub coupon: Option<String>,
    /// The advertiser's id of its customer.
    pub customer_id: Option<String>,
    /// Line items, JSON.
    pub items: Option<String>,
    /// `adv1` to `adv10`, JSON.
    pub adv: Option<String>,
    /// Pieces, from 1.
    pub quantity: i64,
    /// The order's amount; none where it is in another currency.
    pub amount: Option<i64>,
    /// The currency of the offer.
    pub currency: Currency,
    /// The order's amount as reported, where it is in another currency.
    pub order: Option<Amount>,
    /// When it happened.
    pub converted_at: UnixMillis,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// What was decided of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionColumns {
    /// When.
    pub decided_at: UnixMillis,
    /// Who is credited, or whose click was refused.
    pub affiliate: Option<AffiliateId>,
    /// The link of the winning click.
    pub link: Option<LinkId>,
    /// The time of the winning click.
    pub clicked_at: Option<UnixMillis>,
    /// The version of the terms.
    pub terms: Option<TermsId>,
    /// What the advertiser pays.
    pub revenue_minor: Option<i64>,
    /// What affiliates get.
    pub payout_minor: Option<i64>,
    /// Where it stands.
    pub status: CommissionStatus,
    /// Why it is not credited.
    pub reason: Option<String>,
    /// The whole reasoning, JSON.
    pub decision: String,
    /// Everybody who is concerned: who is named above, who has a share, who gets a level. They see it.
    pub concerned: Vec<AffiliateId>,
}

/// A conversion that waits for its decision, as far as a worker must know it to fetch the click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: ConversionId,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// The click id as sent.
    pub click_id: Option<String>,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// Writes a conversion down, undecided.
///
/// # Errors
/// [`crate::ErrorKind::Conflict`] where the event or the natural key exists already.
pub fn insert(tx: &mut dyn Tx, new: &InsertConversion) -> Result<ConversionId, StoreError> {
    let [id] = insert_many(tx, std::slice::from_ref(new))?[..] else {
        return Err(StoreError::new(ErrorKind::Broken, "a conversion that was just written is not there"));
    };
    Ok(id)
}

/// Writes conversions down, undecided, and gives back their ids in order.
///
/// # Errors
/// [`crate::ErrorKind::Conflict`] where an event or a natural key exists already; nothing may be committed then.
pub fn insert_many(tx: &mut dyn Tx, new: &[InsertConversion]) -> Result<Vec<ConversionId>, StoreError> {
    let row = |new: &InsertConversion| {
        vec![
            (&new.event_id).into(),
            new.advertiser.into(),
            new.offer.into(),
            new.goal.into(),
            (&new.goal_key).into(),
            (&new.idempotency).into(),
            new.source.as_str().into(),
            new.requested_status.map(CommissionStatus::as_str).into(),
            new.order_id.as_deref().into(),
            new.click_id.as_deref().into(),
            new.coupon.as_deref().into(),
            new.customer_id.as_deref().into(),
            new.items.as_deref().into(),
            new.adv.as_deref().into(),
            new.quantity.into(),
            new.amount.into(),
            new.currency.code().into(),
            new.converted_at.into(),
            new.received_at.into(),
            new.order.map(|order| order.minor).into(),
            new.order.map(|order| order.currency.code()).into(),
            new.coupon.as_deref().map(crate::coupons::key_of).into(),
        ]
    };
    let rows: Vec<Vec<Value>> = new.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO conversions (event_id, advertiser_id, offer_id, goal_id, goal_key, idempotency, source, \
         requested_status, order_id, click_id, coupon, customer_id, items, adv, quantity, amount_minor, currency, \
         converted_at, received_at, order_minor, order_currency, coupon_key, repeats) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, 0)",
        &rows,
    )?;
    let events: Vec<Vec<Value>> = new.iter().map(|new| vec![(&new.event_id).into()]).collect();
    let written = tx.query_many("SELECT id FROM conversions WHERE event_id = $1", &events)?;
    let id = |rows: &Vec<Row>| {
        let missing =
            || StoreError::new(ErrorKind::Broken, "a conversion that was just written is not there");
        rows.first().ok_or_else(missing)?.id(0)
    };
    let ids = written.iter().map(id).collect::<Result<Vec<ConversionId>, _>>()?;
    let waiting: Vec<Vec<Value>> =
        ids.iter().zip(new).map(|(id, new)| vec![(*id).into(), new.advertiser.into()]).collect();
    tx.execute_many(
        "INSERT INTO undecided_conversions (conversion_id, advertiser_id) VALUES ($1, $2)",
        &waiting,
    )?;
    Ok(ids)
}

/// That a conversion was reported again, by a report of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRepeat {
    /// The conversion.
    pub conversion: ConversionId,
    /// The report.
    pub event_id: String,
    /// In what it differs from the first one, JSON.
    pub differences: String,
}

/// Notes that a conversion was reported again, by a report of its own. Says whether that report is new.
///
/// # Errors
/// The store fails.
pub fn count_repeat(
    tx: &mut dyn Tx,
    id: ConversionId,
    event_id: &str,
    differences: &str,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let repeat =
        NewRepeat { conversion: id, event_id: event_id.to_owned(), differences: differences.to_owned() };
    Ok(count_repeats(tx, &[repeat], now)? == 1)
}

/// Notes reports that came again, each once, however often it is sent. Says how many of them are new.
///
/// # Errors
/// The store fails.
pub fn count_repeats(tx: &mut dyn Tx, repeats: &[NewRepeat], now: UnixMillis) -> Result<u64, StoreError> {
    let events: Vec<Vec<Value>> = repeats.iter().map(|repeat| vec![(&repeat.event_id).into()]).collect();
    let known = tx.query_many("SELECT 1 FROM conversion_repeats WHERE event_id = $1", &events)?;
    let mut seen = BTreeSet::new();
    let mut new = Vec::new();
    let mut counts: BTreeMap<ConversionId, i64> = BTreeMap::new();
    for (repeat, known) in repeats.iter().zip(&known) {
        if known.is_empty() && seen.insert(repeat.event_id.as_str()) {
            new.push(vec![
                (&repeat.event_id).into(),
                repeat.conversion.into(),
                now.into(),
                (&repeat.differences).into(),
            ]);
            *counts.entry(repeat.conversion).or_default() += 1;
        }
    }
    let sql = "INSERT INTO conversion_repeats (event_id, conversion_id, received_at, differences) \
               VALUES ($1, $2, $3, $4)";
    let written = tx.execute_many(sql, &new)?;
    let counts: Vec<Vec<Value>> =
        counts.iter().map(|(id, more)| vec![(*id).into(), (*more).into()]).collect();
    tx.execute_many("UPDATE conversions SET repeats = repeats + $2 WHERE id = $1", &counts)?;
    Ok(written)
}

/// Into how many parts what waits is divided between workers; each part is decided by one at a time.
pub const PARTITIONS: u16 = 32;

/// The part that an advertiser's conversions belong to, so that their order is kept.
#[must_use]
pub fn partition_of(advertiser: AdvertiserId) -> u16 {
    let part = advertiser.get().rem_euclid(i64::from(PARTITIONS));
    u16::try_from(part).expect("a remainder is less than its divisor")
}

/// All parts.
#[must_use]
pub fn all_partitions() -> Vec<u16> {
    (0..PARTITIONS).collect()
}

/// Conversions of some [`PARTITIONS`] that wait for their decision, oldest first, after an id, up to `limit`. Those that wait
/// for a rate of exchange ([`crate::rates::hold`]) are not among them.
///
/// # Errors
/// The store fails.
pub fn waiting(
    tx: &mut dyn Tx,
    after: Option<ConversionId>,
    limit: u32,
    partitions: &[u16],
) -> Result<Vec<Waiting>, StoreError> {
    // One bit for each part: the statement is the same for all sets of them.
    let mask =
        partitions.iter().filter(|part| **part < PARTITIONS).fold(0_i64, |mask, part| mask | (1 << part));
    let rows = tx.query(
        "SELECT c.id, c.advertiser_id, c.click_id, c.received_at FROM undecided_conversions u \
         JOIN conversions c ON c.id = u.conversion_id WHERE u.conversion_id > $1 \
         AND NOT EXISTS (SELECT 1 FROM held_conversions h WHERE h.conversion_id = u.conversion_id) \
         AND ((CAST($3 AS BIGINT) >> CAST(u.advertiser_id % 32 AS INTEGER)) & 1) = 1 \
         ORDER BY u.conversion_id LIMIT $2",
        &[after.map_or(0, ConversionId::get).into(), i64::from(limit).into(), mask.into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(Waiting {
            id: row.id(0)?,
            advertiser: row.id(1)?,
            click_id: owned(row, 2)?,
            received_at: row.time(3)?,
        })
    });
    each.collect()
}

impl DecisionColumns {
    /// Writes them into a conversion in memory.
    pub fn apply_to(&self, conversion: &mut Conversion) {
        let money = |minor: Option<i64>| minor.map(|minor| Amount::new(minor, conversion.currency));
        conversion.decided_at = Some(self.decided_at);
        conversion.affiliate = self.affiliate;
        conversion.link = self.link;
        conversion.clicked_at = self.clicked_at;
        conversion.terms = self.terms;
        conversion.revenue = money(self.revenue_minor);
        conversion.payout = money(self.payout_minor);
        conversion.status = Some(self.status);
        conversion.reason.clone_from(&self.reason);
        conversion.decision = Some(self.decision.clone());
    }
}

/// Writes decisions into undecided conversions. Says how many were undecided: where others have decided some of them in
/// between, fewer than asked, and nothing may be committed.
///
/// # Errors
/// The store fails.
pub fn record_decisions<'a>(
    tx: &mut dyn Tx,
    decisions: impl IntoIterator<Item = (ConversionId, &'a DecisionColumns)>,
) -> Result<u64, StoreError> {
    let row = |(id, decision): (ConversionId, &DecisionColumns)| {
        vec![
            id.into(),
            decision.decided_at.into(),
            decision.affiliate.into(),
            decision.link.into(),
            decision.clicked_at.into(),
            decision.terms.into(),
            decision.revenue_minor.into(),
            decision.payout_minor.into(),
            decision.status.as_str().into(),
            decision.reason.as_deref().into(),
        ]
    };
    let decisions: Vec<(ConversionId, &DecisionColumns)> = decisions.into_iter().collect();
    let rows: Vec<Vec<Value>> = decisions.iter().copied().map(row).collect();
    let undecided = tx.execute_many(
        "UPDATE conversions SET decided_at = $2, affiliate_id = $3, link_id = $4, clicked_at = $5, terms_id = $6, \
         revenue_minor = $7, payout_minor = $8, status = $9, reason = $10 \
         WHERE id = $1 AND decided_at IS NULL",
        &rows,
    )?;
    if usize::try_from(undecided) != Ok(decisions.len()) {
        return Ok(undecided);
    }
    let reasonings: Vec<Vec<Value>> =
        decisions.iter().map(|(id, decision)| vec![(*id).into(), (&decision.decision).into()]).collect();
    tx.execute_many("INSERT INTO decisions (conversion_id, reasoning) VALUES ($1, $2)", &reasonings)?;
    let concerned = |(id, decision): &(ConversionId, &DecisionColumns)| {
        let id = *id;
        decision.concerned.clone().into_iter().map(move |affiliate| vec![affiliate.into(), id.into()])
    };
    let concerned: Vec<Vec<Value>> = decisions.iter().flat_map(concerned).collect();
    tx.execute_many(
        "INSERT INTO conversion_affiliates (affiliate_id, conversion_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &concerned,
    )?;
    let done: Vec<Vec<Value>> = decisions.iter().map(|(id, _)| vec![(*id).into()]).collect();
    tx.execute_many("DELETE FROM undecided_conversions WHERE conversion_id = $1", &done)?;
    Ok(undecided)
}

/// That a conversion was decided again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redecision<'a> {
    /// Which.
    pub conversion: ConversionId,
    /// The number of the decision that stood so far.
    pub number: i64,
    /// When that was made.
    pub decided_at: UnixMillis,
    /// Its reasoning, JSON.
    pub reasoning: &'a str,
    /// Why it was made again.
    pub why: &'a str,
    /// When.
    pub at: UnixMillis,
    /// What is decided now. The time of the first decision stays that of the conversion.
    pub now: &'a DecisionColumns,
}

/// Writes a decision in the place of an earlier one, which is kept.
///
/// # Errors
/// [`ErrorKind::Conflict`] where another transaction was faster; the store fails.
pub fn record_redecision(tx: &mut dyn Tx, new: &Redecision<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO decision_versions (conversion_id, number, decided_at, replaced_at, why, reasoning) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            new.conversion.into(),
            new.number.into(),
            new.decided_at.into(),
            new.at.into(),
            new.why.into(),
            new.reasoning.into(),
        ],
    )?;
    let now = new.now;
    tx.execute(
        "UPDATE conversions SET affiliate_id = $2, link_id = $3, clicked_at = $4, terms_id = $5, revenue_minor = $6, \
         payout_minor = $7, status = $8, reason = $9 WHERE id = $1",
        &[
            new.conversion.into(),
            now.affiliate.into(),
            now.link.into(),
            now.clicked_at.into(),
            now.terms.into(),
            now.revenue_minor.into(),
            now.payout_minor.into(),
            now.status.as_str().into(),
            now.reason.as_deref().into(),
        ],
    )?;
    tx.execute(
        "UPDATE decisions SET reasoning = $2 WHERE conversion_id = $1",
        &[new.conversion.into(), (&now.decision).into()],
    )?;
    // Who is credited no more goes on seeing why.
    let concerned: Vec<Vec<Value>> =
        now.concerned.iter().map(|affiliate| vec![(*affiliate).into(), new.conversion.into()]).collect();
    tx.execute_many(
        "INSERT INTO conversion_affiliates (affiliate_id, conversion_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &concerned,
    )
    .map(drop)
}

/// An earlier decision of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierDecision {
    /// Its number, from 1.
    pub number: i64,
    /// When it was made.
    pub decided_at: UnixMillis,
    /// When another one took its place.
    pub replaced_at: UnixMillis,
    /// Why.
    pub why: String,
    /// Its reasoning, JSON.
    pub reasoning: String,
}

/// The earlier decisions of a conversion, oldest first.
///
/// # Errors
/// The store fails.
pub fn earlier_decisions(tx: &mut dyn Tx, id: ConversionId) -> Result<Vec<EarlierDecision>, StoreError> {
    let rows = tx.query(
        "SELECT number, decided_at, replaced_at, why, reasoning FROM decision_versions WHERE conversion_id = $1 \
         ORDER BY number",
        &[id.into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(EarlierDecision {
            number: row.int(0)?,
            decided_at: row.time(1)?,
            replaced_at: row.time(2)?,
            why: row.text(3)?.to_owned(),
            reasoning: row.text(4)?.to_owned(),
        })
    });
    each.collect()
}

/// Keeps the status in step with the ledger; a reason given replaces the one there.
///
/// # Errors
/// The store fails.
pub fn set_status(
    tx: &mut dyn Tx,
    id: ConversionId,
    status: CommissionStatus,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE conversions SET status = $2, reason = coalesce($3, reason) WHERE id = $1",
        &[id.into(), status.as_str().into(), reason.into()],
    )
    .map(drop)
}

/// Keeps others from changing these conversions to the end of the transaction, after waiting for those who do.
///
/// # Errors
/// The store fails.
pub fn lock(tx: &mut dyn Tx, ids: impl IntoIterator<Item = ConversionId>) -> Result<(), StoreError> {
    let values: Vec<Vec<Value>> = ids.into_iter().map(|id| vec![id.into()]).collect();
    tx.execute_many("UPDATE conversions SET status = status WHERE id = $1", &values).map(drop)
}

/// Keeps the status of conversions in step with the ledger.
///
/// # Errors
/// The store fails.
pub fn set_statuses(tx: &mut dyn Tx, changes: &[(ConversionId, CommissionStatus)]) -> Result<(), StoreError> {
    let row = |(id, status): &(ConversionId, CommissionStatus)| vec![(*id).into(), status.as_str().into()];
    let rows: Vec<Vec<Value>> = changes.iter().map(row).collect();
    tx.execute_many("UPDATE conversions SET status = $2 WHERE id = $1", &rows).map(drop)
}
