use super::*;
use hopline_types::{AffiliateId, HOUR_MS};

const NOW: &str = "2026-07-15T22:30:00Z";

fn at(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

fn parse(pairs: &[(&str, &str)]) -> Result<ReportQuery, Vec<FieldError>> {
    ReportQuery::parse(pairs.iter().copied(), at(NOW), Scope::ALL)
}

#[test]
fn without_parameters_it_is_today_by_day() {
    let query = parse(&[]).unwrap();
    assert_eq!((query.from, query.to), (at("2026-07-15T00:00:00Z"), at("2026-07-16T00:00:00Z")));
    assert_eq!(query.group_by, [Dimension::Day]);
    assert_eq!(query.metrics, Metric::DEFAULT);
}

#[test]
fn today_is_the_zones_today() {
    let query = parse(&[("tz", "Europe/Berlin")]).unwrap();
    assert_eq!((query.from, query.to), (at("2026-07-15T22:00:00Z"), at("2026-07-16T22:00:00Z")));
}

#[test]
fn a_last_day_is_included_and_a_last_instant_is_not() {
    let query = parse(&[("from", "2026-07-01"), ("to", "2026-07-01")]).unwrap();
    assert_eq!(query.to.since(query.from), 24 * HOUR_MS);
    let query = parse(&[("from", "2026-07-01T00:00:00+02:00"), ("to", "2026-07-01T00:00:00Z")]).unwrap();
    assert_eq!(query.to.since(query.from), 2 * HOUR_MS);
}

#[test]
fn a_whole_query_reads_as_meant() {
    let query = parse(&[
        ("group_by", "month,affiliate,sub1"),
        ("metrics", "clicks,payout"),
        ("filter[offer]", "1,2"),
        ("filter[offer]", "3"),
        ("filter[sub1]", "a,"),
        ("basis", "click"),
        ("currency", "EUR"),
        ("sort", "-payout,sub1"),
        ("limit", "5"),
        ("format", "csv"),
    ])
    .unwrap();
    assert_eq!(query.group_by, [Dimension::Month, Dimension::Affiliate, Dimension::Sub1]);
    assert_eq!(query.filters[&Dimension::Offer], [Value::Id(1), Value::Id(2), Value::Id(3)]);
    assert_eq!(query.filters[&Dimension::Sub1], [Value::Text("a".into()), Value::None]);
    assert_eq!((query.basis, query.currency), (Basis::Click, Some(Currency::EUR)));
    assert_eq!(query.sort[0], SortKey { by: SortBy::Metric(Metric::Payout), descending: true });
    assert_eq!((query.limit, query.format), (5, Format::Csv));
}

#[test]
fn every_fault_is_said_at_once() {
    let errors = parse(&[
        ("from", "yesterday"),
        ("tz", "Mars/Olympus"),
        ("group_by", "day,colour,campaign,day"),
        ("metrics", "clicks,profitability,time_to_convert_p50"),
        ("filter[offer]", "x"),
        ("filter[day]", "2026-01-01"),
        ("filter[class]", "great"),
        ("basis", "both"),
        ("currency", "EURO"),
        ("sort", "revenue"),
        ("limit", "0"),
        ("format", "xlsx"),
        ("page", "2"),
    ])
    .unwrap_err();
    let mut fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    let expected = [
        "basis",
        "currency",
        "filter[class]",
        "filter[day]",
        "filter[offer]",
        "format",
        "from",
        "group_by",
        "group_by",
        "group_by",
        "limit",
        "metrics",
        "metrics",
        "page",
        "sort",
        "tz",
    ];
    assert_eq!(fields, expected);
    let said = |field: &str, part: &str| {
        assert!(errors.iter().any(|e| e.field == field && e.message.contains(part)), "{field}: {part}");
    };
    said("group_by", "\"colour\" is no dimension here, expected hour, day, week");
    said("group_by", "campaign is not available yet");
    said("metrics", "\"profitability\" is no metric, expected gross_clicks");
    said("format", "xlsx is not available yet");
}

#[test]
fn an_affiliate_is_not_shown_what_the_advertiser_pays() {
    let scope = Scope::affiliate(AffiliateId::new(1).unwrap());
    let query = ReportQuery::parse([("tz", "UTC")], at(NOW), scope).unwrap();
    assert!(query.metrics.iter().all(|metric| !metric.shows_revenue()));
    let errors = ReportQuery::parse([("metrics", "payout,margin")], at(NOW), scope).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].to_string(), "metrics: margin is not shown to affiliates");
}

#[test]
fn a_report_of_twenty_years_by_hour_is_refused() {
    let errors = parse(&[("from", "2006-01-01"), ("to", "2026-01-01"), ("group_by", "hour")]).unwrap_err();
    assert_eq!(errors[0].field, "group_by");
}

#[test]
fn clicks_are_filtered_by_what_clicks_have() {
    let parse = |name: &str| ClickQuery::parse([(name, "1")], at(NOW), Scope::ALL);
    assert!(parse("filter[sub10]").is_ok());
    for name in ["filter[goal]", "filter[hour]", "group_by", "limit"] {
        assert_eq!(parse(name).unwrap_err().len(), 1, "{name}");
    }
}
