//! Counting rows one by one: slow, plain, and the measure of every store's reports.

use std::collections::BTreeMap;

use hopline_report::{Basis, Counters, Dimension, ReportQuery, ReportRow, Value};
use hopline_types::{Class, UnixMillis};

use crate::{Dims, Fact, StoredClick};

/// Values of the dimensions and the currency as text, and the sums.
pub(super) type Table = BTreeMap<Vec<String>, Counters>;

/// What a store counted, in the same form.
pub(super) fn table_of(rows: &[ReportRow]) -> Table {
    let mut table = Table::new();
    for row in rows {
        let currency = row.currency.map_or("-", |currency| currency.code());
        let mut key: Vec<String> = row.key.iter().map(show).collect();
        key.push(currency.to_owned());
        assert!(table.insert(key.clone(), row.counters).is_none(), "{key:?} comes twice");
    }
    table
}

pub(super) fn count(query: &ReportQuery, clicks: &[StoredClick], facts: &[Fact]) -> Table {
    let mut table = Table::new();
    let mut add = |mut key: Vec<String>, currency: &str, counters: Counters| {
        key.push(currency.to_owned());
        *table.entry(key).or_default() += &counters;
    };
    for click in clicks {
        let in_scope = query.scope.advertiser.is_none_or(|id| click.advertiser == Some(id))
            && query.scope.affiliate.is_none_or(|id| click.affiliate == Some(id));
        if let Some(key) = key(query, click.at, in_scope, |dimension| value_of_click(click, dimension)) {
            add(key, "-", counters_of_click(click));
        }
    }
    for fact in facts {
        let at = match query.basis {
            Basis::Click => fact.clicked_at.unwrap_or(fact.converted_at),
            Basis::Conversion => fact.converted_at,
        };
        let in_scope = query.scope.advertiser.is_none_or(|id| fact.advertiser == id)
            && query.scope.affiliate.is_none_or(|id| fact.affiliate == Some(id))
            && query.currency.is_none_or(|currency| fact.currency == currency);
        if let Some(key) = key(query, at, in_scope, |dimension| value_of_fact(fact, dimension)) {
            add(key, fact.currency.code(), counters_of_fact(fact));
        }
    }
    table.retain(|_, counters| !counters.is_zero());
    table
}

fn key(
    query: &ReportQuery,
    at: UnixMillis,
    in_scope: bool,
    value: impl Fn(Dimension) -> Value,
) -> Option<Vec<String>> {
    let in_period = query.from <= at && at < query.to;
    let passes = query.filters.iter().all(|(dimension, values)| values.contains(&value(*dimension)));
    (in_scope && in_period && passes).then(|| {
        let name = |dimension: &Dimension| match dimension {
            Dimension::Hour | Dimension::Day | Dimension::Week | Dimension::Month => {
                label(*dimension, at, query)
            }
            other => show(&value(*other)),
        };
        query.group_by.iter().map(name).collect()
    })
}

fn label(dimension: Dimension, at: UnixMillis, query: &ReportQuery) -> String {
    let time = jiff::Timestamp::from_millisecond(at.get()).expect("a time of this century");
    let format = match dimension {
        Dimension::Hour => "%Y-%m-%dT%H:00:00%:z",
        Dimension::Week => "%G-W%V",
        Dimension::Month => "%Y-%m",
        _ => "%Y-%m-%d",
    };
    time.to_zoned(query.zone.clone()).strftime(format).to_string()
}

fn show(value: &Value) -> String {
    match value {
        Value::None => "-".into(),
        Value::Id(id) => id.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Time { label, .. } => label.clone(),
    }
}

fn of_dims(dims: &Dims, dimension: Dimension) -> Value {
    let sub = Dimension::SUBS.iter().position(|sub| *sub == dimension);
    let text = match (sub, dimension) {
        (Some(sub), _) => dims.subs.get(sub).map_or("", String::as_str),
        (None, Dimension::Source) => &dims.source,
        (None, Dimension::Country) => &dims.country,
        (None, Dimension::Browser) => &dims.browser,
        (None, Dimension::Device) => &dims.device,
        (None, other) => panic!("the stories do not use {other}"),
    };
    Value::text(text)
}

fn value_of_click(click: &StoredClick, dimension: Dimension) -> Value {
    let id = |id: Option<i64>| id.map_or(Value::None, Value::Id);
    match dimension {
        Dimension::Offer => id(click.offer.map(i64::from)),
        Dimension::Affiliate => id(click.affiliate.map(i64::from)),
        Dimension::Advertiser => id(click.advertiser.map(i64::from)),
        Dimension::Link => id(click.link.map(i64::from)),
        Dimension::Goal | Dimension::Status | Dimension::Coupon => Value::None,
        Dimension::Class => Value::text(click.verdict.class.as_str()),
        Dimension::Reason => Value::text(click.verdict.reason.as_str()),
        other => of_dims(&click.dims, other),
    }
}

fn value_of_fact(fact: &Fact, dimension: Dimension) -> Value {
    let id = |id: Option<i64>| id.map_or(Value::None, Value::Id);
    match dimension {
        Dimension::Offer => Value::Id(fact.offer.get()),
        Dimension::Affiliate => id(fact.affiliate.map(i64::from)),
        Dimension::Advertiser => Value::Id(fact.advertiser.get()),
        Dimension::Link => id(fact.link.map(i64::from)),
        Dimension::Goal => Value::Id(fact.goal.get()),
        Dimension::Status => Value::text(fact.status.as_str()),
        Dimension::Coupon => Value::text(fact.coupon.clone()),
        Dimension::Class | Dimension::Reason => Value::None,
        other => of_dims(&fact.dims, other),
    }
}

fn counters_of_click(click: &StoredClick) -> Counters {
    let mut counters = Counters::default();
    if click.is_impression {
        counters.impressions = 1;
        return counters;
    }
    counters.gross_clicks = 1;
    match click.verdict.class {
        Class::Unique => counters.unique_clicks = 1,
        Class::Duplicate => counters.duplicate_clicks = 1,
        Class::Invalid => counters.invalid_clicks = 1,
    }
    counters
}

fn counters_of_fact(fact: &Fact) -> Counters {
    let deltas = &fact.deltas;
    Counters {
        conversions: deltas.conversions,
        events: deltas.events,
        sales: deltas.sales,
        leads: deltas.leads,
        installs: deltas.installs,
        approved: deltas.approved,
        rejected: deltas.rejected,
        reversed: deltas.reversed,
        revenue_minor: deltas.revenue_minor.into(),
        payout_minor: deltas.payout_minor.into(),
        gross_sales_minor: deltas.gross_sales_minor.into(),
        refunds_minor: deltas.refunds_minor.into(),
        ..Counters::default()
    }
}
