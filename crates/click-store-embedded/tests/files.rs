//! What the embedded store does with its files when things go wrong.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::path::Path;

use hopline_click_store::{
    AuditOutcome, ClickBatch, ClickStore, Reclassify, Retention, Stored, StoredClick, StreamId,
};
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::UniqueNumber;
use hopline_record::Click;
use hopline_types::{AffiliateId, ClickFilter, FindingId, OfferId, Reason, UnixMillis};
use rusqlite::Connection;

const STREAM: StreamId = StreamId { edge: 1, stream: 0 };
const AT_MS: i64 = 1_774_656_000_000; // 2026-03-28

fn click(record: u64) -> StoredClick {
    let mut token = [0; 45];
    token[2..8].copy_from_slice(&AT_MS.to_be_bytes()[2..]);
    token[11] = 1;
    token[15] = 1;
    token[20..28].copy_from_slice(&UniqueNumber::new(1, 0, record).unwrap().bits().to_be_bytes());
    StoredClick::from_record(Click { token, advertiser: 1, ..Click::default() }, false).unwrap()
}

fn batch(records: std::ops::RangeInclusive<u64>) -> ClickBatch {
    let (first, last) = (*records.start(), *records.end());
    let clicks: Vec<StoredClick> = records.map(click).collect();
    ClickBatch::of_clicks(STREAM, first, last, &clicks)
}

async fn checked(store: &EmbeddedClickStore) -> AuditOutcome {
    store.check().await.unwrap()
}

#[tokio::test]
async fn d_10_a_crash_between_raw_rows_and_progress_is_repaired_by_repetition() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("clicks.db");
    let kept = directory.path().join("kept");
    {
        let store = EmbeddedClickStore::open(directory.path()).unwrap();
        store.store(batch(1..=3)).await.unwrap();
    }
    std::fs::copy(&main, &kept).unwrap();
    {
        let store = EmbeddedClickStore::open(directory.path()).unwrap();
        store.store(batch(4..=6)).await.unwrap();
    }
    // As if only the day's file had been committed.
    std::fs::copy(&kept, &main).unwrap();

    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 3, facts: 0 });
    assert_eq!(store.progress(STREAM).await.unwrap(), Some(3));
    assert_eq!(store.store(batch(4..=6)).await.unwrap(), Stored::Now);
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 6, facts: 0 });
}

fn finding(id: i64, reason: Reason) -> Reclassify {
    Reclassify {
        id: FindingId::new(id).unwrap(),
        offer: OfferId::new(1).unwrap(),
        affiliate: AffiliateId::new(1).unwrap(),
        from: UnixMillis(AT_MS),
        to: UnixMillis(AT_MS + 1),
        filter: ClickFilter::default(),
        reason,
    }
}

#[tokio::test]
async fn c_02_a_finding_that_a_crash_cut_short_does_not_count_until_it_is_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("clicks.db");
    let (kept, before) = (directory.path().join("kept"), directory.path().join("before"));
    {
        let store = EmbeddedClickStore::open(directory.path()).unwrap();
        store.store(batch(1..=3)).await.unwrap();
    }
    std::fs::copy(&main, &before).unwrap();
    {
        let store = EmbeddedClickStore::open(directory.path()).unwrap();
        store.store(batch(4..=6)).await.unwrap();
    }
    // Records 4 to 6 are there, but not counted: their batch was cut short as well.
    std::fs::copy(&before, &main).unwrap();
    std::fs::copy(&main, &kept).unwrap();
    {
        let store = EmbeddedClickStore::open(directory.path()).unwrap();
        assert_eq!(store.reclassify(finding(7, Reason::Bot)).await.unwrap().clicks, 3);
        assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 3, facts: 0 });
    }
    // As if only the day's file had been committed.
    std::fs::copy(&kept, &main).unwrap();

    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 3, facts: 0 });
    // Another finding comes first, and takes what was not counted yet; then the batch.
    let other = Reclassify { to: UnixMillis(AT_MS + 9), ..finding(5, Reason::Head) };
    assert_eq!(store.reclassify(other).await.unwrap().clicks, 0);
    assert_eq!(store.store(batch(4..=6)).await.unwrap(), Stored::Now);
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 6, facts: 0 });
    assert_eq!(store.reclassify(finding(7, Reason::Bot)).await.unwrap().clicks, 3);
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 6, facts: 0 });
    let mut findings = Vec::new();
    for record in [3, 4] {
        let unique = UniqueNumber::new(1, 0, record).unwrap();
        let found = store.find_click(unique, UnixMillis(AT_MS)).await.unwrap().unwrap();
        findings.push((found.finding.unwrap().get(), found.verdict.reason));
    }
    assert_eq!(findings, [(7, Reason::Bot), (5, Reason::Head)]);
}

#[tokio::test]
async fn the_check_names_the_first_count_that_differs_from_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let change = |file: &str, sql: &str| {
        assert_eq!(Connection::open(directory.path().join(file)).unwrap().execute(sql, []).unwrap(), 1);
    };
    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    store.store(batch(1..=3)).await.unwrap();
    change("clicks.db", "UPDATE click_hours SET n = n + 1");
    let AuditOutcome::Differs(difference) = checked(&store).await else { panic!("no difference") };
    let key = "hour 1774656000000 advertiser 1 offer 1 affiliate 1 link 0 kind 1 verdict 0";
    assert_eq!(difference, format!("click_hours holds [4] for {key}, a recount of the rows gives [3]"));

    change("clicks.db", "UPDATE click_hours SET n = n - 1");
    change("clicks.db", "UPDATE streams SET clicks = 2");
    let AuditOutcome::Differs(difference) = checked(&store).await else { panic!("no difference") };
    assert_eq!(difference, "stream 1-0 has 2 clicks in its tally, 3 rows");

    change("clicks.db", "UPDATE streams SET clicks = 3");
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 3, facts: 0 });
    change("clicks-2026-03-28.db", "DELETE FROM clicks WHERE id & 0xffff = 2");
    assert!(matches!(checked(&store).await, AuditOutcome::Differs(_)));
}

// D-15
#[tokio::test]
async fn d_15_the_check_compares_tallies_also_once_old_clicks_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let change = |sql: &str| {
        assert_eq!(
            Connection::open(directory.path().join("clicks.db")).unwrap().execute(sql, []).unwrap(),
            1
        );
    };
    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    store.store(batch(1..=3)).await.unwrap();
    for (before, clicks) in [(AT_MS, 3), (AT_MS + 86_400_000, 0)] {
        let retention = Retention { clicks_before: Some(UnixMillis(before)), touches_before: None };
        store.retain(retention).await.unwrap();
        assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks, facts: 0 });
        for wrong in [2, 4] {
            change(&format!("UPDATE streams SET clicks = {wrong}"));
            assert!(matches!(checked(&store).await, AuditOutcome::Differs(_)), "{wrong} instead of 3");
        }
        change("UPDATE streams SET clicks = 3");
    }
}

#[tokio::test]
async fn a_lost_file_of_a_day_is_a_difference() {
    let directory = tempfile::tempdir().unwrap();
    EmbeddedClickStore::open(directory.path()).unwrap().store(batch(1..=3)).await.unwrap();
    std::fs::remove_file(directory.path().join("clicks-2026-03-28.db")).unwrap();
    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    assert!(matches!(checked(&store).await, AuditOutcome::Differs(_)));
}

#[tokio::test]
async fn files_of_a_newer_program_are_refused_and_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    EmbeddedClickStore::open(directory.path()).unwrap().store(batch(1..=1)).await.unwrap();
    let set = |file: &str, version: i64| {
        let path = directory.path().join(file);
        Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        path
    };
    let is_refused = |path: &Path, found: i64, known: i64| {
        let bytes = std::fs::read(path).unwrap();
        let error = EmbeddedClickStore::open(directory.path()).unwrap_err();
        let expected =
            format!("{} has version {found}, this program knows versions up to {known}", path.display());
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_retryable());
        assert_eq!(std::fs::read(path).unwrap(), bytes);
    };
    is_refused(&set("clicks-2026-03-28.db", 4), 4, 3);
    set("clicks-2026-03-28.db", 3);
    is_refused(&set("clicks.db", 4), 4, 3);
}

#[tokio::test]
async fn a_call_whose_caller_went_away_is_done_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    drop(store.store(batch(1..=2)));
    drop(store);
    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    assert_eq!(store.progress(STREAM).await.unwrap(), Some(2));
}

/// A day's file of the first version has five columns less.
#[tokio::test]
async fn a_day_written_by_the_first_version_reads_on() {
    let directory = tempfile::tempdir().unwrap();
    {
        let store = EmbeddedClickStore::open(directory.path()).unwrap();
        store.store(batch(1..=3)).await.unwrap();
    }
    {
        let day = rusqlite::Connection::open(directory.path().join("clicks-2026-03-28.db")).unwrap();
        for column in ["pseudonym", "network", "consent", "finding", "answered"] {
            day.execute_batch(&format!("ALTER TABLE clicks DROP COLUMN {column}")).unwrap();
        }
        day.pragma_update(None, "user_version", 1).unwrap();
    }
    let store = EmbeddedClickStore::open(directory.path()).unwrap();
    let at = hopline_types::UnixMillis(AT_MS);
    let found = store.find_click(UniqueNumber::new(1, 0, 2).unwrap(), at).await.unwrap().unwrap();
    assert_eq!((found.pseudonym, found.network, found.consent.as_str()), (0, 0, ""));
    assert_eq!(store.store(batch(4..=6)).await.unwrap(), Stored::Now);
    assert_eq!(checked(&store).await, AuditOutcome::Sound { clicks: 6, facts: 0 });
}
