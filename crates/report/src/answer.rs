//! From counted rows to the answer that is sent.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use hopline_money::Currency;
use hopline_types::UnixMillis;
use serde_json::{Map, Value as Json, json};

use crate::{Cell, Counters, Metric, ReportQuery, ReportRow, ReportRows, SortBy, Value};

/// A finished report.
#[derive(Debug, Clone)]
pub struct Report<'q> {
    query: &'q ReportQuery,
    rows: Vec<ReportRow>,
    rows_omitted: usize,
    /// Sums over all rows, clicks once.
    totals: Counters,
    totals_by_currency: BTreeMap<Currency, Counters>,
    currencies: Vec<Currency>,
    is_split: bool,
    fresh_until: Option<UnixMillis>,
    raw_missing_before: Option<UnixMillis>,
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report as CSV")]
pub struct ReportError(#[from] csv::Error);

impl<'q> Report<'q> {
    /// Joins clicks with conversions, decides on currencies, orders and cuts.
    #[must_use]
    pub fn new(query: &'q ReportQuery, counted: ReportRows) -> Self {
        let mut groups: BTreeMap<Vec<Value>, Group> = BTreeMap::new();
        let mut totals = Counters::default();
        let mut by_currency: BTreeMap<Currency, Counters> = BTreeMap::new();
        for row in counted.rows {
            totals += &row.counters;
            let group = groups.entry(row.key).or_default();
            match row.currency {
                None => group.clicks += &row.counters,
                Some(currency) => {
                    *by_currency.entry(currency).or_default() += &row.counters;
                    *group.by_currency.entry(currency).or_default() += &row.counters;
                }
            }
        }
        let clicks = totals.clicks_only();
        for counters in by_currency.values_mut() {
            *counters += &clicks;
        }
        let currencies: Vec<Currency> = by_currency.keys().copied().collect();
        let asks_for_money = query.metrics.iter().any(|metric| metric.needs_one_currency());
        let is_split = asks_for_money && currencies.len() > 1;
        let only = query.currency.or_else(|| currencies.first().copied().filter(|_| currencies.len() == 1));
        let mut rows: Vec<ReportRow> =
            groups.into_iter().flat_map(|(key, group)| group.rows(key, is_split, only)).collect();
        rows.sort_by(|left, right| order(query, left, right));
        let rows_omitted = rows.len().saturating_sub(query.limit);
        rows.truncate(query.limit);
        Self {
            query,
            rows,
            rows_omitted,
            totals,
            totals_by_currency: by_currency,
            currencies,
            is_split,
            fresh_until: counted.fresh_until,
            raw_missing_before: counted.raw_missing_before,
        }
    }

    /// The rows in their final order.
    #[must_use]
    pub fn rows(&self) -> &[ReportRow] {
        &self.rows
    }

    /// Sums over all rows, also those left out by the limit. Money is meaningless where
    /// [`Report::currency`] is none and there are several currencies.
    #[must_use]
    pub const fn totals(&self) -> &Counters {
        &self.totals
    }

    /// The one currency of the answer: the one chosen, or the only one there is.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        let only = self.currencies.first().copied().filter(|_| self.currencies.len() == 1);
        self.query.currency.or(only)
    }

    /// The answer as contract says: rows, totals, meta.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let rows: Vec<Json> = self.rows.iter().map(|row| self.row_json(row)).collect();
        let mut answer = Map::new();
        answer.insert("rows".into(), rows.into());
        answer.insert("totals".into(), Json::Object(self.metrics_json(&self.totals, self.currency())));
        if self.is_split {
            let totals = self.totals_by_currency.iter().map(|(currency, counters)| {
                let mut total = self.metrics_json(counters, Some(*currency));
                total.insert("currency".into(), currency.code().into());
                Json::Object(total)
            });
            answer.insert("totals_by_currency".into(), totals.collect());
        }
        answer.insert("meta".into(), self.meta());
        Json::Object(answer)
    }

    /// The rows as CSV with a header; text that a spreadsheet would take for a formula gets an apostrophe.
    ///
    /// # Errors
    /// None in practice: it writes into memory.
    pub fn to_csv(&self) -> Result<Vec<u8>, ReportError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let dimensions = self.query.group_by.iter().map(|dimension| dimension.as_str());
        let currency = self.is_split.then_some("currency");
        let metrics = self.query.metrics.iter().map(|metric| metric.as_str());
        writer.write_record(dimensions.chain(currency).chain(metrics))?;
        for row in &self.rows {
            let values = row.key.iter().map(value_csv);
            let currency = self.is_split.then(|| row.currency.map_or(String::new(), |it| it.code().into()));
            let cells = self.query.metrics.iter().map(|metric| cell_csv(self.cell(*metric, row)));
            writer.write_record(values.chain(currency).chain(cells))?;
        }
        writer.into_inner().map_err(|error| ReportError(error.into_error().into()))
    }

    fn meta(&self) -> Json {
        let denominators: Map<String, Json> = self
            .query
            .metrics
            .iter()
            .filter_map(|metric| Some((metric.as_str().to_owned(), metric.denominator()?.into())))
            .collect();
        let codes: Vec<&str> = self.currencies.iter().map(|currency| currency.code()).collect();
        let group_by: Vec<&str> = self.query.group_by.iter().map(|dimension| dimension.as_str()).collect();
        json!({
            "basis": self.query.basis.as_str(),
            "tz": self.query.zone.iana_name().unwrap_or("UTC"),
            "from": rfc3339(self.query.from),
            "to": rfc3339(self.query.to),
            "group_by": group_by,
            "currency": self.currency().map(Currency::code),
            "currencies": codes,
            "split_by_currency": self.is_split,
            "fresh_until": self.fresh_until.map(rfc3339),
            "denominators": denominators,
            "rows_omitted": self.rows_omitted,
            "incomplete_before": self.raw_missing_before.map(rfc3339),
        })
    }

    fn row_json(&self, row: &ReportRow) -> Json {
        let mut object = Map::new();
        for (dimension, value) in self.query.group_by.iter().zip(&row.key) {
            object.insert(dimension.as_str().into(), value_json(value));
        }
        if self.is_split {
            object.insert("currency".into(), row.currency.map_or(Json::Null, |it| it.code().into()));
        }
        for metric in &self.query.metrics {
            object.insert(metric.as_str().into(), cell_json(self.cell(*metric, row)));
        }
        Json::Object(object)
    }

    fn metrics_json(&self, counters: &Counters, currency: Option<Currency>) -> Map<String, Json> {
        let is_mixed = currency.is_none() && self.currencies.len() > 1;
        let cells = self.query.metrics.iter().map(|metric| {
            let undefined = is_mixed && metric.needs_one_currency();
            let cell = if undefined { Cell::Null } else { metric.value(counters, currency) };
            (metric.as_str().to_owned(), cell_json(cell))
        });
        cells.collect()
    }

    fn cell(&self, metric: Metric, row: &ReportRow) -> Cell {
        metric.value(&row.counters, row.currency)
    }
}

#[derive(Default)]
struct Group {
    clicks: Counters,
    by_currency: BTreeMap<Currency, Counters>,
}

impl Group {
    fn rows(self, key: Vec<Value>, is_split: bool, only: Option<Currency>) -> Vec<ReportRow> {
        let Self { clicks, by_currency } = self;
        if is_split && !by_currency.is_empty() {
            let row = |(currency, mut counters): (Currency, Counters)| {
                counters += &clicks;
                ReportRow { key: key.clone(), currency: Some(currency), counters }
            };
            return by_currency.into_iter().map(row).collect();
        }
        let mut counters = clicks;
        for part in by_currency.values() {
            counters += part;
        }
        let used: BTreeSet<Currency> = by_currency.into_keys().collect();
        let currency = used.first().copied().filter(|_| used.len() == 1).or(only);
        vec![ReportRow { key, currency, counters }]
    }
}

fn order(query: &ReportQuery, left: &ReportRow, right: &ReportRow) -> Ordering {
    for sort in &query.sort {
        let ordering = match sort.by {
            SortBy::Metric(metric) => {
                let value = |row: &ReportRow| metric.value(&row.counters, row.currency);
                value(left).order(&value(right), sort.descending)
            }
            SortBy::Dimension(dimension) => {
                let at = query.group_by.iter().position(|each| *each == dimension);
                let value = |row: &ReportRow| at.and_then(|at| row.key.get(at).cloned());
                values_in_order(value(left), value(right), sort.descending)
            }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    (&left.key, left.currency).cmp(&(&right.key, right.currency))
}

fn values_in_order(left: Option<Value>, right: Option<Value>, descending: bool) -> Ordering {
    let is_absent = |value: &Option<Value>| matches!(value, None | Some(Value::None));
    match (is_absent(&left), is_absent(&right)) {
        (false, false) if descending => right.cmp(&left),
        (false, false) => left.cmp(&right),
        (left, right) => left.cmp(&right),
    }
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Id(id) => (*id).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Time { label, .. } => label.as_str().into(),
    }
}

fn cell_json(cell: Cell) -> Json {
    match cell {
        Cell::Null => Json::Null,
        Cell::Count(count) => count.into(),
        Cell::Decimal(exact) => exact.to_string().into(),
    }
}

fn value_csv(value: &Value) -> String {
    match value {
        Value::None => String::new(),
        Value::Id(id) => id.to_string(),
        Value::Time { label, .. } => label.clone(),
        Value::Text(text) => disarmed(text).into_owned(),
    }
}

/// Text for a CSV cell: what a spreadsheet would take for a formula gets an apostrophe in front.
#[must_use]
pub fn disarmed(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn cell_csv(cell: Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Count(count) => count.to_string(),
        Cell::Decimal(exact) => exact.to_string(),
    }
}

fn rfc3339(at: UnixMillis) -> String {
    let time = jiff::Timestamp::from_millisecond(at.get());
    time.map_or_else(|_| at.get().to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
