//! Stories of everything else that is read.

use std::collections::BTreeSet;

use hopline_report::{ClickQuery, Dimension, Format, Scope, Value};
use hopline_types::{Class, HOUR_MS, Reason, UnixMillis, Verdict};

use super::Harness;
use super::batches::assert_sound;
use super::data::{START, STREAM, Say, advertiser, affiliate, batch, many_batches, offer};
use super::reports::{store_all, total};
use crate::{ClickBatch, Retention, StoredClick, StreamId, TouchQuery};

const DAY_MS: i64 = 24 * HOUR_MS;

/// No field is lost or swapped.
pub async fn a_click_is_found_by_its_number_and_reads_back_whole(harness: &impl Harness) {
    let store = harness.open().await;
    let high = StreamId { edge: 65_535, stream: 255 };
    let say = Say { stream: high, visitor: u64::MAX, ..Say::new(77, START.plus(DAY_MS)) };
    let click = say.with(|click| {
        for (number, sub) in (1..).zip(&mut click.subs) {
            *sub = format!("sub {number}");
        }
        let texts = [
            (&mut click.source, "source"),
            (&mut click.landing_page, "landing page"),
            (&mut click.consent, "gdpr=1&gdpr_consent=CP"),
            (&mut click.creative, "creative"),
            (&mut click.ext, "ext"),
            (&mut click.email_hash, "hash"),
            (&mut click.referrer_host, "referrer.example"),
            (&mut click.os, "os"),
            (&mut click.browser, "browser"),
            (&mut click.language, "de"),
            (&mut click.region, "region"),
            (&mut click.detail, "detail"),
            (&mut click.deep_link, "https://shop.example/ü"),
        ];
        for (field, text) in texts {
            text.clone_into(field);
        }
    });
    store_all(&*store, &[batch(vec![click.clone()])], &[]).await;
    let find = async |unique, at| store.find_click(unique, at).await.expect("a look-up");
    assert_eq!(find(click.unique, click.at).await, Some(click.clone()));
    let other = Say { stream: high, ..Say::new(78, click.at) }.click();
    assert_eq!(find(other.unique, click.at).await, None);
    assert_eq!(find(click.unique, START.plus(9 * DAY_MS)).await, None);
}

/// Bots, prefetches and banners win nothing; nor do other visitors and advertisers.
pub async fn touches_are_a_visitors_valid_clicks_in_a_window(harness: &impl Harness) {
    let store = harness.open().await;
    let at = |hours: i64| START.plus(hours * HOUR_MS);
    let mine = |record, hours| Say { visitor: 5, ..Say::new(record, at(hours)) };
    let clicks = [
        mine(1, 40),
        mine(2, 3),
        Say { verdict: Verdict::DUPLICATE, offer: 3, affiliate: 2, ..mine(3, 30) },
        Say { verdict: Verdict::invalid(Reason::Bot), ..mine(4, 20) },
        Say { is_impression: true, ..mine(5, 20) },
        Say { visitor: 6, ..mine(6, 20) },
        Say { offer: 2, ..mine(7, 20) },
        mine(8, 50),
    ];
    store_all(&*store, &[batch(clicks.map(Say::click).to_vec())], &[]).await;
    let touches = store.touches(5, advertiser(1), at(3), at(50)).await.expect("touches");
    let found: Vec<(u64, UnixMillis)> =
        touches.iter().map(|touch| (touch.unique.record(), touch.at)).collect();
    assert_eq!(found, [(2, at(3)), (3, at(30)), (1, at(40))]);
    assert_eq!((touches[1].offer, touches[1].affiliate), (offer(3), affiliate(2)));
    assert_eq!(touches[1].link.map(i64::from), Some(20));
    assert_eq!(touches.iter().map(|touch| touch.class).collect::<Vec<_>>()[1], Class::Duplicate);
    assert_eq!(store.touches(7, advertiser(1), at(0), at(99)).await.expect("touches"), []);
    // Many at once are the same, also where periods and visitors overlap.
    let ask = |visitor_key, whose, from, to| TouchQuery {
        visitor_key,
        advertiser: advertiser(whose),
        from: at(from),
        to: at(to),
    };
    let asked =
        vec![ask(5, 1, 3, 50), ask(7, 1, 0, 99), ask(5, 1, 4, 40), ask(6, 1, 0, 99), ask(5, 9, 0, 99)];
    let many = store.touches_many(asked.clone()).await.expect("touches");
    let mut each = Vec::new();
    for TouchQuery { visitor_key, advertiser, from, to } in asked {
        each.push(store.touches(visitor_key, advertiser, from, to).await.expect("touches"));
    }
    assert_eq!(many, each);
    assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [3, 0, 1, 1, 0]);
    assert_eq!(store.touches_many(Vec::new()).await.expect("touches"), Vec::<Vec<_>>::new());
}

/// What pay-per-click is settled from (C-02, C-06: only unique valid clicks pay).
pub async fn unique_clicks_are_counted_by_the_hour_and_late_ones_are_announced(harness: &impl Harness) {
    let store = harness.open().await;
    let at = |hours: i64| START.plus(hours * HOUR_MS + 5);
    let (nine, ten) = (START.plus(9 * HOUR_MS), START.plus(10 * HOUR_MS));
    let clicks = [
        Say::new(1, at(9)),
        Say::new(2, at(9)),
        Say { verdict: Verdict::DUPLICATE, ..Say::new(3, at(9)) },
        Say { verdict: Verdict::invalid(Reason::Geo), ..Say::new(4, at(9)) },
        Say { is_impression: true, ..Say::new(5, at(9)) },
        Say { affiliate: 2, ..Say::new(6, at(9)) },
        Say::new(7, at(10)),
    ];
    store_all(&*store, &[batch(clicks.map(Say::click).to_vec())], &[]).await;
    let counts = async |from, to| {
        let counts = store.unique_clicks(from, to).await.expect("counts");
        counts.iter().map(|c| (c.hour, c.offer.get(), c.affiliate.get(), c.clicks)).collect::<Vec<_>>()
    };
    assert_eq!(counts(nine, ten).await, [(nine, 1, 1, 2), (nine, 1, 2, 1)]);
    assert_eq!(counts(ten, ten.plus(HOUR_MS)).await, [(ten, 1, 1, 1)]);

    let changed = store.changed_hours(0).await.expect("hours");
    assert_eq!(changed.hours, [nine, ten]);
    let again = store.changed_hours(changed.version).await.expect("hours");
    assert_eq!((again.version, again.hours), (changed.version, vec![]));

    let late = [Say::new(8, at(9)), Say { verdict: Verdict::DUPLICATE, ..Say::new(9, at(10)) }];
    let late = batch(late.map(Say::click).to_vec());
    store_all(&*store, &[late.clone(), late], &[]).await;
    let changed = store.changed_hours(changed.version).await.expect("hours");
    assert_eq!(changed.hours, [nine]);
    assert_eq!(counts(nine, ten).await, [(nine, 1, 1, 3), (nine, 1, 2, 1)]);
}

/// Whatever the size of the pages.
pub async fn raw_pages_neither_repeat_nor_skip(harness: &impl Harness) {
    let store = harness.open().await;
    let batches = many_batches();
    store_all(&*store, &batches, &[]).await;
    let all: Vec<StoredClick> = batches.iter().flat_map(ClickBatch::clicks).collect();
    let query = ClickQuery {
        from: START.plus(7 * HOUR_MS),
        to: START.plus(60 * HOUR_MS),
        filters: [(Dimension::Offer, vec![Value::Id(1), Value::Id(2)])].into(),
        format: Format::Ndjson,
        scope: Scope::ALL,
    };
    let wanted: BTreeSet<String> = all
        .iter()
        .filter(|click| click.at >= query.from && click.at < query.to && click.offer != Some(offer(3)))
        .map(StoredClick::click_id)
        .collect();
    for limit in [1, 7, 100, 10_000] {
        let (mut seen, mut rows, mut after) = (BTreeSet::new(), 0, None);
        loop {
            let page = store.clicks(query.clone(), after, limit).await.expect("a page");
            assert!(page.clicks.len() <= limit);
            rows += page.clicks.len();
            seen.extend(page.clicks.iter().map(StoredClick::click_id));
            // A cursor survives being written down.
            after = page.next.map(|cursor| cursor.to_string().parse().expect("a cursor"));
            if after.is_none() {
                break;
            }
        }
        assert_eq!((rows, &seen), (wanted.len(), &wanted), "pages of {limit}");
    }
}

/// For an edge that starts with an empty memory.
pub async fn recent_clicks_come_newest_first(harness: &impl Harness) {
    let store = harness.open().await;
    let at = |hours: i64| START.plus(hours * HOUR_MS);
    let clicks = [
        Say::new(1, at(5)),
        Say::new(2, at(30)),
        Say { verdict: Verdict::DUPLICATE, ..Say::new(3, at(31)) },
        Say { is_impression: true, ..Say::new(4, at(31)) },
        Say { offer: 2, ..Say::new(5, at(22)) },
    ];
    let mut clicks = clicks.map(Say::click);
    clicks[1].pseudonym = u64::MAX;
    store_all(&*store, &[batch(clicks.to_vec())], &[]).await;
    let recent = async |since, limit| {
        let recent = store.recent_clicks(since, limit).await.expect("clicks");
        recent.iter().map(|click| (click.visitor_key, click.offer.get(), click.at)).collect::<Vec<_>>()
    };
    let all = [(2, 1, at(30)), (5, 2, at(22)), (1, 1, at(5))];
    assert_eq!(recent(at(0), 10).await, all);
    assert_eq!(recent(at(22), 10).await, all[..2]);
    assert_eq!(recent(at(0), 1).await, all[..1]);
    let both = store.recent_clicks(at(0), 10).await.expect("clicks");
    let pseudonyms: Vec<_> = both.iter().map(|click| click.pseudonym).collect();
    assert_eq!(pseudonyms, [u64::MAX, 0, 0], "a visitor without cookie was counted under a pseudonym too");
}

/// The clock moves on: rows go, counts stay, a repeated batch brings nothing back.
pub async fn r_03_retention_deletes_raw_clicks_and_touches_and_keeps_counts(harness: &impl Harness) {
    let store = harness.open().await;
    let say = |record, days: i64| Say { visitor: 5, ..Say::new(record, START.plus(days * DAY_MS + HOUR_MS)) };
    let old = batch(vec![say(1, 0).click(), say(2, 1).click()]);
    let new = batch(vec![say(3, 2).click(), say(4, 3).click()]);
    store_all(&*store, &[old.clone(), new], &[]).await;
    let before = total(&*store).await;

    let cut = START.plus(2 * DAY_MS + 30 * 60_000);
    let retention = Retention { clicks_before: Some(cut), touches_before: Some(cut) };
    let done = store.retain(retention).await.expect("retention");
    assert_eq!((done.days_dropped, done.touches_dropped), (2, 2));
    let clicks = old.clicks();
    let click = |at: usize| store.find_click(clicks[at].unique, clicks[at].at);
    assert_eq!(click(0).await.expect("a look-up"), None);
    assert_eq!(click(1).await.expect("a look-up"), None);
    let touches = store.touches(5, advertiser(1), START, START.plus(9 * DAY_MS)).await.expect("touches");
    assert_eq!(touches.len(), 2);
    assert_eq!(total(&*store).await, before);

    store_all(&*store, &[old], &[]).await;
    assert_eq!(total(&*store).await, before);
    assert_eq!(store.progress(STREAM).await.expect("progress"), Some(4));
    assert_sound(&*store, 2).await;
    let again = store.retain(retention).await.expect("retention");
    assert_eq!((again.days_dropped, again.touches_dropped), (0, 0));
}
