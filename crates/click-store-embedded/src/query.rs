//! Dimensions and filters as SQL. Names come from here, values are parameters.

use hopline_report::{Dimension, Filters, Scope, Value};
use hopline_types::{Class, CommissionStatus, Reason};
use rusqlite::Row;
use rusqlite::types::Value as Sql;

/// Which rows are read: they know different dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Clicks,
    Facts,
}

/// The expression of a dimension. What the rows do not have is a constant: 0, '' or -1.
pub(crate) const fn expression(dimension: Dimension, rows: Rows) -> &'static str {
    match (dimension, rows) {
        (Dimension::Offer, _) => "offer",
        (Dimension::Affiliate, _) => "affiliate",
        (Dimension::Advertiser, _) => "advertiser",
        (Dimension::Link, _) => "link",
        (Dimension::Goal, Rows::Facts) => "goal",
        (Dimension::Status, Rows::Facts) => "status",
        (Dimension::Goal | Dimension::Status, Rows::Clicks) => "0",
        (Dimension::Coupon, Rows::Facts) => "coupon",
        (Dimension::Class, Rows::Clicks) => "min(verdict, 2)",
        (Dimension::Reason, Rows::Clicks) => "max(verdict - 2, 0)",
        (Dimension::Class | Dimension::Reason, Rows::Facts) => "-1",
        (Dimension::Source, _) => "source",
        (Dimension::Sub1, _) => "sub1",
        (Dimension::Sub2, _) => "sub2",
        (Dimension::Sub3, _) => "sub3",
        (Dimension::Sub4, _) => "sub4",
        (Dimension::Sub5, _) => "sub5",
        (Dimension::Sub6, _) => "sub6",
        (Dimension::Sub7, _) => "sub7",
        (Dimension::Sub8, _) => "sub8",
        (Dimension::Sub9, _) => "sub9",
        (Dimension::Sub10, _) => "sub10",
        (Dimension::Country, _) => "country",
        (Dimension::Region, _) => "region",
        (Dimension::Device, _) => "device",
        (Dimension::Os, _) => "os",
        (Dimension::Browser, _) => "browser",
        (Dimension::ReferrerHost, _) => "referrer_host",
        (Dimension::LandingPage, _) => "landing_page",
        (Dimension::Creative, _) => "creative",
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
        ) => "''",
    }
}

/// Whether the rows' sums by the hour hold a dimension, besides `extra`.
pub(crate) fn is_constant_or_in(dimension: Dimension, rows: Rows, columns: &[&str]) -> bool {
    let expression = expression(dimension, rows);
    matches!(expression, "0" | "''" | "-1")
        || columns.contains(&expression)
        || (expression.contains("verdict") && columns.contains(&"verdict"))
}

/// Reads a column that was selected by [`expression`].
pub(crate) fn read(dimension: Dimension, row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let word = |word: Option<&'static str>| word.map_or(Value::None, |word| Value::Text(word.into()));
    Ok(match dimension {
        Dimension::Class => word(code(row, column)?.and_then(Class::from_code).map(Class::as_str)),
        Dimension::Reason => word(code(row, column)?.and_then(Reason::from_code).map(Reason::as_str)),
        Dimension::Status => {
            word(code(row, column)?.and_then(CommissionStatus::from_code).map(CommissionStatus::as_str))
        }
        _ if dimension.is_id() => Value::id(row.get(column)?),
        _ => Value::text(row.get::<_, String>(column)?),
    })
}

fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u8>> {
    Ok(u8::try_from(row.get::<_, i64>(column)?).ok())
}

/// What a value is in the column of its dimension.
fn sql_value(dimension: Dimension, value: &Value) -> Sql {
    let code = |code: Option<u8>, absent: i64| Sql::Integer(code.map_or(absent, i64::from));
    let text = match value {
        Value::None | Value::Time { .. } => None,
        Value::Id(id) => return Sql::Integer(*id),
        Value::Text(text) => Some(text.as_str()),
    };
    match dimension {
        Dimension::Class => code(text.and_then(|text| text.parse().ok()).map(Class::code), -1),
        Dimension::Reason => code(text.and_then(|text| text.parse().ok()).map(Reason::code), -1),
        Dimension::Status => code(text.and_then(|text| text.parse().ok()).map(CommissionStatus::code), 0),
        _ if dimension.is_id() => Sql::Integer(0),
        _ => Sql::Text(text.unwrap_or_default().to_owned()),
    }
}

/// Conditions joined by `AND`, each beginning with it, and their parameters in order.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Sql>,
}

impl Conditions {
    pub(crate) fn new(filters: &Filters, scope: Scope, rows: Rows) -> Self {
        let mut conditions = Self::default();
        if let Some(advertiser) = scope.advertiser {
            conditions.equal("advertiser", Sql::Integer(advertiser.get()));
        }
        if let Some(affiliate) = scope.affiliate {
            conditions.equal("affiliate", Sql::Integer(affiliate.get()));
        }
        for (dimension, values) in filters {
            let places = vec!["?"; values.len()].join(", ");
            conditions.sql += &format!(" AND {} IN ({places})", expression(*dimension, rows));
            conditions.parameters.extend(values.iter().map(|value| sql_value(*dimension, value)));
        }
        conditions
    }

    pub(crate) fn equal(&mut self, column: &'static str, value: Sql) {
        self.sql += &format!(" AND {column} = ?");
        self.parameters.push(value);
    }
}
