//! Stories of findings: clicks that become invalid after they were stored.

use std::collections::BTreeMap;

use hopline_report::{ClickQuery, Format, ReportQuery, Scope};
use hopline_types::{ClickFilter, FindingId, HOUR_MS, Reason, UnixMillis, Verdict};

use super::Harness;
use super::batches::assert_sound;
use super::count::{count, table_of};
use super::data::{START, Say, advertiser, affiliate, batch, many_batches, offer};
use super::reports::{store_all, total};
use crate::{ClickBatch, ClickStore, ClickStoreError, Reclassified, Reclassify, StoredClick};

fn finding(id: i64, from_hours: i64, to_hours: i64) -> Reclassify {
    Reclassify {
        id: FindingId::new(id).expect("an id"),
        offer: offer(1),
        affiliate: affiliate(1),
        from: START.plus(from_hours * HOUR_MS),
        to: START.plus(to_hours * HOUR_MS),
        filter: ClickFilter::default(),
        reason: Reason::Bot,
    }
}

async fn apply(store: &dyn ClickStore, finding: &Reclassify) -> u64 {
    let Reclassified { clicks } = store.reclassify(finding.clone()).await.expect("it is applied");
    clicks
}

/// Classes change, nothing else; once; and whoever settles clicks or looks for touches learns of it.
pub async fn c_02_a_finding_makes_clicks_invalid_once_and_says_how_many(harness: &impl Harness) {
    let store = harness.open().await;
    let at = |hours: i64| START.plus(hours * HOUR_MS);
    let say = |record, hours| Say { visitor: 5, ..Say::new(record, at(hours)) };
    let clicks = [
        say(1, 9),
        Say { verdict: Verdict::DUPLICATE, ..say(2, 9) },
        Say { verdict: Verdict::invalid(Reason::Geo), ..say(3, 9) },
        Say { is_impression: true, ..say(4, 9) },
        Say { affiliate: 2, ..say(5, 9) },
        Say { offer: 3, ..say(6, 9) },
        say(7, 8),
        say(8, 11),
        Say { verdict: Verdict::DUPLICATE, ..say(9, 10) },
        say(10, 30),
    ];
    store_all(&*store, &[batch(clicks.map(Say::click).to_vec())], &[]).await;
    let version = store.changed_hours(0).await.expect("hours").version;
    let before = total(&*store).await;

    let robots = finding(7, 9, 11);
    assert_eq!(apply(&*store, &robots).await, 3);
    assert_eq!(apply(&*store, &robots).await, 3, "applied before: the same answer");
    let after = total(&*store).await;
    assert_eq!((after.gross_clicks, after.impressions), (before.gross_clicks, before.impressions));
    assert_eq!(after.unique_clicks, before.unique_clicks - 1);
    assert_eq!(after.duplicate_clicks, before.duplicate_clicks - 2);
    assert_eq!(after.invalid_clicks, before.invalid_clicks + 3);
    assert_sound(&*store, 10).await;

    let changed = store.changed_hours(version).await.expect("hours");
    assert_eq!(changed.hours, [at(9)], "only there the unique ones are fewer");
    let counts = store.unique_clicks(at(9), at(10)).await.expect("counts");
    let counts: Vec<_> = counts.iter().map(|c| (c.offer.get(), c.affiliate.get(), c.clicks)).collect();
    assert_eq!(counts, [(1, 2, 1), (3, 1, 1)]);
    let touches = store.touches(5, advertiser(1), at(0), at(99)).await.expect("touches");
    let touches: Vec<_> = touches.iter().map(|touch| touch.unique.record()).collect();
    assert_eq!(touches, [7, 5, 6, 8, 10]);

    let find = async |at: usize| {
        let click = clicks[at].click();
        store.find_click(click.unique, click.at).await.expect("a look-up").expect("it is there")
    };
    let found = find(0).await;
    assert_eq!((found.verdict, found.finding), (Verdict::invalid(Reason::Bot), Some(robots.id)));
    assert_eq!(found.answered(), Some(Verdict::UNIQUE), "the click id keeps what was answered");
    assert_eq!(found.to_json()["answered_class"], "unique");
    let geo = find(2).await;
    assert_eq!((geo.verdict, geo.finding), (Verdict::invalid(Reason::Geo), None));
    assert_eq!(find(7).await, clicks[7].click());

    // A second finding takes only what is left.
    let wider = Reclassify { reason: Reason::Stuffing, ..finding(8, 0, 99) };
    assert_eq!(apply(&*store, &wider).await, 3);
    assert_eq!(find(0).await.finding, Some(robots.id));
    let other = Reclassify { to: at(12), ..robots.clone() };
    let refusal = store.reclassify(other).await.expect_err("another one has the id");
    assert!(matches!(refusal, ClickStoreError::FindingRefused { finding } if finding == robots.id));
    drop(store);
    let store = harness.open().await;
    assert_eq!(apply(&*store, &robots).await, 3);
    assert_sound(&*store, 10).await;
}

/// A click on its way while somebody decides does not escape, and is not counted before it is judged.
pub async fn c_02_clicks_stored_later_are_judged_by_the_findings_before(harness: &impl Harness) {
    let store = harness.open().await;
    let hour = START.plus(9 * HOUR_MS);
    assert_eq!(apply(&*store, &finding(1, 9, 10)).await, 0);
    assert_eq!(apply(&*store, &Reclassify { reason: Reason::Head, ..finding(2, 9, 11) }).await, 0);
    let late = batch(vec![Say::new(1, hour).click(), Say::new(2, hour.plus(HOUR_MS)).click()]);
    store_all(&*store, &[late.clone(), late.clone()], &[]).await;
    let clicks = late.clicks();
    for (click, id, reason) in [(&clicks[0], 1, Reason::Bot), (&clicks[1], 2, Reason::Head)] {
        let found = store.find_click(click.unique, click.at).await.expect("a look-up").expect("it is there");
        assert_eq!((found.verdict, found.finding.map(i64::from)), (Verdict::invalid(reason), Some(id)));
    }
    assert_eq!(store.unique_clicks(hour, hour.plus(HOUR_MS)).await.expect("counts"), []);
    assert_eq!(store.touches(1, advertiser(1), START, hour.plus(1)).await.expect("touches"), []);
    let total = total(&*store).await;
    assert_eq!((total.gross_clicks, total.unique_clicks, total.invalid_clicks), (2, 0, 2));
    assert_sound(&*store, 2).await;
}

/// With every kind of filter, between batches and over days: rows and reports are those of a count by hand.
pub async fn c_02_reports_after_findings_equal_a_direct_count(harness: &impl Harness) {
    let store = harness.open().await;
    let batches = many_batches();
    let text = |text: &str| Some(text.to_owned());
    let findings = [
        Reclassify {
            filter: ClickFilter { sub1: text("ü'--"), country: text(""), ..ClickFilter::default() },
            reason: Reason::Stuffing,
            ..finding(3, 5, 60)
        },
        Reclassify { affiliate: affiliate(2), ..finding(1, 0, 72) },
        Reclassify {
            offer: offer(2),
            filter: ClickFilter {
                source: text(""),
                referrer_host: text(""),
                country: text("FR"),
                network: Some(0),
                sub1: None,
            },
            ..finding(4, 20, 50)
        },
        Reclassify { reason: Reason::Datacenter, ..finding(2, 0, 72) },
    ];
    for (some, finding) in batches.chunks(3).zip(&findings) {
        store_all(&*store, some, &[]).await;
        assert!(apply(&*store, finding).await > 0, "{finding:?} is about nothing");
        assert_sound(&*store, store.tallies().await.map(rows).expect("tallies")).await;
    }
    let mut clicks: Vec<StoredClick> = batches.iter().flat_map(ClickBatch::clicks).collect();
    for click in &mut clicks {
        if let Some(first) = findings.iter().find(|finding| finding.hits(click)) {
            (click.verdict, click.finding) = (first.verdict(), Some(first.id));
        }
    }
    let all = ClickQuery {
        from: START,
        to: START.plus(72 * HOUR_MS),
        filters: Default::default(),
        format: Format::Ndjson,
        scope: Scope::ALL,
    };
    let page = store.clicks(all, None, 10_000).await.expect("a page");
    let by_number = |clicks: Vec<StoredClick>| -> BTreeMap<u64, StoredClick> {
        clicks.into_iter().map(|click| (click.unique.bits(), click)).collect()
    };
    assert!(by_number(page.clicks) == by_number(clicks.clone()), "rows differ");
    for text in
        ["group_by=hour,offer,affiliate,link,class,reason", "group_by=sub1,reason", "group_by=country"]
    {
        let pairs = format!("{text}&from=2026-03-28&to=2026-03-31");
        let pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
        let query = ReportQuery::parse(pairs, UnixMillis(START.get()), Scope::ALL).expect("a query");
        let rows = store.report(query.clone()).await.expect("a report").rows;
        assert_eq!(table_of(&rows), count(&query, &clicks, &[]), "{text}");
    }
}

fn rows(tallies: Vec<crate::Tally>) -> u64 {
    tallies.iter().map(|tally| tally.clicks + tally.impressions).sum()
}
