//! The checker over a finished document, independent of the writer: it knows only the text.

mod parts;

use parts::Checker;

use super::lexical;
use crate::fault::{Faults, Rule};
use crate::xml::{self, Element};
use crate::{SchemeFault, rules};

const NAMESPACE_STEM: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.";

/// The versions this checker knows; their SEPA subsets differ in two elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Execution date as plain text, banks as `BIC`.
    V03,
    /// Execution date inside `Dt`, banks as `BICFI`.
    V09,
}

/// Checks a finished pain.001.001.03 or .09 document against the scheme's rules, most of which its schema does not
/// know. Empty: nothing is wrong.
///
/// It looks at the elements a SEPA credit transfer has; it does not replace the schema, which also knows their order.
/// `&` is let pass in texts, as banks take it; our own writer makes it `+`.
#[must_use]
pub fn check_pain001(xml: &str) -> Vec<SchemeFault> {
    let mut faults = Faults::default();
    match xml::parse(xml) {
        Ok(document) => check_document(&mut faults, &document),
        Err(detail) => faults.add(Rule::Form, "document", detail),
    }
    faults.found
}

fn check_document(faults: &mut Faults, document: &Element) {
    if document.name != "Document" {
        faults.add(Rule::Form, document.name.as_str(), "expected Document");
        return;
    }
    let version = match document.namespace.strip_prefix(NAMESPACE_STEM) {
        Some("03") => Version::V03,
        Some("09") => Version::V09,
        _ => {
            let detail = format!("expected {NAMESPACE_STEM}03 or 09, given {:?}", document.namespace);
            faults.add(Rule::Version, "Document", detail);
            return;
        }
    };
    check_leaves(faults, document, "Document", &document.namespace);
    let mut checker = Checker { faults, version };
    let Some(initiation) = checker.one(document, "Document", "CstmrCdtTrfInitn") else { return };
    check_initiation(&mut checker, initiation);
}

/// What holds for every element wherever it stands: the namespace, no empty texts, the characters.
fn check_leaves(faults: &mut Faults, element: &Element, at: &str, namespace: &str) {
    if element.namespace != namespace {
        faults.add(Rule::Version, at, format!("expected namespace {namespace}, given {}", element.namespace));
    }
    for child in &element.children {
        check_leaves(faults, child, &format!("{at}/{}", child.name), namespace);
    }
    if !element.children.is_empty() {
        return;
    }
    if element.text.trim().is_empty() {
        faults.add(Rule::Form, at, "the element is empty");
    } else if let Some(c) = rules::foreign_character(&element.text.replace('&', "+")) {
        faults.add(Rule::Characters, at, format!("{c:?} is outside the SEPA character set"));
    }
}

/// Number and sum of payments.
#[derive(Default)]
struct Totals {
    count: i128,
    hundredths: i128,
}

fn check_initiation(checker: &mut Checker<'_>, initiation: &Element) {
    let mut total = Totals::default();
    let mut blocks = 0;
    for (index, block) in initiation.all("PmtInf").enumerate() {
        let of_block = check_payment_information(checker, block, &format!("PmtInf[{}]", index + 1));
        total.count += of_block.count;
        total.hundredths += of_block.hundredths;
        blocks += 1;
    }
    if blocks == 0 {
        checker.faults.add(Rule::NoPayments, "CstmrCdtTrfInitn", "expected a PmtInf");
    }
    let Some(header) = checker.one(initiation, "CstmrCdtTrfInitn", "GrpHdr") else { return };
    if let Some(id) = checker.text(header, "GrpHdr", "MsgId") {
        checker.identifier("GrpHdr/MsgId", id);
    }
    if let Some(time) = checker.text(header, "GrpHdr", "CreDtTm")
        && !lexical::is_date_time(time)
    {
        let detail = format!("expected a date and time such as 2026-03-01T10:00:00, given {time:?}");
        checker.faults.add(Rule::Date, "GrpHdr/CreDtTm", detail);
    }
    for name in ["NbOfTxs", "CtrlSum"] {
        // Optional below, where a sum of one block says nothing new; needed here.
        checker.one(header, "GrpHdr", name);
    }
    check_totals(checker, header, "GrpHdr", &total);
    if let Some(party) = checker.one(header, "GrpHdr", "InitgPty") {
        checker.party(party, "GrpHdr/InitgPty");
    }
}

fn check_totals(checker: &mut Checker<'_>, element: &Element, at: &str, total: &Totals) {
    if let Some(count) = checker.optional(element, at, "NbOfTxs")
        && lexical::count(&count.text) != Some(total.count)
    {
        let detail = format!("expected {}, given {:?}", total.count, count.text);
        checker.faults.add(Rule::Count, format!("{at}/NbOfTxs"), detail);
    }
    if let Some(sum) = checker.optional(element, at, "CtrlSum")
        && lexical::hundredths(&sum.text) != Some(total.hundredths)
    {
        let (whole, places) = (total.hundredths / 100, total.hundredths % 100);
        let detail = format!("expected {whole}.{places:02}, given {:?}", sum.text);
        checker.faults.add(Rule::ControlSum, format!("{at}/CtrlSum"), detail);
    }
}

fn check_payment_information(checker: &mut Checker<'_>, block: &Element, at: &str) -> Totals {
    if let Some(id) = checker.text(block, at, "PmtInfId") {
        checker.identifier(&format!("{at}/PmtInfId"), id);
    }
    if let Some(method) = checker.text(block, at, "PmtMtd") {
        checker.word(Rule::PaymentMethod, &format!("{at}/PmtMtd"), method, "TRF");
    }
    checker.service_level(block, at);
    checker.execution_date(block, at);
    if let Some(debtor) = checker.one(block, at, "Dbtr") {
        checker.party(debtor, &format!("{at}/Dbtr"));
    }
    checker.account(block, at, "DbtrAcct");
    if let Some(agent) = checker.one(block, at, "DbtrAgt") {
        checker.agent(agent, &format!("{at}/DbtrAgt"));
    }
    checker.charge_bearer(block, at);

    let mut total = Totals::default();
    for (index, transfer) in block.all("CdtTrfTxInf").enumerate() {
        total.hundredths += checker.credit_transfer(transfer, &format!("{at}/CdtTrfTxInf[{}]", index + 1));
        total.count += 1;
    }
    if total.count == 0 {
        checker.faults.add(Rule::NoPayments, at, "expected a CdtTrfTxInf");
    }
    check_totals(checker, block, at, &total);
    total
}
