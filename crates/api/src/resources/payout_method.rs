//! How an affiliate is paid: read and checked.
//!
//! Kept as JSON with a `type`, sealed; account numbers are kept without spaces. Shown is it by its last four, and whole only
//! by a call of its own, which the audit log keeps (P-42). Advertisers see no affiliates at all.
//!
//! What a file would refuse is refused here already, where it can still be corrected.

use hopline_money::{Amount, Currency};
use hopline_payfile::{Address, Bic, Iban, PayTo, RefusalReason, RoutingNumber, refuse_payee};
use hopline_types::PayoutMethod;
use serde::Deserialize as _;
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
        Some(PayoutMethod::Bank) => Some(bank(&mut inner)),
        Some(PayoutMethod::Manual) => Some(manual(&mut inner)),
        None => None,
    };
    if let (Some(method), Some(kept)) = (method, &kept) {
        check_scheme(&mut inner, method, kept);
    }
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

/// The rules of the method's files, over what was read. What is empty or was remarked on already is left alone.
fn check_scheme(fields: &mut Fields<'_>, method: PayoutMethod, kept: &Map<String, Value>) {
    let Ok(pay_to) = PayTo::deserialize(Value::Object(kept.clone())) else { return };
    let currency = if method == PayoutMethod::Ach { Currency::USD } else { Currency::EUR };
    let Some(reason) = refuse_payee(method, &pay_to, Amount::new(1, currency)) else { return };
    let field = match &reason {
        // Missing fields were remarked on one by one.
        RefusalReason::NoBankData | RefusalReason::Missing { .. } | RefusalReason::NameMissing => return,
        RefusalReason::InvalidIban(_) | RefusalReason::OutsideSepa { .. } => "iban",
        RefusalReason::InvalidBic(_) => "bic",
        RefusalReason::InvalidAddress { .. } => "address",
        RefusalReason::InvalidRouting(_) => "routing_number",
        RefusalReason::InvalidAccount { .. } => "account_number",
        RefusalReason::InvalidRecipient { what, .. } => match *what {
            "mail address" => "email",
            "payer id" => "payer_id",
            "recipient" => "recipient",
            _ => "holder",
        },
        _ => "holder",
    };
    fields.refuse(field, reason.to_string());
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// A text without the spaces that people write into account numbers.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// An IBAN in its one form; where it is wrong, as given, and the scheme's check tells why.
fn iban(text: &str) -> String {
    Iban::new(text).map_or_else(|_| compact(text), |iban| iban.as_str().to_owned())
}

fn bic(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.optional_text("bic", 16)?;
    Some(Bic::new(&text).map_or(text, |bic| bic.as_str().to_owned()))
}

fn sepa(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    put(&mut object, "holder", Some(fields.text("holder", HOLDER_CHARS_MAX)));
    put(&mut object, "iban", Some(iban(&fields.text("iban", 64))));
    put(&mut object, "bic", bic(fields));
    put_address(&mut object, fields);
    object
}

fn put_address(object: &mut Map<String, Value>, fields: &mut Fields<'_>) {
    if let Some(address) = address(fields) {
        object.insert("address".into(), json!(address));
    }
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
    let has_email = fields.has("email");
    let email = has_email.then(|| super::email(fields));
    let payer_id = fields.optional_text("payer_id", 32);
    if !has_email && payer_id.is_none() {
        fields.refuse("email", "is missing, and so is payer_id: one of them is needed");
    }
    let mut object = Map::new();
    put(&mut object, "email", email);
    put(&mut object, "payer_id", payer_id.map(|id| compact(&id).to_uppercase()));
    object
}

fn wise(fields: &mut Fields<'_>) -> Map<String, Value> {
    let has_email = fields.has("email");
    let email = has_email.then(|| super::email(fields));
    let recipient = fields.optional_text("recipient", 64);
    if !has_email && recipient.is_none() {
        fields.refuse("email", "is missing, and so is recipient: one of them is needed");
    }
    let mut object = Map::new();
    put(&mut object, "holder", fields.optional_text("holder", HOLDER_CHARS_MAX));
    put(&mut object, "email", email);
    put(&mut object, "recipient", recipient);
    put_address(&mut object, fields);
    object
}

fn ach(fields: &mut Fields<'_>) -> Map<String, Value> {
    let holder = fields.text("holder", HOLDER_CHARS_MAX);
    let routing = fields.text("routing_number", 16);
    let account = fields.text("account_number", 32);
    let account_type =
        fields.optional_choice("account_type", &[("checking", "checking"), ("savings", "savings")]);
    let holder_type = fields.optional_choice("holder_type", &[("person", "person"), ("company", "company")]);
    let routing =
        RoutingNumber::new(&routing).map_or_else(|_| compact(&routing), |number| number.as_str().to_owned());
    let mut object = Map::new();
    put(&mut object, "holder", Some(holder));
    put(&mut object, "routing_number", Some(routing));
    put(&mut object, "account_number", Some(compact(&account)));
    put(&mut object, "account_type", Some(account_type.unwrap_or("checking").to_owned()));
    put(&mut object, "holder_type", Some(holder_type.unwrap_or("person").to_owned()));
    object
}

fn bank(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    put(&mut object, "holder", Some(fields.text("holder", 140)));
    put(&mut object, "iban", fields.optional_text("iban", 64).map(|text| iban(&text)));
    put(&mut object, "account_number", fields.optional_text("account_number", 64).map(|text| compact(&text)));
    if object.get("iban").is_none() && object.get("account_number").is_none() {
        fields.refuse("iban", "is missing, and so is account_number: one of them is needed");
    }
    put(&mut object, "bic", bic(fields));
    put(&mut object, "bank_code", fields.optional_text("bank_code", 35));
    put(&mut object, "bank_name", fields.optional_text("bank_name", 140));
    put_address(&mut object, fields);
    object
}

fn manual(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    put(&mut object, "note", fields.optional_text("note", 200));
    object
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
        let given = json!({"type": "ach", "holder": "Jane Doe", "routing_number": "021 000 021", "account_number": "12 34567"});
        let kept = read_method(&given).unwrap();
        assert_eq!(
            (&kept["routing_number"], &kept["account_number"]),
            (&json!("021000021"), &json!("1234567"))
        );
        assert_eq!((&kept["account_type"], &kept["holder_type"]), (&json!("checking"), &json!("person")));
        let kept = read_method(&json!({"type": "paypal", "payer_id": "abcde12345678"})).unwrap();
        assert_eq!(kept["payer_id"], "ABCDE12345678");
    }

    #[test]
    fn every_wrong_part_of_a_method_is_named() {
        let fields = |method: Value| read_method(&method).unwrap_err();
        assert_eq!(
            fields(
                json!({"type": "sepa", "holder": "", "iban": "DE89370400440532013001", "bic": "X", "account": 1})
            ),
            ["payout_method.holder", "payout_method.iban", "payout_method.account"]
        );
        let ach = |routing: &str, account: &str| json!({"type": "ach", "holder": "A", "routing_number": routing, "account_number": account});
        assert_eq!(fields(ach("021000022", "1")), ["payout_method.routing_number"]);
        assert_eq!(fields(ach("000000000", "1")), ["payout_method.routing_number"]);
        assert_eq!(fields(ach("021000021", "1;2")), ["payout_method.account_number"]);
        assert_eq!(fields(json!({"type": "bank", "holder": "A"})), ["payout_method.iban"]);
        assert_eq!(
            fields(json!({"type": "bank", "holder": "A", "iban": "DE88370400440532013000"})),
            ["payout_method.iban"]
        );
        assert_eq!(fields(json!({"type": "paypal", "payer_id": "x"})), ["payout_method.payer_id"]);
        assert_eq!(fields(json!({"type": "wise", "recipient": "1 2"})), ["payout_method.recipient"]);
        assert_eq!(
            fields(json!({"type": "sepa", "holder": "A", "iban": "DE89370400440532013000", "bic": "X"})),
            ["payout_method.bic"]
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
}
