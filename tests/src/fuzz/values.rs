//! Numbers and queries that clients send.

use hopline_money::{Amount, Currency, Decimal};
use hopline_report::{ClickQuery, ReportQuery, Scope};
use hopline_types::{AffiliateId, UnixMillis};

/// Three capital letters and a number. Amounts and decimals print as they read, in one spelling.
///
/// # Panics
/// One of these does not hold.
pub fn money(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (code, number) = text.split_at_checked(3).unwrap_or(("", text));
    if let Ok(decimal) = Decimal::parse(number) {
        assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
    }
    let currency = Currency::new(code).unwrap_or_else(|_| Currency::new("EUR").expect("the euro is known"));
    let Ok(amount) = Amount::parse(number, currency) else { return };
    let printed = amount.to_decimal();
    assert_eq!(Amount::parse(&printed, currency), Ok(amount));
    assert_eq!(Amount::parse(&printed, currency).map(Amount::to_decimal), Ok(printed));
}

/// A report's parameters are taken, or each fault names a parameter and says something. The length decides who asks.
///
/// # Panics
/// One of these does not hold.
pub fn report_query(data: &[u8]) {
    let pairs: Vec<_> = url::form_urlencoded::parse(data).collect();
    let now = UnixMillis(1_790_000_000_000);
    let affiliate = AffiliateId::new(1).expect("1 is an id");
    let scope = if data.len().is_multiple_of(2) { Scope::ALL } else { Scope::affiliate(affiliate) };
    let report = ReportQuery::parse(pairs.iter().cloned(), now, scope).map(|query| (query.from, query.to));
    let clicks = ClickQuery::parse(pairs.iter().cloned(), now, scope).map(|query| (query.from, query.to));
    for outcome in [report, clicks] {
        match outcome {
            Ok((from, to)) => assert!(from <= to, "{from:?} to {to:?}"),
            Err(faults) => {
                assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.message.is_empty()));
            }
        }
    }
}
