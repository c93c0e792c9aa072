//! Small shapes that many answers share.

use hopline_control_store::rates::{Exchange, Rate};
use hopline_money::{Amount, Currency};
use hopline_types::UnixMillis;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A time in answers: RFC 3339, UTC, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-01-31T12:00:00.000Z"))]
pub(crate) struct Time(pub(crate) UnixMillis);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.get()) {
            Ok(time) => write!(f, "{time:.3}"),
            // A time that no calendar has; better seen than hidden.
            Err(_) => write!(f, "{}", self.0.get()),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Money: an exact decimal text and its currency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Money {
    /// Plain decimal notation with all places of the currency.
    #[schema(examples("49.90"))]
    pub(crate) amount: String,
    /// ISO 4217 code.
    #[schema(value_type = String, examples("EUR"))]
    pub(crate) currency: &'static str,
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        Self { amount: amount.to_decimal(), currency: amount.currency.code() }
    }
}

impl Money {
    pub(crate) fn of(minor: i64, currency: Currency) -> Self {
        Amount::new(minor, currency).into()
    }
}

/// The rate at which an amount was converted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ExchangeView {
    from: &'static str,
    to: &'static str,
    /// Units of `to` for one unit of `from`: decimal text.
    rate: String,
    /// Who published it.
    source: String,
    /// When it was published; of a computed one when its older part was.
    at: Time,
    /// What it was computed from, where it was not published itself: `EUR/USD 1.1523`.
    steps: Vec<String>,
}

impl ExchangeView {
    pub(crate) fn of(exchange: &Exchange) -> Self {
        let rate = &exchange.rate;
        let step = |step: &Rate| format!("{}/{} {}", step.from, step.to, step.rate);
        Self {
            from: rate.from.code(),
            to: rate.to.code(),
            rate: rate.rate.to_string(),
            source: rate.source.clone(),
            at: Time(rate.at),
            steps: exchange.steps.iter().map(step).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(Time(UnixMillis(0)).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time(UnixMillis(1_769_860_800_123)).to_string(), "2026-01-31T12:00:00.123Z");
        assert_eq!(Time(UnixMillis(i64::MAX)).to_string(), i64::MAX.to_string());
    }
}
