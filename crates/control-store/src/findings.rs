//! Findings: people's later judgement of clicks, with its reason and time. A finding never changes; that it was applied to
//! the click store, and to how many clicks, is noted once.

use hopline_types::{AffiliateId, ClickFilter, FindingId, OfferId, Reason, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, Value};

/// What is found: these clicks are invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFinding {
    /// On which offer.
    pub offer_id: OfferId,
    /// By which affiliate.
    pub affiliate_id: AffiliateId,
    /// From when on, inclusive.
    pub from: UnixMillis,
    /// Up to when, exclusive.
    pub to: UnixMillis,
    /// Which among them.
    pub filter: ClickFilter,
    /// Why they are invalid.
    pub reason: Reason,
    /// What those concerned are told.
    pub remark: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// What is found.
    pub what: NewFinding,
    /// Who decided it.
    pub decided_by: String,
    /// When.
    pub decided_at: UnixMillis,
    /// How many clicks became invalid, and when; `None` before it was applied.
    pub applied: Option<Applied>,
}

/// That a finding was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Clicks that became invalid.
    pub clicks: i64,
    /// When.
    pub at: UnixMillis,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// On this offer.
    pub offer_id: Option<OfferId>,
    /// About this affiliate.
    pub affiliate_id: Option<AffiliateId>,
}

macro_rules! columns {
    () => {
        "id, offer_id, affiliate_id, from_at, to_at, filter, reason, remark, decided_by, decided_at, clicks, applied_at"
    };
}

/// An affiliate sees those about its clicks, an advertiser those on its offers.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'affiliate' AND affiliate_id = $2) OR ($1 = 'advertiser' AND EXISTS (SELECT 1 FROM offers \
         WHERE offers.id = click_findings.offer_id AND offers.advertiser_id = $2)))"
    };
}

fn read(row: &Row) -> Result<Finding, StoreError> {
    let filter = serde_json::from_str(row.text(5)?)
        .map_err(|refusal| StoreError::new(ErrorKind::Broken, format!("click_findings.filter: {refusal}")))?;
    let clicks = row.int_or_null(10)?;
    Ok(Finding {
        id: row.id(0)?,
        what: NewFinding {
            offer_id: row.id(1)?,
            affiliate_id: row.id(2)?,
            from: row.time(3)?,
            to: row.time(4)?,
            filter,
            reason: row.parsed(6)?,
            remark: row.text(7)?.to_owned(),
        },
        decided_by: row.text(8)?.to_owned(),
        decided_at: row.time(9)?,
        applied: clicks.zip(row.time_or_null(11)?).map(|(clicks, at)| Applied { clicks, at }),
    })
}

/// Enters a finding.
///
/// # Errors
/// `Reference` where there is no such offer or affiliate, `Constraint` where the period is empty; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewFinding,
    decided_by: &str,
    now: UnixMillis,
) -> Result<Finding, StoreError> {
    let filter = serde_json::to_string(&new.filter).expect("a filter is plain data");
    let row = tx.one(
        concat!(
            "INSERT INTO click_findings (offer_id, affiliate_id, from_at, to_at, filter, reason, remark, decided_by, \
             decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
            columns!()
        ),
        &[
            new.offer_id.into(),
            new.affiliate_id.into(),
            new.from.into(),
            new.to.into(),
            filter.into(),
            new.reason.as_str().into(),
            (&new.remark).into(),
            decided_by.into(),
            now.into(),
        ],
    )?;
    read(&row)
}

/// One finding, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: FindingId) -> Result<Option<Finding>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM click_findings WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Findings in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: FindingFilter,
    page: Page,
) -> Result<Vec<Finding>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM click_findings WHERE ",
            visible!(),
            " AND id > $3 AND (offer_id = $4 OR $4 IS NULL) AND (affiliate_id = $5 OR $5 IS NULL) \
             ORDER BY id LIMIT $6"
        ),
        &scope.bind([page.after(), filter.offer_id.into(), filter.affiliate_id.into(), page.limit()]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Those that have not been applied yet, oldest first.
///
/// # Errors
/// Those of the store.
pub fn pending(tx: &mut dyn Tx, limit: u32) -> Result<Vec<Finding>, StoreError> {
    tx.query(
        concat!("SELECT ", columns!(), " FROM click_findings WHERE applied_at IS NULL ORDER BY id LIMIT $1"),
        &[i64::from(limit).into()],
    )?
    .iter()
    .map(read)
    .collect()
}

/// Notes that a finding was applied, and to how many clicks; false where that was noted before.
///
/// # Errors
/// Those of the store.
pub fn mark_applied(tx: &mut dyn Tx, id: FindingId, applied: Applied) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE click_findings SET clicks = $2, applied_at = $3 WHERE id = $1 AND applied_at IS NULL",
        &[id.into(), applied.clicks.into(), applied.at.into()],
    )?;
    Ok(changed > 0)
}

/// Findings about an affiliate's clicks on an offer in a part of `from` (inclusive) to `to` (exclusive), oldest first,
/// applied or not.
///
/// # Errors
/// Those of the store.
pub fn between(
    tx: &mut dyn Tx,
    offer: OfferId,
    affiliate: AffiliateId,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<Finding>, StoreError> {
    Ok(between_many(tx, &[(offer, affiliate, from, to)])?.pop().unwrap_or_default())
}

/// The same for many, in the order asked for.
///
/// # Errors
/// Those of the store.
pub fn between_many(
    tx: &mut dyn Tx,
    asked: &[(OfferId, AffiliateId, UnixMillis, UnixMillis)],
) -> Result<Vec<Vec<Finding>>, StoreError> {
    let values: Vec<Vec<Value>> = asked
        .iter()
        .map(|(offer, affiliate, from, to)| {
            vec![(*offer).into(), (*affiliate).into(), (*from).into(), (*to).into()]
        })
        .collect();
    let found = tx.query_many(
        concat!(
            "SELECT ",
            columns!(),
            " FROM click_findings WHERE offer_id = $1 AND affiliate_id = $2 AND to_at > $3 AND from_at < $4 \
             ORDER BY id"
        ),
        &values,
    )?;
    found.iter().map(|rows| rows.iter().map(read).collect()).collect()
}
