//! What comes back from banks and services.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_payfile::{Outcome, ResultFault, ResultMapping, csv_report, pain002, paypal_report, wise_report};
use serde_json::{Value, json};

const PAIN002: &str = include_str!("fixtures/pain002.xml");

fn faults(told: Result<hopline_payfile::ResultFile, Vec<ResultFault>>) -> Vec<String> {
    told.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn p_08_a_pain_002_tells_of_each_payment_with_its_reason_and_line() {
    let file = pain002(PAIN002.as_bytes()).unwrap();
    assert_eq!(file.message_id.as_deref(), Some("HL1-20260301T100000Z"));
    assert_eq!((file.count, file.sum.as_deref()), (Some(3), Some("100050.00")));
    assert_eq!(file.all, None);
    let lines: Vec<_> = file
        .lines
        .iter()
        .map(|line| (line.line, line.reference.as_str(), line.outcome, line.reason.as_deref()))
        .collect();
    assert_eq!(
        lines,
        [
            (22, "PO-1", Outcome::Failed, Some("AC04: the account is closed: closed in January")),
            (38, "PO-2", Outcome::Paid, None),
            (42, "PO-3", Outcome::Waiting, None),
        ]
    );
    assert_eq!(file.lines[0].amount.as_deref(), Some("50.00"));
    assert_eq!(file.lines[0].currency.as_deref(), Some("EUR"));
}

#[test]
fn p_08_a_status_of_the_whole_file_stands_for_all_payments() {
    let whole =
        PAIN002.split("<OrgnlPmtInfAndSts>").next().unwrap().to_owned() + "</CstmrPmtStsRpt></Document>";
    let accepted = pain002(whole.replace("PART", "ACCP").as_bytes()).unwrap();
    assert_eq!(accepted.all, Some((Outcome::Paid, None)));
    let rejected = whole.replace(
        "<GrpSts>PART</GrpSts>",
        "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>",
    );
    let rejected = pain002(rejected.as_bytes()).unwrap();
    assert_eq!(rejected.all, Some((Outcome::Failed, Some("FF01: the file's form is wrong".into()))));
    assert!(faults(pain002(whole.as_bytes()))[0].contains("decides nothing"));
}

#[test]
fn p_08_what_cannot_be_read_is_refused_with_its_line() {
    let cases = [
        (PAIN002.replace("RJCT", "XXXX"), "line 22: TxSts \"XXXX\" is not known"),
        (
            PAIN002.replace("<OrgnlEndToEndId>PO-2</OrgnlEndToEndId>", ""),
            "line 38: OrgnlEndToEndId is missing",
        ),
        (
            PAIN002.replace("<OrgnlMsgId>HL1-20260301T100000Z</OrgnlMsgId>", ""),
            "line 8: OrgnlMsgId is missing",
        ),
        (PAIN002.replace("pain.002.001.03", "pain.001.001.03"), "line 2: expected a Document"),
        ("<a>".into(), "line 1: a is not closed"),
        (String::new(), "line 1: expected one element"),
    ];
    for (text, start) in cases {
        let told = faults(pain002(text.as_bytes()));
        assert!(told[0].starts_with(start), "{told:?}");
    }
    assert!(faults(pain002(b"\xFF"))[0].contains("UTF-8"));
}

#[test]
fn a_paypal_report_is_read_by_its_usual_columns() {
    let text = "Recipient,Amount,Currency,Customer ID,Note,Transaction Status,Error Message\r\n\
         zoe@example.com,\"-1,234.50\",EUR,PO-1,x,Completed,\r\n\
         ana@example.com,0.05,EUR,PO-2,x,Denied,Receiver is locked\r\n\
         bob@example.com,7.00,EUR,PO-3,x,Unclaimed,\r\n";
    let file = paypal_report(text.as_bytes()).unwrap();
    let lines: Vec<_> = file
        .lines
        .iter()
        .map(|line| {
            (line.line, line.reference.as_str(), line.outcome, line.reason.as_deref(), line.amount.as_deref())
        })
        .collect();
    assert_eq!(
        lines,
        [
            (2, "PO-1", Outcome::Paid, None, Some("1234.50")),
            (3, "PO-2", Outcome::Failed, Some("Receiver is locked"), Some("0.05")),
            (4, "PO-3", Outcome::Waiting, None, Some("7.00")),
        ]
    );
    let unknown = text.replace("Denied", "Maybe");
    assert_eq!(
        faults(paypal_report(unknown.as_bytes())),
        ["line 3: the status \"Maybe\" of PO-2 is in no list"]
    );
    assert_eq!(
        faults(paypal_report(b"a,b\r\n1,2\r\n")),
        [
            "line 1: the header has no column Customer ID or Unique ID or Sender Item ID or Reference",
            "line 1: the header has no column Transaction Status or Payout Status or Status",
        ]
    );
}

#[test]
fn a_wise_report_is_read_by_its_usual_columns() {
    let text = "Transfer ID,Status,Recipient Name,Target Amount,Target Currency,Payment Reference\n\
         1,OUTGOING_PAYMENT_SENT,Zoe,10.00,EUR,PO-1\n2,Funds refunded,Ana,1.00,EUR,PO-2\n";
    let file = wise_report(text.as_bytes()).unwrap();
    let outcomes: Vec<_> = file.lines.iter().map(|line| (line.reference.as_str(), line.outcome)).collect();
    assert_eq!(outcomes, [("PO-1", Outcome::Paid), ("PO-2", Outcome::Failed)]);
    assert_eq!(file.lines[1].reason.as_deref(), Some("the report says Funds refunded"));
}

fn mapping(with: Value) -> ResultMapping {
    let mut mapping = json!({"columns": {"reference": "Zweck", "status": "Status", "amount": "Betrag"},
        "paid": ["ausgeführt"], "failed": ["zurück"]});
    mapping.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    serde_json::from_value(mapping).unwrap()
}

#[test]
fn any_csv_is_read_by_a_saved_mapping() {
    let mapping = mapping(json!({"separator": ";", "decimal_mark": ",", "encoding": "iso-8859-1"}));
    assert!(mapping.faults().is_empty());
    let text = "Betrag;Status;Zweck\r\n1.234,50;AUSGEF\u{DC}HRT;PO-1\r\n\r\n0,05;zur\u{FC}ck;PO-2\r\n";
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let file = csv_report(&latin, &mapping).unwrap();
    let lines: Vec<_> = file
        .lines
        .iter()
        .map(|line| (line.line, line.reference.as_str(), line.outcome, line.amount.as_deref()))
        .collect();
    assert_eq!(
        lines,
        [(2, "PO-1", Outcome::Paid, Some("1234.50")), (4, "PO-2", Outcome::Failed, Some("0.05"))]
    );
    // A column that the mapping names must be there.
    let told = faults(csv_report(b"Status;Zweck\r\n", &mapping));
    assert_eq!(told, ["line 1: the header has no column Betrag"]);
}

#[test]
fn every_fault_of_a_mapping_is_named() {
    let wrong = mapping(json!({"separator": "a", "decimal_mark": "x", "paid": [], "failed": ["No", "no"],
        "columns": {"reference": " ", "status": "s"}}));
    let fields: Vec<_> = wrong.faults().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["separator", "decimal_mark", "columns", "paid", "failed"]);
}
