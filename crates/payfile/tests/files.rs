//! Files for services, spreadsheets and banks with a form of their own.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_money::{Amount, Currency};
use hopline_payfile::{
    BatchInfo, DecimalMark, PAYPAL_ROWS_MAX, PayTo, PayoutRow, RowFault, Template, WISE_ROWS_MAX, WisePayer,
    from_template, paypal, paypal_step_minor, refuse_payee, wise, xlsx,
};
use hopline_types::{AffiliateId, BatchId, PayoutId, PayoutMethod, UnixMillis};
use serde_json::{Value, json};

fn info(currency: Currency) -> BatchInfo {
    BatchInfo {
        batch: BatchId::new(3).unwrap(),
        message_id: "HL3-20260301T100000Z".into(),
        currency,
        created_at: UnixMillis(1_772_359_200_000),
        execution_date: "2026-03-02".into(),
    }
}

fn row(id: i64, method: &str, pay_to: Value, amount: Amount) -> PayoutRow {
    PayoutRow {
        payout_id: PayoutId::new(id).unwrap(),
        affiliate_id: AffiliateId::new(id + 10).unwrap(),
        method: method.parse().unwrap(),
        pay_to: serde_json::from_value(pay_to).unwrap(),
        amount,
        reference: format!("PO-{id}"),
    }
}

fn euros(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn p_30_a_paypal_file_has_no_header_one_currency_and_plain_amounts() {
    let rows = [
        row(1, "paypal", json!({"email": "zoe@example.com"}), euros(123_450)),
        row(2, "paypal", json!({"payer_id": "ABCDE12345678"}), euros(5)),
    ];
    let out = paypal(&info(Currency::EUR), &rows, DecimalMark::Point).unwrap();
    assert_eq!((out.count, out.control_sum), (2, euros(123_455)));
    assert_eq!(
        text(out.bytes),
        "zoe@example.com,1234.50,EUR,PO-1,Payout 1 HL3-20260301T100000Z,PAYPAL\r\n\
         ABCDE12345678,0.05,EUR,PO-2,Payout 2 HL3-20260301T100000Z,PAYPAL\r\n"
    );
    let comma = text(paypal(&info(Currency::EUR), &rows, DecimalMark::Comma).unwrap().bytes);
    assert!(comma.starts_with("zoe@example.com,\"1234,50\",EUR"), "{comma}");
}

#[test]
fn p_30_paypal_pays_whole_units_of_some_currencies_and_no_more_than_its_rows() {
    let yen = Currency::JPY;
    let forint = Currency::new("HUF").unwrap();
    assert_eq!(
        (paypal_step_minor(yen), paypal_step_minor(forint), paypal_step_minor(Currency::EUR)),
        (1, 100, 1)
    );
    let rows = [row(1, "paypal", json!({"email": "zoe@example.com"}), Amount::new(123_456, forint))];
    let told = paypal(&info(forint), &rows, DecimalMark::Point).unwrap_err();
    assert_eq!(told.to_string(), "payout 1: PayPal pays whole units of this currency only");
    let many = vec![row(1, "paypal", json!({"email": "zoe@example.com"}), euros(1)); PAYPAL_ROWS_MAX + 1];
    let told = paypal(&info(Currency::EUR), &many, DecimalMark::Point).unwrap_err();
    assert_eq!(told, RowFault::TooMany { given: 5_001, limit: 5_000 });
    let other = [row(1, "paypal", json!({"email": "zoe@example.com"}), Amount::new(1, yen))];
    assert!(matches!(
        paypal(&info(Currency::EUR), &other, DecimalMark::Point),
        Err(RowFault::Currency { .. })
    ));
}

#[test]
fn p_31_a_wise_file_has_the_template_s_header() {
    let rows = [
        row(1, "wise", json!({"holder": "Zoë Ltd", "email": "zoe@example.com"}), euros(10_00)),
        row(2, "wise", json!({"recipient": "148563"}), euros(1)),
    ];
    let out = wise(&info(Currency::EUR), &rows, &WisePayer::default()).unwrap();
    assert_eq!(
        text(out.bytes),
        "name,recipientId,recipientEmail,sourceCurrency,targetCurrency,amountCurrency,amount,paymentReference\r\n\
         Zoë Ltd,,zoe@example.com,EUR,EUR,target,10.00,PO-1\r\n\
         148563,148563,,EUR,EUR,target,0.01,PO-2\r\n"
    );
    let payer = WisePayer {
        source_currency: Some(Currency::USD),
        columns: vec!["recipientId".into(), "sourceCurrency".into()],
    };
    let out = wise(&info(Currency::EUR), &rows[1..], &payer).unwrap();
    assert_eq!(text(out.bytes), "recipientId,sourceCurrency\r\n148563,USD\r\n");
    let payer = WisePayer { columns: vec!["iban".into()], ..WisePayer::default() };
    assert!(matches!(wise(&info(Currency::EUR), &rows, &payer), Err(RowFault::File { .. })));
    let many = vec![rows[1].clone(); WISE_ROWS_MAX + 1];
    assert_eq!(
        wise(&info(Currency::EUR), &many, &WisePayer::default()).unwrap_err(),
        RowFault::TooMany { given: 1_001, limit: 1_000 }
    );
}

#[test]
fn accounts_at_services_and_banks_are_judged_before_a_file_is_made() {
    let reason = |method: &str, pay_to: Value| {
        let pay_to: PayTo = serde_json::from_value(pay_to).unwrap();
        let method: PayoutMethod = method.parse().unwrap();
        refuse_payee(method, &pay_to, euros(1)).map(|reason| reason.as_str())
    };
    for (method, pay_to, expected) in [
        ("paypal", json!({"email": "zoe@example.com"}), None),
        ("paypal", json!({"payer_id": "ABCDE12345678"}), None),
        ("paypal", json!({"payer_id": "abc"}), Some("invalid_recipient")),
        ("paypal", json!({"email": "zoe"}), Some("invalid_recipient")),
        ("paypal", json!({"email": "a@b@example.com"}), Some("invalid_recipient")),
        ("paypal", json!({}), Some("no_bank_data")),
        ("wise", json!({"recipient": "148563"}), None),
        ("wise", json!({"recipient": "14 85"}), Some("invalid_recipient")),
        ("wise", json!({"holder": "Zoë"}), Some("no_bank_data")),
        ("bank", json!({"holder": "Zoë", "iban": "DE89370400440532013000"}), None),
        ("bank", json!({"holder": "Zoë", "iban": "DE88370400440532013000"}), Some("invalid_iban")),
        ("bank", json!({"holder": "Zoë", "account_number": "12-345"}), None),
        ("bank", json!({"holder": "Zoë", "account_number": "12;345"}), Some("invalid_account")),
        ("bank", json!({"holder": "Zoë", "account_number": "1", "bic": "X"}), Some("invalid_bic")),
        ("bank", json!({"account_number": "1"}), Some("name_missing")),
        ("manual", json!({}), None),
        ("sepa", json!({"holder": "Zoë", "iban": "DE89370400440532013000"}), None),
    ] {
        assert_eq!(reason(method, pay_to.clone()), expected, "{method} {pay_to}");
    }
}

fn template(with: Value) -> Template {
    let mut template =
        json!({"columns": [{"title": "IBAN", "value": "{iban}"}, {"title": "Betrag", "value": "{amount}"}]});
    template.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    serde_json::from_value(template).unwrap()
}

fn german() -> Vec<PayoutRow> {
    vec![
        row(1, "sepa", json!({"holder": "Zoë; Łukasz", "iban": "DE89370400440532013000"}), euros(123_450)),
        row(2, "sepa", json!({"holder": "=1+1", "iban": "NL91ABNA0417164300"}), euros(5)),
    ]
}

#[test]
fn p_32_a_template_gives_header_rows_and_a_footer_with_totals_in_the_bank_s_encoding() {
    let template = template(json!({
        "header": [["H", "{message_id}", "{execution_date}"]],
        "footer": [["T", "{count}", "{total}", "{currency}"]],
        "columns": [{"title": "Nr", "value": "{line}"}, {"title": "Empfänger", "value": "{holder}"},
            {"title": "IBAN", "value": "{iban}"}, {"title": "Betrag", "value": "{amount}"},
            {"title": "Zweck", "value": "Auszahlung {payout_id} {{{reference}}}"}],
        "separator": ";", "decimal_mark": ",", "encoding": "windows-1252", "transliterate": true,
    }));
    let out = from_template(&info(Currency::EUR), &german(), &template).unwrap();
    let expected = "H;HL3-20260301T100000Z;2026-03-02\r\nNr;Empfänger;IBAN;Betrag;Zweck\r\n\
         1;\"Zoë; Lukasz\";DE89370400440532013000;1234,50;Auszahlung 1 {PO-1}\r\n\
         2;'=1+1;NL91ABNA0417164300;0,05;Auszahlung 2 {PO-2}\r\nT;2;1234,55;EUR\r\n";
    let latin: Vec<u8> = expected.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(out.bytes, latin);
    assert_eq!((out.count, out.control_sum), (2, euros(123_455)));
    assert_eq!(out.media_type, "text/csv; charset=windows-1252");
    // P-03
    assert_eq!(from_template(&info(Currency::EUR), &german(), &template).unwrap().bytes, latin);
}

#[test]
fn p_32_a_template_never_rounds_and_never_drops_a_letter() {
    let told = |with: Value| {
        from_template(&info(Currency::EUR), &german(), &template(with)).unwrap_err().to_string()
    };
    let columns = json!([{"value": "{holder}"}]);
    assert_eq!(
        told(json!({"encoding": "iso-8859-1", "columns": columns})),
        "payout 1: 'Ł' (U+0141) is not in iso-8859-1"
    );
    assert!(
        told(json!({"decimals": 0})).starts_with("payout 1: EUR 1234.50 has more than 0 decimals")
            || told(json!({"decimals": 0})).contains("has more than 0 decimals")
    );
    let exact =
        from_template(&info(Currency::EUR), &german(), &template(json!({"decimals": 3, "titles": false})))
            .unwrap();
    assert_eq!(text(exact.bytes), "DE89370400440532013000,1234.500\r\nNL91ABNA0417164300,0.050\r\n");
    let quoted = template(json!({"quotes": "always", "line_end": "lf", "titles": false}));
    let quoted = from_template(&info(Currency::EUR), &german()[..1], &quoted).unwrap();
    assert_eq!(text(quoted.bytes), "\"DE89370400440532013000\",\"1234.50\"\n");
}

#[test]
fn every_fault_of_a_template_is_named() {
    let faults: Vec<String> = template(json!({
        "columns": [{"value": "{ibann}"}, {"value": "{iban"}],
        "header": [["{iban}"], []],
        "separator": "\n", "decimal_mark": "x", "decimals": 9, "ending": "../x",
    }))
    .faults()
    .into_iter()
    .map(|(field, _)| field)
    .collect();
    let expected = [
        "columns[0].value",
        "columns[1].value",
        "header[0][0]",
        "header[1]",
        "separator",
        "decimal_mark",
        "decimals",
        "ending",
    ];
    assert_eq!(faults, expected);
    assert!(template(json!({})).faults().is_empty());
}

#[test]
fn a_workbook_is_the_same_bytes_each_time_and_a_zip_file() {
    let out = xlsx(&info(Currency::EUR), &german()).unwrap();
    assert_eq!((out.count, out.control_sum), (2, euros(123_455)));
    assert!(out.bytes.starts_with(b"PK\x03\x04"));
    assert_eq!(xlsx(&info(Currency::EUR), &german()).unwrap().bytes, out.bytes);
}
