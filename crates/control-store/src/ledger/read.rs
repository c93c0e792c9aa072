//! Reading the ledger back.

use std::collections::BTreeMap;

use hopline_ledger::{
    Account, ChainHash, Draft, Head, Posting, Step, Stored, Subject, TransactionId, TransactionKind,
};
use hopline_types::{AffiliateId, ConversionId, UnixMillis};

use crate::{ErrorKind, Row, Scope, StoreError, Tx, Value};

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT t.sequence, t.id, t.kind, t.effective_at, t.booked_at, t.conversion_id, t.affiliate_id, \
             t.payout_id, t.corrects, t.reason, t.previous_hash, t.hash FROM ledger_transactions t ",
            $rest
        )
    };
}

pub(super) fn hash(row: &Row, column: usize) -> Result<ChainHash, StoreError> {
    let bytes = row.blob(column)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| {
        StoreError::new(
            ErrorKind::Broken,
            format!("column {column} holds {} bytes, expected 32", bytes.len()),
        )
    })?;
    Ok(ChainHash::from_bytes(bytes))
}

fn broken(column: usize, error: impl std::fmt::Display) -> StoreError {
    StoreError::new(ErrorKind::Broken, format!("column {column}: {error}"))
}

/// A record without its postings.
fn record(row: &Row) -> Result<Stored, StoreError> {
    let corrects = if row.text_or_null(8)?.is_some() {
        Some(TransactionId::new(row.text(8)?).map_err(|error| broken(8, error))?)
    } else {
        None
    };
    Ok(Stored {
        sequence: row.int(0)?,
        booked_at: row.time(4)?,
        previous_hash: hash(row, 10)?,
        hash: hash(row, 11)?,
        draft: Draft {
            id: TransactionId::new(row.text(1)?).map_err(|error| broken(1, error))?,
            kind: row.parsed(2)?,
            effective_at: row.time(3)?,
            subject: Subject {
                conversion: row.id_or_null(5)?,
                affiliate: row.id_or_null(6)?,
                payout: row.id_or_null(7)?,
            },
            corrects,
            reason: row.text_or_null(9)?.map(str::to_owned),
            postings: Vec::new(),
        },
    })
}

/// Records with their postings. The rows are in order of sequence, ascending or descending.
fn records(tx: &mut dyn Tx, rows: &[Row]) -> Result<Vec<Stored>, StoreError> {
    let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    let sequences = || records.iter().map(|record| record.sequence);
    let (Some(first), Some(last)) = (sequences().min(), sequences().max()) else { return Ok(records) };
    let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
    // A run without gaps is a range.
    if last - first < count {
        let entries = tx.query(
            "SELECT sequence, account, amount_minor, currency FROM ledger_entries WHERE sequence BETWEEN $1 AND $2 \
             ORDER BY sequence, position",
            &[first.into(), last.into()],
        )?;
        let mut by_sequence: BTreeMap<i64, Vec<Posting>> = BTreeMap::new();
        for row in &entries {
            by_sequence.entry(row.int(0)?).or_default().push(posting(row, 1)?);
        }
        for record in &mut records {
            record.draft.postings = by_sequence.remove(&record.sequence).unwrap_or_default();
        }
    } else {
        let sequences: Vec<Vec<Value>> = records.iter().map(|record| vec![record.sequence.into()]).collect();
        let sql = "SELECT account, amount_minor, currency FROM ledger_entries WHERE sequence = $1 ORDER BY position";
        for (record, rows) in records.iter_mut().zip(tx.query_many(sql, &sequences)?) {
            record.draft.postings = rows.iter().map(|row| posting(row, 0)).collect::<Result<_, _>>()?;
        }
    }
    Ok(records)
}

fn posting(row: &Row, from: usize) -> Result<Posting, StoreError> {
    Ok(Posting {
        account: row.parsed(from)?,
        amount_minor: row.int(from + 1)?,
        currency: row.parsed(from + 2)?,
    })
}

/// The transaction with this id.
///
/// # Errors
/// The store fails.
pub fn by_id(tx: &mut dyn Tx, id: &TransactionId) -> Result<Option<Stored>, StoreError> {
    let rows = tx.query(select!("WHERE t.id = $1"), &[id.as_str().into()])?;
    Ok(records(tx, &rows)?.pop())
}

/// The transactions with these ids, where there are any; in no order.
///
/// # Errors
/// The store fails.
pub fn by_ids<'a>(
    tx: &mut dyn Tx,
    ids: impl IntoIterator<Item = &'a TransactionId>,
) -> Result<Vec<Stored>, StoreError> {
    let ids: Vec<Vec<Value>> = ids.into_iter().map(|id| vec![id.as_str().into()]).collect();
    let rows: Vec<Row> = tx.query_many(select!("WHERE t.id = $1"), &ids)?.into_iter().flatten().collect();
    records(tx, &rows)
}

/// The end of the chain.
///
/// # Errors
/// The store fails.
pub fn head(tx: &mut dyn Tx) -> Result<Head, StoreError> {
    let sql = "SELECT sequence, hash, booked_at FROM ledger_transactions ORDER BY sequence DESC LIMIT 1";
    match tx.first(sql, &[])? {
        None => Ok(Head::GENESIS),
        Some(row) => Ok(Head { count: row.int(0)?, hash: hash(&row, 1)?, booked_at: Some(row.time(2)?) }),
    }
}

/// All transactions of a conversion, in the order of booking.
///
/// # Errors
/// The store fails.
pub fn of_conversion(tx: &mut dyn Tx, conversion: ConversionId) -> Result<Vec<Stored>, StoreError> {
    let rows = tx.query(select!("WHERE t.conversion_id = $1 ORDER BY t.sequence"), &[conversion.into()])?;
    records(tx, &rows)
}

/// Where a commission stands, step by step: its own transactions, and those of the payouts that hold it with its
/// amount in each; in the order of booking.
///
/// # Errors
/// The store fails.
pub fn of_commission(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    affiliate: AffiliateId,
) -> Result<Vec<Step>, StoreError> {
    Ok(of_commissions(tx, &[(conversion, affiliate)])?.pop().unwrap_or_default())
}

/// The same for many commissions, in the order asked for.
///
/// # Errors
/// The store fails.
pub fn of_commissions(
    tx: &mut dyn Tx,
    commissions: &[(ConversionId, AffiliateId)],
) -> Result<Vec<Vec<Step>>, StoreError> {
    let conversions: Vec<Vec<Value>> =
        commissions.iter().map(|(conversion, _)| vec![(*conversion).into()]).collect();
    let own = tx.query_many(select!("WHERE t.conversion_id = $1 ORDER BY t.sequence"), &conversions)?;
    let mut rows: Vec<Row> = own.into_iter().flatten().collect();
    // Two commissions of one conversion have asked for its transactions twice.
    rows.sort_by_key(|row| row.int(0).unwrap_or_default());
    rows.dedup_by_key(|row| row.int(0).unwrap_or_default());
    let mut steps: BTreeMap<(ConversionId, AffiliateId), BTreeMap<i64, Step>> = BTreeMap::new();
    for record in records(tx, &rows)? {
        let Subject { conversion, affiliate, .. } = record.draft.subject;
        if let (Some(whose), Some(step)) = (conversion.zip(affiliate), Step::of(&record.draft)) {
            steps.entry(whose).or_default().insert(record.sequence, step);
        }
    }
    let each: Vec<Vec<Value>> = commissions
        .iter()
        .map(|(conversion, affiliate)| vec![(*conversion).into(), (*affiliate).into()])
        .collect();
    let paid = tx.query_many(
        "SELECT t.sequence, t.kind, CAST(sum(l.amount_minor) AS BIGINT) FROM payout_lines l \
         JOIN payouts p ON p.id = l.payout_id \
         JOIN ledger_transactions t ON t.id IN ('payout_reserved:' || CAST(p.id AS TEXT), \
         'payout_settled:' || CAST(p.id AS TEXT), 'payout_failed:' || CAST(p.id AS TEXT), \
         'payout_returned:' || CAST(p.id AS TEXT)) \
         WHERE l.conversion_id = $1 AND p.affiliate_id = $2 GROUP BY t.sequence, t.kind ORDER BY t.sequence",
        &each,
    )?;
    for (whose, rows) in commissions.iter().zip(&paid) {
        for row in rows {
            let step = Step { kind: row.parsed(1)?, revenue_minor: 0, payout_minor: row.int(2)? };
            steps.entry(*whose).or_default().insert(row.int(0)?, step);
        }
    }
    let of = |whose| steps.get(whose).map(|steps| steps.values().copied().collect()).unwrap_or_default();
    Ok(commissions.iter().map(of).collect())
}

/// Which transactions are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionFilter {
    /// Only with an entry on this account.
    pub account: Option<Account>,
    /// Only of this kind.
    pub kind: Option<TransactionKind>,
    /// Only of this conversion.
    pub conversion: Option<ConversionId>,
    /// Only effective at this time or later.
    pub from: Option<UnixMillis>,
    /// Only effective before this time.
    pub to: Option<UnixMillis>,
    /// Only with a higher sequence: the list goes in the order of booking.
    pub after: i64,
}

/// Transactions in the order of booking, up to `limit`. Whoever does not see everything sees only transactions about
/// itself, and of them only its own accounts' entries; their hashes can then not be recomputed.
///
/// # Errors
/// The store fails.
pub fn transactions(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &TransactionFilter,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let own = own_accounts(scope);
    let rows = tx.query(
        select!(
            "WHERE ($1 = 'all' OR EXISTS (SELECT 1 FROM ledger_entries e WHERE e.sequence = t.sequence \
             AND e.account IN ($2, $3, $4, $5))) \
             AND (EXISTS (SELECT 1 FROM ledger_entries e WHERE e.sequence = t.sequence AND e.account = $6) OR $6 IS NULL) \
             AND (t.kind = $7 OR $7 IS NULL) AND (t.conversion_id = $8 OR $8 IS NULL) \
             AND (t.effective_at >= $9 OR $9 IS NULL) AND (t.effective_at < $10 OR $10 IS NULL) \
             AND t.sequence > $11 ORDER BY t.sequence LIMIT $12"
        ),
        &[
            scope.word().into(),
            own[0].as_str().into(),
            own[1].as_str().into(),
            own[2].as_str().into(),
            own[3].as_str().into(),
            filter.account.map(Account::as_path).into(),
            filter.kind.map(TransactionKind::as_str).into(),
            filter.conversion.into(),
            filter.from.into(),
            filter.to.into(),
            filter.after.into(),
            i64::from(limit).into(),
        ],
    )?;
    let mut found = records(tx, &rows)?;
    if scope != Scope::All {
        for record in &mut found {
            record.draft.postings.retain(|posting| own.contains(&posting.account.as_path()));
        }
    }
    Ok(found)
}

/// The paths of a tenant's accounts; empty texts name none.
pub(super) fn own_accounts(scope: Scope) -> [String; 4] {
    match scope {
        Scope::All | Scope::Nothing => Default::default(),
        Scope::Advertiser(id) => [
            Account::AdvertiserAccrued(id).as_path(),
            Account::AdvertiserReceivable(id).as_path(),
            Account::CashAdvertiser(id).as_path(),
            String::new(),
        ],
        Scope::Affiliate(id) => [
            Account::AffiliatePending(id).as_path(),
            Account::AffiliateApproved(id).as_path(),
            Account::AffiliatePayable(id).as_path(),
            Account::CashAffiliate(id).as_path(),
        ],
    }
}
