//! The tiles on top: which figures a role looks at first.

use hopline_money::Currency;
use hopline_report::{Cell, Metric};
use hopline_types::Role;

use crate::figures::counts::Sums;
use crate::text::ENGLISH;
use crate::view::number::{Figure, count};

/// One figure.
#[derive(Debug)]
pub(crate) struct Tile {
    pub(crate) label: &'static str,
    /// One per currency; at least one.
    pub(crate) values: Vec<Figure>,
    pub(crate) note: String,
    /// Stands out.
    pub(crate) lead: bool,
    /// A third of the row instead of a quarter.
    pub(crate) wide: bool,
    /// Half of the row on a phone.
    pub(crate) half: bool,
}

impl Tile {
    fn new(label: &'static str, values: Vec<Figure>, note: String) -> Self {
        Self { label, values, note, lead: false, wide: false, half: false }
    }

    fn lead(self) -> Self {
        Self { lead: true, wide: true, ..self }
    }

    fn wide(self) -> Self {
        Self { wide: true, half: true, ..self }
    }
}

struct Days<'a> {
    today: &'a Sums,
    yesterday: &'a Sums,
    currency: Option<Currency>,
}

impl Days<'_> {
    /// Money of today per currency; in the viewer's usual currency where there is none, and `nothing` without that.
    fn values(&self, of: fn(&Sums, Currency) -> Figure, nothing: Figure) -> Vec<Figure> {
        let mut values: Vec<Figure> =
            self.today.by_currency.keys().map(|currency| of(self.today, *currency)).collect();
        if values.is_empty() {
            values.push(self.currency.map_or(nothing, |currency| of(self.today, currency)));
        }
        values
    }

    fn yesterday(&self, of: fn(&Sums, Currency) -> Figure) -> String {
        let values: Vec<String> = self
            .yesterday
            .by_currency
            .keys()
            .map(|currency| of(self.yesterday, *currency).to_string())
            .collect();
        let values = if values.is_empty() { "0".to_owned() } else { values.join(", ") };
        format!("{values} {}", ENGLISH.dashboard.yesterday)
    }

    fn money(&self, label: &'static str, of: fn(&Sums, Currency) -> Figure) -> Tile {
        Tile::new(label, self.values(of, Figure::count(0)), self.yesterday(of))
    }

    fn per_click(&self, label: &'static str, of: fn(&Sums, Currency) -> Figure, note: &'static str) -> Tile {
        Tile::new(label, self.values(of, Figure::undefined()), note.into())
    }

    fn count(&self, label: &'static str, of: fn(&Sums) -> i64) -> Tile {
        let note = format!("{} {}", count(of(self.yesterday)), ENGLISH.dashboard.yesterday);
        Tile::new(label, vec![Figure::count(of(self.today))], note)
    }

    fn invalid(&self) -> Tile {
        let t = &ENGLISH.dashboard;
        let (invalid, gross) = (self.today.counts.invalid_clicks, self.today.counts.gross_clicks);
        let share = share(invalid, gross);
        Tile::new(t.invalid, vec![Figure::count(invalid)], format!("{share} {}", t.of_gross))
    }

    fn rate(&self) -> Tile {
        let t = &ENGLISH.dashboard;
        let rate = Figure::percent(Metric::Cvr.value(&self.today.counts, None));
        Tile::new(t.cvr, vec![rate], t.cvr_note.into())
    }
}

/// Part of whole in percent; undefined where there is nothing.
fn share(part: i64, whole: i64) -> Figure {
    let millionths = hopline_money::div_half_even(i128::from(part) * 1_000_000, i128::from(whole));
    Figure::percent(
        millionths
            .map_or(Cell::Null, |mantissa| Cell::Decimal(hopline_report::Exact { mantissa, places: 6 })),
    )
}

fn revenue(sums: &Sums, currency: Currency) -> Figure {
    Figure::minor(sums.in_currency(currency).revenue_minor, currency)
}

fn payout(sums: &Sums, currency: Currency) -> Figure {
    Figure::minor(sums.in_currency(currency).payout_minor, currency)
}

fn profit(sums: &Sums, currency: Currency) -> Figure {
    let counters = sums.in_currency(currency);
    Figure::minor(counters.revenue_minor - counters.payout_minor, currency)
}

fn earned_per_click(sums: &Sums, currency: Currency) -> Figure {
    Figure::rate(Metric::Epc.value(&sums.in_currency(currency), Some(currency)), currency)
}

fn spent_per_click(sums: &Sums, currency: Currency) -> Figure {
    Figure::rate(Metric::Rpc.value(&sums.in_currency(currency), Some(currency)), currency)
}

fn unique(sums: &Sums) -> i64 {
    sums.counts.unique_clicks
}

fn gross(sums: &Sums) -> i64 {
    sums.counts.gross_clicks
}

fn conversions(sums: &Sums) -> i64 {
    sums.counts.conversions.saturating_add(sums.counts.events)
}

/// The tiles of a role. `currency` is what an amount of nothing is shown in.
pub(crate) fn tiles(role: Role, today: &Sums, yesterday: &Sums, currency: Option<Currency>) -> Vec<Tile> {
    let t = &ENGLISH.dashboard;
    let days = Days { today, yesterday, currency };
    let clicks = || [days.count(t.unique, unique), days.count(t.gross, gross), days.invalid()];
    let [unique, gross, invalid] = clicks();
    let conversions = days.count(t.conversions, conversions);
    match role {
        Role::Operator | Role::Finance => vec![
            days.money(t.revenue, revenue).lead(),
            days.money(t.payout, payout).wide(),
            days.money(t.profit, profit).wide(),
            unique,
            conversions,
            days.rate(),
            invalid,
        ],
        Role::Advertiser => vec![
            days.money(t.spend, revenue).lead(),
            conversions.wide(),
            days.per_click(t.cpc, spent_per_click, t.cpc_note).wide(),
            unique,
            gross,
            days.rate(),
            invalid,
        ],
        Role::Affiliate => vec![
            days.money(t.earnings, payout).lead(),
            conversions.wide(),
            days.per_click(t.epc, earned_per_click, t.epc_note).wide(),
            unique,
            gross,
            days.rate(),
            invalid,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hopline_report::Counters;

    fn sums() -> Sums {
        let counters = Counters {
            gross_clicks: 130,
            unique_clicks: 90,
            duplicate_clicks: 10,
            invalid_clicks: 30,
            conversions: 8,
            revenue_minor: 5_990,
            payout_minor: 4_990,
            ..Counters::default()
        };
        Sums { counts: counters, by_currency: [(Currency::EUR, counters)].into() }
    }

    fn shown(role: Role) -> Vec<(&'static str, String)> {
        let tiles = tiles(role, &sums(), &Sums::default(), Some(Currency::EUR));
        tiles.into_iter().map(|tile| (tile.label, tile.values[0].to_string())).collect()
    }

    #[test]
    fn an_affiliate_sees_no_revenue_and_an_advertiser_no_payout() {
        let affiliate = shown(Role::Affiliate);
        assert_eq!(affiliate[0], ("You earned", "49.90\u{a0}EUR".to_owned()));
        assert!(affiliate.iter().all(|(_, value)| !value.starts_with("59.90")), "{affiliate:?}");
        let advertiser = shown(Role::Advertiser);
        assert_eq!(advertiser[0], ("You spend", "59.90\u{a0}EUR".to_owned()));
        assert!(advertiser.iter().all(|(_, value)| !value.starts_with("49.90")), "{advertiser:?}");
    }

    #[test]
    fn shares_and_rates_follow_the_reports_definitions() {
        let operator = shown(Role::Operator);
        assert!(operator.contains(&("Conversion rate", "8.00\u{a0}%".to_owned())), "{operator:?}");
        assert!(operator.contains(&("Profit", "10.00\u{a0}EUR".to_owned())), "{operator:?}");
        let tiles = tiles(Role::Operator, &sums(), &Sums::default(), None);
        assert_eq!(tiles.last().unwrap().note, "23.08\u{a0}% of all clicks");
    }

    #[test]
    fn a_day_with_nothing_shows_zero_in_the_usual_currency() {
        let empty = Sums::default();
        let tiles = tiles(Role::Affiliate, &empty, &empty, Some(Currency::EUR));
        assert_eq!(tiles[0].values[0].to_string(), "0.00\u{a0}EUR");
        assert_eq!(tiles[2].values[0].to_string(), "–");
    }
}
