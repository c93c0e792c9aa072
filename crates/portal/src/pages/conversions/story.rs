//! One conversion told in steps, then its whole record.

use hopline_control_store::conversions::Conversion;
use hopline_types::{ConversionId, Role, UnixMillis};
use serde_json::Value;

use crate::figures::{Names, shown_status};
use crate::session::Viewer;
use crate::text::ENGLISH;
use crate::view::number::{Figure, count};
use crate::view::record;
use crate::view::tone::tone;
use crate::view::zone;

/// A label with its value.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

/// One step of the way.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<String>,
}

/// The page's content.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) id: ConversionId,
    pub(crate) status: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) facts: Vec<Fact>,
    pub(crate) click_id: Option<String>,
    pub(crate) steps: Vec<Step>,
    /// The record as nested lists; HTML whose texts are escaped.
    pub(crate) record: String,
}

impl Story {
    pub(crate) fn new(viewer: &Viewer, conversion: &Conversion, names: &Names, record: &Value) -> Self {
        let t = &ENGLISH.explain;
        let status = shown_status(viewer.role(), conversion);
        let word = ENGLISH.words.status(status);
        let steps = vec![
            Step { title: t.step_reported, lines: reported(viewer, conversion) },
            Step { title: t.step_attributed, lines: attributed(viewer, conversion, names, record) },
            Step { title: t.step_priced, lines: priced(viewer.role(), conversion, record) },
            Step { title: t.step_booked, lines: booked(viewer, record) },
            Step { title: t.step_stands, lines: stands(word, conversion) },
        ];
        Self {
            id: conversion.id,
            status: word,
            tone: tone(status),
            facts: facts(viewer, conversion, names),
            click_id: conversion.click_id.clone(),
            steps,
            record: record::html(record),
        }
    }
}

fn facts(viewer: &Viewer, conversion: &Conversion, names: &Names) -> Vec<Fact> {
    let t = &ENGLISH.explain;
    let fact = |label, value: Option<String>| value.map(|value| Fact { label, value });
    let what = format!("{} ({})", ENGLISH.words.kind(conversion.kind), conversion.goal_key);
    let repeats = Some(conversion.repeats).filter(|repeats| *repeats > 0).map(count);
    [
        fact(ENGLISH.tables.offer, Some(names.offer(conversion.offer))),
        fact(ENGLISH.tables.what, Some(what)),
        fact(t.order, conversion.order_id.clone()),
        fact(t.order_value, conversion.amount.map(|amount| Figure::amount(amount).to_string())),
        fact(t.happened, Some(viewer.zone.stamp(conversion.converted_at))),
        fact(t.received, Some(viewer.zone.stamp(conversion.received_at))),
        fact(t.clicked, conversion.clicked_at.map(|at| viewer.zone.stamp(at))),
        fact(t.source, Some(conversion.source.as_str().to_owned())),
        fact(t.repeats, repeats),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn reported(viewer: &Viewer, conversion: &Conversion) -> Vec<String> {
    let at = viewer.zone.long(conversion.received_at);
    vec![(ENGLISH.explain.reported)(conversion.source.as_str(), &at)]
}

fn attributed(viewer: &Viewer, conversion: &Conversion, names: &Names, record: &Value) -> Vec<String> {
    let t = &ENGLISH.explain;
    if conversion.decided_at.is_none() {
        return vec![t.waiting.into()];
    }
    let mut lines = match conversion.affiliate {
        None => vec![format!("{}.", t.nobody)],
        Some(_) if viewer.role() == Role::Affiliate => vec![format!("{}.", t.credited_you)],
        Some(affiliate) => vec![format!("{} {}.", t.credited, names.affiliate(affiliate))],
    };
    if let Some(reason) = record["decision"]["reason"].as_str() {
        lines.push(reason.to_owned());
    }
    lines.extend(list(&record["decision"]["touches"]).iter().map(|touch| touched(viewer, touch)));
    lines
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("–")
}

/// A time of the record, in the viewer's zone.
fn stamp(viewer: &Viewer, value: &Value, name: &str) -> String {
    let time = value[name].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
    time.map_or_else(|| "–".into(), |time| viewer.zone.stamp(UnixMillis(time.as_millisecond())))
}

fn touched(viewer: &Viewer, touch: &Value) -> String {
    let at = stamp(viewer, touch, "at");
    let outcome = text(touch, "outcome").replace('_', " ");
    let before =
        touch["age_seconds"].as_i64().map_or_else(|| "–".into(), |age| zone::age(age.saturating_mul(1_000)));
    (ENGLISH.explain.touch)(&at, text(touch, "class"), &before, &outcome)
}

/// One line of the price; the record holds only those that the viewer may see.
fn price(line: &Value) -> String {
    let rounded = format!("{} {}", text(&line["rounded"], "amount"), text(&line["rounded"], "currency"));
    let basis = [text(line, "rate"), text(line, "label"), text(line, "basis")];
    (ENGLISH.explain.line)(text(line, "side"), basis, text(line, "exact"), &rounded)
}

fn booked(viewer: &Viewer, record: &Value) -> Vec<String> {
    let transactions = list(&record["transactions"]);
    if transactions.is_empty() {
        return vec![ENGLISH.explain.not_booked.into()];
    }
    let one = |transaction: &Value| {
        let kind = text(transaction, "kind").replace('_', " ");
        (ENGLISH.explain.transaction)(
            &stamp(viewer, transaction, "booked_at"),
            &kind,
            text(transaction, "id"),
        )
    };
    transactions.iter().map(one).collect()
}

fn priced(role: Role, conversion: &Conversion, record: &Value) -> Vec<String> {
    let t = &ENGLISH.explain;
    let words = &ENGLISH.dashboard;
    let mut lines = Vec::new();
    let mut line = |label: &str, amount: Option<hopline_money::Amount>| {
        if let Some(amount) = amount {
            lines.push(format!("{label}: {}", Figure::amount(amount)));
        }
    };
    if role != Role::Affiliate {
        line(words.revenue, conversion.revenue);
    }
    if role != Role::Advertiser {
        line(words.payout, conversion.payout);
    }
    if lines.is_empty() {
        return vec![t.not_priced.into()];
    }
    lines.extend(list(&record["decision"]["lines"]).iter().map(price));
    if let Some(version) = record["decision"]["terms"]["version"].as_i64() {
        lines.push(format!("{} {version}", t.terms));
    }
    lines
}

fn stands(status: &'static str, conversion: &Conversion) -> Vec<String> {
    let reason = conversion.reason.clone();
    [Some(format!("{status}.")), reason].into_iter().flatten().collect()
}
