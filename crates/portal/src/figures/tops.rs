//! The best of the day, by one dimension.

use std::collections::BTreeMap;

use hopline_report::Value;
use hopline_types::Role;

use crate::figures::accounts::Names;
use crate::figures::counts::{Counted, Sums};
use crate::text::ENGLISH;
use crate::view::number::{Figure, count};

/// Rows of a table.
const ROWS_MAX: usize = 5;

/// What a table ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranked {
    Offers,
    Affiliates,
    Sub1,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) title: &'static str,
    pub(crate) column: &'static str,
    pub(crate) money: &'static str,
    pub(crate) rows: Vec<TopRow>,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TopRow {
    pub(crate) name: String,
    pub(crate) clicks: String,
    pub(crate) conversions: String,
    pub(crate) money: Vec<Figure>,
    /// Clicks in percent of the first row's.
    pub(crate) share: i64,
}

/// The groups with most unique clicks, most first.
pub(crate) fn leaders(counted: &Counted) -> Vec<(Value, Sums)> {
    let mut rows: Vec<_> = counted
        .groups
        .iter()
        .filter(|(_, sums)| sums.counts.unique_clicks > 0 || sums.counts.conversions > 0)
        .map(|(value, sums)| (value.clone(), sums.clone()))
        .collect();
    rows.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.counts.unique_clicks, sums.counts.conversions)));
    rows.truncate(ROWS_MAX);
    rows
}

fn named(ranked: Ranked, value: &Value, names: &Names) -> String {
    let numbered = |kind: &str, known: &BTreeMap<i64, String>, id: i64| {
        known.get(&id).cloned().unwrap_or_else(|| format!("{kind} {id}"))
    };
    match (ranked, value) {
        (Ranked::Offers, Value::Id(id)) => numbered(ENGLISH.tables.offer, &names.offers, *id),
        (Ranked::Affiliates, Value::Id(id)) => numbered(ENGLISH.tables.affiliate, &names.affiliates, *id),
        (_, Value::Text(text)) => text.clone(),
        (Ranked::Sub1, Value::Id(id)) => id.to_string(),
        (_, Value::Time { label, .. }) => label.clone(),
        (_, Value::None) => ENGLISH.tables.no_value.into(),
    }
}

/// The table of a role: affiliates see what they got, everybody else what advertisers pay.
pub(crate) fn top(role: Role, ranked: Ranked, leaders: &[(Value, Sums)], names: &Names) -> Top {
    let t = &ENGLISH.tables;
    let (title, column) = match ranked {
        Ranked::Offers => (t.top_offers, t.offer),
        Ranked::Affiliates => (t.top_affiliates, t.affiliate),
        Ranked::Sub1 => (t.top_sub1, t.sub1),
    };
    let money = match role {
        Role::Affiliate => ENGLISH.dashboard.earnings_column,
        Role::Finance => ENGLISH.dashboard.payout,
        Role::Operator => ENGLISH.dashboard.revenue,
        Role::Advertiser => ENGLISH.dashboard.spend_column,
    };
    let most = leaders.first().map_or(1, |(_, sums)| sums.counts.unique_clicks).max(1);
    let row = |(value, sums): &(Value, Sums)| TopRow {
        name: named(ranked, value, names),
        clicks: count(sums.counts.unique_clicks),
        conversions: count(sums.counts.conversions.saturating_add(sums.counts.events)),
        money: sums
            .by_currency
            .iter()
            .map(|(currency, counters)| match role {
                Role::Affiliate | Role::Finance => Figure::minor(counters.payout_minor, *currency),
                Role::Operator | Role::Advertiser => Figure::minor(counters.revenue_minor, *currency),
            })
            .collect(),
        share: sums.counts.unique_clicks.saturating_mul(100) / most,
    };
    Top { title, column, money, rows: leaders.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hopline_report::Counters;

    #[test]
    fn the_most_clicked_come_first_and_at_most_five() {
        let sums = |unique_clicks| Sums {
            counts: Counters { unique_clicks, gross_clicks: 99, ..Counters::default() },
            ..Sums::default()
        };
        let groups = (0..8).map(|id| (Value::Id(id), sums(id * 10))).collect();
        let leaders = leaders(&Counted { groups, fresh_until: None });
        let names = Names { offers: [(7, "Shoes".to_owned())].into(), ..Names::default() };
        let top = top(Role::Operator, Ranked::Offers, &leaders, &names);
        let rows: Vec<_> =
            top.rows.iter().map(|row| (row.name.as_str(), row.clicks.as_str(), row.share)).collect();
        assert_eq!(
            rows,
            [
                ("Shoes", "70", 100),
                ("Offer 6", "60", 85),
                ("Offer 5", "50", 71),
                ("Offer 4", "40", 57),
                ("Offer 3", "30", 42)
            ]
        );
    }
}
