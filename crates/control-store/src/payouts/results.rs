//! Result files that were booked. They are never changed.

use hopline_types::{BatchId, PayoutId, UnixMillis};

use crate::{Row, StoreError, Tx, Value};

/// A result file to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertResult {
    /// The batch that it answers.
    pub batch: BatchId,
    /// Its format.
    pub format: String,
    /// SHA-256 of its bytes, in hexadecimal digits: no file is booked twice.
    pub sha256: String,
    /// When it came.
    pub received_at: UnixMillis,
    /// Who has brought it.
    pub received_by: String,
}

/// A result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultRow {
    /// Its id.
    pub id: i64,
    /// What is known of it.
    pub result: InsertResult,
}

/// What one line of a result file did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultLineRow {
    /// The line, from 1; none for what the file says of all others.
    pub line: Option<i64>,
    /// The payout.
    pub payout: PayoutId,
    /// `paid`, `failed`, `returned`, `waiting`, `notice` or `unchanged`.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
}

fn read(row: &Row) -> Result<ResultRow, StoreError> {
    Ok(ResultRow {
        id: row.int(0)?,
        result: InsertResult {
            batch: row.id(1)?,
            format: row.text(2)?.to_owned(),
            sha256: row.text(3)?.to_owned(),
            received_at: row.time(4)?,
            received_by: row.text(5)?.to_owned(),
        },
    })
}

/// The result file with these bytes, if it was booked.
///
/// # Errors
/// The store fails.
pub fn find_result(tx: &mut dyn Tx, sha256: &str) -> Result<Option<ResultRow>, StoreError> {
    let sql =
        "SELECT id, batch_id, format, sha256, received_at, received_by FROM payout_results WHERE sha256 = $1";
    tx.first(sql, &[sha256.into()])?.as_ref().map(read).transpose()
}

/// The result files of a batch, in order.
///
/// # Errors
/// The store fails.
pub fn results_of(tx: &mut dyn Tx, batch: BatchId) -> Result<Vec<ResultRow>, StoreError> {
    let sql = "SELECT id, batch_id, format, sha256, received_at, received_by FROM payout_results \
               WHERE batch_id = $1 ORDER BY id";
    tx.query(sql, &[batch.into()])?.iter().map(read).collect()
}

/// Writes a result file and its lines down.
///
/// # Errors
/// `Conflict` where it was booked before; those of the store.
pub fn insert_result(
    tx: &mut dyn Tx,
    new: &InsertResult,
    lines: &[ResultLineRow],
) -> Result<i64, StoreError> {
    let row = tx.one(
        "INSERT INTO payout_results (batch_id, format, sha256, received_at, received_by) VALUES ($1, $2, $3, $4, $5) \
         RETURNING id",
        &[
            new.batch.into(),
            (&new.format).into(),
            (&new.sha256).into(),
            new.received_at.into(),
            (&new.received_by).into(),
        ],
    )?;
    let id = row.int(0)?;
    let rows: Vec<Vec<Value>> = (0_i64..)
        .zip(lines)
        .map(|(position, line)| {
            vec![
                id.into(),
                position.into(),
                line.line.into(),
                line.payout.into(),
                (&line.outcome).into(),
                line.reason.as_ref().into(),
            ]
        })
        .collect();
    tx.execute_many(
        "INSERT INTO payout_result_lines (result_id, position, line, payout_id, outcome, reason) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &rows,
    )?;
    Ok(id)
}

/// The lines of a result file, in order.
///
/// # Errors
/// The store fails.
pub fn lines_of_result(tx: &mut dyn Tx, result: i64) -> Result<Vec<ResultLineRow>, StoreError> {
    let sql = "SELECT line, payout_id, outcome, reason FROM payout_result_lines WHERE result_id = $1 ORDER BY position";
    let rows = tx.query(sql, &[result.into()])?;
    let each = rows.iter().map(|row| {
        Ok(ResultLineRow {
            line: row.int_or_null(0)?,
            payout: row.id(1)?,
            outcome: row.text(2)?.to_owned(),
            reason: row.text_or_null(3)?.map(str::to_owned),
        })
    });
    each.collect()
}
