//! The generic payout file, read back by a CSV reader.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_money::{Amount, Currency};
use hopline_payfile::{BatchInfo, CSV_COLUMNS, PayTo, PayoutRow, RowFault, csv, text_cell};
use hopline_types::{AffiliateId, BatchId, PayoutId, PayoutMethod, UnixMillis};

fn payout(id: i64, name: &str, amount: Amount) -> PayoutRow {
    PayoutRow {
        payout_id: PayoutId::new(id).unwrap(),
        affiliate_id: AffiliateId::new(7).unwrap(),
        method: PayoutMethod::Sepa,
        pay_to: PayTo {
            holder: Some(name.into()),
            iban: Some("DE89370400440532013000".into()),
            ..PayTo::default()
        },
        amount,
        reference: format!("PO-{id}"),
    }
}

fn info(currency: Currency) -> BatchInfo {
    BatchInfo {
        batch: BatchId::new(1).unwrap(),
        message_id: "HL1-20260301T100000Z".into(),
        currency,
        created_at: UnixMillis(1_772_359_200_000),
        execution_date: "2026-03-02".into(),
    }
}

#[test]
fn p_32_the_file_is_rfc_4180_with_crlf_and_plain_amounts() {
    let payouts = [
        payout(1, "Blog, \"Zoë\" & Co", Amount::new(4_99, Currency::EUR)),
        payout(2, "=HYPERLINK(\"x\")", Amount::new(-5, Currency::EUR)),
    ];
    let out = csv(&info(Currency::EUR), &payouts).unwrap();
    assert_eq!(
        String::from_utf8(out.bytes).unwrap(),
        "payout_id,affiliate_id,name,method,iban,bic,amount,currency,reference,routing_number,account_number,\
         account_type,bank_code,bank_name,email,recipient\r\n\
         1,7,\"Blog, \"\"Zoë\"\" & Co\",sepa,DE89370400440532013000,,4.99,EUR,PO-1,,,,,,,\r\n\
         2,7,\"'=HYPERLINK(\"\"x\"\")\",sepa,DE89370400440532013000,,-0.05,EUR,PO-2,,,,,,,\r\n"
    );
    // P-33
    assert_eq!((out.count, out.control_sum), (2, Amount::new(4_94, Currency::EUR)));
    assert_eq!(
        (out.media_type, out.file_name.as_str()),
        ("text/csv; charset=utf-8", "HL1-20260301T100000Z.csv")
    );
}

#[test]
fn p_32_texts_that_a_spreadsheet_would_run_get_an_apostrophe_and_others_stay() {
    for text in ["=1+1", "+49", "-1", "@a", "\ta", "\ra"] {
        assert_eq!(text_cell(text), format!("'{text}"));
    }
    for text in ["", "a=1", "'a", " =1", "Zoë"] {
        assert_eq!(text_cell(text), text);
    }
}

#[test]
fn p_32_names_with_any_sign_come_back_as_they_were() {
    let names = ["a,b", "a\"b", "a\r\nb", "a\nb", "ü;☃", " a "];
    let payouts: Vec<_> = names.iter().map(|name| payout(1, name, Amount::new(1, Currency::JPY))).collect();
    let out = csv(&info(Currency::JPY), &payouts).unwrap();
    let mut reader = csv::Reader::from_reader(out.bytes.as_slice());
    assert_eq!(reader.headers().unwrap(), CSV_COLUMNS.as_slice());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let read: Vec<_> = rows.iter().map(|row| row.get(2).unwrap()).collect();
    assert_eq!(read, names);
    assert_eq!(rows[0].get(6), Some("1"));
}

#[test]
fn p_05_a_second_currency_and_an_overflowing_sum_are_refused() {
    let dollar = payout(2, "a", Amount::new(1, Currency::USD));
    assert_eq!(
        csv(&info(Currency::EUR), &[dollar]).unwrap_err().to_string(),
        "payout 2 is in USD, the file in EUR"
    );
    let huge =
        [payout(1, "a", Amount::new(i64::MAX, Currency::EUR)), payout(2, "b", Amount::new(1, Currency::EUR))];
    assert!(
        matches!(csv(&info(Currency::EUR), &huge), Err(RowFault::ControlSum { payout, .. }) if payout.get() == 2)
    );
}
