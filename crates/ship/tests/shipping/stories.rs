use std::future::Future;
use std::time::Duration;

use hopline_click_store::{ClickStore, StreamId};
use hopline_spool::{DeadLetters, ShippedMark};
use hopline_types::UnixMillis;

use crate::spool::{NOW, Place, STREAM};

/// Waits for something that must come; the limit only ends a test that fails.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it should have come long ago")
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn clicks_and_conversions_go_to_their_stores_and_are_counted() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    let first = writer.click();
    let event = writer.conversion("A-1");
    writer.click();
    drop(writer);
    place.drain().await;
    assert_eq!(place.clicks.rows().await, 2);
    let kept = place.events.kept.lock().unwrap().clone();
    assert_eq!(kept, [(format!("1-0-{event}"), "A-1".to_owned())]);
    let tallies = place.clicks.tallies().await.unwrap();
    assert_eq!((tallies[0].first, tallies[0].last, tallies[0].clicks), (first.get(), first.get() + 2, 2));
    assert_eq!(tallies[0].gaps, []);
    assert_eq!((place.metrics.ship.rows.get(), place.metrics.ship.failures.get()), (2, 0));
    assert_eq!(place.metrics.spool.bytes.get(), 0);
}

#[tokio::test]
async fn d_10_a_crash_between_store_and_mark_repeats_the_same_batch_and_doubles_nothing() {
    let mut place = Place::new();
    place.limits.batch_records = 3;
    let mut writer = place.writer(STREAM);
    writer.clicks(2);
    writer.conversion("A-1");
    place.clicks.plan.lock().unwrap().dies = true;
    {
        let dying = hopline_ship::run(place.options(vec![writer.source()]));
        tokio::select! {
            _ = dying => panic!("shipping ended by itself"),
            () = soon(place.clicks.died.notified()) => {}
        }
    }
    place.clicks.plan.lock().unwrap().dies = false;
    let mark = ShippedMark::load(&place.dir(STREAM)).unwrap().unwrap();
    assert!(mark.planned.is_some(), "the batch was planned, not marked");
    // More has come since; the limit has changed: the batch is the same all the same.
    writer.clicks(2);
    place.limits.batch_records = 100;
    drop(writer);
    place.drain().await;

    let received = place.clicks.received.lock().unwrap().clone();
    assert_eq!(received.len(), 3);
    assert_eq!(received[0], received[1]);
    assert_eq!(received[2].0, received[1].1 + 1);
    assert_eq!(place.clicks.rows().await, 4);
    assert_eq!(place.orders(), ["A-1"]);
}

#[tokio::test]
async fn a_crash_after_the_conversions_were_taken_takes_them_once() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.click();
    writer.conversion("A-1");
    place.events.plan.lock().unwrap().dies = true;
    {
        let dying = hopline_ship::run(place.options(vec![writer.source()]));
        tokio::select! {
            _ = dying => panic!("shipping ended by itself"),
            () = soon(place.events.died.notified()) => {}
        }
    }
    place.events.plan.lock().unwrap().dies = false;
    drop(writer);
    place.drain().await;
    assert_eq!(place.clicks.rows().await, 1);
    assert_eq!(place.orders(), ["A-1"]);
}

#[tokio::test]
async fn d_16_stores_that_are_down_delay_and_lose_nothing() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    place.clicks.plan.lock().unwrap().failures = 4;
    place.events.plan.lock().unwrap().failures = 3;
    let running = tokio::spawn(hopline_ship::run(place.options(vec![writer.source()])));
    for number in 0..5 {
        writer.click();
        writer.conversion(&format!("A-{number}"));
        place.wake.ring();
    }
    until(async || place.orders().len() == 5).await;
    assert_eq!(place.clicks.rows().await, 5);
    assert_eq!(place.metrics.ship.failures.get(), 7);
    assert_eq!(place.orders(), ["A-0", "A-1", "A-2", "A-3", "A-4"]);
    place.shutdown.begin();
    soon(running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_store_that_stays_down_does_not_hold_up_the_end_and_the_next_start_goes_on() {
    let mut place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.click();
    drop(writer);
    place.clicks.plan.lock().unwrap().failures = u32::MAX;
    soon(place.drain()).await;
    assert_eq!(place.clicks.rows().await, 0);
    assert!(place.metrics.spool.bytes.get() > 0);
    assert_eq!(place.metrics.ship.failures.get(), 1);
    place.clicks.plan.lock().unwrap().failures = 0;
    place.shutdown = hopline_runtime::lifecycle::Shutdown::new();
    place.drain().await;
    assert_eq!(place.clicks.rows().await, 1);
}

#[tokio::test]
async fn d_08_a_record_that_nobody_takes_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.click();
    let unknown_kind = writer.record(77, b"from a newer edge");
    let garbage = writer.record(1, b"\x01garbage");
    let misnumbered = writer.click_numbered(999);
    let distasteful = writer.click();
    let bad_event = writer.conversion("A-1");
    writer.conversion("A-2");
    writer.click();
    drop(writer);
    place.clicks.plan.lock().unwrap().refuses.insert(format!("1-0-{distasteful}"));
    place.events.plan.lock().unwrap().refuses.insert(format!("1-0-{bad_event}"));
    place.drain().await;

    assert_eq!(place.clicks.rows().await, 2);
    assert_eq!(place.orders(), ["A-2"]);
    let letters = DeadLetters::open(&place.dir(STREAM)).unwrap().read_all().unwrap();
    let found: Vec<_> = letters.iter().map(|letter| (letter.id, letter.reason.as_str())).collect();
    let foreign = format!("its click id has the number 1-0-999, but it is record 1-0-{misnumbered}");
    assert_eq!(
        found,
        [
            (unknown_kind, "record kind 77 is not known to this version"),
            (garbage, "record ends at byte 1, 45 bytes were expected there"),
            (misnumbered, foreign.as_str()),
            (distasteful, "not to its taste"),
            (bad_event, "no such currency"),
        ]
    );
    assert_eq!(letters[0].payload, b"from a newer edge");
    assert_eq!(place.metrics.ship.dead_letters.get(), 5);
}

// D-08
#[tokio::test]
async fn d_08_a_damaged_dead_letter_is_counted_once_and_hides_none_of_the_others() {
    let mut place = Place::new();
    let file = place.dir(STREAM).join("dead.letters");
    let mut moved = Vec::new();
    for round in 0..3 {
        let mut writer = place.writer(STREAM);
        moved.extend([writer.record(77, b"one"), writer.record(77, b"another")]);
        drop(writer);
        place.drain().await;
        place.shutdown = hopline_runtime::lifecycle::Shutdown::new();
        if round == 0 {
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[8] ^= 1;
            std::fs::write(&file, bytes).unwrap();
        }
    }
    let letters = DeadLetters::open(&place.dir(STREAM)).unwrap().read_all().unwrap();
    assert_eq!(letters.iter().map(|letter| letter.id).collect::<Vec<_>>(), moved[1..]);
    assert_eq!(place.metrics.spool.damage.get(), 1);
}

#[tokio::test]
async fn d_07_a_damaged_record_is_counted_and_the_rest_is_shipped() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    for _ in 0..3 {
        writer.click();
    }
    drop(writer);
    let segment = place.dir(STREAM).join("00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    place.drain().await;
    assert_eq!(place.clicks.rows().await, 2);
    assert_eq!(place.metrics.spool.damage.get(), 1);
    assert!(place.metrics.spool.disk_free_bytes.get() > 0);
    assert_eq!(place.metrics.ship.dead_letters.get(), 0);
}

#[tokio::test]
async fn batches_of_a_stream_keep_the_order_of_its_records() {
    let mut place = Place::new();
    place.limits.batch_records = 7;
    let mut writer = place.writer(STREAM);
    let orders: Vec<String> = (0..60).map(|number| format!("A-{number}")).collect();
    for order in &orders {
        writer.conversion(order);
        writer.click();
    }
    drop(writer);
    place.drain().await;
    assert_eq!(place.orders(), orders);
    let received = place.clicks.received.lock().unwrap().clone();
    assert_eq!(received.len(), 18);
    assert!(received.windows(2).all(|pair| pair[1].0 == pair[0].1 + 1));
    assert_eq!(place.clicks.rows().await, 60);
}

#[tokio::test]
async fn streams_of_earlier_counts_of_threads_are_shipped_too() {
    let place = Place::new();
    let old = StreamId { edge: 1, stream: 7 };
    let mut writer = place.writer(old);
    writer.click();
    drop(writer);
    std::fs::create_dir(place.directory.path().join("spool/edge-x-stream-1")).unwrap();
    let mut live = place.writer(STREAM);
    live.click();
    let running = tokio::spawn(hopline_ship::run(place.options(vec![live.source()])));
    until(async || place.clicks.tallies().await.unwrap().len() == 2).await;
    // The old stream has ended; the live one goes on.
    live.click();
    place.wake.ring();
    until(async || place.clicks.rows().await == 3).await;
    place.shutdown.begin();
    soon(running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_ring_ships_what_was_written_without_waiting_for_the_interval() {
    let mut place = Place::new();
    place.limits.interval = Duration::from_secs(3_600);
    let mut writer = place.writer(STREAM);
    let running = tokio::spawn(hopline_ship::run(place.options(vec![writer.source()])));
    for number in 1..=3 {
        writer.click();
        place.wake.ring();
        until(async || place.clicks.rows().await == number).await;
    }
    place.shutdown.begin();
    soon(running).await.unwrap().unwrap();
}

#[tokio::test]
async fn d_14_segments_stay_until_they_are_shipped_and_their_time_is_over() {
    let mut place = Place::new();
    place.limits.retain = Duration::from_secs(60);
    let segments = |place: &Place| {
        let files = std::fs::read_dir(place.dir(STREAM)).unwrap();
        files.filter(|file| file.as_ref().unwrap().metadata().unwrap().len() >= 4096).count()
    };
    let mut writer = place.writer(STREAM);
    writer.clicks(200);
    let before = segments(&place);
    assert!(before > 3);
    let running = tokio::spawn(hopline_ship::run(place.options(vec![writer.source()])));
    until(async || place.clicks.rows().await == 200).await;
    assert_eq!(segments(&place), before);
    place.clock.advance(60_000);
    until(async || {
        place.wake.ring();
        segments(&place) < before
    })
    .await;
    place.shutdown.begin();
    soon(running).await.unwrap().unwrap();
    drop(writer);
    // Nothing is shipped again, and the next start finds its place.
    place.shutdown = hopline_runtime::lifecycle::Shutdown::new();
    place.drain().await;
    assert_eq!(place.clicks.rows().await, 200);
}

#[tokio::test]
async fn a_spool_that_began_anew_is_not_swallowed_but_waits() {
    let mut place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.clicks(9);
    drop(writer);
    place.drain().await;
    std::fs::remove_dir_all(place.dir(STREAM)).unwrap();
    let mut writer = place.writer(STREAM);
    writer.signature = 1;
    let id = writer.conversion("A-1");
    writer.click();
    assert!(id.get() < 9);
    drop(writer);
    place.shutdown = hopline_runtime::lifecycle::Shutdown::new();
    soon(place.drain()).await;
    assert_eq!(place.metrics.ship.failures.get(), 1);
    let mark = ShippedMark::load(&place.dir(STREAM)).unwrap().unwrap();
    assert!(mark.planned.is_some(), "nothing was marked shipped");
}

#[tokio::test]
async fn the_store_hears_up_to_when_it_is_complete() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.click();
    place.clock.advance(3_600_000);
    let running = tokio::spawn(hopline_ship::run(place.options(vec![writer.source()])));
    let expected = Some(NOW.plus(3_600_000 - 1_000));
    until(async || place.clicks.fresh_until().await.unwrap() == expected).await;
    place.shutdown.begin();
    soon(running).await.unwrap().unwrap();
}

#[tokio::test]
async fn restarts_without_any_click_leave_no_mark_in_a_segment_that_is_gone() {
    let mut place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.click();
    for _ in 0..4 {
        place.shutdown = hopline_runtime::lifecycle::Shutdown::new();
        place.shutdown.begin();
        hopline_ship::run(place.options(vec![writer.source()])).await.unwrap();
        drop(writer);
        writer = place.writer(STREAM);
        let mark = ShippedMark::load(&place.dir(STREAM)).unwrap().unwrap();
        let tail = Some(writer.spool.tail());
        let mut reader = hopline_spool::SpoolReader::open(&place.dir(STREAM), mark.shipped, tail).unwrap();
        let mut batch = hopline_spool::Batch::default();
        let limits = hopline_spool::BatchLimits { records_max: 9, bytes_max: 999, until: None };
        reader.next_batch(limits, &mut batch).unwrap();
        assert_eq!(batch.damage(), []);
    }
    assert_eq!(place.clicks.rows().await, 1);
}

#[tokio::test]
async fn a_spool_that_was_lost_goes_on_behind_what_the_store_knows() {
    let mut place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.clicks(8);
    writer.conversion("A-1");
    drop(writer);
    place.drain().await;
    std::fs::remove_dir_all(place.dir(STREAM)).unwrap();
    let known = place.clicks.progress(STREAM).await.unwrap();
    assert_eq!(known, Some(9));
    let mut writer = place.writer_knowing(STREAM, known);
    writer.signature = 1;
    writer.conversion("A-2");
    writer.clicks(2);
    drop(writer);
    place.shutdown = hopline_runtime::lifecycle::Shutdown::new();
    soon(place.drain()).await;
    assert_eq!((place.clicks.rows().await, place.orders()), (10, vec!["A-1".to_owned(), "A-2".to_owned()]));
    assert_eq!(place.metrics.ship.failures.get(), 0);
}

// D-08
#[tokio::test]
async fn d_08_dead_letters_are_sent_again_once_and_what_is_refused_again_is_put_back() {
    let place = Place::new();
    let mut writer = place.writer(STREAM);
    writer.click();
    let garbage = writer.record(1, b"\x01garbage");
    let [distasteful, hopeless] = [writer.click(), writer.click()];
    let bad_event = writer.conversion("A-1");
    writer.click();
    drop(writer);
    for id in [distasteful, hopeless] {
        place.clicks.plan.lock().unwrap().refuses.insert(format!("1-0-{id}"));
    }
    place.events.plan.lock().unwrap().refuses.insert(format!("1-0-{bad_event}"));
    place.drain().await;
    assert_eq!(place.clicks.rows().await, 2);
    place.clicks.plan.lock().unwrap().refuses.remove(&format!("1-0-{distasteful}"));

    let dir = place.dir(STREAM);
    let again = async |now| {
        let outcome =
            hopline_ship::resend(&dir, STREAM, &*place.clicks, &*place.events, UnixMillis(now)).await;
        outcome.map(|resent| (resent.taken, resent.left.iter().map(|(id, _)| *id).collect::<Vec<_>>()))
    };
    // The control store is down: nothing is lost, the next call goes on.
    place.events.plan.lock().unwrap().failures = 1;
    again(1).await.unwrap_err();
    assert_eq!(hopline_ship::letters(&dir).unwrap().len(), 4);
    place.events.plan.lock().unwrap().refuses.clear();
    assert_eq!(again(2).await.unwrap(), (2, vec![garbage, hopeless]));
    assert_eq!((place.clicks.rows().await, place.orders()), (3, vec!["A-1".to_owned()]));
    let letters = hopline_ship::letters(&dir).unwrap();
    let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["record ends at byte 1, 45 bytes were expected there", "still not to its taste"]);

    place.clicks.plan.lock().unwrap().refuses.clear();
    assert_eq!(again(3).await.unwrap(), (1, vec![garbage]));
    assert_eq!(place.clicks.rows().await, 4);
    assert_eq!(again(4).await.unwrap(), (0, vec![garbage]));
    assert!(dir.join("resent-3.letters").exists());
}
