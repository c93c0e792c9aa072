//! Reading a query string: every fault is said, all of them at once.

use std::collections::BTreeMap;

use hopline_money::Currency;
use hopline_types::{Class, CommissionStatus, Reason, UnixMillis, UnknownWord};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::period::{cut, day_start, moved, zoned};
use crate::query::FILTER_VALUES_MAX;
use crate::{
    Basis, ClickQuery, Dimension, Filters, Format, Metric, ReportQuery, SEGMENTS_MAX, Scope, SortBy, SortKey,
    Value,
};

/// A query groups by at most this many dimensions.
pub const GROUPS_MAX: usize = 8;
/// Rows of an answer where no `limit` is given.
pub const LIMIT_DEFAULT: usize = 10_000;
/// The highest `limit`.
pub const LIMIT_MAX: usize = 100_000;

const REPORT_PARAMETERS: &[&str] =
    &["from", "to", "tz", "group_by", "metrics", "basis", "currency", "sort", "limit", "format", "filter[…]"];
const CLICK_PARAMETERS: &[&str] = &["from", "to", "tz", "format", "filter[…]"];

/// A fault in one parameter of a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The parameter.
    pub field: String,
    /// What was given, what was expected.
    pub message: String,
}

impl ReportQuery {
    /// Reads the decoded pairs of a query string. `now` decides what "today" is.
    ///
    /// Without `from` the report begins today, without `to` it ends with today; `group_by` absent is `day`,
    /// `group_by` empty is one row. Metrics that show what advertisers pay are refused to an affiliate, and
    /// left out of the default.
    ///
    /// # Errors
    /// Every faulty parameter, with what would have been accepted.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
        now: UnixMillis,
        scope: Scope,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::collect(pairs, REPORT_PARAMETERS);
        let zone = fields.zone();
        let (from, to) = fields.period(&zone, now);
        let group_by = fields.group_by();
        let metrics = fields.metrics(scope);
        let sort = fields.sort(&group_by, &metrics);
        let query = Self {
            from,
            to,
            filters: fields.filters(|dimension| !dimension.is_time()),
            basis: fields.basis(),
            currency: fields.currency(),
            limit: fields.limit(),
            format: fields.format(&[("json", Format::Json), ("csv", Format::Csv)]),
            zone,
            group_by,
            metrics,
            sort,
            scope,
        };
        fields.refuse_too_many_pieces(&query);
        fields.finish(query)
    }
}

impl ClickQuery {
    /// Reads the decoded pairs of a query string. `now` decides what "today" is.
    ///
    /// # Errors
    /// Every faulty parameter, with what would have been accepted.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
        now: UnixMillis,
        scope: Scope,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::collect(pairs, CLICK_PARAMETERS);
        let zone = fields.zone();
        let (from, to) = fields.period(&zone, now);
        let query = Self {
            from,
            to,
            filters: fields.filters(Dimension::is_of_clicks),
            format: fields.format(&[("ndjson", Format::Ndjson), ("csv", Format::Csv)]),
            scope,
        };
        fields.finish(query)
    }
}

struct Fields {
    given: BTreeMap<&'static str, String>,
    filters: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Fields {
    fn collect<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
        known: &'static [&'static str],
    ) -> Self {
        let mut fields = Self { given: BTreeMap::new(), filters: Vec::new(), errors: Vec::new() };
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            let filter = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']'));
            if let Some(dimension) = filter {
                fields.filters.push((dimension.to_owned(), value.to_owned()));
            } else if let Some(known) = known.iter().find(|known| **known == name) {
                if fields.given.insert(known, value.to_owned()).is_some() {
                    fields.refuse(name, "given more than once");
                }
            } else {
                let message = format!("no such parameter, expected {}", known.join(", "));
                fields.refuse(&shown(name), message);
            }
        }
        fields
    }

    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    fn finish<Q>(self, query: Q) -> Result<Q, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(query) } else { Err(self.errors) }
    }

    /// The value of a parameter; an empty one counts as absent.
    fn take(&mut self, name: &str) -> Option<String> {
        self.given.remove(name).filter(|value| !value.is_empty())
    }

    fn zone(&mut self) -> TimeZone {
        let Some(name) = self.take("tz") else { return TimeZone::UTC };
        match TimeZone::get(&name) {
            Ok(zone) => zone,
            Err(_) => {
                let name = shown(&name);
                self.refuse("tz", format!("{name:?} is no zone of the IANA database, such as Europe/Berlin"));
                TimeZone::UTC
            }
        }
    }

    fn period(&mut self, zone: &TimeZone, now: UnixMillis) -> (UnixMillis, UnixMillis) {
        let today = zoned(now, zone).date();
        let from = self.take("from").and_then(|text| self.instant("from", &text, zone, 0));
        let to = self.take("to").and_then(|text| self.instant("to", &text, zone, 1));
        let from = from.unwrap_or_else(|| day_start(today, zone));
        let to = to.unwrap_or_else(|| day_start(moved(today, 1), zone));
        if from >= to && self.errors.iter().all(|error| error.field != "from" && error.field != "to") {
            self.refuse("to", "the end must lie after the beginning (from)");
        }
        (from, to)
    }

    /// A time, or the beginning of a date `days_on` days later.
    fn instant(&mut self, field: &str, text: &str, zone: &TimeZone, days_on: i64) -> Option<UnixMillis> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(UnixMillis(time.as_millisecond()));
        }
        if text.len() == 10
            && let Ok(date) = text.parse::<civil::Date>()
        {
            return Some(day_start(moved(date, days_on), zone));
        }
        let text = shown(text);
        let expected = "expected a date such as 2026-02-01 or a time such as 2026-02-01T00:00:00Z";
        self.refuse(field, format!("{text:?} is no time: {expected}"));
        None
    }

    fn dimension(&mut self, field: &str, name: &str, fits: impl Fn(Dimension) -> bool) -> Option<Dimension> {
        let found = Dimension::find(name);
        match found {
            Some(dimension) if !dimension.is_available() => {
                self.refuse(field, format!("{name} is not available yet"));
                None
            }
            Some(dimension) if fits(dimension) => Some(dimension),
            _ => {
                let known = Dimension::ALL.iter().filter(|(_, each)| each.is_available() && fits(*each));
                let known: Vec<&str> = known.map(|(name, _)| *name).collect();
                let name = shown(name);
                self.refuse(field, format!("{name:?} is no dimension here, expected {}", known.join(", ")));
                None
            }
        }
    }

    fn group_by(&mut self) -> Vec<Dimension> {
        let Some(text) = self.given.remove("group_by") else { return vec![Dimension::Day] };
        let mut group_by = Vec::new();
        for name in list(&text) {
            let Some(dimension) = self.dimension("group_by", name, |_| true) else { continue };
            if group_by.contains(&dimension) {
                self.refuse("group_by", format!("{name} is named twice"));
            } else {
                group_by.push(dimension);
            }
        }
        if group_by.len() > GROUPS_MAX {
            self.refuse("group_by", format!("{} dimensions, at most {GROUPS_MAX}", group_by.len()));
        }
        group_by
    }

    fn metrics(&mut self, scope: Scope) -> Vec<Metric> {
        let may_see = |metric: Metric| scope.affiliate.is_none() || !metric.shows_revenue();
        let Some(text) = self.take("metrics") else {
            return Metric::DEFAULT.iter().copied().filter(|metric| may_see(*metric)).collect();
        };
        let mut metrics = Vec::new();
        for name in list(&text) {
            match Metric::find(name) {
                Some(metric) if !may_see(metric) => {
                    self.refuse("metrics", format!("{name} is not shown to affiliates"));
                }
                Some(metric) if !metric.is_available() => {
                    self.refuse("metrics", format!("{name} is not available yet"));
                }
                Some(metric) if metrics.contains(&metric) => {
                    self.refuse("metrics", format!("{name} is named twice"));
                }
                Some(metric) => metrics.push(metric),
                None => {
                    let known =
                        Metric::ALL.iter().filter(|metric| metric.is_available() && may_see(**metric));
                    let known: Vec<&str> = known.map(|metric| metric.as_str()).collect();
                    let name = shown(name);
                    self.refuse("metrics", format!("{name:?} is no metric, expected {}", known.join(", ")));
                }
            }
        }
        metrics
    }

    fn sort(&mut self, group_by: &[Dimension], metrics: &[Metric]) -> Vec<SortKey> {
        let text = self.take("sort").unwrap_or_default();
        let mut sort = Vec::new();
        for part in list(&text) {
            let (name, descending) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            let dimension = group_by.iter().find(|dimension| dimension.as_str() == name);
            let metric = metrics.iter().find(|metric| metric.as_str() == name);
            match (dimension, metric) {
                (Some(dimension), _) => sort.push(SortKey { by: SortBy::Dimension(*dimension), descending }),
                (None, Some(metric)) => sort.push(SortKey { by: SortBy::Metric(*metric), descending }),
                (None, None) => {
                    let name = shown(name);
                    let message = format!("{name:?} is neither in group_by nor in metrics of this report");
                    self.refuse("sort", message);
                }
            }
        }
        sort
    }

    fn filters(&mut self, fits: impl Fn(Dimension) -> bool) -> Filters {
        let mut filters = Filters::new();
        for (name, text) in std::mem::take(&mut self.filters) {
            let field = format!("filter[{}]", shown(&name));
            let Some(dimension) = self.dimension(&field, &name, &fits) else { continue };
            let values: &mut Vec<Value> = filters.entry(dimension).or_default();
            for value in text.split(',') {
                match filter_value(dimension, value) {
                    Ok(value) => values.push(value),
                    Err(message) => self.refuse(&field, message),
                }
            }
            if values.len() > FILTER_VALUES_MAX {
                self.refuse(&field, format!("{} values, at most {FILTER_VALUES_MAX}", values.len()));
            }
        }
        filters
    }

    fn basis(&mut self) -> Basis {
        match self.take("basis").as_deref() {
            None => Basis::default(),
            Some("click") => Basis::Click,
            Some("conversion") => Basis::Conversion,
            Some(other) => {
                let other = shown(other);
                self.refuse("basis", format!("{other:?} is neither click nor conversion"));
                Basis::default()
            }
        }
    }

    fn currency(&mut self) -> Option<Currency> {
        let code = self.take("currency")?;
        match Currency::new(&code) {
            Ok(currency) => Some(currency),
            Err(error) => {
                self.refuse("currency", error.to_string());
                None
            }
        }
    }

    fn limit(&mut self) -> usize {
        let Some(text) = self.take("limit") else { return LIMIT_DEFAULT };
        match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => limit,
            _ => {
                let text = shown(&text);
                self.refuse("limit", format!("{text:?} is no whole number from 1 to {LIMIT_MAX}"));
                LIMIT_DEFAULT
            }
        }
    }

    fn format(&mut self, known: &[(&str, Format)]) -> Format {
        let first = known.first().map_or(Format::Json, |(_, format)| *format);
        let Some(name) = self.take("format") else { return first };
        if let Some((_, format)) = known.iter().find(|(word, _)| *word == name) {
            return *format;
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let words = words.join(", ");
        if matches!(name.as_str(), "xlsx" | "parquet" | "ndjson") {
            self.refuse("format", format!("{name} is not available yet, expected {words}"));
        } else {
            let name = shown(&name);
            self.refuse("format", format!("{name:?} is no format here, expected {words}"));
        }
        first
    }

    fn refuse_too_many_pieces(&mut self, query: &ReportQuery) {
        let pieces = cut(query.from, query.to, &query.zone, &query.group_by, SEGMENTS_MAX + 1);
        if pieces.len() > SEGMENTS_MAX {
            let message =
                format!("more than {SEGMENTS_MAX} hours or days: choose a shorter period or longer pieces");
            self.refuse("group_by", message);
        }
    }
}

fn filter_value(dimension: Dimension, text: &str) -> Result<Value, String> {
    let word = |known: Result<(), UnknownWord>| known.map_err(|error| error.to_string());
    if text.is_empty() {
        return Ok(Value::None);
    }
    match dimension {
        Dimension::Class => word(text.parse::<Class>().map(drop))?,
        Dimension::Reason => word(text.parse::<Reason>().map(drop))?,
        Dimension::Status => word(text.parse::<CommissionStatus>().map(drop))?,
        _ if dimension.is_id() => {
            let id = text.parse::<i64>().ok().filter(|id| *id >= 1);
            return id.map(Value::Id).ok_or_else(|| format!("{:?} is no id", shown(text)));
        }
        _ => {}
    }
    Ok(Value::Text(text.to_owned()))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// What was given, short enough for a message.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
