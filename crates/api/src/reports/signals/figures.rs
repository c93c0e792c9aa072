//! What the signs of cookie stuffing are made of, in questions that every click store answers.
//!
//! Requests, clicks (unique and duplicate), impressions, conversions and what the edge marked come from one report by offer,
//! affiliate and reason, out of sums by the hour where the period's ends allow. Referrers and creatives are in raw clicks
//! only: a report of those *without* one, and the rest is the difference. Where retention has deleted raw clicks of the
//! period, both sides of these two figures begin later, together.
//!
//! The reports are asked one after the other, while clicks still come in: a period that has not ended may be off by as many as
//! arrive in between.

use std::collections::BTreeMap;

use hopline_click_store::{ClickStore, ClickStoreError};
use hopline_control_store::signals::OrderSignals;
use hopline_report::{
    Counters, Dimension, Figures, Filters, Ratio, ReportQuery, ReportRow, SignalInput, Value,
};
use hopline_types::{AffiliateId, HOUR_MS, OfferId, Reason, UnixMillis};

/// How much before the period an affiliate's referrers are compared with: four weeks.
const BEFORE_MS: i64 = 28 * 24 * HOUR_MS;

type Pair = (OfferId, AffiliateId);
type Period = (UnixMillis, UnixMillis);

/// What was counted.
pub(super) struct Counted {
    /// One for each offer and affiliate.
    pub(super) inputs: Vec<SignalInput>,
    /// Where the days before the period begin.
    pub(super) before_from: UnixMillis,
    /// What came in up to then is counted.
    pub(super) fresh_until: Option<UnixMillis>,
    /// From when on raw clicks are there, if later than the period's start.
    pub(super) raw_from: Option<UnixMillis>,
}

/// What reports tell of one affiliate on one offer.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    marked: u64,
    clicks: u64,
    impressions: u64,
    conversions: u64,
}

impl Counts {
    fn add(&mut self, counters: &Counters, is_marked: bool) {
        self.requests += count(counters.gross_clicks);
        self.marked += if is_marked { count(counters.gross_clicks) } else { 0 };
        self.clicks += count(counters.unique_clicks) + count(counters.duplicate_clicks);
        self.impressions += count(counters.impressions);
        self.conversions += count(counters.conversions);
    }
}

/// Corrections may outweigh what they correct for a while.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Clicks without something, beside all counts of the same time.
#[derive(Default)]
struct Without {
    pairs: BTreeMap<Pair, (u64, Counts)>,
    raw_from: Option<UnixMillis>,
}

impl Without {
    fn of(&self, pair: Pair) -> (u64, Counts) {
        self.pairs.get(&pair).copied().unwrap_or_default()
    }

    /// Those without, of all clicks.
    fn share(&self, pair: Pair) -> Ratio {
        let (without, counts) = self.of(pair);
        Ratio { part: without, whole: counts.clicks }
    }
}

/// Counts for one answer.
pub(super) struct Figuring<'a> {
    store: &'a dyn ClickStore,
    /// Period and scope.
    query: ReportQuery,
    filters: Filters,
}

impl<'a> Figuring<'a> {
    pub(super) fn new(store: &'a dyn ClickStore, query: ReportQuery, offer: Option<OfferId>) -> Self {
        let filters = offer.map(|offer| (Dimension::Offer, vec![Value::Id(offer.get())]));
        Self { store, query, filters: filters.into_iter().collect() }
    }

    /// Counts clicks, and puts the orders beside them.
    pub(super) async fn count(&self, orders: &[OrderSignals]) -> Result<Counted, ClickStoreError> {
        let period = (self.query.from, self.query.to);
        let before = (period.0.plus(-BEFORE_MS), period.0);
        let (counts, fresh_until) = self.all(period).await?;
        let without_referrer = self.without(Dimension::ReferrerHost, period, &counts).await?;
        let has_impressions = counts.values().any(|counts| counts.impressions > 0);
        let without_creative = if has_impressions {
            self.without(Dimension::Creative, period, &counts).await?
        } else {
            Without::default()
        };
        let (counts_before, _) = self.all(before).await?;
        let before_period = self.without(Dimension::ReferrerHost, before, &counts_before).await?;

        let mut inputs: BTreeMap<Pair, SignalInput> = BTreeMap::new();
        for (&pair, counts) in &counts {
            let (plain, all) = without_creative.of(pair);
            let figures = Figures {
                click_through: Ratio { part: all.clicks.saturating_sub(plain), whole: all.impressions },
                conversion: Ratio { part: counts.conversions, whole: counts.clicks },
                without_referrer: without_referrer.share(pair),
                stuffing: Ratio { part: counts.marked, whole: counts.requests },
                ..Figures::default()
            };
            let without_referrer_before = before_period.share(pair);
            inputs.insert(pair, SignalInput { figures, without_referrer_before, ..blank(pair) });
        }
        for order in orders {
            let pair = (order.offer, order.affiliate);
            let figures = &mut inputs.entry(pair).or_insert_with(|| blank(pair)).figures;
            figures.quick_orders = Ratio { part: order.quick, whole: order.with_click };
            figures.returning = Ratio { part: order.returning, whole: order.with_customer };
        }
        Ok(Counted {
            inputs: inputs.into_values().collect(),
            before_from: before.0,
            fresh_until,
            raw_from: without_referrer.raw_from,
        })
    }

    /// Everything of a period, and up to when that is known.
    async fn all(
        &self,
        period: Period,
    ) -> Result<(BTreeMap<Pair, Counts>, Option<UnixMillis>), ClickStoreError> {
        let group_by = vec![Dimension::Offer, Dimension::Affiliate, Dimension::Reason];
        let query = self.query(period, group_by, self.filters.clone());
        let report = self.store.report(query).await?;
        let marked = Value::Text(Reason::Stuffing.as_str().to_owned());
        let mut counts: BTreeMap<Pair, Counts> = BTreeMap::new();
        for row in &report.rows {
            if let Some(pair) = pair(row) {
                counts.entry(pair).or_default().add(&row.counters, row.key.last() == Some(&marked));
            }
        }
        Ok((counts, report.fresh_until))
    }

    /// Clicks of a period that have no value in a dimension. `all` is everything of the period; where raw clicks of its
    /// beginning are gone, the later part is counted once more.
    async fn without(
        &self,
        dimension: Dimension,
        period: Period,
        all: &BTreeMap<Pair, Counts>,
    ) -> Result<Without, ClickStoreError> {
        let mut filters = self.filters.clone();
        filters.insert(dimension, vec![Value::None]);
        let query = self.query(period, vec![Dimension::Offer, Dimension::Affiliate], filters);
        let report = self.store.report(query).await?;
        let raw_from = report.raw_missing_before;
        let all = match raw_from {
            None => all.clone(),
            Some(raw_from) if raw_from < period.1 => self.all((raw_from, period.1)).await?.0,
            Some(_) => BTreeMap::new(),
        };
        let mut pairs: BTreeMap<Pair, (u64, Counts)> =
            all.into_iter().map(|(pair, counts)| (pair, (0, counts))).collect();
        for row in &report.rows {
            if let Some((without, _)) = pair(row).and_then(|pair| pairs.get_mut(&pair)) {
                *without += count(row.counters.unique_clicks) + count(row.counters.duplicate_clicks);
            }
        }
        Ok(Without { pairs, raw_from })
    }

    fn query(&self, (from, to): Period, group_by: Vec<Dimension>, filters: Filters) -> ReportQuery {
        ReportQuery { from, to, group_by, filters, ..self.query.clone() }
    }
}

/// Nothing counted yet.
fn blank((offer, affiliate): Pair) -> SignalInput {
    SignalInput { offer, affiliate, figures: Figures::default(), without_referrer_before: Ratio::default() }
}

/// Whose row it is; none for requests that no affiliate sent, and conversions that nobody is credited for.
fn pair(row: &ReportRow) -> Option<Pair> {
    let [Value::Id(offer), Value::Id(affiliate), ..] = row.key[..] else { return None };
    Some((OfferId::new(offer).ok()?, AffiliateId::new(affiliate).ok()?))
}
