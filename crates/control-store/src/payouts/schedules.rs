//! Schedules that prepare drafts.

use hopline_types::{BatchId, UnixMillis};

use crate::{Row, StoreError, Tx};

/// A schedule as it is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleState {
    /// JSON: what is drafted, and when.
    pub content: String,
    /// Whether it runs.
    pub is_active: bool,
    /// When it runs next.
    pub next_at: UnixMillis,
    /// When it was last changed.
    pub changed_at: UnixMillis,
    /// Who has changed it last: a draft of the schedule is that person's (L-25).
    pub changed_by: String,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its id.
    pub id: i64,
    /// As entered.
    pub state: ScheduleState,
    /// When it ran last.
    pub last_at: Option<UnixMillis>,
    /// The batch that it drafted last.
    pub last_batch: Option<BatchId>,
    /// What came of its last run, in words.
    pub last_outcome: Option<String>,
    /// When it was entered.
    pub created_at: UnixMillis,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleDone {
    /// When it ran.
    pub at: UnixMillis,
    /// When it runs next.
    pub next_at: UnixMillis,
    /// The batch that it drafted, if there was something to pay.
    pub batch: Option<BatchId>,
    /// In words.
    pub outcome: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, content, is_active, next_at, changed_at, changed_by, last_at, last_batch_id, last_outcome, \
             created_at FROM payout_schedules ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Schedule, StoreError> {
    Ok(Schedule {
        id: row.int(0)?,
        state: ScheduleState {
            content: row.text(1)?.to_owned(),
            is_active: row.flag(2)?,
            next_at: row.time(3)?,
            changed_at: row.time(4)?,
            changed_by: row.text(5)?.to_owned(),
        },
        last_at: row.time_or_null(6)?,
        last_batch: row.id_or_null(7)?,
        last_outcome: row.text_or_null(8)?.map(str::to_owned),
        created_at: row.time(9)?,
    })
}

/// Enters a schedule.
///
/// # Errors
/// The store fails.
pub fn insert_schedule(tx: &mut dyn Tx, new: &ScheduleState) -> Result<i64, StoreError> {
    let row = tx.one(
        "INSERT INTO payout_schedules (content, is_active, next_at, created_at, changed_at, changed_by) \
         VALUES ($1, $2, $3, $4, $4, $5) RETURNING id",
        &[
            (&new.content).into(),
            new.is_active.into(),
            new.next_at.into(),
            new.changed_at.into(),
            (&new.changed_by).into(),
        ],
    )?;
    row.int(0)
}

/// Changes a schedule.
///
/// # Errors
/// The store fails.
pub fn save_schedule(tx: &mut dyn Tx, id: i64, state: &ScheduleState) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE payout_schedules SET content = $2, is_active = $3, next_at = $4, changed_at = $5, changed_by = $6 WHERE id = $1",
        &[
            id.into(),
            (&state.content).into(),
            state.is_active.into(),
            state.next_at.into(),
            state.changed_at.into(),
            (&state.changed_by).into(),
        ],
    )
    .map(drop)
}

/// One schedule.
///
/// # Errors
/// The store fails.
pub fn find_schedule(tx: &mut dyn Tx, id: i64) -> Result<Option<Schedule>, StoreError> {
    tx.first(select!("WHERE id = $1"), &[id.into()])?.as_ref().map(read).transpose()
}

/// Schedules in order, behind `after`, up to `limit`.
///
/// # Errors
/// The store fails.
pub fn list_schedules(tx: &mut dyn Tx, after: i64, limit: u32) -> Result<Vec<Schedule>, StoreError> {
    let rows =
        tx.query(select!("WHERE id > $1 ORDER BY id LIMIT $2"), &[after.into(), i64::from(limit).into()])?;
    rows.iter().map(read).collect()
}

/// Schedules that are due.
///
/// # Errors
/// The store fails.
pub fn due_schedules(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Vec<Schedule>, StoreError> {
    let sql = select!("WHERE is_active = 1 AND next_at <= $1 ORDER BY next_at, id LIMIT $2");
    tx.query(sql, &[now.into(), i64::from(limit).into()])?.iter().map(read).collect()
}

/// Notes a run, where it was still due at that time: of two who run it one does.
///
/// # Errors
/// The store fails.
pub fn note_schedule(
    tx: &mut dyn Tx,
    id: i64,
    due_at: UnixMillis,
    done: &ScheduleDone,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE payout_schedules SET next_at = $3, last_at = $4, last_batch_id = coalesce($5, last_batch_id), last_outcome = $6 \
         WHERE id = $1 AND next_at = $2 AND is_active = 1",
        &[
            id.into(),
            due_at.into(),
            done.next_at.into(),
            done.at.into(),
            done.batch.into(),
            (&done.outcome).into(),
        ],
    )?;
    Ok(changed == 1)
}
