//! The whole dashboard.

use hopline_api::{Problem, Services};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_money::Currency;
use hopline_report::{Dimension, ReportQuery, Value};
use hopline_types::{AffiliateId, HOUR_MS, OfferId, Role, SECOND_MS, UnixMillis};

use crate::figures::accounts::{
    BalancePart, ConversionRow, DueRow, LinkRow, Names, balance, conversion_rows, due, largest, newest,
    own_links,
};
use crate::figures::counts::{Counted, Sums, count, query};
use crate::figures::tiles::{Tile, tiles};
use crate::figures::tops::{Ranked, Top, leaders, top};
use crate::session::Viewer;
use crate::text::ENGLISH;
use crate::view::chart::{Chart, Point};
use crate::view::zone::age;

/// Conversions on the dashboard.
const LATEST: u32 = 8;
/// Figures older than this are said to be late.
const LATE_MS: i64 = 30 * SECOND_MS;
const CHART_HOURS: i64 = 24;
const CHART_DAYS: i64 = 14;

/// What the chart covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Span {
    /// 24 hours by the hour.
    #[default]
    Day,
    /// 14 days by the day.
    Fortnight,
}

impl Span {
    /// Reads the query's word; anything but `fortnight` is a day.
    pub(crate) fn from_word(word: &str) -> Self {
        if word == "fortnight" { Self::Fortnight } else { Self::Day }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Fortnight => "fortnight",
        }
    }

    fn query(self, viewer: &Viewer, now: UnixMillis) -> ReportQuery {
        match self {
            Self::Day => {
                // Hours of zones off by half an hour begin there.
                let offset = i64::from(viewer.zone.at(now).offset().seconds()) * SECOND_MS;
                let hour = UnixMillis(now.plus(offset).hour().get() - offset);
                query(viewer, Dimension::Hour, hour.plus((1 - CHART_HOURS) * HOUR_MS), hour.plus(HOUR_MS))
            }
            Self::Fortnight => {
                let (from, to) = (viewer.zone.day_start(now, 1 - CHART_DAYS), viewer.zone.day_start(now, 1));
                query(viewer, Dimension::Day, from, to)
            }
        }
    }
}

/// How fresh the figures are.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) at: String,
    pub(crate) age: String,
}

/// Everything that the dashboard shows.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) zone: String,
    pub(crate) date: String,
    pub(crate) fresh: Option<Fresh>,
    pub(crate) is_late: bool,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) balance: Option<Vec<BalancePart>>,
    pub(crate) chart: Chart,
    pub(crate) tops: Vec<Top>,
    pub(crate) due: Option<Vec<DueRow>>,
    pub(crate) latest: Vec<ConversionRow>,
    pub(crate) latest_hint: &'static str,
    pub(crate) links: Option<Vec<LinkRow>>,
}

/// What to do where there are no conversions yet.
pub(crate) const fn hint(role: Role) -> &'static str {
    match role {
        Role::Operator | Role::Finance => ENGLISH.dashboard.latest_empty_operator,
        Role::Advertiser => ENGLISH.dashboard.latest_empty_advertiser,
        Role::Affiliate => ENGLISH.dashboard.latest_empty_affiliate,
    }
}

const fn ranked(role: Role) -> [(Ranked, Dimension); 2] {
    const OFFERS: (Ranked, Dimension) = (Ranked::Offers, Dimension::Offer);
    const AFFILIATES: (Ranked, Dimension) = (Ranked::Affiliates, Dimension::Affiliate);
    match role {
        Role::Operator => [OFFERS, AFFILIATES],
        Role::Finance | Role::Advertiser => [AFFILIATES, OFFERS],
        Role::Affiliate => [OFFERS, (Ranked::Sub1, Dimension::Sub1)],
    }
}

/// Asks the stores and puts the dashboard together.
pub(crate) async fn load(services: &Services, viewer: &Viewer, span: Span) -> Result<Live, Problem> {
    let now = services.clock.now();
    let (yesterday, today) = (viewer.zone.day_start(now, -1), viewer.zone.day_start(now, 0));
    let tomorrow = viewer.zone.day_start(now, 1);
    let chart_query = span.query(viewer, now);
    let tables = ranked(viewer.role());
    let [first, second] = tables.map(|(_, by)| query(viewer, by, today, tomorrow));
    let (days, chart, first, second) = tokio::try_join!(
        count(services, query(viewer, Dimension::Day, yesterday, tomorrow)),
        count(services, chart_query.clone()),
        count(services, first),
        count(services, second),
    )?;
    let leaders = [leaders(&first), leaders(&second)];
    let accounts = accounts(services, viewer, &tables, &leaders).await?;
    let day = |start: UnixMillis| day_of(&days, start);
    let (today_sums, yesterday_sums) = (day(today), day(yesterday));
    let fresh_until = days.fresh_until;
    let usual = usual_currency(&accounts, &yesterday_sums);
    Ok(Live {
        zone: viewer.zone.name.clone(),
        date: viewer.zone.long_date(now),
        fresh: fresh_until.map(|until| Fresh { at: viewer.zone.seconds(until), age: age(now.since(until)) }),
        is_late: fresh_until.is_none_or(|until| now.since(until) > LATE_MS),
        tiles: tiles(viewer.role(), &today_sums, &yesterday_sums, usual),
        balance: accounts.balance,
        chart: draw(viewer, span, &chart_query, &chart),
        tops: tables
            .iter()
            .zip(&leaders)
            .map(|((ranked, _), rows)| top(viewer.role(), *ranked, rows, &accounts.names))
            .collect(),
        due: accounts.due,
        latest: conversion_rows(viewer, &accounts.latest, &accounts.names, now),
        latest_hint: hint(viewer.role()),
        links: accounts.links,
    })
}

fn day_of(days: &Counted, start: UnixMillis) -> Sums {
    let is_day = |value: &Value| matches!(value, Value::Time { start: at, .. } if *at == start);
    days.groups.iter().find(|(value, _)| is_day(value)).map_or_else(Sums::default, |(_, sums)| sums.clone())
}

fn draw(viewer: &Viewer, span: Span, query: &ReportQuery, counted: &Counted) -> Chart {
    let t = &ENGLISH.chart;
    let (title, all, form) = match span {
        Span::Day => (t.title_day, t.all_day, "%H:%M"),
        Span::Fortnight => (t.title_fortnight, t.all_fortnight, "%-d %b"),
    };
    let point = |segment: hopline_report::Segment| {
        let sums = segment.values.first().and_then(|value| counted.groups.get(value));
        let counts = sums.map(|sums| sums.counts).unwrap_or_default();
        Point::new(
            segment.from.seconds(),
            viewer.zone.at(segment.from).strftime(form).to_string(),
            counts.unique_clicks,
            counts.invalid_clicks,
            counts.conversions.saturating_add(counts.events),
        )
    };
    let points = query.segments().into_iter().map(point).collect();
    Chart::new(title, span.word(), all, &viewer.zone.name, points)
}

/// What the control store knows.
struct Accounts {
    names: Names,
    latest: Vec<hopline_control_store::conversions::Conversion>,
    balance: Option<Vec<BalancePart>>,
    due: Option<Vec<DueRow>>,
    links: Option<Vec<LinkRow>>,
    currency: Option<Currency>,
}

async fn accounts(
    services: &Services,
    viewer: &Viewer,
    tables: &[(Ranked, Dimension); 2],
    leaders: &[Vec<(Value, Sums)>; 2],
) -> Result<Accounts, Problem> {
    let viewer = viewer.clone();
    let edge = services.settings.edge_base_url.clone();
    let ids = |wanted: Ranked| -> Vec<i64> {
        let tables = tables.iter().zip(leaders).filter(|((ranked, _), _)| *ranked == wanted);
        let values = tables.flat_map(|(_, rows)| rows.iter().map(|(value, _)| value));
        values.filter_map(|value| if let Value::Id(id) = value { Some(*id) } else { None }).collect()
    };
    let offer_ids: Vec<OfferId> =
        ids(Ranked::Offers).into_iter().filter_map(|id| id.try_into().ok()).collect();
    let affiliate_ids: Vec<AffiliateId> =
        ids(Ranked::Affiliates).into_iter().filter_map(|id| id.try_into().ok()).collect();
    let database = services.database_for(viewer.scope);
    let read = database.read(move |tx| {
        let mut names = Names::default();
        names.learn(tx, viewer.scope, offer_ids.iter().copied(), affiliate_ids.iter().copied())?;
        let latest = newest(tx, &viewer, None, LATEST, &mut names)?;
        let mut accounts = Accounts { names, latest, balance: None, due: None, links: None, currency: None };
        match viewer.role() {
            Role::Affiliate => {
                // Nothing may ask for all balances here, so no id is no answer.
                if let Some(id) = viewer.user.affiliate_id {
                    let own = hopline_books::balances(tx, Some(id))?;
                    accounts.currency = own.first().map(|balance| balance.payable.currency);
                    accounts.balance = Some(balance(&own));
                }
                accounts.links = Some(own_links(tx, &viewer, &edge, &mut accounts.names)?);
            }
            Role::Finance => {
                let balances = largest(hopline_books::balances(tx, None)?);
                let ids = balances.iter().map(|balance| balance.affiliate);
                accounts.names.learn(tx, viewer.scope, [], ids)?;
                accounts.due = Some(due(&balances, &accounts.names));
            }
            Role::Operator | Role::Advertiser => {}
        }
        Ok::<_, StoreError>(accounts)
    });
    Ok(read.await?)
}

/// What an amount of nothing is shown in.
fn usual_currency(accounts: &Accounts, yesterday: &Sums) -> Option<Currency> {
    let latest = accounts.latest.first().map(|conversion| conversion.currency);
    latest.or(accounts.currency).or_else(|| yesterday.by_currency.keys().next().copied())
}
