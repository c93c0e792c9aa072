//! What metrics mean: Everflow's names and formulas.

use hopline_money::{Currency, div_half_even};

use crate::{Cell, Counters, Exact};

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Money, or money per thing.
    Money,
    /// A fraction of one.
    Share,
}

enum Formula {
    Count(fn(&Counters) -> i64),
    Money(fn(&Counters) -> i128),
    /// Fraction of one, 6 places.
    Share(fn(&Counters) -> i128, &'static str, fn(&Counters) -> i128),
    /// Fraction of one of two amounts, 6 places.
    MoneyShare(fn(&Counters) -> i128, &'static str, fn(&Counters) -> i128),
    /// Money per thing, with so many more places than the currency.
    Per(fn(&Counters) -> i128, &'static str, fn(&Counters) -> i128, u8),
    /// Known, not yet answered.
    Later,
}

use Formula::{Count, Later, Money, MoneyShare, Per, Share};

const SHARE_PLACES: u8 = 6;
const PER_CLICK: u8 = 4;
const PER_CONVERSION: u8 = 2;

fn clicks(c: &Counters) -> i128 {
    i128::from(c.unique_clicks) + i128::from(c.duplicate_clicks)
}

fn conversions(c: &Counters) -> i128 {
    i128::from(c.conversions)
}

fn impressions(c: &Counters) -> i128 {
    i128::from(c.impressions)
}

fn revenue(c: &Counters) -> i128 {
    c.revenue_minor
}

fn payout(c: &Counters) -> i128 {
    c.payout_minor
}

fn profit(c: &Counters) -> i128 {
    c.revenue_minor - c.payout_minor
}

macro_rules! metrics {
    ($($(#[$meta:meta])* $variant:ident = $name:literal, $formula:expr;)*) => {
        /// One metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $($(#[$meta])* $variant,)* }

        impl Metric {
            /// All of them, in the order in which they are listed to users.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in queries and answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn formula(self) -> Formula {
                match self { $(Self::$variant => $formula,)* }
            }
        }
    };
}

metrics! {
    /// All requests that reached a tracking link.
    GrossClicks = "gross_clicks", Count(|c| c.gross_clicks);
    /// First click of a visitor on an offer in the duplicate window.
    UniqueClicks = "unique_clicks", Count(|c| c.unique_clicks);
    /// Valid but repeated clicks.
    DuplicateClicks = "duplicate_clicks", Count(|c| c.duplicate_clicks);
    /// Clicks excluded with a reason.
    InvalidClicks = "invalid_clicks", Count(|c| c.invalid_clicks);
    /// Unique and duplicate clicks.
    Clicks = "clicks", Count(|c| c.unique_clicks.saturating_add(c.duplicate_clicks));
    /// Banners shown.
    Impressions = "impressions", Count(|c| c.impressions);
    /// Conversions of a base goal.
    Conversions = "conversions", Count(|c| c.conversions);
    /// Conversions of additional goals.
    Events = "events", Count(|c| c.events);
    /// Conversions of goals paid per sale.
    Sales = "sales", Count(|c| c.sales);
    /// Conversions of goals paid per lead.
    Leads = "leads", Count(|c| c.leads);
    /// Conversions of goals paid per install.
    Installs = "installs", Count(|c| c.installs);
    /// Conversion rate: conversions / clicks.
    Cvr = "cvr", Share(conversions, "clicks", clicks);
    /// Event rate: events / conversions.
    Evr = "evr", Share(|c| i128::from(c.events), "conversions", conversions);
    /// Click-through rate: clicks / impressions.
    Ctr = "ctr", Share(clicks, "impressions", impressions);
    /// Cost per click: payout / clicks.
    Cpc = "cpc", Per(payout, "clicks", clicks, PER_CLICK);
    /// Cost per action: payout / conversions.
    Cpa = "cpa", Per(payout, "conversions", conversions, PER_CONVERSION);
    /// Revenue per click: revenue / clicks.
    Rpc = "rpc", Per(revenue, "clicks", clicks, PER_CLICK);
    /// Revenue per action: revenue / conversions.
    Rpa = "rpa", Per(revenue, "conversions", conversions, PER_CONVERSION);
    /// Earnings per click, the affiliate's view: payout / clicks.
    Epc = "epc", Per(payout, "clicks", clicks, PER_CLICK);
    /// Average order value: gross sales / conversions.
    Aov = "aov", Per(|c| c.gross_sales_minor, "conversions", conversions, PER_CONVERSION);
    /// What advertisers pay.
    Revenue = "revenue", Money(revenue);
    /// What affiliates get.
    Payout = "payout", Money(payout);
    /// Revenue less payout.
    Profit = "profit", Money(profit);
    /// Profit / revenue.
    Margin = "margin", MoneyShare(profit, "revenue", revenue);
    /// Order values.
    GrossSales = "gross_sales", Money(|c| c.gross_sales_minor);
    /// Order values given back.
    Refunds = "refunds", Money(|c| c.refunds_minor);
    /// Reversed / conversions.
    ReversalRate = "reversal_rate", Share(|c| i128::from(c.reversed), "conversions", conversions);
    /// Approved / conversions.
    ApprovalRate = "approval_rate", Share(|c| i128::from(c.approved), "conversions", conversions);
    /// Median time from click to conversion.
    TimeToConvertP50 = "time_to_convert_p50", Later;
    /// 95th percentile of the time from click to conversion.
    TimeToConvertP95 = "time_to_convert_p95", Later;
}

impl Metric {
    /// What is reported where nothing is asked for.
    pub const DEFAULT: &'static [Self] = &[
        Self::GrossClicks,
        Self::Clicks,
        Self::UniqueClicks,
        Self::Conversions,
        Self::Cvr,
        Self::Revenue,
        Self::Payout,
        Self::Profit,
    ];

    /// Finds a metric by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.as_str() == name)
    }

    /// Whether it can be answered already.
    #[must_use]
    pub fn is_available(self) -> bool {
        !matches!(self.formula(), Later)
    }

    /// Whether it shows what advertisers pay, which affiliates do not see.
    #[must_use]
    pub const fn shows_revenue(self) -> bool {
        matches!(self, Self::Revenue | Self::Profit | Self::Margin | Self::Rpc | Self::Rpa)
    }

    /// What it is measured in.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self.formula() {
            Count(_) | Later => Unit::Count,
            Money(_) | Per(..) => Unit::Money,
            Share(..) | MoneyShare(..) => Unit::Share,
        }
    }

    /// Whether it is computed from money, so that it is undefined over several currencies.
    #[must_use]
    pub fn needs_one_currency(self) -> bool {
        matches!(self.formula(), Money(_) | Per(..) | MoneyShare(..))
    }

    /// The metric it is divided by.
    #[must_use]
    pub fn denominator(self) -> Option<&'static str> {
        match self.formula() {
            Share(_, name, _) | MoneyShare(_, name, _) | Per(_, name, _, _) => Some(name),
            Count(_) | Money(_) | Later => None,
        }
    }

    /// Its value. `currency` is the counters' one; without it money counts in hundredths (there is none then:
    /// all of it is zero). Money over several currencies is the caller's to leave out.
    #[must_use]
    pub fn value(self, counters: &Counters, currency: Option<Currency>) -> Cell {
        let exponent = currency.map_or(2, Currency::exponent);
        match self.formula() {
            Count(count) => Cell::Count(count(counters)),
            Money(money) => Cell::Decimal(Exact { mantissa: money(counters), places: exponent }),
            Share(part, _, whole) | MoneyShare(part, _, whole) => {
                ratio(part(counters), whole(counters), SHARE_PLACES, SHARE_PLACES)
            }
            Per(money, _, things, more) => ratio(money(counters), things(counters), more, exponent + more),
            Later => Cell::Null,
        }
    }
}

/// `part` × 10^`shift` / `whole`, rounded half to even, read with `places` places. Null where it is undefined.
fn ratio(part: i128, whole: i128, shift: u8, places: u8) -> Cell {
    let scaled = part.checked_mul(10_i128.pow(u32::from(shift)));
    match scaled.and_then(|scaled| div_half_even(scaled, whole)) {
        Some(mantissa) => Cell::Decimal(Exact { mantissa, places }),
        None => Cell::Null,
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(metric: Metric, counters: &Counters, currency: Currency) -> String {
        match metric.value(counters, Some(currency)) {
            Cell::Null => "null".into(),
            Cell::Count(count) => count.to_string(),
            Cell::Decimal(exact) => exact.to_string(),
        }
    }

    #[test]
    fn metrics_mean_what_everflow_means_by_them() {
        let counters = Counters {
            gross_clicks: 130,
            unique_clicks: 90,
            duplicate_clicks: 10,
            invalid_clicks: 30,
            impressions: 3_000,
            conversions: 8,
            events: 2,
            approved: 6,
            reversed: 1,
            revenue_minor: 5_990,
            payout_minor: 4_990,
            gross_sales_minor: 49_901,
            ..Counters::default()
        };
        let table = [
            (Metric::Clicks, "100"),
            (Metric::Cvr, "0.080000"),
            (Metric::Evr, "0.250000"),
            (Metric::Ctr, "0.033333"),
            (Metric::Cpc, "0.499000"),
            (Metric::Epc, "0.499000"),
            (Metric::Cpa, "6.2375"),
            (Metric::Rpc, "0.599000"),
            (Metric::Rpa, "7.4875"),
            (Metric::Aov, "62.3762"), // 62.37625: half to even
            (Metric::Profit, "10.00"),
            (Metric::Margin, "0.166945"),
            (Metric::ApprovalRate, "0.750000"),
            (Metric::ReversalRate, "0.125000"),
        ];
        for (metric, expected) in table {
            assert_eq!(show(metric, &counters, Currency::EUR), expected, "{metric}");
        }
        assert_eq!(show(Metric::Payout, &counters, Currency::JPY), "4990");
        assert_eq!(show(Metric::Epc, &counters, Currency::JPY), "49.9000");
    }

    #[test]
    fn a_division_by_zero_is_null() {
        for metric in Metric::ALL.iter().filter(|metric| metric.denominator().is_some()) {
            assert_eq!(metric.value(&Counters::default(), None), Cell::Null, "{metric}");
        }
    }
}
