//! Values of the seam as the server's, and back.

use std::error::Error;

use bytes::BytesMut;
use hopline_control_store::{ErrorKind, Row, StoreError, Value};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// One value, lent to a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a>(pub(crate) &'a Value);

type Refusal = Box<dyn Error + Sync + Send>;

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        let refused = |given: &str| Err(format!("{given} given, the statement wants {kind}").into());
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => match *kind {
                Type::INT8 => number.to_sql(kind, out),
                Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
                Type::INT2 => i16::try_from(*number)?.to_sql(kind, out),
                _ => refused("an integer was"),
            },
            Value::Text(text) => match *kind {
                Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR => text.to_sql(kind, out),
                _ => refused("text was"),
            },
            Value::Blob(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            Value::Blob(_) => refused("bytes were"),
        }
    }

    // What fits is found out with the value at hand, so that the refusal can say what was given.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One row of an answer, from a column on.
pub(crate) fn row(row: &tokio_postgres::Row, from: usize) -> Result<Row, StoreError> {
    (from..row.len()).map(|column| read(row, column, from)).collect::<Result<_, _>>().map(Row)
}

fn read(row: &tokio_postgres::Row, column: usize, from: usize) -> Result<Value, StoreError> {
    row.try_get::<_, Read>(column).map(|read| read.0).map_err(|failure| {
        let told = crate::error::told(&failure);
        StoreError::new(ErrorKind::Broken, format!("column {} cannot be read: {told}", column - from))
    })
}

struct Read(Value);

impl<'a> FromSql<'a> for Read {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Refusal> {
        Ok(Self(match *kind {
            Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(kind, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            _ => Value::Text(String::from_sql(kind, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refusal> {
        Ok(Self(Value::Null))
    }

    // Floating point numbers and NUMERIC are not stored here, and do not cross the seam.
    fn accepts(kind: &Type) -> bool {
        matches!(
            *kind,
            Type::INT8
                | Type::INT4
                | Type::INT2
                | Type::BOOL
                | Type::BYTEA
                | Type::TEXT
                | Type::VARCHAR
                | Type::NAME
                | Type::BPCHAR
                | Type::UNKNOWN
        )
    }
}
