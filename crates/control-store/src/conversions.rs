//! Conversions: the rows, and the questions asked of them. Deciding is not done here.

use hopline_money::{Amount, Currency};
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, ConversionSource, GoalId, GoalKind, LinkId,
    OfferId, TermsId, UnixMillis,
};

use crate::rates::Exchange;
use crate::{ErrorKind, Row, Scope, StoreError, Tx, Value};

mod refused;
mod write;

pub use refused::{RefusedEvent, keep_refused, refused};
pub use write::{
    DecisionColumns, EarlierDecision, InsertConversion, NewRepeat, PARTITIONS, Redecision, Waiting,
    all_partitions, count_repeat, count_repeats, earlier_decisions, insert, insert_many, lock, partition_of,
    record_decisions, record_redecision, set_status, set_statuses, waiting,
};

/// A conversion as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// Its id.
    pub id: ConversionId,
    /// The event that reported it first.
    pub event_id: String,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// Its offer.
    pub offer: OfferId,
    /// Its goal.
    pub goal: GoalId,
    /// The goal's key.
    pub goal_key: String,
    /// What the goal pays for.
    pub kind: GoalKind,
    /// What makes it one: see the schema.
    pub idempotency: String,
    /// How it came in.
    pub source: ConversionSource,
    /// What the advertiser asked for: pending, approved or rejected.
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
    /// `adv1` to `adv10`, JSON list.
    pub adv: Option<String>,
    /// Pieces: 1, or clicks settled.
    pub quantity: i64,
    /// The order's amount in the currency below: none where it is in another one that no rate was known for yet.
    pub amount: Option<Amount>,
    /// The currency of all its amounts but `order`.
    pub currency: Currency,
    /// The order's amount as reported, where it was reported in another currency.
    pub order: Option<Amount>,
    /// The rate that it was converted at.
    pub exchange: Option<Exchange>,
    /// When it happened.
    pub converted_at: UnixMillis,
    /// When it was received.
    pub received_at: UnixMillis,
    /// How often the same event was reported again.
    pub repeats: i64,
    /// When it was decided; the fields below are empty before.
    pub decided_at: Option<UnixMillis>,
    /// Who is credited, or whose click was refused.
    pub affiliate: Option<AffiliateId>,
    /// The link of the winning click.
    pub link: Option<LinkId>,
    /// The time of the winning click.
    pub clicked_at: Option<UnixMillis>,
    /// The version of the terms.
    pub terms: Option<TermsId>,
    /// What the advertiser pays; as booked, before refunds.
    pub revenue: Option<Amount>,
    /// What affiliates get; as booked, before refunds.
    pub payout: Option<Amount>,
    /// Where its commission stands: the finer status. See [`Conversion::shown_status`].
    pub status: Option<CommissionStatus>,
    /// Why it is not credited, was rejected or taken back.
    pub reason: Option<String>,
    /// The whole reasoning, JSON.
    pub decision: Option<String>,
}

impl Conversion {
    /// The order's amount as reported, in the order's currency.
    #[must_use]
    pub fn ordered(&self) -> Option<Amount> {
        self.order.or(self.amount)
    }

    /// The status shown for the conversion: `approved` once it is approved, whether or not its hold has ended,
    /// and `pending` before it is decided.
    #[must_use]
    pub fn shown_status(&self) -> CommissionStatus {
        shown(self.status)
    }

    /// Whether the same event was reported again.
    #[must_use]
    pub const fn was_repeated(&self) -> bool {
        self.repeats > 0
    }
}

/// The status shown for a conversion whose commission has this status.
#[must_use]
pub fn shown(status: Option<CommissionStatus>) -> CommissionStatus {
    match status {
        None => CommissionStatus::Pending,
        Some(CommissionStatus::Payable) => CommissionStatus::Approved,
        Some(other) => other,
    }
}

/// Which conversions are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConversionFilter {
    /// Only this advertiser's.
    pub advertiser: Option<AdvertiserId>,
    /// Only this affiliate's.
    pub affiliate: Option<AffiliateId>,
    /// Only this offer's.
    pub offer: Option<OfferId>,
    /// Only with this order id.
    pub order_id: Option<String>,
    /// Only with this shown status.
    pub status: Option<CommissionStatus>,
    /// Only with this click id.
    pub click_id: Option<String>,
    /// Only of this goal, by key.
    pub goal: Option<String>,
    /// Only those that happened at this time or later.
    pub from: Option<UnixMillis>,
    /// Only those that happened before this time.
    pub to: Option<UnixMillis>,
    /// Only those with a lower id: the list goes from new to old.
    pub before: Option<ConversionId>,
}

macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT c.id, c.event_id, c.advertiser_id, c.offer_id, c.goal_id, c.goal_key, g.kind, c.idempotency, \
             c.source, c.requested_status, c.order_id, c.click_id, c.coupon, c.customer_id, c.items, c.adv, \
             c.quantity, c.amount_minor, c.currency, c.converted_at, c.received_at, c.repeats, c.decided_at, \
             c.affiliate_id, c.link_id, c.clicked_at, c.terms_id, c.revenue_minor, c.payout_minor, c.status, \
             c.reason, (SELECT d.reasoning FROM decisions d WHERE d.conversion_id = c.id), c.order_minor, c.order_currency, c.exchange FROM conversions c JOIN goals g ON g.id = c.goal_id ",
            $($rest),+
        )
    };
}

/// `$1` and `$2` are the scope's. Affiliates see what they are concerned in.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND c.advertiser_id = $2) OR ($1 = 'affiliate' AND EXISTS \
         (SELECT 1 FROM conversion_affiliates v WHERE v.affiliate_id = $2 AND v.conversion_id = c.id))) "
    };
}

macro_rules! filtered {
    () => {
        concat!(
            visible!(),
            "AND (c.order_id = $3 OR $3 IS NULL) AND (EXISTS (SELECT 1 \
             FROM conversion_affiliates f WHERE f.affiliate_id = $4 AND f.conversion_id = c.id) OR $4 IS NULL) \
             AND (c.advertiser_id = $5 OR $5 IS NULL) AND (c.offer_id = $6 OR $6 IS NULL) \
             AND (c.goal_key = $7 OR $7 IS NULL) AND (c.click_id = $8 OR $8 IS NULL) \
             AND (CASE coalesce(c.status, 'pending') WHEN 'payable' THEN 'approved' \
             ELSE coalesce(c.status, 'pending') END = $9 OR $9 IS NULL) \
             AND (c.converted_at >= $10 OR $10 IS NULL) AND (c.converted_at < $11 OR $11 IS NULL) \
             AND c.id < $12 ORDER BY c.id DESC LIMIT $13"
        )
    };
}

fn optional<T: std::str::FromStr>(row: &Row, column: usize) -> Result<Option<T>, StoreError>
where
    T::Err: std::fmt::Display,
{
    if row.text_or_null(column)?.is_some() { row.parsed(column).map(Some) } else { Ok(None) }
}

fn owned(row: &Row, column: usize) -> Result<Option<String>, StoreError> {
    Ok(row.text_or_null(column)?.map(str::to_owned))
}

fn conversion(row: &Row) -> Result<Conversion, StoreError> {
    let currency: Currency = row.parsed(18)?;
    let order = match row.int_or_null(32)? {
        None => None,
        Some(minor) => Some(Amount::new(minor, row.parsed(33)?)),
    };
    let exchange = row
        .text_or_null(34)?
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("conversions.exchange: {error}")))?;
    let money =
        |column| Ok::<_, StoreError>(row.int_or_null(column)?.map(|minor| Amount::new(minor, currency)));
    Ok(Conversion {
        id: row.id(0)?,
        event_id: row.text(1)?.to_owned(),
        advertiser: row.id(2)?,
        offer: row.id(3)?,
        goal: row.id(4)?,
        goal_key: row.text(5)?.to_owned(),
        kind: row.parsed(6)?,
        idempotency: row.text(7)?.to_owned(),
        source: row.parsed(8)?,
        requested_status: optional(row, 9)?,
        order_id: owned(row, 10)?,
        click_id: owned(row, 11)?,
        coupon: owned(row, 12)?,
        customer_id: owned(row, 13)?,
        items: owned(row, 14)?,
        adv: owned(row, 15)?,
        quantity: row.int(16)?,
        amount: money(17)?,
        currency,
        order,
        exchange,
        converted_at: row.time(19)?,
        received_at: row.time(20)?,
        repeats: row.int(21)?,
        decided_at: row.time_or_null(22)?,
        affiliate: row.id_or_null(23)?,
        link: row.id_or_null(24)?,
        clicked_at: row.time_or_null(25)?,
        terms: row.id_or_null(26)?,
        revenue: money(27)?,
        payout: money(28)?,
        status: optional(row, 29)?,
        reason: owned(row, 30)?,
        decision: owned(row, 31)?,
    })
}

/// One conversion, if it exists and may be seen.
///
/// # Errors
/// The store fails.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
    let row = tx.first(select!("WHERE ", visible!(), "AND c.id = $3"), &scope.bind([id.into()]))?;
    row.as_ref().map(conversion).transpose()
}

/// One conversion, for the program itself.
///
/// # Errors
/// The store fails.
pub fn find(tx: &mut dyn Tx, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
    tx.first(select!("WHERE c.id = $1"), &[id.into()])?.as_ref().map(conversion).transpose()
}

/// Conversions by their ids, in the order asked for.
///
/// # Errors
/// The store fails.
pub fn find_many(tx: &mut dyn Tx, ids: &[ConversionId]) -> Result<Vec<Option<Conversion>>, StoreError> {
    let rows: Vec<Vec<Value>> = ids.iter().map(|id| vec![(*id).into()]).collect();
    firsts(&tx.query_many(select!("WHERE c.id = $1"), &rows)?)
}

/// Conversions by the events that they were made of, in the order asked for.
///
/// # Errors
/// The store fails.
pub fn find_by_events(tx: &mut dyn Tx, event_ids: &[&str]) -> Result<Vec<Option<Conversion>>, StoreError> {
    let rows: Vec<Vec<Value>> = event_ids.iter().map(|id| vec![(*id).into()]).collect();
    firsts(&tx.query_many(select!("WHERE c.event_id = $1"), &rows)?)
}

/// Conversions by their natural keys, in the order asked for.
///
/// # Errors
/// The store fails.
pub fn find_by_idempotencies(
    tx: &mut dyn Tx,
    keys: &[(AdvertiserId, GoalId, &str)],
) -> Result<Vec<Option<Conversion>>, StoreError> {
    let row = |(advertiser, goal, key): &(AdvertiserId, GoalId, &str)| {
        vec![(*advertiser).into(), (*goal).into(), (*key).into()]
    };
    let rows: Vec<Vec<Value>> = keys.iter().map(row).collect();
    let sql = select!("WHERE c.advertiser_id = $1 AND c.goal_id = $2 AND c.idempotency = $3");
    firsts(&tx.query_many(sql, &rows)?)
}

fn firsts(answers: &[Vec<Row>]) -> Result<Vec<Option<Conversion>>, StoreError> {
    answers.iter().map(|rows| rows.first().map(conversion).transpose()).collect()
}

/// The conversion that an event has become.
///
/// # Errors
/// The store fails.
pub fn find_by_event(tx: &mut dyn Tx, event_id: &str) -> Result<Option<Conversion>, StoreError> {
    tx.first(select!("WHERE c.event_id = $1"), &[event_id.into()])?.as_ref().map(conversion).transpose()
}

/// The conversion with this natural key.
///
/// # Errors
/// The store fails.
pub fn find_by_idempotency(
    tx: &mut dyn Tx,
    advertiser: AdvertiserId,
    goal: GoalId,
    idempotency: &str,
) -> Result<Option<Conversion>, StoreError> {
    let sql = select!("WHERE c.advertiser_id = $1 AND c.goal_id = $2 AND c.idempotency = $3");
    let row = tx.first(sql, &[advertiser.into(), goal.into(), idempotency.into()])?;
    row.as_ref().map(conversion).transpose()
}

/// Conversions from new to old, up to `limit`.
///
/// # Errors
/// The store fails.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &ConversionFilter,
    limit: u32,
) -> Result<Vec<Conversion>, StoreError> {
    let values = scope.bind([
        filter.order_id.as_deref().into(),
        filter.affiliate.into(),
        filter.advertiser.into(),
        filter.offer.into(),
        filter.goal.as_deref().into(),
        filter.click_id.as_deref().into(),
        filter.status.map(CommissionStatus::as_str).into(),
        filter.from.into(),
        filter.to.into(),
        filter.before.map_or(i64::MAX, ConversionId::get).into(),
        i64::from(limit).into(),
    ]);
    // One statement per index that shall be used.
    let rows = match (&filter.order_id, filter.affiliate) {
        (Some(_), _) => tx.query(select!("WHERE c.order_id = $3 AND ", filtered!()), &values),
        (None, Some(_)) => tx.query(
            select!(
                "JOIN conversion_affiliates a ON a.conversion_id = c.id WHERE a.affiliate_id = $4 AND ",
                filtered!()
            ),
            &values,
        ),
        (None, None) => match scope {
            Scope::Affiliate(_) => tx.query(
                select!(
                    "JOIN conversion_affiliates a ON a.conversion_id = c.id WHERE a.affiliate_id = $2 AND ",
                    filtered!()
                ),
                &values,
            ),
            Scope::Advertiser(_) => {
                tx.query(select!("WHERE c.advertiser_id = $2 AND ", filtered!()), &values)
            }
            Scope::All | Scope::Nothing => tx.query(select!("WHERE ", filtered!()), &values),
        },
    }?;
    rows.iter().map(conversion).collect()
}
