//! The checker over a finished file, independent of the writer: it knows only the text (P-21).

use jiff::civil::{Date, Time};

use crate::SchemeFault;
use crate::fault::{Faults, Rule};
use crate::routing::check_digit_fits;

/// Characters of a record.
const RECORD_CHARS: usize = 94;
/// Sums of routings are kept by their last ten digits.
const HASH_MODULUS: u64 = 10_000_000_000;

/// Checks a finished ACH file of PPD and CCD entries. Empty: nothing is wrong.
#[must_use]
pub fn check_nacha(text: &str) -> Vec<SchemeFault> {
    let mut faults = Faults::default();
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let records: Vec<&str> = lines.iter().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    for (index, record) in records.iter().enumerate() {
        let at = format!("line {}", index + 1);
        let length = record.chars().count();
        if length != RECORD_CHARS {
            faults.add(
                Rule::Record,
                at.as_str(),
                format!("a record has 94 characters, this one has {length}"),
            );
        }
        if let Some(c) = record.chars().find(|c| !matches!(c, ' '..='~')) {
            faults.add(Rule::Characters, at, format!("{c:?} is no printable ASCII"));
        }
    }
    if !records.len().is_multiple_of(10) {
        let detail = format!("expected records filled up to a multiple of ten, given {}", records.len());
        faults.add(Rule::Blocking, "file", detail);
    }
    // Fields are cut out by place: only of records that have their length.
    let can_be_read = faults.found.iter().all(|fault| fault.rule == Rule::Blocking);
    if can_be_read {
        Checker { faults: &mut faults, at: String::new() }.file(&records);
    }
    faults.found
}

/// The characters from one place to another, counted from 1.
fn field(record: &str, from: usize, to: usize) -> &str {
    record.get(from - 1..to).expect("records have 94 ASCII characters")
}

/// Whether the routing number of an entry has a check digit that fits.
pub(super) fn check_digit_fits_record(entry: &str) -> bool {
    let routing = field(entry, 4, 12);
    number(routing).is_some() && check_digit_fits(routing)
}

fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `YYMMDD` of this century.
fn is_date(text: &str) -> bool {
    let part = |from: usize| text.get(from..from + 2).unwrap_or_default();
    number(text).is_some() && format!("20{}-{}-{}", part(0), part(2), part(4)).parse::<Date>().is_ok()
}

#[derive(Default)]
struct Totals {
    batches: u64,
    entries: u64,
    hash: u64,
    debits: u64,
    credits: u64,
}

impl Totals {
    fn add(&mut self, of_batch: &Self) {
        self.batches += 1;
        self.entries += of_batch.entries;
        self.hash += of_batch.hash;
        self.debits += of_batch.debits;
        self.credits += of_batch.credits;
    }
}

struct Checker<'f> {
    faults: &'f mut Faults,
    /// The record that is looked at.
    at: String,
}

impl Checker<'_> {
    fn fault(&mut self, rule: Rule, detail: impl Into<String>) {
        self.faults.add(rule, self.at.as_str(), detail);
    }

    fn expect(&mut self, rule: Rule, what: &str, given: &str, expected: &str) {
        if given != expected {
            self.fault(rule, format!("{what} is {given:?}, expected {expected:?}"));
        }
    }

    fn expect_number(&mut self, rule: Rule, what: &str, given: &str, expected: u64) {
        if number(given) != Some(expected) {
            self.fault(rule, format!("{what} is {given:?}, expected {expected}"));
        }
    }

    fn filled(&mut self, what: &str, given: &str) {
        if given.trim().is_empty() {
            self.fault(Rule::Record, format!("{what} is blank"));
        }
    }

    fn file(&mut self, records: &[&str]) {
        let mut rest = records.iter().enumerate().peekable();
        match rest.next() {
            Some((_, header)) if header.starts_with('1') => self.header(header),
            _ => {
                self.faults.add(Rule::RecordOrder, "line 1", "expected the file header, a record 1");
                return;
            }
        }
        let mut total = Totals::default();
        while let Some((index, header)) = rest.next_if(|(_, record)| record.starts_with('5')) {
            let mut body = Vec::new();
            while let Some(next) = rest.next_if(|(_, record)| record.starts_with(['6', '7'])) {
                body.push(next);
            }
            let Some((control_index, control)) = rest.next_if(|(_, record)| record.starts_with('8')) else {
                let line = rest.peek().map_or(records.len(), |(index, _)| index + 1);
                self.faults.add(
                    Rule::RecordOrder,
                    format!("line {line}"),
                    "expected records 6 and 7, then 8",
                );
                return;
            };
            self.at = format!("line {}", index + 1);
            self.batch_header(header, total.batches + 1);
            let of_batch = self.entries(header, &body);
            self.at = format!("line {}", control_index + 1);
            self.batch_control(header, control, &of_batch);
            total.add(&of_batch);
        }
        if total.batches == 0 {
            self.faults.add(Rule::NoPayments, "file", "expected a batch, a record 5");
        }
        let Some((index, control)) = rest.next_if(|(_, record)| record.starts_with('9')) else {
            let line = rest.peek().map_or(records.len(), |(index, _)| index + 1);
            self.faults.add(Rule::RecordOrder, format!("line {line}"), "expected a record 5 or 9");
            return;
        };
        self.at = format!("line {}", index + 1);
        self.file_control(control, &total, records.len());
        for (index, filler) in rest {
            if filler.bytes().any(|byte| byte != b'9') {
                let detail = "expected nothing but records of nines behind the file control";
                self.faults.add(Rule::RecordOrder, format!("line {}", index + 1), detail);
            }
        }
    }

    fn header(&mut self, record: &str) {
        self.at = "line 1".into();
        self.expect(Rule::Record, "the priority", field(record, 2, 3), "01");
        let destination = field(record, 4, 13);
        if !destination.starts_with(' ') || number(field(record, 5, 13)).is_none() {
            self.fault(Rule::Routing, "the destination is no blank and nine digits");
        } else if !check_digit_fits(field(record, 5, 13)) {
            self.fault(Rule::Routing, "the destination's check digit does not fit");
        }
        self.filled("the origin", field(record, 14, 23));
        if !is_date(field(record, 24, 29)) {
            self.fault(Rule::Date, format!("{:?} is no date YYMMDD", field(record, 24, 29)));
        }
        let clock = field(record, 30, 33);
        let (hours, minutes) = clock.split_at(2);
        let is_time = number(clock).is_some() && format!("{hours}:{minutes}:00").parse::<Time>().is_ok();
        if !is_time && clock != "    " {
            self.fault(Rule::Date, format!("{clock:?} is no time HHMM"));
        }
        if !field(record, 34, 34).starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            self.fault(Rule::Record, "the file id modifier is none of A to Z and 0 to 9");
        }
        self.expect(Rule::Record, "the record size", field(record, 35, 37), "094");
        self.expect(Rule::Record, "the blocking factor", field(record, 38, 39), "10");
        self.expect(Rule::Record, "the format code", field(record, 40, 40), "1");
    }

    fn batch_header(&mut self, record: &str, number_at_least: u64) {
        if !matches!(field(record, 2, 4), "200" | "220" | "225") {
            self.fault(Rule::ServiceClass, "the service class is none of 200, 220, 225");
        }
        self.filled("the company's name", field(record, 5, 20));
        self.filled("the company's id", field(record, 41, 50));
        if !matches!(field(record, 51, 53), "PPD" | "CCD") {
            self.fault(Rule::Record, "the entry class is neither PPD nor CCD");
        }
        self.filled("the description", field(record, 54, 63));
        if !is_date(field(record, 70, 75)) {
            self.fault(Rule::Date, format!("{:?} is no date YYMMDD", field(record, 70, 75)));
        }
        self.expect(Rule::Record, "the originator status", field(record, 79, 79), "1");
        if number(field(record, 80, 87)).is_none() {
            self.fault(Rule::Routing, "the originating bank is no eight digits");
        }
        if number(field(record, 88, 94)).is_none_or(|number| number < number_at_least) {
            self.fault(Rule::Record, "batch numbers do not ascend");
        }
    }

    fn entries(&mut self, header: &str, body: &[(usize, &&str)]) -> Totals {
        let mut total = Totals::default();
        let mut last_trace = 0;
        let mut rest = body.iter().peekable();
        while let Some((index, record)) = rest.next() {
            self.at = format!("line {}", index + 1);
            total.entries += 1;
            if record.starts_with('7') {
                self.fault(Rule::RecordOrder, "an addenda record without its entry");
                continue;
            }
            self.faults.payee = Some(field(record, 55, 76).trim_end().to_owned());
            self.entry(header, record, &mut last_trace, &mut total);
            let mut addenda = 0;
            while let Some((index, addendum)) = rest.next_if(|(_, record)| record.starts_with('7')) {
                addenda += 1;
                total.entries += 1;
                self.at = format!("line {}", index + 1);
                self.addenda(record, addendum, addenda);
            }
            self.at = format!("line {}", index + 1);
            let flag = if addenda > 0 { "1" } else { "0" };
            self.expect(Rule::Addenda, "the addenda flag", field(record, 79, 79), flag);
            self.faults.payee = None;
        }
        if total.entries == 0 {
            self.fault(Rule::NoPayments, "the batch has no entries");
        }
        total
    }

    fn entry(&mut self, header: &str, record: &str, last_trace: &mut u64, total: &mut Totals) {
        let (code, class) = (field(record, 2, 3), field(header, 2, 4));
        let (is_credit, is_prenote) = match code {
            "22" | "32" => (true, false),
            "23" | "33" => (true, true),
            "27" | "37" => (false, false),
            "28" | "38" => (false, true),
            _ => {
                self.fault(Rule::Record, format!("the transaction code {code:?} is not known"));
                (true, false)
            }
        };
        if (is_credit && class == "225") || (!is_credit && class == "220") {
            let detail = format!("an entry of code {code} does not belong into a batch of class {class}");
            self.fault(Rule::ServiceClass, detail);
        }
        let routing = field(record, 4, 12);
        match number(field(record, 4, 11)) {
            Some(bank) if number(routing).is_some() => {
                total.hash += bank;
                if !check_digit_fits(routing) {
                    self.fault(Rule::Routing, "the routing number's check digit does not fit");
                }
            }
            _ => self.fault(Rule::Routing, "the routing number is no nine digits"),
        }
        self.filled("the account", field(record, 13, 29));
        match number(field(record, 30, 39)) {
            Some(cents) if is_prenote == (cents == 0) => {
                *(if is_credit { &mut total.credits } else { &mut total.debits }) += cents;
            }
            _ => self.fault(Rule::Amount, "the amount is no ten digits, or zero where it may not be"),
        }
        self.filled("the name", field(record, 55, 76));
        let trace = field(record, 80, 94);
        self.expect(Rule::Trace, "the trace number's bank", field(record, 80, 87), field(header, 80, 87));
        match number(trace) {
            Some(number) if number > *last_trace => *last_trace = number,
            _ => self.fault(Rule::Trace, "trace numbers do not ascend"),
        }
    }

    fn addenda(&mut self, entry: &str, record: &str, number: u64) {
        self.expect(Rule::Addenda, "the addenda type", field(record, 2, 3), "05");
        self.expect_number(Rule::Addenda, "the addenda sequence", field(record, 84, 87), number);
        self.expect(Rule::Addenda, "the addenda's trace number", field(record, 88, 94), field(entry, 88, 94));
    }

    fn batch_control(&mut self, header: &str, record: &str, total: &Totals) {
        self.expect(Rule::ServiceClass, "the service class", field(record, 2, 4), field(header, 2, 4));
        self.expect_number(Rule::Count, "the count of entries", field(record, 5, 10), total.entries);
        self.expect_number(Rule::Hash, "the hash", field(record, 11, 20), total.hash % HASH_MODULUS);
        self.expect_number(Rule::ControlSum, "the debits", field(record, 21, 32), total.debits);
        self.expect_number(Rule::ControlSum, "the credits", field(record, 33, 44), total.credits);
        self.expect(Rule::Record, "the company's id", field(record, 45, 54), field(header, 41, 50));
        self.expect(Rule::Record, "the originating bank", field(record, 80, 87), field(header, 80, 87));
        self.expect(Rule::Record, "the batch number", field(record, 88, 94), field(header, 88, 94));
    }

    fn file_control(&mut self, record: &str, total: &Totals, records: usize) {
        let blocks = u64::try_from(records.div_ceil(10)).unwrap_or(u64::MAX);
        self.expect_number(Rule::Count, "the count of batches", field(record, 2, 7), total.batches);
        self.expect_number(Rule::Blocking, "the count of blocks", field(record, 8, 13), blocks);
        self.expect_number(Rule::Count, "the count of entries", field(record, 14, 21), total.entries);
        self.expect_number(Rule::Hash, "the hash", field(record, 22, 31), total.hash % HASH_MODULUS);
        self.expect_number(Rule::ControlSum, "the debits", field(record, 32, 43), total.debits);
        self.expect_number(Rule::ControlSum, "the credits", field(record, 44, 55), total.credits);
        self.expect(Rule::Record, "the end of the file control", field(record, 56, 94), &" ".repeat(39));
    }
}
