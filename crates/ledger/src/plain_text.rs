//! The ledger as plain-text accounting, for hledger and beancount (L-24).
//!
//! A journal is [`opening`] where it begins in the middle, then a [`transaction`] for each record in the order of booking,
//! then [`ending`]: the accounts that were named and the end of the chain. The tools read declarations wherever they stand,
//! so a journal can be written while it is read. Every transaction balances by itself; nothing is left for a tool to infer.
//!
//! Dates are days of UTC of the effective time; both times stand beside them to the millisecond. Account names are our paths
//! for hledger (`affiliate:7:payable`). Beancount demands a class and capitals: `Liabilities:Affiliate:7:Payable`, where
//! `_` becomes `-`; no two accounts get one name.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hopline_money::{Currency, format_minor};
use hopline_types::UnixMillis;
use jiff::Timestamp;

use crate::{Account, AccountClass, Head, Stored};

/// Who is to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainText {
    /// hledger, and ledger-cli.
    Hledger,
    /// Beancount.
    Beancount,
}

/// A text that names no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no form of plain text: expected hledger or beancount")]
pub struct UnknownPlainText {
    /// What was given.
    pub given: String,
}

impl std::str::FromStr for PlainText {
    type Err = UnknownPlainText;
    fn from_str(text: &str) -> Result<Self, UnknownPlainText> {
        match text {
            "hledger" => Ok(Self::Hledger),
            "beancount" => Ok(Self::Beancount),
            _ => Err(UnknownPlainText { given: text.chars().take(32).collect() }),
        }
    }
}

/// An account as this reader names it.
#[must_use]
pub fn account_name(form: PlainText, account: Account) -> String {
    let path = account.as_path();
    if form == PlainText::Hledger {
        return path;
    }
    let root = match account.class() {
        AccountClass::Asset => "Assets",
        AccountClass::Liability => "Liabilities",
        AccountClass::Income => "Income",
        AccountClass::Expense => "Expenses",
        AccountClass::Equity => "Equity",
    };
    let mut name = root.to_owned();
    for part in path.split(':') {
        name.push(':');
        let mut letters = part.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters.map(|letter| if letter == '_' { '-' } else { letter }));
    }
    name
}

/// The balances with which a journal begins that does not begin with the first record; debits above zero. Nothing where all
/// are zero. They balance, as all that was before did.
#[must_use]
pub fn opening(form: PlainText, at: UnixMillis, balances: &[(Account, Currency, i128)]) -> String {
    let lines: Vec<_> = balances.iter().filter(|(_, _, minor)| *minor != 0).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut text = match form {
        PlainText::Hledger => format!("{} * opening balances\n", day(at)),
        PlainText::Beancount => format!("{} * \"opening balances\"\n", day(at)),
    };
    for (account, currency, minor) in lines {
        line(&mut text, form, *account, *minor, *currency);
    }
    text.push('\n');
    text
}

/// One record.
#[must_use]
pub fn transaction(form: PlainText, record: &Stored) -> String {
    let draft = &record.draft;
    let (kind, id) = (draft.kind.as_str(), draft.id.as_str());
    let mut text = match form {
        PlainText::Hledger => format!("{} * ({}) {kind} | {id}\n", day(draft.effective_at), record.sequence),
        PlainText::Beancount => format!("{} * \"{kind}\" \"{id}\"\n", day(draft.effective_at)),
    };
    let mut tag = |name: &str, value: &str| {
        match form {
            PlainText::Hledger => writeln!(text, "    ; {name}: {value}"),
            PlainText::Beancount => {
                writeln!(text, "  {name}: \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
            }
        }
        .expect("memory takes all text");
    };
    if form == PlainText::Beancount {
        tag("sequence", &record.sequence.to_string());
    }
    tag("effective_at", &moment(draft.effective_at));
    tag("booked_at", &moment(record.booked_at));
    if let Some(corrects) = &draft.corrects {
        tag("corrects", corrects.as_str());
    }
    if let Some(reason) = &draft.reason {
        tag("reason", reason);
    }
    tag("hash", &record.hash.to_string());
    for posting in &draft.postings {
        line(&mut text, form, posting.account, posting.amount_minor.into(), posting.currency);
    }
    text.push('\n');
    text
}

/// What closes a journal: the accounts and currencies that it named, and the end of the chain that it was made of.
#[must_use]
pub fn ending(
    form: PlainText,
    accounts: &BTreeSet<Account>,
    currencies: &BTreeSet<Currency>,
    head: Head,
) -> String {
    let mut text = String::new();
    for currency in currencies {
        // Beancount takes a currency as it comes.
        if form == PlainText::Hledger {
            let point = if currency.exponent() == 0 { "." } else { "" };
            let sample = format_minor(0, *currency);
            writeln!(text, "commodity {sample}{point} {}", currency.code()).expect("memory takes all text");
        }
    }
    for account in accounts {
        let name = account_name(form, *account);
        match form {
            PlainText::Hledger => writeln!(text, "account {name}  ; type: {}", letter(account.class())),
            PlainText::Beancount => writeln!(text, "1970-01-01 open {name}"),
        }
        .expect("memory takes all text");
    }
    writeln!(text, "; {} records, the last has the hash {}", head.count, head.hash)
        .expect("memory takes all text");
    text
}

const fn letter(class: AccountClass) -> char {
    match class {
        AccountClass::Asset => 'A',
        AccountClass::Liability => 'L',
        AccountClass::Income => 'R',
        AccountClass::Expense => 'X',
        AccountClass::Equity => 'E',
    }
}

fn line(text: &mut String, form: PlainText, account: Account, minor: i128, currency: Currency) {
    let (name, amount) = (account_name(form, account), format_minor(minor, currency));
    writeln!(text, "    {name}  {amount} {}", currency.code()).expect("memory takes all text");
}

/// A time that no calendar has is put on the nearest day that has one.
fn timestamp(time: UnixMillis) -> Timestamp {
    let nearest = if time.get() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(time.get()).unwrap_or(nearest)
}

fn day(time: UnixMillis) -> String {
    timestamp(time).strftime("%Y-%m-%d").to_string()
}

fn moment(time: UnixMillis) -> String {
    format!("{:.3}", timestamp(time))
}
