//! Stories of reports.

use hopline_report::{ClickQuery, Counters, ReportQuery, Scope};
use hopline_types::{HOUR_MS, UnixMillis, Verdict};

use super::Harness;
use super::count::{count, table_of};
use super::data::{START, Say, advertiser, affiliate, batch, fact, many_batches, many_facts};
use crate::{ClickBatch, ClickStore, Fact, StoredClick};

pub(super) async fn store_all(store: &dyn ClickStore, batches: &[ClickBatch], facts: &[Fact]) {
    for batch in batches {
        store.store(batch.clone()).await.expect("the batch is stored");
    }
    for some in facts.chunks(64) {
        store.store_facts(some.to_vec()).await.expect("the facts are stored");
    }
}

fn query(text: &str, scope: Scope) -> ReportQuery {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    ReportQuery::parse(pairs, START, scope).expect("a query without faults")
}

/// Everything of the week, in one row per currency, added up.
pub(super) async fn total(store: &dyn ClickStore) -> Counters {
    let query = query("from=2026-03-25&to=2026-04-05&group_by=", Scope::ALL);
    let rows = store.report(query).await.expect("a report").rows;
    let mut total = Counters::default();
    for row in rows {
        total += &row.counters;
    }
    total
}

/// From sums by the hour and from raw rows, in zones of whole and half hours, on both bases.
pub async fn reports_equal_a_direct_count(harness: &impl Harness) {
    let store = harness.open().await;
    let (batches, facts) = (many_batches(), many_facts());
    store_all(&*store, &batches, &facts).await;
    let clicks: Vec<StoredClick> = batches.iter().flat_map(ClickBatch::clicks).collect();
    let queries = [
        "group_by=",
        "group_by=day",
        "group_by=hour,offer",
        "group_by=day,offer,affiliate",
        "group_by=affiliate,sub1",
        "group_by=day,sub1&tz=Europe/Berlin",
        "group_by=hour&tz=Europe/Berlin",
        "group_by=day,offer&tz=Asia/Kolkata",
        "group_by=hour,sub1&tz=Asia/Kathmandu",
        "group_by=week,month,advertiser&tz=America/New_York",
        "group_by=link,class,reason",
        "group_by=sub1,sub2",
        "group_by=link,sub1",
        "group_by=country,browser",
        "group_by=goal,status",
        "group_by=coupon,day",
        "group_by=offer&filter[affiliate]=1,3",
        "group_by=sub1&filter[sub1]=a,",
        "group_by=affiliate&filter[country]=FR",
        "group_by=offer&filter[class]=invalid&filter[reason]=bot",
        "group_by=offer&filter[goal]=2",
        "group_by=day&filter[status]=reversed&currency=EUR",
        "group_by=offer&currency=JPY",
        "group_by=day&from=2026-03-29T01:00:00Z&to=2026-03-29T01:59:59Z",
        "group_by=hour&from=2026-03-28T10:30:00Z&to=2026-03-30T00:00:00Z",
    ];
    let scopes = [Scope::ALL, Scope::advertiser(advertiser(2)), Scope::affiliate(affiliate(3))];
    let mut rows_seen = 0;
    for text in queries {
        for basis in ["click", "conversion"] {
            for scope in scopes {
                let period = if text.contains("from=") { "" } else { "&from=2026-03-28&to=2026-03-31" };
                let query = query(&format!("{text}{period}&basis={basis}"), scope);
                let rows = store.report(query.clone()).await.expect("a report").rows;
                let expected = count(&query, &clicks, &facts);
                assert_eq!(table_of(&rows), expected, "{text} by {basis} in {scope:?}");
                rows_seen += rows.len();
            }
        }
    }
    assert!(rows_seen > 2_000, "the stories count {rows_seen} rows only");
}

/// A credential sees its own, whatever it filters for.
pub async fn scopes_isolate_in_reports_and_raw_clicks(harness: &impl Harness) {
    let store = harness.open().await;
    store_all(&*store, &many_batches(), &many_facts()).await;
    let own = Scope::affiliate(affiliate(2));
    for text in [
        "from=2026-03-28&to=2026-03-30&group_by=affiliate&filter[affiliate]=1",
        "from=2026-03-28&to=2026-03-30&group_by=affiliate,sub2&filter[affiliate]=1",
    ] {
        assert_eq!(store.report(query(text, own)).await.expect("a report").rows, []);
    }
    let whole = |scope| ClickQuery {
        from: START,
        to: START.plus(72 * HOUR_MS),
        filters: Default::default(),
        format: hopline_report::Format::Ndjson,
        scope,
    };
    let page = store.clicks(whole(own), None, 10_000).await.expect("a page");
    assert!(!page.clicks.is_empty());
    assert!(page.clicks.iter().all(|click| click.affiliate == Some(affiliate(2))));
    let both = Scope { advertiser: Some(advertiser(1)), affiliate: Some(affiliate(2)) };
    let page = store.clicks(whole(both), None, 10_000).await.expect("a page");
    assert!(page.clicks.iter().all(|click| click.advertiser == Some(advertiser(1))));
}

/// Their ids decide, not their content.
pub async fn facts_sent_twice_count_once(harness: &impl Harness) {
    let store = harness.open().await;
    let facts = vec![fact("a", START), fact("b", START), fact("a", START)];
    assert_eq!(store.store_facts(facts).await.expect("facts"), 2);
    assert_eq!(store.store_facts(vec![fact("b", START), fact("c", START)]).await.expect("facts"), 1);
    let total = total(&*store).await;
    assert_eq!((total.conversions, total.sales), (3, 3));
    assert_eq!((total.revenue_minor, total.payout_minor, total.gross_sales_minor), (1_797, 1_497, 14_970));
}

/// Reports say up to when they are complete.
pub async fn a_late_click_is_in_its_own_hour_and_the_report_is_fresh_until_the_newest(
    harness: &impl Harness,
) {
    let store = harness.open().await;
    assert_eq!(store.fresh_until().await.expect("a time"), None);
    let newest = START.plus(5 * HOUR_MS);
    store_all(&*store, &[batch(vec![Say::new(1, newest).click()])], &[]).await;
    let late = Say { verdict: Verdict::DUPLICATE, ..Say::new(2, START) };
    store_all(&*store, &[batch(vec![late.click()])], &[]).await;
    let query = query("from=2026-03-28&to=2026-03-28&group_by=hour", Scope::ALL);
    let report = store.report(query).await.expect("a report");
    assert_eq!(report.rows.len(), 2);
    assert_eq!(report.rows[0].counters.duplicate_clicks, 1);
    assert_eq!(report.fresh_until, Some(newest));
    let drained: UnixMillis = newest.plus(HOUR_MS);
    store.mark_fresh(drained);
    store.mark_fresh(newest);
    assert_eq!(store.fresh_until().await.expect("a time"), Some(drained));
}
