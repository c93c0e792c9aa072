//! The writer.

use std::fmt::Write as _;

use hopline_money::{Amount, Currency};

use super::{
    ACCOUNT_CHARS, ENTRY_CENTS_MAX, ID_CHARS, NACHA_FILE_CENTS_MAX, NAME_CHARS, NachaEntry, NachaFile,
};
use crate::charset::transliterate;
use crate::fault::{Faults, Rule};
use crate::{AccountType, HolderType, SchemeFault};

/// The file's text and the sum of its entries.
pub(super) fn file(file: &NachaFile) -> Result<(String, Amount), Vec<SchemeFault>> {
    let mut writer = Writer { faults: Faults::default(), records: Vec::new() };
    let sum = writer.file(file);
    writer.faults.into_result()?;
    let mut text = String::with_capacity(writer.records.len() * 95);
    for record in &writer.records {
        writeln!(text, "{record}").expect("a text takes every write");
    }
    Ok((text, Amount::new(sum, Currency::USD)))
}

struct Writer {
    faults: Faults,
    records: Vec<String>,
}

/// What controls add up.
#[derive(Default)]
struct Totals {
    batches: usize,
    /// Records `6` and `7`.
    entries: usize,
    hash: u64,
    cents: i64,
}

impl Writer {
    fn file(&mut self, file: &NachaFile) -> i64 {
        let payer = &file.payer;
        if !file.id_modifier.is_ascii_uppercase() && !file.id_modifier.is_ascii_digit() {
            self.faults.add(Rule::Record, "id_modifier", "expected A to Z or 0 to 9");
        }
        if file.entries.is_empty() {
            self.faults.add(Rule::NoPayments, "entries", "a file has at least one entry");
        }
        let origin = match &payer.origin {
            None => format!(" {}", payer.originating_bank),
            Some(origin) => self.text("payer.origin", origin, 10, false),
        };
        let header = format!(
            "101 {}{}{}{}{}094101{}{}{}",
            payer.destination,
            origin,
            crate::time::form(file.created_at, "%y%m%d"),
            crate::time::form(file.created_at, "%H%M"),
            file.id_modifier,
            self.text("payer.destination_name", &payer.destination_name, 23, false),
            self.text("payer.origin_name", &payer.origin_name, 23, false),
            " ".repeat(8),
        );
        self.records.push(header);

        let mut total = Totals::default();
        for holder_type in [HolderType::Person, HolderType::Company] {
            let entries: Vec<_> = file
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.holder_type == holder_type)
                .collect();
            if entries.is_empty() {
                continue;
            }
            total.batches += 1;
            let of_batch = self.batch(file, holder_type, total.batches, &entries);
            total.entries += of_batch.entries;
            total.hash += of_batch.hash;
            total.cents = total.cents.saturating_add(of_batch.cents);
        }
        if total.cents > NACHA_FILE_CENTS_MAX {
            self.faults.add(Rule::ControlSum, "entries", "the entries add up to more than 9999999999.99");
        }
        let blocks = (self.records.len() + 1).div_ceil(10);
        self.records.push(format!(
            "9{:06}{blocks:06}{:08}{:010}{:012}{:012}{}",
            total.batches,
            total.entries,
            total.hash % 10_000_000_000,
            0,
            total.cents,
            " ".repeat(39),
        ));
        while !self.records.len().is_multiple_of(10) {
            self.records.push("9".repeat(94));
        }
        total.cents
    }

    fn batch(
        &mut self,
        file: &NachaFile,
        holder_type: HolderType,
        number: usize,
        entries: &[(usize, &NachaEntry)],
    ) -> Totals {
        let payer = &file.payer;
        let company_id = self.text("payer.company_id", &payer.company_id, 10, false);
        let class = match holder_type {
            HolderType::Person => "PPD",
            HolderType::Company => "CCD",
        };
        let (bank, effective) = (payer.originating_bank.bank(), file.effective_date.strftime("%y%m%d"));
        let header = format!(
            "5220{}{}{company_id}{class}{}{}{effective}   1{bank}{number:07}",
            self.text("payer.company_name", &payer.company_name, 16, false),
            " ".repeat(20),
            self.text("payer.description", &payer.description, 10, false),
            " ".repeat(6),
        );
        self.records.push(header);
        let mut total = Totals::default();
        for (sequence, (index, entry)) in entries.iter().enumerate() {
            self.entry(bank, *index, entry, sequence + 1, &mut total);
        }
        self.records.push(format!(
            "8220{:06}{:010}{:012}{:012}{company_id}{}{bank}{number:07}",
            total.entries,
            total.hash % 10_000_000_000,
            0,
            total.cents,
            " ".repeat(25),
        ));
        total
    }

    fn entry(&mut self, bank: &str, index: usize, entry: &NachaEntry, sequence: usize, total: &mut Totals) {
        let at = format!("entries[{index}]");
        self.faults.payee = Some(entry.name.clone());
        let cents = entry.amount.minor;
        if entry.amount.currency != Currency::USD {
            let detail = format!("ACH credits are in USD, given {}", entry.amount.currency);
            self.faults.add(Rule::Currency, format!("{at}.amount"), detail);
        } else if !(1..=ENTRY_CENTS_MAX).contains(&cents) {
            let detail = format!("an entry is 0.01 to 99999999.99, given {}", entry.amount.to_decimal());
            self.faults.add(Rule::Amount, format!("{at}.amount"), detail);
        }
        let code = match entry.account_type {
            AccountType::Checking => "22",
            AccountType::Savings => "32",
        };
        if entry.account.is_empty()
            || !entry.account.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            self.faults.add(Rule::Account, format!("{at}.account"), "expected letters, digits and -");
        }
        let account = self.text(&format!("{at}.account"), &entry.account, ACCOUNT_CHARS, false);
        let id = self.text(&format!("{at}.id"), &entry.id, ID_CHARS, false);
        let name = self.text(&format!("{at}.name"), &entry.name, NAME_CHARS, true);
        let trace = format!("{bank}{sequence:07}");
        self.records.push(format!(
            "6{code}{}{account}{cents:010}{id}{name}  {}{trace}",
            entry.routing,
            u8::from(entry.addenda.is_some()),
        ));
        total.entries += 1;
        total.hash += entry.routing.bank().parse::<u64>().expect("eight digits");
        total.cents = total.cents.saturating_add(cents);
        if let Some(addenda) = &entry.addenda {
            let text = self.text(&format!("{at}.addenda"), addenda, 80, false);
            self.records.push(format!("705{text}0001{sequence:07}"));
            total.entries += 1;
        }
        self.faults.payee = None;
    }

    /// A text in its field: capital letters, blank-filled. Too long it is a fault, or cut.
    fn text(&mut self, at: &str, text: &str, width: usize, may_cut: bool) -> String {
        let written = match ascii(text) {
            Ok(written) => written,
            Err(detail) => {
                self.faults.add(Rule::Characters, at, detail);
                return " ".repeat(width);
            }
        };
        if written.trim().is_empty() {
            self.faults.add(Rule::Name, at, "is empty");
        }
        if written.len() > width && !may_cut {
            let detail = format!("expected at most {width} characters, given {}", written.len());
            self.faults.add(Rule::Record, at, detail);
        }
        let cut: String = written.chars().take(width).collect();
        format!("{cut:width$}")
    }
}

/// A text in printable ASCII and capital letters; what has no counterpart is an error.
pub(crate) fn ascii(text: &str) -> Result<String, String> {
    let mut written = String::with_capacity(text.len());
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(c, ' '..='~') {
            written.push(c.to_ascii_uppercase());
        } else {
            let plain = transliterate(&c.to_string());
            let plain = plain.map_err(|_| format!("{c:?} cannot be written in printable ASCII"))?;
            written.push_str(&plain.to_ascii_uppercase());
        }
    }
    Ok(written)
}
