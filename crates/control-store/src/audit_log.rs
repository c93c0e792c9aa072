//! The audit log: who did what, when, from where (L-25).
//!
//! Append-only and chained: a record's hash is SHA-256 over these bytes, numbers big-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 16 | `hopline-audit-01` |
//! | 32 | hash of the record before; 32 zero bytes before the first |
//! | 8, 8 | sequence (from 1, without gaps), at: i64 |
//! | text, text, text | actor, action, object |
//! | option of text, each | origin, before, after, request_id |
//!
//! `text` is its length in bytes as u64 and then UTF-8; `option` is one byte 0, or 1 and then the value. Every stored
//! column is covered and no two different records have the same bytes. A cut-off tail is not visible from inside:
//! compare with a [`Head`] noted outside.

use hopline_types::UnixMillis;
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::{ErrorKind, Lock, Page, Row, StoreError, Tx, Value};

const DOMAIN: &[u8; 16] = b"hopline-audit-01";
const GENESIS: [u8; 32] = [0; 32];
/// Records read at a time while verifying.
const VERIFY_ROWS: i64 = 1_000;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// When.
    pub at: UnixMillis,
    /// Who, as [`crate::Actor::name`].
    pub actor: String,
    /// What, such as `affiliate.update`.
    pub action: String,
    /// On what, such as `affiliate:7`.
    pub object: String,
    /// From where: a shortened network address, or `cli`.
    pub origin: Option<String>,
    /// The state before, as JSON; no secrets.
    pub before: Option<String>,
    /// The state after, as JSON; no secrets.
    pub after: Option<String>,
    /// The request that it was part of.
    pub request_id: Option<String>,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 1 without gaps.
    pub sequence: i64,
    /// What was done.
    pub entry: NewEntry,
    /// Its hash.
    pub hash: [u8; 32],
}

/// The end of the log; note it outside to find a cut-off tail later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records there are.
    pub count: i64,
    /// The hash of the last one; zeros where there is none.
    pub hash: [u8; 32],
}

/// Where the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A record is missing or out of order.
    #[error("record {expected} of the audit log is missing: {found} follows")]
    Gap {
        /// The sequence that should follow.
        expected: i64,
        /// The one that does.
        found: i64,
    },
    /// A record does not continue the one before it.
    #[error("record {sequence} of the audit log does not continue the one before it")]
    Previous {
        /// The record.
        sequence: i64,
    },
    /// A record was altered.
    #[error(
        "record {sequence} of the audit log was altered: its hash is {stored}, its content gives {computed}"
    )]
    Altered {
        /// The record.
        sequence: i64,
        /// The hash that is stored.
        stored: String,
        /// The hash of what is stored.
        computed: String,
    },
}

macro_rules! columns {
    () => {
        "sequence, at, actor, action, object, origin, before, after, request_id, previous_hash, hash"
    };
}

struct Stored {
    record: Entry,
    previous: [u8; 32],
}

fn read(row: &Row) -> Result<Stored, StoreError> {
    let text = |column: usize| row.text_or_null(column).map(|text| text.map(str::to_owned));
    let record = Entry {
        sequence: row.int(0)?,
        entry: NewEntry {
            at: row.time(1)?,
            actor: row.text(2)?.to_owned(),
            action: row.text(3)?.to_owned(),
            object: row.text(4)?.to_owned(),
            origin: text(5)?,
            before: text(6)?,
            after: text(7)?,
            request_id: text(8)?,
        },
        hash: hash_of(row, 10)?,
    };
    Ok(Stored { record, previous: hash_of(row, 9)? })
}

fn hash_of(row: &Row, column: usize) -> Result<[u8; 32], StoreError> {
    row.blob(column)?
        .try_into()
        .map_err(|_| StoreError::new(ErrorKind::Broken, "a hash of the audit log has not 32 bytes"))
}

fn content_hash(sequence: i64, entry: &NewEntry, previous: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(previous);
    hash.update(sequence.to_be_bytes());
    hash.update(entry.at.get().to_be_bytes());
    for text in [&entry.actor, &entry.action, &entry.object] {
        add_text(&mut hash, text);
    }
    for text in [&entry.origin, &entry.before, &entry.after, &entry.request_id] {
        hash.update([u8::from(text.is_some())]);
        if let Some(text) = text {
            add_text(&mut hash, text);
        }
    }
    hash.finalize().into()
}

fn add_text(hash: &mut Sha256, text: &str) {
    let length = u64::try_from(text.len()).expect("a length fits into 64 bits");
    hash.update(length.to_be_bytes());
    hash.update(text);
}

/// The end of the log.
///
/// # Errors
/// Those of the store.
pub fn head(tx: &mut dyn Tx) -> Result<Head, StoreError> {
    let last = tx.first("SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1", &[])?;
    match last {
        None => Ok(Head { count: 0, hash: GENESIS }),
        Some(row) => Ok(Head { count: row.int(0)?, hash: hash_of(&row, 1)? }),
    }
}

/// Appends what was done, in the transaction that does it.
///
/// # Errors
/// Those of the store.
pub fn append(tx: &mut dyn Tx, entry: &NewEntry) -> Result<Entry, StoreError> {
    tx.lock(Lock::AuditLog)?;
    let before = head(tx)?;
    let sequence = before.count + 1;
    let hash = content_hash(sequence, entry, &before.hash);
    let written = tx.execute(
        concat!(
            "INSERT INTO audit_log (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING"
        ),
        &[
            sequence.into(),
            entry.at.into(),
            (&entry.actor).into(),
            (&entry.action).into(),
            (&entry.object).into(),
            entry.origin.as_ref().into(),
            entry.before.as_ref().into(),
            entry.after.as_ref().into(),
            entry.request_id.as_ref().into(),
            Value::Blob(before.hash.to_vec()),
            Value::Blob(hash.to_vec()),
        ],
    )?;
    if written != 1 {
        // The place was taken since this transaction looked.
        let detail = format!("record {sequence} of the audit log was written in between");
        return Err(StoreError::new(ErrorKind::Conflict, detail));
    }
    Ok(Entry { sequence, entry: entry.clone(), hash })
}

/// Records in order; the page counts by `sequence`.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, page: Page) -> Result<Vec<Entry>, StoreError> {
    rows(tx, page.after, page.limit.into())?.iter().map(|row| Ok(read(row)?.record)).collect()
}

fn rows(tx: &mut dyn Tx, after: i64, limit: i64) -> Result<Vec<Row>, StoreError> {
    tx.query(
        concat!("SELECT ", columns!(), " FROM audit_log WHERE sequence > $1 ORDER BY sequence LIMIT $2"),
        &[after.into(), limit.into()],
    )
}

/// Walks the whole log and names the first broken place, if any.
///
/// # Errors
/// Those of the store.
pub fn verify(tx: &mut dyn Tx) -> Result<Result<Head, Break>, StoreError> {
    let mut head = Head { count: 0, hash: GENESIS };
    // Before the first record too: a negative sequence is as wrong as a gap.
    let mut after = i64::MIN;
    loop {
        let rows = rows(tx, after, VERIFY_ROWS)?;
        let Some(last) = rows.last() else { return Ok(Ok(head)) };
        after = last.int(0)?;
        for row in &rows {
            match follow(head, &read(row)?) {
                Ok(next) => head = next,
                Err(broken) => return Ok(Err(broken)),
            }
        }
    }
}

fn follow(head: Head, stored: &Stored) -> Result<Head, Break> {
    let Stored { record, previous } = stored;
    let sequence = record.sequence;
    if sequence != head.count + 1 {
        return Err(Break::Gap { expected: head.count + 1, found: sequence });
    }
    let computed = content_hash(sequence, &record.entry, previous);
    if computed != record.hash {
        return Err(Break::Altered { sequence, stored: hex(&record.hash), computed: hex(&computed) });
    }
    if *previous != head.hash {
        return Err(Break::Previous { sequence });
    }
    Ok(Head { count: sequence, hash: record.hash })
}
