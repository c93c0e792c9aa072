//! How an affiliate is paid: read, checked, shown.
//!
//! Kept as JSON with a `type`; an IBAN is kept without spaces. Bank data is shown to operators, finance and the affiliate
//! itself, never to advertisers, who see no affiliates at all.

use hopline_money::{Amount, Currency};
use hopline_payfile::{Address, Bic, Iban, Payee, RefusalReason, refuse};
use hopline_types::PayoutMethod;
use serde_json::{Map, Value, json};

use crate::fields::Fields;

/// The most characters of an account holder's name at SEPA.
const HOLDER_CHARS_MAX: usize = 70;

/// Reads `payout_method`; remarks go to `fields`. `None` where it is absent, null or wrong.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Value> {
    let value = fields.value("payout_method")?;
    let mut inner = Fields::at(fields.place("payout_method"), value);
    let method = inner.word::<PayoutMethod>("type");
    let kept = match method {
        Some(PayoutMethod::Sepa) => Some(sepa(&mut inner)),
        Some(PayoutMethod::Paypal) => Some(paypal(&mut inner)),
        Some(PayoutMethod::Wise) => Some(wise(&mut inner)),
        Some(PayoutMethod::Ach) => Some(ach(&mut inner)),
        Some(PayoutMethod::Manual) => Some(manual(&mut inner)),
        None => None,
    };
    let problems = match method {
        // Which fields there are depends on the type: without one they cannot be judged.
        None => inner.close_lenient(),
        Some(_) => inner.close(),
    };
    let is_right = problems.is_empty();
    fields.refuse_all(problems);
    let mut object = kept.filter(|_| is_right)?;
    object.insert("type".into(), method?.as_str().into());
    Some(Value::Object(object))
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

fn sepa(fields: &mut Fields<'_>) -> Map<String, Value> {
    let holder = fields.text("holder", HOLDER_CHARS_MAX);
    let iban = fields.text("iban", 64);
    let bic = fields.optional_text("bic", 16);
    let address = address(fields);
    let iban = match Iban::new(&iban) {
        Ok(iban) => iban.as_str().to_owned(),
        Err(_) if iban.is_empty() => iban,
        Err(refusal) => {
            fields.refuse("iban", refusal.to_string());
            String::new()
        }
    };
    let bic = bic.and_then(|bic| match Bic::new(&bic) {
        Ok(bic) => Some(bic.as_str().to_owned()),
        Err(refusal) => {
            fields.refuse("bic", refusal.to_string());
            None
        }
    });
    if !holder.is_empty() && !iban.is_empty() {
        check_scheme(fields, &holder, &iban, bic.as_deref(), address.as_ref());
    }
    let mut object = Map::new();
    put(&mut object, "holder", Some(holder));
    put(&mut object, "iban", Some(iban));
    put(&mut object, "bic", bic);
    if let Some(address) = address {
        object.insert("address".into(), json!(address));
    }
    object
}

/// What a bank file would refuse is refused here already, where it can still be corrected.
fn check_scheme(
    fields: &mut Fields<'_>,
    holder: &str,
    iban: &str,
    bic: Option<&str>,
    address: Option<&Address>,
) {
    let amount = Amount::new(1, Currency::EUR);
    let payee = Payee { name: holder, iban: Some(iban), bic, address, amount };
    let Some(reason) = refuse(&payee) else { return };
    let field = match reason {
        RefusalReason::NoBankData | RefusalReason::InvalidIban(_) | RefusalReason::OutsideSepa { .. } => {
            "iban"
        }
        RefusalReason::InvalidBic(_) => "bic",
        RefusalReason::InvalidAddress { .. } => "address",
        _ => "holder",
    };
    fields.refuse(field, reason.to_string());
}

fn address(fields: &mut Fields<'_>) -> Option<Address> {
    let value = fields.value("address")?;
    let mut inner = Fields::at(fields.place("address"), value);
    let address = Address {
        street: inner.optional_text("street", 70),
        building_number: inner.optional_text("building_number", 16),
        postcode: inner.optional_text("postcode", 16),
        town: inner.text("town", 35),
        country: inner.text("country", 2),
    };
    let is_code = address.country.len() == 2 && address.country.bytes().all(|byte| byte.is_ascii_uppercase());
    if !address.country.is_empty() && !is_code {
        inner.refuse("country", "is no ISO 3166 code of two capital letters");
    }
    let problems = inner.close();
    let is_right = problems.is_empty();
    fields.refuse_all(problems);
    is_right.then_some(address)
}

fn paypal(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    put(&mut object, "email", Some(super::email(fields)));
    object
}

fn wise(fields: &mut Fields<'_>) -> Map<String, Value> {
    let has_email = fields.value("email").is_some();
    let email = has_email.then(|| super::email(fields));
    let recipient = fields.optional_text("recipient", 64);
    if !has_email && fields.value("recipient").is_none() {
        fields.refuse("email", "is missing, and so is recipient: one of them is needed");
    }
    let mut object = Map::new();
    put(&mut object, "email", email);
    put(&mut object, "recipient", recipient);
    object
}

fn ach(fields: &mut Fields<'_>) -> Map<String, Value> {
    let holder = fields.text("holder", 22);
    let routing = fields.text("routing_number", 9);
    let account = fields.text("account_number", 17);
    let kind = fields.optional_text("account_type", 16);
    if !routing.is_empty() && !is_routing_number(&routing) {
        fields.refuse("routing_number", "is no routing number of nine digits whose check digit fits");
    }
    let is_account = account.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !is_account {
        fields.refuse("account_number", "holds other characters than letters, digits and -");
    }
    if let Some(kind) = kind.as_deref()
        && !matches!(kind, "checking" | "savings")
    {
        fields.refuse("account_type", format!("{kind:?} is not one of checking, savings"));
    }
    let mut object = Map::new();
    put(&mut object, "holder", Some(holder));
    put(&mut object, "routing_number", Some(routing));
    put(&mut object, "account_number", Some(account));
    put(&mut object, "account_type", Some(kind.unwrap_or_else(|| "checking".to_owned())));
    object
}

fn manual(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    put(&mut object, "note", fields.optional_text("note", 200));
    object
}

/// The ABA check: 3, 7, 1 times the digits adds up to a multiple of ten.
fn is_routing_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 =
        digits.iter().zip([3, 7, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    text.len() == 9 && digits.len() == 9 && sum > 0 && sum.is_multiple_of(10)
}

/// The method as the audit log keeps it: account numbers only by their last four characters.
pub(super) fn for_log(method: &Value) -> Value {
    let mut method = method.clone();
    for name in ["iban", "account_number", "recipient"] {
        if let Some(Value::String(text)) = method.get_mut(name) {
            let kept: Vec<char> = text.chars().rev().take(4).collect();
            *text = format!("…{}", kept.into_iter().rev().collect::<String>());
        }
    }
    method
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_method(method: &Value) -> Result<Value, Vec<String>> {
        let body = json!({"payout_method": method});
        let mut fields = Fields::body(&body);
        let read = read(&mut fields);
        let problems = fields.close();
        if problems.is_empty() {
            return Ok(read.unwrap());
        }
        Err(problems.into_iter().map(|problem| problem.field).collect())
    }

    #[test]
    fn a_bank_account_is_kept_in_one_form() {
        let given = json!({"type": "sepa", "holder": "Blog GmbH", "iban": "DE89 3704 0044 0532 0130 00"});
        let kept = read_method(&given).unwrap();
        assert_eq!(kept, json!({"type": "sepa", "holder": "Blog GmbH", "iban": "DE89370400440532013000"}));
        assert_eq!(for_log(&kept)["iban"], "…3000");
    }

    #[test]
    fn every_wrong_part_of_a_method_is_named() {
        let fields = |method: Value| read_method(&method).unwrap_err();
        assert_eq!(
            fields(
                json!({"type": "sepa", "holder": "", "iban": "DE89370400440532013001", "bic": "X", "account": 1})
            ),
            ["payout_method.holder", "payout_method.iban", "payout_method.bic", "payout_method.account"]
        );
        let outside = json!({"type": "sepa", "holder": "A", "iban": "BR1800360305000010009795493C1"});
        assert_eq!(fields(outside), ["payout_method.iban"]);
        assert_eq!(fields(json!({"type": "bitcoin", "wallet": "x"})), ["payout_method.type"]);
        assert_eq!(fields(json!({"type": "paypal"})), ["payout_method.email"]);
        assert_eq!(fields(json!({"type": "wise"})), ["payout_method.email"]);
        assert_eq!(fields(json!("sepa")), ["payout_method"]);
        let address = json!({"type": "sepa", "holder": "A", "iban": "DE89370400440532013000",
            "address": {"street": "Weg", "country": "de"}});
        assert_eq!(fields(address), ["payout_method.address.town", "payout_method.address.country"]);
    }

    #[test]
    fn routing_numbers_have_a_check_digit() {
        assert!(is_routing_number("021000021"));
        assert!(!is_routing_number("021000022"));
        assert!(!is_routing_number("000000000"));
        assert!(!is_routing_number("02100002"));
    }
}
