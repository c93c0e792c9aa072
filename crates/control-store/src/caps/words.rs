//! The words of caps as they are stored.

use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope};
use hopline_types::AffiliateId;

pub(super) fn scope(word: &str, affiliate: Option<AffiliateId>) -> Option<CapScope> {
    match (word, affiliate) {
        ("offer", None) => Some(CapScope::Offer),
        ("each_affiliate", None) => Some(CapScope::EachAffiliate),
        ("affiliate", Some(affiliate)) => Some(CapScope::Affiliate(affiliate)),
        _ => None,
    }
}

pub(super) const fn of_scope(scope: CapScope) -> (&'static str, Option<AffiliateId>) {
    match scope {
        CapScope::Offer => ("offer", None),
        CapScope::EachAffiliate => ("each_affiliate", None),
        CapScope::Affiliate(affiliate) => ("affiliate", Some(affiliate)),
    }
}

pub(super) fn metric(word: &str) -> Option<CapMetric> {
    use CapMetric::{Clicks, Conversions, Payout, Revenue};
    [Clicks, Conversions, Revenue, Payout].into_iter().find(|metric| of_metric(*metric) == word)
}

pub(super) const fn of_metric(metric: CapMetric) -> &'static str {
    match metric {
        CapMetric::Clicks => "clicks",
        CapMetric::Conversions => "conversions",
        CapMetric::Revenue => "revenue",
        CapMetric::Payout => "payout",
    }
}

pub(super) fn period(word: &str) -> Option<CapPeriod> {
    use CapPeriod::{Day, Month, Total, Week};
    [Day, Week, Month, Total].into_iter().find(|period| of_period(*period) == word)
}

pub(super) const fn of_period(period: CapPeriod) -> &'static str {
    match period {
        CapPeriod::Day => "day",
        CapPeriod::Week => "week",
        CapPeriod::Month => "month",
        CapPeriod::Total => "total",
    }
}
