//! Statements for many rows of values, as one statement over a set.
//!
//! A statement of the seam is written for one row. For many it is rewritten, once, and sent with one array for each
//! parameter:
//!
//! | for one | for many |
//! |---|---|
//! | `SELECT …` | `SELECT each_row.ord, one.* FROM unnest(…) WITH ORDINALITY AS each_row (p1, …, ord) CROSS JOIN LATERAL (SELECT …) AS one` |
//! | `INSERT INTO t (…) VALUES (…) ON CONFLICT …` | `INSERT INTO t (…) SELECT … FROM unnest(…) … ORDER BY each_row.ord ON CONFLICT …` |
//! | `UPDATE t SET … WHERE …` | `UPDATE t SET … FROM unnest(…) AS each_row (p1, …) WHERE …` |
//! | `DELETE FROM t WHERE …` | `DELETE FROM t USING unnest(…) AS each_row (p1, …) WHERE …` |
//!
//! with `each_row.p1` for `$1`. The types of the arrays are those that the server finds for the parameters of the
//! statement for one. `OFFSET 0` keeps the planner from turning the look-ups of a `SELECT` into another join: each is
//! planned as it would be alone, and its own order is kept. A set is planned every time it is sent, for as many rows as it
//! has; that costs a tenth of a millisecond, and a plan for an empty table is not used for a full one.
//!
//! What does not have one of these forms is sent as single statements, without waiting between them.

mod rewrite;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::types::Type;

use rewrite::rewrite;

/// A statement for many rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) sql: String,
    /// The types of its arrays.
    pub(crate) arrays: Vec<Type>,
}

/// The statements rewritten so far; `None` for those that cannot be.
#[derive(Debug, Default)]
pub(crate) struct Sets(Mutex<HashMap<&'static str, Option<Arc<Set>>>>);

impl Sets {
    /// The set form of a statement whose parameters have these types.
    pub(crate) fn of(&self, sql: &'static str, parameters: &[Type]) -> Option<Arc<Set>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(sql).or_insert_with(|| set(sql, parameters).map(Arc::new)).clone()
    }
}

fn set(sql: &str, parameters: &[Type]) -> Option<Set> {
    let typed: Option<Vec<(&str, Type)>> = parameters.iter().map(array).collect();
    let typed = typed?;
    let names: Vec<&str> = typed.iter().map(|(name, _)| *name).collect();
    let sql = rewrite(sql, &names)?;
    Some(Set { sql, arrays: typed.into_iter().map(|(_, array)| array).collect() })
}

fn array(parameter: &Type) -> Option<(&'static str, Type)> {
    Some(match *parameter {
        Type::INT8 => ("bigint", Type::INT8_ARRAY),
        Type::INT4 => ("integer", Type::INT4_ARRAY),
        Type::INT2 => ("smallint", Type::INT2_ARRAY),
        Type::TEXT => ("text", Type::TEXT_ARRAY),
        Type::BYTEA => ("bytea", Type::BYTEA_ARRAY),
        _ => return None,
    })
}
