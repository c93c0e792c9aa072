//! Counts of a period, for one scope.

use std::collections::BTreeMap;

use hopline_api::{Problem, Services};
use hopline_click_store::ClickStoreError;
use hopline_money::Currency;
use hopline_report::{
    Basis, Counters, Dimension, Filters, Format, LIMIT_MAX, Metric, ReportQuery, ReportRows, Value,
};
use hopline_types::UnixMillis;

use crate::session::Viewer;

/// What is asked for; money that the role may not see is not shown, whatever is counted.
const METRICS: &[Metric] = &[
    Metric::GrossClicks,
    Metric::UniqueClicks,
    Metric::InvalidClicks,
    Metric::Clicks,
    Metric::Conversions,
    Metric::Revenue,
    Metric::Payout,
];

/// Sums of one group: counts over all currencies, money by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) counts: Counters,
    pub(crate) by_currency: BTreeMap<Currency, Counters>,
}

impl Sums {
    fn add(&mut self, currency: Option<Currency>, counters: &Counters) {
        self.counts += counters;
        if let Some(currency) = currency {
            *self.by_currency.entry(currency).or_default() += counters;
        }
    }

    /// The counters of one currency together with the clicks, which are in none.
    pub(crate) fn in_currency(&self, currency: Currency) -> Counters {
        let mut counters = self.counts.clicks_only();
        if let Some(money) = self.by_currency.get(&currency) {
            counters += money;
        }
        counters
    }
}

/// Groups with their sums, and up to when everything is counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) groups: BTreeMap<Value, Sums>,
    pub(crate) fresh_until: Option<UnixMillis>,
}

impl Counted {
    fn new(rows: ReportRows) -> Self {
        let mut groups: BTreeMap<Value, Sums> = BTreeMap::new();
        for row in rows.rows {
            let value = row.key.into_iter().next().unwrap_or(Value::None);
            groups.entry(value).or_default().add(row.currency, &row.counters);
        }
        Self { groups, fresh_until: rows.fresh_until }
    }
}

/// A count by one dimension.
pub(crate) fn query(viewer: &Viewer, by: Dimension, from: UnixMillis, to: UnixMillis) -> ReportQuery {
    ReportQuery {
        from,
        to,
        zone: viewer.zone.zone.clone(),
        group_by: vec![by],
        metrics: METRICS.to_vec(),
        filters: Filters::new(),
        basis: Basis::Conversion,
        currency: None,
        sort: Vec::new(),
        limit: LIMIT_MAX,
        format: Format::Json,
        scope: viewer.report_scope(),
    }
}

/// Counts.
pub(crate) async fn count(services: &Services, query: ReportQuery) -> Result<Counted, Problem> {
    services.click_store.report(query).await.map(Counted::new).map_err(|failure| away(&failure))
}

fn away(failure: &ClickStoreError) -> Problem {
    tracing::error!(%failure, "the click store did not count for the portal");
    if failure.is_retryable() { Problem::unavailable("") } else { Problem::internal("") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hopline_report::ReportRow;

    #[test]
    fn money_of_two_currencies_is_never_added_and_clicks_count_once() {
        let row = |currency, clicks, payout_minor, conversions| ReportRow {
            key: vec![Value::Id(1)],
            currency,
            counters: Counters { unique_clicks: clicks, payout_minor, conversions, ..Counters::default() },
        };
        let rows = vec![
            row(None, 10, 0, 0),
            row(Some(Currency::EUR), 0, 499, 1),
            row(Some(Currency::JPY), 0, 1_000, 2),
        ];
        let counted = Counted::new(ReportRows { rows, ..ReportRows::default() });
        let sums = &counted.groups[&Value::Id(1)];
        assert_eq!((sums.counts.unique_clicks, sums.counts.conversions), (10, 3));
        let eur = sums.in_currency(Currency::EUR);
        assert_eq!((eur.unique_clicks, eur.payout_minor, eur.conversions), (10, 499, 1));
        assert_eq!(sums.in_currency(Currency::JPY).payout_minor, 1_000);
    }
}
