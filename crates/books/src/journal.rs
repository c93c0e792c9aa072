//! The ledger as plain-text accounting, page by page (L-24).
//!
//! An export shows the ledger as it was when it began: it ends with the record that was the last one then. Records never
//! change, so the pages are read in transactions of their own and still make one state. Where it begins in the middle, the
//! balances before stand first, added up from the entries.

use std::collections::BTreeSet;

use hopline_control_store::ledger::{self, TransactionFilter};
use hopline_control_store::{Scope, StoreError, Tx};
use hopline_ledger::plain_text::{self, PlainText};
use hopline_ledger::{Account, Head};
use hopline_money::Currency;
use hopline_types::UnixMillis;

/// Records read at a time: a few hundred kilobytes of text.
const PAGE_RECORDS: u32 = 1_000;

/// An export on its way.
#[derive(Debug, Clone)]
pub struct JournalExport {
    form: PlainText,
    from: Option<UnixMillis>,
    to: Option<UnixMillis>,
    head: Option<Head>,
    after: i64,
    accounts: BTreeSet<Account>,
    currencies: BTreeSet<Currency>,
    is_over: bool,
}

impl JournalExport {
    /// An export of what is effective from one time up to, but not at, another.
    #[must_use]
    pub const fn new(form: PlainText, from: Option<UnixMillis>, to: Option<UnixMillis>) -> Self {
        Self {
            form,
            from,
            to,
            head: None,
            after: 0,
            accounts: BTreeSet::new(),
            currencies: BTreeSet::new(),
            is_over: false,
        }
    }

    /// The end of the ledger as it was when the export began; none before its first part was read.
    #[must_use]
    pub const fn head(&self) -> Option<Head> {
        self.head
    }

    /// The next part of the text; none after the last.
    ///
    /// # Errors
    /// The store fails; the same part can be asked for again.
    pub fn next(&mut self, tx: &mut dyn Tx) -> Result<Option<String>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let Some(head) = self.head else { return self.begin(tx).map(Some) };
        let filter =
            TransactionFilter { from: self.from, to: self.to, after: self.after, ..Default::default() };
        let mut page = ledger::transactions(tx, Scope::All, &filter, PAGE_RECORDS)?;
        page.retain(|record| record.sequence <= head.count);
        let Some(last) = page.last() else {
            self.is_over = true;
            return Ok(Some(plain_text::ending(self.form, &self.accounts, &self.currencies, head)));
        };
        self.after = last.sequence;
        let mut text = String::new();
        for record in &page {
            for posting in &record.draft.postings {
                self.accounts.insert(posting.account);
                self.currencies.insert(posting.currency);
            }
            text.push_str(&plain_text::transaction(self.form, record));
        }
        Ok(Some(text))
    }

    fn begin(&mut self, tx: &mut dyn Tx) -> Result<String, StoreError> {
        let head = ledger::head(tx)?;
        let mut text = String::new();
        if let Some(from) = self.from {
            let balances = ledger::balances_before(tx, from, head.count)?;
            for (account, currency, minor) in &balances {
                if *minor != 0 {
                    self.accounts.insert(*account);
                    self.currencies.insert(*currency);
                }
            }
            text = plain_text::opening(self.form, from, &balances);
        }
        self.head = Some(head);
        Ok(text)
    }
}
