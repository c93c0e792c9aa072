//! What a report is in rows: the part of compiling a query that is the same for every store.
//!
//! Stores keep rows of two kinds, clicks and facts, in columns of the same names; ids, codes and texts that are absent are 0 and ''.
//! `kind` is 1 for clicks, 2 for impressions, `verdict` the byte in the click id. This table says which column a dimension is
//! ([`Term::of`]), what a filter's value is in it ([`ColumnValue::of`]) and what is read back ([`ColumnValue::value`]), which sums by the hour
//! hold what a query asks ([`Rollup::holding`]), and which sums make the counters. How a term, a condition or a piece of time is
//! written is the store's dialect. Names come from here; values never become part of a statement's text.

use hopline_report::{Counters, Dimension, Filters, ReportQuery, Scope, Segment, Value};
use hopline_types::{Class, CommissionStatus, HOUR_MS, Reason};

/// Which rows are read: they know different dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Clicks and impressions.
    Clicks,
    /// Changes to conversions.
    Facts,
}

/// What a dimension is in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// A column of numbers.
    Number(&'static str),
    /// A column of texts.
    Text(&'static str),
    /// The class's code, out of the column `verdict`: 0 unique, 1 duplicate, 2 for all reasons.
    Class,
    /// The reason's code, out of the column `verdict`: what is above 2, 0 for none.
    Reason,
    /// These rows do not have it: this number, which stands for none and equals no value but none.
    NoNumber(i64),
    /// These rows do not have it: the empty text.
    NoText,
}

impl Term {
    /// The dimension in rows of a kind.
    #[must_use]
    pub const fn of(dimension: Dimension, rows: Rows) -> Self {
        match (dimension, rows) {
            (Dimension::Offer, _) => Self::Number("offer"),
            (Dimension::Affiliate, _) => Self::Number("affiliate"),
            (Dimension::Advertiser, _) => Self::Number("advertiser"),
            (Dimension::Link, _) => Self::Number("link"),
            (Dimension::Goal, Rows::Facts) => Self::Number("goal"),
            (Dimension::Status, Rows::Facts) => Self::Number("status"),
            (Dimension::Goal | Dimension::Status, Rows::Clicks) => Self::NoNumber(0),
            (Dimension::Coupon, Rows::Facts) => Self::Text("coupon"),
            (Dimension::Class, Rows::Clicks) => Self::Class,
            (Dimension::Reason, Rows::Clicks) => Self::Reason,
            // Their codes begin at 0.
            (Dimension::Class | Dimension::Reason, Rows::Facts) => Self::NoNumber(-1),
            (Dimension::Source, _) => Self::Text("source"),
            (Dimension::Sub1, _) => Self::Text("sub1"),
            (Dimension::Sub2, _) => Self::Text("sub2"),
            (Dimension::Sub3, _) => Self::Text("sub3"),
            (Dimension::Sub4, _) => Self::Text("sub4"),
            (Dimension::Sub5, _) => Self::Text("sub5"),
            (Dimension::Sub6, _) => Self::Text("sub6"),
            (Dimension::Sub7, _) => Self::Text("sub7"),
            (Dimension::Sub8, _) => Self::Text("sub8"),
            (Dimension::Sub9, _) => Self::Text("sub9"),
            (Dimension::Sub10, _) => Self::Text("sub10"),
            (Dimension::Country, _) => Self::Text("country"),
            (Dimension::Region, _) => Self::Text("region"),
            (Dimension::Device, _) => Self::Text("device"),
            (Dimension::Os, _) => Self::Text("os"),
            (Dimension::Browser, _) => Self::Text("browser"),
            (Dimension::ReferrerHost, _) => Self::Text("referrer_host"),
            (Dimension::LandingPage, _) => Self::Text("landing_page"),
            (Dimension::Creative, _) => Self::Text("creative"),
            // Time is cut by segments; campaign and tier do not exist yet.
            (Dimension::Coupon, Rows::Clicks)
            | (
                Dimension::Hour
                | Dimension::Day
                | Dimension::Week
                | Dimension::Month
                | Dimension::Campaign
                | Dimension::Tier,
                _,
            ) => Self::NoText,
        }
    }

    /// The column it is made of; none for constants.
    #[must_use]
    pub const fn column(self) -> Option<&'static str> {
        match self {
            Self::Number(column) | Self::Text(column) => Some(column),
            Self::Class | Self::Reason => Some("verdict"),
            Self::NoNumber(_) | Self::NoText => None,
        }
    }

    /// Whether it is a text; else it is a number.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text(_) | Self::NoText)
    }
}

/// A value as it stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnValue {
    /// An id or a code.
    Number(i64),
    /// A text.
    Text(String),
}

impl ColumnValue {
    /// What a value is in the rows of its dimension.
    #[must_use]
    pub fn of(dimension: Dimension, value: &Value) -> Self {
        let code = |code: Option<u8>, absent: i64| Self::Number(code.map_or(absent, i64::from));
        let text = match value {
            Value::None | Value::Time { .. } => None,
            Value::Id(id) => return Self::Number(*id),
            Value::Text(text) => Some(text.as_str()),
        };
        match dimension {
            Dimension::Class => code(text.and_then(|text| text.parse().ok()).map(Class::code), -1),
            Dimension::Reason => code(text.and_then(|text| text.parse().ok()).map(Reason::code), -1),
            Dimension::Status => code(text.and_then(|text| text.parse().ok()).map(CommissionStatus::code), 0),
            _ if dimension.is_id() => Self::Number(0),
            _ => Self::Text(text.unwrap_or_default().to_owned()),
        }
    }

    /// What is read back of a dimension.
    #[must_use]
    pub fn value(self, dimension: Dimension) -> Value {
        let word = |word: Option<&'static str>| word.map_or(Value::None, |word| Value::Text(word.into()));
        match self {
            Self::Text(text) => Value::text(text),
            Self::Number(number) => {
                let code = u8::try_from(number).ok();
                match dimension {
                    Dimension::Class => word(code.and_then(Class::from_code).map(Class::as_str)),
                    Dimension::Reason => word(code.and_then(Reason::from_code).map(Reason::as_str)),
                    Dimension::Status => {
                        word(code.and_then(CommissionStatus::from_code).map(CommissionStatus::as_str))
                    }
                    _ => Value::id(number),
                }
            }
        }
    }
}

/// Rows must have one of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What must have it.
    pub term: Term,
    /// The values: numbers or texts, as the term is.
    pub values: Vec<ColumnValue>,
}

impl Condition {
    /// What the scope allows and the filters ask for; the scope comes first.
    #[must_use]
    pub fn list(filters: &Filters, scope: Scope, rows: Rows) -> Vec<Self> {
        let own = |column, id: Option<i64>| {
            id.map(|id| Self { term: Term::Number(column), values: vec![ColumnValue::Number(id)] })
        };
        let scope = [
            own("advertiser", scope.advertiser.map(Into::into)),
            own("affiliate", scope.affiliate.map(Into::into)),
        ];
        let filters = filters.iter().map(|(dimension, values)| Self {
            term: Term::of(*dimension, rows),
            values: values.iter().map(|value| ColumnValue::of(*dimension, value)).collect(),
        });
        scope.into_iter().flatten().chain(filters).collect()
    }
}

/// Sums by the hour, kept beside the rows.
#[derive(Debug, PartialEq, Eq)]
pub struct Rollup {
    /// The table.
    pub table: &'static str,
    /// The columns that rows are told apart by, besides `hour` and, in those of clicks, `kind`.
    pub columns: &'static [&'static str],
}

/// By link.
pub const CLICK_HOURS: Rollup =
    Rollup { table: "click_hours", columns: &["advertiser", "offer", "affiliate", "link", "verdict"] };
/// By the affiliate's first own parameter.
pub const SUB_HOURS: Rollup =
    Rollup { table: "sub_hours", columns: &["advertiser", "offer", "affiliate", "sub1", "verdict"] };
/// By where and on what.
pub const PLACE_HOURS: Rollup = Rollup {
    table: "place_hours",
    columns: &["advertiser", "offer", "affiliate", "country", "device", "verdict"],
};

impl Rollup {
    /// The first of the rollups that holds all that a query groups and filters by. Its scope is in each of them.
    #[must_use]
    pub fn holding(query: &ReportQuery, rows: Rows, rollups: &'static [Self]) -> Option<&'static Self> {
        let is_held = |rollup: &Self, dimension: Dimension| {
            Term::of(dimension, rows).column().is_none_or(|column| rollup.columns.contains(&column))
        };
        rollups.iter().find(|rollup| {
            groups(query).chain(query.filters.keys().copied()).all(|dimension| is_held(rollup, dimension))
        })
    }
}

/// The dimensions grouped by besides time, in their order.
pub fn groups(query: &ReportQuery) -> impl Iterator<Item = Dimension> {
    query.group_by.iter().copied().filter(|dimension| !dimension.is_time())
}

/// Whether sums by the UTC hour can tell the pieces apart.
#[must_use]
pub fn is_hourly(segments: &[Segment]) -> bool {
    segments
        .iter()
        .all(|segment| [segment.from, segment.to].iter().all(|at| at.get().rem_euclid(HOUR_MS) == 0))
}

/// Which rows of clicks each counter of [`click_counters`] counts; conditions that every dialect understands.
pub const CLICK_COUNTS: [&str; 5] = [
    "kind = 1",
    "kind = 1 AND verdict = 0",
    "kind = 1 AND verdict = 1",
    "kind = 1 AND verdict >= 2",
    "kind = 2",
];

/// Columns of facts that count, in the order of [`fact_counters`].
pub const FACT_COUNTS: [&str; 8] =
    ["conversions", "events", "sales", "leads", "installs", "approved", "rejected", "reversed"];

/// Columns of facts in minor units, in the order of [`fact_counters`].
pub const FACT_MONEY: [&str; 4] = ["revenue_minor", "payout_minor", "gross_sales_minor", "refunds_minor"];

/// Counters of the sums of [`CLICK_COUNTS`].
#[must_use]
pub fn click_counters(counts: [i64; 5]) -> Counters {
    let [gross_clicks, unique_clicks, duplicate_clicks, invalid_clicks, impressions] = counts;
    Counters {
        gross_clicks,
        unique_clicks,
        duplicate_clicks,
        invalid_clicks,
        impressions,
        ..Counters::default()
    }
}

/// Counters of the sums of [`FACT_COUNTS`] and [`FACT_MONEY`].
#[must_use]
pub fn fact_counters(counts: [i64; 8], money: [i128; 4]) -> Counters {
    let [conversions, events, sales, leads, installs, approved, rejected, reversed] = counts;
    let [revenue_minor, payout_minor, gross_sales_minor, refunds_minor] = money;
    Counters {
        conversions,
        events,
        sales,
        leads,
        installs,
        approved,
        rejected,
        reversed,
        revenue_minor,
        payout_minor,
        gross_sales_minor,
        refunds_minor,
        ..Counters::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_is_in_rows_reads_back_as_the_value() {
        let text = |text: &str| Value::Text(text.into());
        let values = [
            (Dimension::Offer, Value::Id(7)),
            (Dimension::Goal, Value::None),
            (Dimension::Class, text("invalid")),
            (Dimension::Class, Value::None),
            (Dimension::Reason, text("bot")),
            (Dimension::Reason, Value::None),
            (Dimension::Status, text("reversed")),
            (Dimension::Status, Value::None),
            (Dimension::Sub10, text("a'b")),
            (Dimension::Country, Value::None),
        ];
        for (dimension, value) in values {
            assert_eq!(ColumnValue::of(dimension, &value).value(dimension), value, "{dimension}");
        }
    }

    #[test]
    fn a_value_is_a_text_where_its_column_is_one() {
        for (_, dimension) in Dimension::ALL {
            for rows in [Rows::Clicks, Rows::Facts] {
                let is_text = matches!(ColumnValue::of(*dimension, &Value::None), ColumnValue::Text(_));
                assert_eq!(Term::of(*dimension, rows).is_text(), is_text, "{dimension}");
            }
        }
    }

    #[test]
    fn what_rows_do_not_have_equals_none_and_nothing_else() {
        for (_, dimension) in Dimension::ALL {
            for rows in [Rows::Clicks, Rows::Facts] {
                if let Term::NoNumber(number) = Term::of(*dimension, rows) {
                    assert_eq!(
                        ColumnValue::of(*dimension, &Value::None),
                        ColumnValue::Number(number),
                        "{dimension}"
                    );
                    assert_eq!(ColumnValue::Number(number).value(*dimension), Value::None);
                }
            }
        }
    }
}
