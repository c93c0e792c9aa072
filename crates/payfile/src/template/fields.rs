//! The fields of a template's cells.

use hopline_money::Amount;

use super::Template;
use crate::{AccountType, BatchInfo, HolderType, PayoutRow, text_cell};

/// Fields of the whole batch.
pub const BATCH_FIELDS: [&str; 9] = [
    "batch_id",
    "message_id",
    "currency",
    "count",
    "total",
    "execution_date",
    "created_date",
    "created_time",
    "total_minor",
];

/// Fields of one payout.
pub const ROW_FIELDS: [&str; 28] = [
    "line",
    "payout_id",
    "affiliate_id",
    "method",
    "amount",
    "amount_minor",
    "reference",
    "name",
    "holder",
    "holder_type",
    "iban",
    "bic",
    "routing_number",
    "account_number",
    "account_type",
    "bank_code",
    "bank_name",
    "email",
    "payer_id",
    "recipient",
    "note",
    "street",
    "building_number",
    "postcode",
    "town",
    "country",
    "account",
    "service_account",
];

/// What is wrong with a cell's text.
pub(super) fn fault(text: &str, is_row: bool) -> Option<String> {
    if text.chars().count() > super::CELL_CHARS_MAX {
        return Some(format!("has more than {} characters", super::CELL_CHARS_MAX));
    }
    let mut unknown = None;
    let filled = fill(text, |name| {
        let is_known = BATCH_FIELDS.contains(&name) || (is_row && ROW_FIELDS.contains(&name));
        if !is_known && unknown.is_none() {
            unknown = Some(name.to_owned());
        }
        Ok(String::new())
    });
    match (filled, unknown) {
        (Err(detail), _) => Some(detail),
        (Ok(_), Some(name)) => {
            let row = if is_row { ROW_FIELDS.join(", ") } else { String::new() };
            Some(
                format!("{{{name}}} is not known: expected one of {} {row}", BATCH_FIELDS.join(", "))
                    .trim_end()
                    .to_owned(),
            )
        }
        (Ok(_), None) => None,
    }
}

/// Puts values in the place of `{names}`; `{{` and `}}` stand for braces.
fn fill(text: &str, mut value: impl FnMut(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '{' if rest.next_if_eq(&'{').is_some() => filled.push('{'),
            '}' if rest.next_if_eq(&'}').is_some() => filled.push('}'),
            '}' => return Err("a } stands without its {: write }} for a brace".into()),
            '{' => {
                let name: String = std::iter::from_fn(|| rest.next_if(|c| *c != '}' && *c != '{')).collect();
                if rest.next() != Some('}') {
                    return Err(format!("{{{name} has no }}"));
                }
                filled.push_str(&value(&name)?);
            }
            c => filled.push(c),
        }
    }
    Ok(filled)
}

/// A batch whose cells are filled.
pub(super) struct Batch<'a> {
    pub(super) info: &'a BatchInfo,
    pub(super) template: &'a Template,
    pub(super) count: usize,
    pub(super) total: Amount,
}

impl Batch<'_> {
    /// A cell before or behind the payouts.
    pub(super) fn cell(&self, text: &str) -> Result<String, String> {
        fill(text, |name| self.value(name))
    }

    /// A cell of a payout.
    pub(super) fn row_cell(&self, text: &str, row: &PayoutRow, line: usize) -> Result<String, String> {
        let mut is_money = false;
        let cell = fill(text, |name| {
            is_money |= matches!(name, "amount" | "amount_minor" | "total" | "total_minor");
            self.row_value(name, row, line)
        })?;
        // A cell that begins with an amount is never touched.
        let is_text = self.template.for_spreadsheets && !is_money;
        Ok(if is_text { text_cell(&cell) } else { cell })
    }

    fn value(&self, name: &str) -> Result<String, String> {
        let info = self.info;
        Ok(match name {
            "batch_id" => info.batch.to_string(),
            "message_id" => info.message_id.clone(),
            "currency" => info.currency.code().to_owned(),
            "count" => self.count.to_string(),
            "total" => self.money(self.total)?,
            "total_minor" => self.total.minor.to_string(),
            "execution_date" => info.execution_date.clone(),
            "created_date" => crate::time::form(info.created_at, "%Y-%m-%d"),
            "created_time" => crate::time::form(info.created_at, "%H:%M:%S"),
            other => return Err(format!("{{{other}}} is not known")),
        })
    }

    fn row_value(&self, name: &str, row: &PayoutRow, line: usize) -> Result<String, String> {
        let pay_to = &row.pay_to;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let address = pay_to.address.as_ref();
        Ok(match name {
            "line" => line.to_string(),
            "payout_id" => row.payout_id.to_string(),
            "affiliate_id" => row.affiliate_id.to_string(),
            "method" => row.method.as_str().to_owned(),
            "amount" => self.money(row.amount)?,
            "amount_minor" => row.amount.minor.to_string(),
            "reference" => row.reference.clone(),
            "name" => pay_to.name().to_owned(),
            "holder" => text(&pay_to.holder),
            "holder_type" => match pay_to.holder_type.unwrap_or_default() {
                HolderType::Person => "person".into(),
                HolderType::Company => "company".into(),
            },
            "iban" => text(&pay_to.iban),
            "bic" => text(&pay_to.bic),
            "routing_number" => text(&pay_to.routing_number),
            "account_number" => text(&pay_to.account_number),
            "account_type" => match pay_to.account_type.unwrap_or_default() {
                AccountType::Checking => "checking".into(),
                AccountType::Savings => "savings".into(),
            },
            "account" => pay_to.iban.clone().unwrap_or_else(|| text(&pay_to.account_number)),
            "bank_code" => text(&pay_to.bank_code),
            "bank_name" => text(&pay_to.bank_name),
            "email" => text(&pay_to.email),
            "payer_id" => text(&pay_to.payer_id),
            "recipient" => text(&pay_to.recipient),
            "service_account" => pay_to.service_account().to_owned(),
            "note" => text(&pay_to.note),
            "street" => address.and_then(|address| address.street.clone()).unwrap_or_default(),
            "building_number" => {
                address.and_then(|address| address.building_number.clone()).unwrap_or_default()
            }
            "postcode" => address.and_then(|address| address.postcode.clone()).unwrap_or_default(),
            "town" => address.map(|address| address.town.clone()).unwrap_or_default(),
            "country" => address.map(|address| address.country.clone()).unwrap_or_default(),
            other => return self.value(other),
        })
    }

    /// An amount with the template's decimals and mark, exactly.
    fn money(&self, amount: Amount) -> Result<String, String> {
        let places = usize::from(amount.currency.exponent());
        let wanted = self.template.decimals.map_or(places, usize::from);
        let decimal = amount.to_decimal();
        let (whole, fraction) = decimal.split_once('.').unwrap_or((&decimal, ""));
        let mut digits: String = fraction.chars().take(wanted).collect();
        if fraction.chars().skip(wanted).any(|c| c != '0') {
            return Err(format!(
                "{amount} has more than {wanted} decimals: draft batches for this bank with a larger step (round_down_to)"
            ));
        }
        while digits.len() < wanted {
            digits.push('0');
        }
        let mark = if digits.is_empty() { String::new() } else { self.template.decimal_mark.to_string() };
        Ok(format!("{whole}{mark}{digits}"))
    }
}
