//! Stories of batches: each counts once, whatever happens.

use hopline_types::HOUR_MS;

use super::Harness;
use super::data::{START, STREAM, Say, batch, covering, fact, many_batches, many_facts};
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
    let found = store.find_click(batch.clicks[3].unique, START).await.expect("a look-up");
    assert_eq!(found.as_ref(), batch.clicks.last());
}

/// Counts kept equal a recount, also with repeated batches in between.
pub async fn d_15_the_check_finds_what_was_stored_to_be_sound(harness: &impl Harness) {
    let store = harness.open().await;
    assert_sound(&*store, 0).await;
    let batches = many_batches();
    let clicks: usize = batches.iter().map(|batch| batch.clicks.len()).sum();
    for batch in &batches {
        send(&*store, batch).await;
        send(&*store, batch).await;
    }
    store_all(&*store, &[], &many_facts()).await;
    assert_sound(&*store, u64::try_from(clicks).expect("few")).await;
}
