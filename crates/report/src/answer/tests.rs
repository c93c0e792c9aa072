use super::*;
use crate::{Dimension, RowFold, Scope};

fn query(pairs: &[(&str, &str)]) -> ReportQuery {
    ReportQuery::parse(pairs.iter().copied(), UnixMillis(1_790_000_000_000), Scope::ALL).unwrap()
}

fn clicks(count: i64) -> Counters {
    Counters { gross_clicks: count, unique_clicks: count, ..Counters::default() }
}

fn sales(count: i64, payout_minor: i128) -> Counters {
    Counters { conversions: count, payout_minor, ..Counters::default() }
}

fn offer(id: i64) -> Vec<Value> {
    vec![Value::Id(id)]
}

fn counted(rows: &[(i64, Option<Currency>, Counters)]) -> ReportRows {
    let mut fold = RowFold::default();
    for (id, currency, counters) in rows {
        fold.add(offer(*id), *currency, counters);
    }
    ReportRows { rows: fold.finish(), ..ReportRows::default() }
}

fn two_currencies() -> ReportRows {
    counted(&[
        (1, None, clicks(10)),
        (1, Some(Currency::EUR), sales(1, 500)),
        (1, Some(Currency::USD), sales(1, 300)),
        (2, None, clicks(4)),
        (2, Some(Currency::JPY), sales(2, 900)),
        (3, None, clicks(6)),
    ])
}

#[test]
fn clicks_and_conversions_of_a_group_meet_in_one_row() {
    let query = query(&[("group_by", "offer"), ("metrics", "clicks,conversions,payout,epc,cvr")]);
    let rows =
        counted(&[(1, None, clicks(100)), (1, Some(Currency::EUR), sales(4, 499)), (2, None, clicks(3))]);
    let answer = Report::new(&query, rows).to_json();
    assert_eq!(
        answer["rows"],
        json!([
            {"offer": 1, "clicks": 100, "conversions": 4, "payout": "4.99", "epc": "0.049900", "cvr": "0.040000"},
            {"offer": 2, "clicks": 3, "conversions": 0, "payout": "0.00", "epc": "0.000000", "cvr": "0.000000"},
        ])
    );
    assert_eq!(answer["totals"]["clicks"], 103);
    assert_eq!(answer["meta"]["currency"], "EUR");
    assert_eq!(answer["meta"]["denominators"], json!({"cvr": "clicks", "epc": "clicks"}));
    assert!(answer.get("totals_by_currency").is_none());
}

#[test]
fn money_of_several_currencies_is_split_and_never_added() {
    let query = query(&[("group_by", "offer"), ("metrics", "clicks,payout,epc")]);
    let answer = Report::new(&query, two_currencies()).to_json();
    assert_eq!(
        answer["rows"],
        json!([
            {"offer": 1, "currency": "EUR", "clicks": 10, "payout": "5.00", "epc": "0.500000"},
            {"offer": 1, "currency": "USD", "clicks": 10, "payout": "3.00", "epc": "0.300000"},
            {"offer": 2, "currency": "JPY", "clicks": 4, "payout": "900", "epc": "225.0000"},
            {"offer": 3, "currency": null, "clicks": 6, "payout": "0.00", "epc": "0.000000"},
        ])
    );
    assert_eq!(answer["totals"], json!({"clicks": 20, "payout": null, "epc": null}));
    assert_eq!(
        answer["totals_by_currency"][0],
        json!({"currency": "EUR", "clicks": 20, "payout": "5.00", "epc": "0.250000"})
    );
    assert_eq!(answer["meta"]["currencies"], json!(["EUR", "JPY", "USD"]));
    assert_eq!(answer["meta"]["currency"], Json::Null);
}

#[test]
fn counts_alone_are_not_split() {
    let query = query(&[("group_by", "offer"), ("metrics", "clicks,conversions")]);
    let answer = Report::new(&query, two_currencies()).to_json();
    assert_eq!(answer["rows"][0], json!({"offer": 1, "clicks": 10, "conversions": 2}));
    assert_eq!(answer["totals"], json!({"clicks": 20, "conversions": 4}));
}

#[test]
fn rows_are_ordered_cut_and_what_is_left_out_is_counted() {
    let query = query(&[
        ("group_by", "offer"),
        ("metrics", "conversions,cvr"),
        ("sort", "-conversions"),
        ("limit", "2"),
    ]);
    let report = Report::new(&query, two_currencies());
    let order: Vec<&Value> = report.rows().iter().map(|row| &row.key[0]).collect();
    assert_eq!(order, [&Value::Id(1), &Value::Id(2)]);
    assert_eq!(report.to_json()["meta"]["rows_omitted"], 1);
    assert_eq!(report.to_json()["totals"]["conversions"], 4);
}

#[test]
fn csv_has_a_header_and_disarms_formulas() {
    let query = query(&[("group_by", "sub1,day"), ("metrics", "clicks,payout")]);
    assert_eq!(query.group_by, [Dimension::Sub1, Dimension::Day]);
    let mut fold = RowFold::default();
    let day = Value::Time { start: UnixMillis(0), label: "2026-02-01".into() };
    fold.add(vec![Value::Text("=1+1".into()), day.clone()], None, &clicks(2));
    fold.add(vec![Value::Text("a,\"b\"".into()), day], Some(Currency::EUR), &sales(1, -5));
    let rows = ReportRows { rows: fold.finish(), ..ReportRows::default() };
    let csv = String::from_utf8(Report::new(&query, rows).to_csv().unwrap()).unwrap();
    assert_eq!(csv, "sub1,day,clicks,payout\n'=1+1,2026-02-01,2,0.00\n\"a,\"\"b\"\"\",2026-02-01,0,-0.05\n");
}
