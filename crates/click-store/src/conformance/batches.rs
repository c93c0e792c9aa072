//! Stories of batches: each counts once, whatever happens.

use hopline_types::HOUR_MS;

use super::Harness;
use super::data::{START, STREAM, Say, advertiser, batch, covering, fact, many_batches, many_facts};
use super::reports::{store_all, total};
use crate::{AuditOutcome, ClickBatch, ClickStore, ClickStoreError, Stored, StreamId};

async fn send(store: &dyn ClickStore, batch: &ClickBatch) -> Stored {
    store.store(batch.clone()).await.expect("the batch is stored")
}

pub(super) async fn assert_sound(store: &dyn ClickStore, expected_clicks: u64) {
    match store.check().await.expect("the check runs") {
        AuditOutcome::Sound { clicks, .. } => assert_eq!(clicks, expected_clicks),
        AuditOutcome::Differs(difference) => panic!("{difference}"),
    }
}

/// D-10, D-12.
pub async fn a_batch_sent_three_times_counts_once(harness: &impl Harness) {
    let store = harness.open().await;
    let clicks = (1..=5).map(|record| Say::new(record, START.plus(HOUR_MS * 5)).click());
    let batch = batch(clicks.collect());
    assert_eq!(store.progress(STREAM).await.expect("progress"), None);
    assert_eq!(send(&*store, &batch).await, Stored::Now);
    assert_eq!(send(&*store, &batch).await, Stored::Before);
    assert_eq!(send(&*store, &batch).await, Stored::Before);
    assert_eq!(store.progress(STREAM).await.expect("progress"), Some(5));
    assert_eq!(total(&*store).await.gross_clicks, 5);
    assert_sound(&*store, 5).await;
}

/// Ids that never came are named, and do not hold up what comes after.
pub async fn a_batch_after_a_gap_is_stored_and_the_gap_is_remembered(harness: &impl Harness) {
    let store = harness.open().await;
    send(&*store, &batch(vec![Say::new(1, START).click(), Say::new(2, START).click()])).await;
    send(&*store, &batch(vec![Say::new(6, START).click()])).await;
    // Records 7 to 9 are of other kinds: covered, so no gap.
    send(&*store, &covering(7, 10, vec![Say::new(10, START).click()])).await;
    let tallies = store.tallies().await.expect("tallies");
    assert_eq!(tallies.len(), 1);
    let tally = &tallies[0];
    assert_eq!((tally.first, tally.last, tally.clicks), (1, 10, 4));
    assert_eq!(tally.gaps, [(3, 5)]);
    assert_eq!(total(&*store).await.gross_clicks, 4);
}

/// Boundaries are fixed by the sender, but a store does not double where they were lost.
pub async fn of_an_overlapping_batch_only_what_is_missing_is_stored(harness: &impl Harness) {
    let store = harness.open().await;
    let click = |record| Say::new(record, START).click();
    send(&*store, &batch(vec![click(1), click(2), click(3)])).await;
    let longer = batch(vec![click(2), click(3), click(4), click(5)]);
    assert_eq!(send(&*store, &longer).await, Stored::Now);
    assert_eq!(send(&*store, &longer).await, Stored::Before);
    assert_eq!(total(&*store).await.gross_clicks, 5);
    assert_sound(&*store, 5).await;
}

/// Otherwise its clicks would be taken for repetitions and be lost in silence.
pub async fn a_stream_that_began_anew_under_an_old_name_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let old = batch((1..=9).map(|record| Say::new(record, START).click()).collect());
    send(&*store, &old).await;
    let new = batch((1..=3).map(|record| Say::new(record, START.plus(HOUR_MS)).click()).collect());
    let error = store.store(new).await.expect_err("other clicks under stored numbers");
    assert!(matches!(error, ClickStoreError::BatchRefused { first: 1, last: 3, .. }), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(total(&*store).await.gross_clicks, 9);
}

/// A fault of the sender is said, not stored.
pub async fn a_batch_that_contradicts_itself_is_refused_and_nothing_is_stored(harness: &impl Harness) {
    let store = harness.open().await;
    let click = |record| Say::new(record, START).click();
    let foreign = Say { stream: StreamId { edge: 9, stream: 9 }, ..Say::new(2, START) }.click();
    let contradictions = [
        covering(5, 4, vec![]),
        covering(1, 2, vec![click(3)]),
        covering(1, 3, vec![click(2), click(1)]),
        covering(1, 3, vec![click(2), click(2)]),
        covering(1, 3, vec![click(1), foreign]),
    ];
    for batch in contradictions {
        let error = store.store(batch).await.expect_err("a contradiction");
        assert!(matches!(error, ClickStoreError::BatchRefused { .. }), "{error}");
    }
    assert_eq!(store.tallies().await.expect("tallies"), []);
}

/// Streams do not share progress.
pub async fn batches_of_many_streams_are_tallied_apart(harness: &impl Harness) {
    let store = harness.open().await;
    for (edge, stream) in [(1, 0), (1, 1), (65_535, 255)] {
        let say = Say { stream: StreamId { edge, stream }, ..Say::new(1, START) };
        let banner = Say { record: 2, is_impression: true, ..say };
        send(&*store, &batch(vec![say.click(), banner.click()])).await;
    }
    let tallies = store.tallies().await.expect("tallies");
    assert_eq!(tallies.len(), 3);
    assert!(tallies.iter().all(|tally| (tally.clicks, tally.impressions, tally.last) == (1, 1, 2)));
    assert_eq!(tallies[2].stream, StreamId { edge: 65_535, stream: 255 });
    assert_sound(&*store, 6).await;
}

/// What was answered is there after the store was closed and opened.
pub async fn a_restart_keeps_everything(harness: &impl Harness) {
    let batch = batch((1..=4).map(|record| Say::new(record, START).click()).collect());
    let before = {
        let store = harness.open().await;
        send(&*store, &batch).await;
        store.store_facts(vec![fact("f1", START)]).await.expect("facts are stored");
        total(&*store).await
    };
    let store = harness.open().await;
    assert_eq!(total(&*store).await, before);
    assert_eq!(store.progress(STREAM).await.expect("progress"), Some(4));
    assert_eq!(send(&*store, &batch).await, Stored::Before);
    assert_eq!(store.store_facts(vec![fact("f1", START)]).await.expect("facts are taken"), 0);
    assert_eq!(total(&*store).await, before);
    let clicks = batch.clicks();
    let found = store.find_click(clicks[3].unique, START).await.expect("a look-up");
    assert_eq!(found.as_ref(), clicks.last());
}

/// Counts kept equal a recount, also with repeated batches in between.
pub async fn d_15_the_check_finds_what_was_stored_to_be_sound(harness: &impl Harness) {
    let store = harness.open().await;
    assert_sound(&*store, 0).await;
    let batches = many_batches();
    let clicks: usize = batches.iter().map(|batch| batch.records.len()).sum();
    for batch in &batches {
        send(&*store, batch).await;
        send(&*store, batch).await;
    }
    store_all(&*store, &[], &many_facts()).await;
    assert_sound(&*store, u64::try_from(clicks).expect("few")).await;
}

/// D-08: what a batch had to leave out comes after all, with everything that hangs on it, once.
pub async fn d_08_clicks_that_were_set_aside_are_restored_once(harness: &impl Harness) {
    let store = harness.open().await;
    let at = |record: i64| START.plus(record * HOUR_MS);
    let say = |record: u64| Say { visitor: 5, ..Say::new(record, at(i64::try_from(record).expect("small"))) };
    let banner = Say { is_impression: true, ..say(6) };
    send(&*store, &covering(1, 4, vec![say(1).click(), say(3).click()])).await;
    send(&*store, &covering(5, 9, vec![say(5).click(), banner.click()])).await;
    let version = store.changed_hours(0).await.expect("hours").version;

    let late = batch(vec![say(2).click(), say(3).click(), say(7).click()]);
    assert_eq!(store.restore(late.clone()).await.expect("they are restored"), 2);
    assert_eq!(store.restore(late.clone()).await.expect("they are there"), 0);
    assert_eq!(total(&*store).await.gross_clicks, 5);
    assert_sound(&*store, 6).await;
    let tallies = store.tallies().await.expect("tallies");
    assert_eq!((tallies[0].clicks, tallies[0].impressions, tallies[0].gaps.len()), (5, 1, 0));
    let touches = store.touches(5, advertiser(1), at(0), at(99)).await.expect("touches");
    assert_eq!(touches.iter().map(|touch| touch.unique.record()).collect::<Vec<_>>(), [1, 2, 3, 5, 7]);
    let changed = store.changed_hours(version).await.expect("hours").hours;
    assert!(changed.contains(&at(2)) && changed.contains(&at(7)), "{changed:?}");
    assert_eq!(store.progress(STREAM).await.expect("progress"), Some(9));

    let early = store.restore(batch(vec![say(10).click()])).await.expect_err("its batch comes yet");
    assert!(matches!(early, ClickStoreError::BatchRefused { .. }), "{early}");
    let other = Say { offer: 3, ..say(2) };
    let other = store.restore(batch(vec![other.click()])).await.expect_err("its number is taken");
    assert!(matches!(other, ClickStoreError::RecordRefused { record: 2, .. }), "{other}");
    drop(store);
    let store = harness.open().await;
    assert_eq!(store.restore(late).await.expect("they are there"), 0);
    assert_sound(&*store, 6).await;
}
