//! Payout batches, their payouts, and the open items that they take.

use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, BatchId, PayoutId, PayoutMethod, UnixMillis};

use crate::{ErrorKind, Row, Scope, StoreError, Tx, bank_data};

mod exchanges;
mod items;
mod minimums;
mod results;
mod schedules;
mod status;
mod templates;

pub use exchanges::{
    PayoutExchange, exchanges_of, open_amounts, payout_currencies, payout_currency, record_exchange,
    set_payout_currency,
};
pub use items::{
    Item, OpenSum, conversions_of, lines_of, open_sums, payouts_of_conversion, release_items, take_items,
};
pub use minimums::{
    Minimum, affiliate_minimums, all_affiliate_minimums, method_minimum, method_minimums,
    set_affiliate_minimum, set_method_minimum,
};
pub use results::{
    InsertResult, ResultLineRow, ResultRow, find_result, insert_result, lines_of_result, results_of,
};
pub use schedules::{
    Schedule, ScheduleDone, ScheduleState, due_schedules, find_schedule, insert_schedule, list_schedules,
    note_schedule, save_schedule,
};
pub use status::{BatchStatus, PayoutStatus};
pub use templates::{
    TemplateKind, TemplateRow, list_templates, newest_template, save_template, template_as_of,
};

/// An affiliate that was left out of a batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefusedPayee {
    /// Who.
    pub affiliate_id: AffiliateId,
    /// What would have been paid.
    pub amount: Amount,
    /// A short word that never changes.
    pub reason: String,
    /// The same for people.
    pub detail: String,
}

/// A payout batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Its one currency.
    pub currency: Currency,
    /// How its payouts are paid.
    pub method: PayoutMethod,
    /// Items effective up to this time are in it.
    pub cutoff: UnixMillis,
    /// The least amount paid.
    pub minimum: Amount,
    /// Where it stands.
    pub status: BatchStatus,
    /// The identifier of its file.
    pub message_id: String,
    /// The day on which the bank shall pay, `YYYY-MM-DD`.
    pub execution_date: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Who made it.
    pub created_by: String,
    /// When it was approved.
    pub approved_at: Option<UnixMillis>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was settled or cancelled.
    pub settled_at: Option<UnixMillis>,
    /// Who settled or cancelled it.
    pub settled_by: Option<String>,
    /// Who was left out, and why.
    pub refused: Vec<RefusedPayee>,
    /// What its files depend on beside its payouts, as at the approval: JSON.
    pub payer: Option<String>,
    /// Amounts are multiples of this.
    pub step_minor: i64,
    /// The schedule that has prepared it.
    pub schedule: Option<i64>,
    /// When its file was first made.
    pub exported_at: Option<UnixMillis>,
    /// Who has made it first.
    pub exported_by: Option<String>,
}

/// One payment to one affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Its batch.
    pub batch: BatchId,
    /// Who is paid.
    pub affiliate: AffiliateId,
    /// How much.
    pub amount: Amount,
    /// Where it stands.
    pub status: PayoutStatus,
    /// Why it failed.
    pub reason: Option<String>,
    /// Where it is paid to, as it was at the draft: JSON, accounts by their last four; see [`payee`].
    pub payee: String,
    /// The reference in the bank file.
    pub end_to_end_id: String,
    /// When it came back after the bank had paid.
    pub returned_at: Option<UnixMillis>,
    payee_sealed: Option<String>,
}

/// Where a payout goes, as it was at the draft, whole.
///
/// # Errors
/// The key is missing or the row was altered.
pub fn payee(tx: &dyn Tx, payout: &Payout) -> Result<serde_json::Value, StoreError> {
    let place = bank_data::payout_place(payout.id.get());
    bank_data::open(tx.vault(), &place, &payout.payee, payout.payee_sealed.as_deref())
}

/// A batch to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertBatch {
    /// Its one currency.
    pub currency: Currency,
    /// How its payouts are paid.
    pub method: PayoutMethod,
    /// Items effective up to this time are in it.
    pub cutoff: UnixMillis,
    /// The least amount paid.
    pub minimum_minor: i64,
    /// The day on which the bank shall pay, `YYYY-MM-DD`.
    pub execution_date: String,
    /// When it is made.
    pub created_at: UnixMillis,
    /// Who makes it.
    pub created_by: String,
    /// Who is left out, and why.
    pub refused: Vec<RefusedPayee>,
    /// Amounts are multiples of this.
    pub step_minor: i64,
    /// The schedule that prepares it.
    pub schedule: Option<i64>,
}

macro_rules! batch_select {
    ($rest:literal) => {
        concat!(
            "SELECT id, currency, method, cutoff, minimum_minor, status, message_id, execution_date, created_at, \
             created_by, approved_at, approved_by, settled_at, settled_by, refused, payer, step_minor, schedule_id, \
             exported_at, exported_by FROM payout_batches ",
            $rest
        )
    };
}

macro_rules! payout_select {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.batch_id, p.affiliate_id, p.currency, p.amount_minor, p.status, p.reason, p.payee, \
             p.end_to_end_id, p.payee_sealed, p.returned_at",
            $rest
        )
    };
}
use payout_select;

fn batch(row: &Row) -> Result<Batch, StoreError> {
    let currency: Currency = row.parsed(1)?;
    let refused = serde_json::from_str(row.text(14)?)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("payout_batches.refused: {error}")))?;
    let owned = |column| Ok::<_, StoreError>(row.text_or_null(column)?.map(str::to_owned));
    Ok(Batch {
        id: row.id(0)?,
        currency,
        method: row.parsed(2)?,
        cutoff: row.time(3)?,
        minimum: Amount::new(row.int(4)?, currency),
        status: row.parsed(5)?,
        message_id: row.text(6)?.to_owned(),
        execution_date: row.text(7)?.to_owned(),
        created_at: row.time(8)?,
        created_by: row.text(9)?.to_owned(),
        approved_at: row.time_or_null(10)?,
        approved_by: owned(11)?,
        settled_at: row.time_or_null(12)?,
        settled_by: owned(13)?,
        refused,
        payer: owned(15)?,
        step_minor: row.int(16)?,
        schedule: row.int_or_null(17)?,
        exported_at: row.time_or_null(18)?,
        exported_by: owned(19)?,
    })
}

fn payout(row: &Row) -> Result<Payout, StoreError> {
    Ok(Payout {
        id: row.id(0)?,
        batch: row.id(1)?,
        affiliate: row.id(2)?,
        amount: Amount::new(row.int(4)?, row.parsed(3)?),
        status: row.parsed(5)?,
        reason: row.text_or_null(6)?.map(str::to_owned),
        payee: row.text(7)?.to_owned(),
        end_to_end_id: row.text(8)?.to_owned(),
        payee_sealed: row.text_or_null(9)?.map(str::to_owned),
        returned_at: row.time_or_null(10)?,
    })
}

/// One batch.
///
/// # Errors
/// The store fails.
pub fn find_batch(tx: &mut dyn Tx, id: BatchId) -> Result<Option<Batch>, StoreError> {
    tx.first(batch_select!("WHERE id = $1"), &[id.into()])?.as_ref().map(batch).transpose()
}

/// Batches from new to old, those below `before`, up to `limit`.
///
/// # Errors
/// The store fails.
pub fn list_batches(tx: &mut dyn Tx, before: Option<BatchId>, limit: u32) -> Result<Vec<Batch>, StoreError> {
    let before = before.map_or(i64::MAX, BatchId::get);
    let sql = batch_select!("WHERE id < $1 ORDER BY id DESC LIMIT $2");
    tx.query(sql, &[before.into(), i64::from(limit).into()])?.iter().map(batch).collect()
}

/// Writes a draft down. Its message id is made of its id and time (P-03).
///
/// # Errors
/// The store fails.
pub fn insert_batch(tx: &mut dyn Tx, new: &InsertBatch) -> Result<BatchId, StoreError> {
    let refused = serde_json::to_string(&new.refused)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("payout_batches.refused: {error}")))?;
    let row = tx.one(
        "INSERT INTO payout_batches (currency, method, cutoff, minimum_minor, status, message_id, execution_date, \
         created_at, created_by, refused, step_minor, schedule_id) \
         VALUES ($1, $2, $3, $4, 'draft', '', $5, $6, $7, $8, $9, $10) RETURNING id",
        &[
            new.currency.code().into(),
            new.method.as_str().into(),
            new.cutoff.into(),
            new.minimum_minor.into(),
            (&new.execution_date).into(),
            new.created_at.into(),
            (&new.created_by).into(),
            refused.into(),
            new.step_minor.into(),
            new.schedule.into(),
        ],
    )?;
    let id: BatchId = row.id(0)?;
    let message_id = hopline_payfile::message_id(id, new.created_at);
    tx.execute("UPDATE payout_batches SET message_id = $2 WHERE id = $1", &[id.into(), message_id.into()])?;
    Ok(id)
}

/// Notes who was left out, and why.
///
/// # Errors
/// The store fails.
pub fn set_refused(tx: &mut dyn Tx, id: BatchId, refused: &[RefusedPayee]) -> Result<(), StoreError> {
    let refused = serde_json::to_string(refused)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("payout_batches.refused: {error}")))?;
    tx.execute("UPDATE payout_batches SET refused = $2 WHERE id = $1", &[id.into(), refused.into()]).map(drop)
}

/// Moves a batch from one status to the next. Says whether it was in the first one.
///
/// # Errors
/// The store fails.
pub fn move_batch(
    tx: &mut dyn Tx,
    id: BatchId,
    from: BatchStatus,
    to: BatchStatus,
    actor: &str,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let sql = match to {
        BatchStatus::Approved | BatchStatus::Draft => {
            "UPDATE payout_batches SET status = $3, approved_by = $4, approved_at = $5 WHERE id = $1 AND status = $2"
        }
        BatchStatus::Settled | BatchStatus::Cancelled => {
            "UPDATE payout_batches SET status = $3, settled_by = $4, settled_at = $5 WHERE id = $1 AND status = $2"
        }
    };
    let values = [id.into(), from.as_str().into(), to.as_str().into(), actor.into(), now.into()];
    Ok(tx.execute(sql, &values)? == 1)
}

/// The payouts of a batch, in order.
///
/// # Errors
/// The store fails.
pub fn payouts_of(tx: &mut dyn Tx, batch: BatchId) -> Result<Vec<Payout>, StoreError> {
    let sql = payout_select!(" FROM payouts p WHERE p.batch_id = $1 ORDER BY p.id");
    tx.query(sql, &[batch.into()])?.iter().map(payout).collect()
}

/// One payout, if it exists and may be seen: an affiliate sees its own, advertisers none.
///
/// # Errors
/// The store fails.
pub fn get_payout(tx: &mut dyn Tx, scope: Scope, id: PayoutId) -> Result<Option<Payout>, StoreError> {
    let sql = payout_select!(
        " FROM payouts p WHERE ($1 = 'all' OR ($1 = 'affiliate' AND p.affiliate_id = $2)) AND p.id = $3"
    );
    tx.first(sql, &scope.bind([id.into()]))?.as_ref().map(payout).transpose()
}

/// Writes a payout of a draft down, with where it goes, sealed. Its end-to-end id is made of its id.
///
/// # Errors
/// The store fails.
pub fn insert_payout(
    tx: &mut dyn Tx,
    batch: BatchId,
    affiliate: AffiliateId,
    amount: Amount,
    payee: &serde_json::Value,
) -> Result<PayoutId, StoreError> {
    let row = tx.one(
        "INSERT INTO payouts (batch_id, affiliate_id, currency, amount_minor, status, payee, end_to_end_id) \
         VALUES ($1, $2, $3, $4, 'draft', $5, '') RETURNING id",
        &[
            batch.into(),
            affiliate.into(),
            amount.currency.code().into(),
            amount.minor.into(),
            bank_data::shortened(payee).to_string().into(),
        ],
    )?;
    let id: PayoutId = row.id(0)?;
    let reference = hopline_payfile::end_to_end_id(id);
    let kept = bank_data::seal(tx, &bank_data::payout_place(id.get()), payee)?;
    let sql = "UPDATE payouts SET end_to_end_id = $2, payee_sealed = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), reference.into(), kept.sealed.into()])?;
    Ok(id)
}

/// Sets where a payout stands.
///
/// # Errors
/// The store fails.
pub fn set_payout_status(
    tx: &mut dyn Tx,
    id: PayoutId,
    status: PayoutStatus,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE payouts SET status = $2, reason = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), status.as_str().into(), reason.into()]).map(drop)
}

/// What is reserved in batches that are not settled, by affiliate and currency.
///
/// # Errors
/// The store fails.
pub fn reserved_sums(
    tx: &mut dyn Tx,
    affiliate: Option<AffiliateId>,
) -> Result<Vec<(AffiliateId, Amount)>, StoreError> {
    let rows = tx.query(
        "SELECT affiliate_id, currency, CAST(sum(amount_minor) AS BIGINT) FROM payouts \
         WHERE status IN ('draft', 'approved') AND (affiliate_id = $1 OR $1 IS NULL) \
         GROUP BY affiliate_id, currency ORDER BY affiliate_id, currency",
        &[affiliate.into()],
    )?;
    rows.iter().map(|row| Ok((row.id(0)?, Amount::new(row.int(2)?, row.parsed(1)?)))).collect()
}

/// When the newest batch that has paid an affiliate was drafted: what was entered until then is where it was paid to.
///
/// # Errors
/// The store fails.
pub fn last_paid_as_of(tx: &mut dyn Tx, affiliate: AffiliateId) -> Result<Option<UnixMillis>, StoreError> {
    let sql = "SELECT max(b.created_at) FROM payouts p JOIN payout_batches b ON b.id = p.batch_id \
               WHERE p.affiliate_id = $1 AND p.status = 'paid'";
    tx.one(sql, &[affiliate.into()])?.time_or_null(0)
}

/// Sets the day on which the bank shall pay.
///
/// # Errors
/// The store fails.
pub fn set_execution_date(tx: &mut dyn Tx, id: BatchId, date: &str) -> Result<(), StoreError> {
    let sql = "UPDATE payout_batches SET execution_date = $2 WHERE id = $1";
    tx.execute(sql, &[id.into(), date.into()]).map(drop)
}

/// Notes that a paid payout came back.
///
/// # Errors
/// The store fails.
pub fn set_returned(tx: &mut dyn Tx, id: PayoutId, reason: &str, at: UnixMillis) -> Result<(), StoreError> {
    let sql = "UPDATE payouts SET status = 'failed', reason = $2, returned_at = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), reason.into(), at.into()]).map(drop)
}

/// Fixes what a batch's files depend on beside its payouts.
///
/// # Errors
/// The store fails.
pub fn set_payer(tx: &mut dyn Tx, id: BatchId, payer: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE payout_batches SET payer = $2 WHERE id = $1", &[id.into(), payer.into()]).map(drop)
}

/// Notes that a batch's file was made, where it is the first time.
///
/// # Errors
/// The store fails.
pub fn note_export(tx: &mut dyn Tx, id: BatchId, by: &str, now: UnixMillis) -> Result<(), StoreError> {
    let sql =
        "UPDATE payout_batches SET exported_at = $2, exported_by = $3 WHERE id = $1 AND exported_at IS NULL";
    tx.execute(sql, &[id.into(), now.into(), by.into()]).map(drop)
}

/// How many batches of a method were approved at a time or later, before another time.
///
/// # Errors
/// The store fails.
pub fn count_approved(
    tx: &mut dyn Tx,
    method: PayoutMethod,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<i64, StoreError> {
    let sql =
        "SELECT count(*) FROM payout_batches WHERE method = $1 AND approved_at >= $2 AND approved_at < $3";
    tx.one(sql, &[method.as_str().into(), from.into(), to.into()])?.int(0)
}
