//! Reason codes in words.

/// A reason of ISO 20022's external code set: the code, and what it means where we know it.
pub(crate) fn iso_reason(code: &str, more: Option<&str>) -> String {
    told(code, ISO.iter().find(|(of, _)| *of == code).map(|(_, meaning)| *meaning), more)
}

/// A return reason of the ACH rules.
pub(crate) fn ach_reason(code: &str) -> String {
    told(code, ACH.iter().find(|(of, _)| *of == code).map(|(_, meaning)| *meaning), None)
}

fn told(code: &str, meaning: Option<&str>, more: Option<&str>) -> String {
    let parts =
        [Some(code), meaning, more].into_iter().flatten().map(str::trim).filter(|part| !part.is_empty());
    let all = parts.collect::<Vec<_>>().join(": ");
    let clean: String = all.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.chars().take(REASON_CHARS_MAX).collect()
}

/// As much as the ledger keeps of a reason.
const REASON_CHARS_MAX: usize = 500;

const ISO: &[(&str, &str)] = &[
    ("AC01", "the account number is wrong"),
    ("AC04", "the account is closed"),
    ("AC06", "the account is blocked"),
    ("AC13", "the account is of a kind that cannot be paid into"),
    ("AG01", "payments to this account are forbidden"),
    ("AG02", "the bank operation is not allowed"),
    ("AM02", "the amount is above the limit"),
    ("AM04", "the payer has not enough money"),
    ("AM05", "it was sent twice"),
    ("BE01", "the name does not fit the account"),
    ("BE04", "the payee's address is missing or wrong"),
    ("BE05", "the initiating party is not known"),
    ("CNOR", "the payee's bank is not reachable"),
    ("CUST", "the payer has asked for it back"),
    ("DT01", "the date is wrong"),
    ("DUPL", "it was sent twice"),
    ("FF01", "the file's form is wrong"),
    ("FOCR", "it came back after a request"),
    ("MD07", "the payee has died"),
    ("MS02", "the payee refuses, without a reason"),
    ("MS03", "the bank gives no reason"),
    ("NARR", "see the text"),
    ("RC01", "the bank's code is wrong"),
    ("RR01", "the payer's account or number is missing"),
    ("RR02", "the payer's name or address is missing"),
    ("RR03", "the payee's name or address is missing"),
    ("RR04", "refused by the regulator"),
    ("TM01", "it came after the cut-off time"),
];

const ACH: &[(&str, &str)] = &[
    ("R02", "the account is closed"),
    ("R03", "there is no account, or it is another person's"),
    ("R04", "the account number is wrong"),
    ("R06", "returned at the originating bank's request"),
    ("R12", "the branch was sold to another bank"),
    ("R13", "the routing number belongs to no bank that takes ACH"),
    ("R14", "the account's representative has died or is not able"),
    ("R15", "the payee or the account's holder has died"),
    ("R16", "the account is frozen"),
    ("R17", "a field was edited wrongly, or the entry is suspicious"),
    ("R20", "the account is of a kind that cannot be paid into"),
    ("R21", "the company's identification is wrong"),
    ("R22", "the payee's identification is wrong"),
    ("R23", "the payee refuses the credit"),
    ("R24", "it was sent twice"),
    ("R28", "the routing number's check digit is wrong"),
    ("R29", "a company says that it was not authorised"),
    ("R31", "a company's return, permitted by the originating bank"),
];
