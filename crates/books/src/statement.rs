//! An affiliate's statement of a month: every entry on its accounts down to the conversion, between two balances.
//!
//! Everything on it comes from the ledger and never changes: ids, kinds, times, reasons, amounts. Names, which people change, are
//! not on it. So a statement of a closed month is the same to the byte whenever it is made and in every form (L-12, P-34); one
//! of an open month says so. It names how many records the ledger had and the hash of the last of them: of a closed month as
//! they were when it was closed, else as they are (L-13).
//!
//! Amounts are seen from the affiliate: what it has waiting ([`Amounts::pending`]), on hold ([`Amounts::approved`]), free to be
//! paid ([`Amounts::payable`]; below zero where more was taken back than is there) and paid ([`Amounts::paid`]). What a payout has
//! reserved is in none of them until it is paid or comes back. In each column opening and lines add up to closing.
//!
//! A statement is built in memory: a line takes about 200 bytes.

use std::collections::BTreeMap;

use hopline_control_store::ledger::{self, OwnEntry};
use hopline_control_store::{StoreError, Tx};
use hopline_ledger::{Account, AccountKind, ChainHash, Period, TransactionKind};
use hopline_money::Currency;
use hopline_types::{AffiliateId, ConversionId, OfferId, PayoutId, UnixMillis};

mod csv;
mod pdf;
mod table;

pub use self::csv::statement_csv;
pub use self::pdf::statement_pdf;

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub affiliate: AffiliateId,
    /// Of which month.
    pub period: Period,
    /// Whether the month is closed, so that nothing of this will change.
    pub is_closed: bool,
    /// How many records the ledger had.
    pub record_count: i64,
    /// The hash of the last of them.
    pub record_hash: ChainHash,
    /// By currency, in order of their codes; only those in which there was anything.
    pub currencies: Vec<CurrencyStatement>,
}

/// What happened in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyStatement {
    /// The currency.
    pub currency: Currency,
    /// Before the month.
    pub opening: Amounts,
    /// In order of effective time and booking.
    pub lines: Vec<Line>,
    /// At its end.
    pub closing: Amounts,
}

/// Minor units in the four places that an affiliate's money can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Waiting for approval.
    pub pending: i128,
    /// Approved, hold running.
    pub approved: i128,
    /// Free to be paid.
    pub payable: i128,
    /// Paid.
    pub paid: i128,
}

/// One transaction, as far as it is about this affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place in the ledger.
    pub sequence: i64,
    /// What happened.
    pub kind: TransactionKind,
    /// Its effective time.
    pub effective_at: UnixMillis,
    /// When it was booked.
    pub booked_at: UnixMillis,
    /// The closed month that it was for, where it came late.
    pub late_for: Option<Period>,
    /// The conversion.
    pub conversion: Option<LineConversion>,
    /// The payout.
    pub payout: Option<PayoutId>,
    /// Why.
    pub reason: Option<String>,
    /// What it has changed.
    pub change: Amounts,
}

/// The conversion that a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineConversion {
    /// Its id.
    pub id: ConversionId,
    /// Its offer.
    pub offer: OfferId,
    /// Its goal's key.
    pub goal: String,
    /// When it happened.
    pub converted_at: UnixMillis,
}

impl Amounts {
    /// Pending, approved, payable, paid.
    #[must_use]
    pub const fn each(self) -> [i128; 4] {
        [self.pending, self.approved, self.payable, self.paid]
    }

    fn add(&mut self, account: Account, debit_positive: i128) {
        let seen = account.normal_side().seen(debit_positive);
        let place = match account.kind() {
            AccountKind::AffiliatePending => &mut self.pending,
            AccountKind::AffiliateApproved => &mut self.approved,
            AccountKind::AffiliatePayable => &mut self.payable,
            AccountKind::CashAffiliate => &mut self.paid,
            // Not the affiliate's.
            _ => return,
        };
        *place = place.saturating_add(seen);
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            pending: self.pending.saturating_add(other.pending),
            approved: self.approved.saturating_add(other.approved),
            payable: self.payable.saturating_add(other.payable),
            paid: self.paid.saturating_add(other.paid),
        }
    }
}

/// The statement of a month.
///
/// # Errors
/// The store fails.
pub fn statement(tx: &mut dyn Tx, affiliate: AffiliateId, period: Period) -> Result<Statement, StoreError> {
    let closing = ledger::closing_of(tx, period)?;
    let head = ledger::head(tx)?;
    // What was booked after the closing is effective after the month anyway.
    let (record_count, record_hash) =
        closing.as_ref().map_or((head.count, head.hash), |closed| (closed.record_count, closed.record_hash));
    let before = ledger::own_balances_before(tx, affiliate, period.start(), record_count)?;
    let mut currencies: BTreeMap<Currency, CurrencyStatement> = BTreeMap::new();
    let empty = |currency| CurrencyStatement {
        currency,
        opening: Amounts::default(),
        lines: Vec::new(),
        closing: Amounts::default(),
    };
    for ((currency, account), minor) in before {
        currencies.entry(currency).or_insert_with(|| empty(currency)).opening.add(account, minor);
    }
    for entry in ledger::own_entries(tx, affiliate, period.start(), period.end(), record_count)? {
        let currency = entry.currency;
        currencies.entry(currency).or_insert_with(|| empty(currency)).enter(entry);
    }
    for each in currencies.values_mut() {
        each.closing = each.lines.iter().fold(each.opening, |sum, line| sum.plus(line.change));
    }
    Ok(Statement {
        affiliate,
        period,
        is_closed: closing.is_some(),
        record_count,
        record_hash,
        currencies: currencies.into_values().collect(),
    })
}

impl CurrencyStatement {
    fn enter(&mut self, entry: OwnEntry) {
        let (account, minor) = (entry.account, entry.amount_minor.into());
        match self.lines.last_mut().filter(|line| line.sequence == entry.sequence) {
            Some(line) => line.change.add(account, minor),
            None => {
                let mut line = Line::of(entry);
                line.change.add(account, minor);
                self.lines.push(line);
            }
        }
    }
}

impl Line {
    fn of(entry: OwnEntry) -> Self {
        let conversion = entry.conversion.map(|(id, offer, goal, converted_at)| LineConversion {
            id,
            offer,
            goal,
            converted_at,
        });
        let late = hopline_ledger::late(entry.reason.as_deref(), entry.effective_at);
        Self {
            sequence: entry.sequence,
            kind: entry.kind,
            effective_at: entry.effective_at,
            booked_at: entry.booked_at,
            late_for: late.map(|late| late.period),
            conversion,
            payout: entry.payout,
            reason: entry.reason,
            change: Amounts::default(),
        }
    }
}
