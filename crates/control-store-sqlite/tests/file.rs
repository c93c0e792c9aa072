//! What is SQLite's own: the file, its copies, and what other programs do to it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use hopline_control_store::audit_log::{self, Break, NewEntry};
use hopline_control_store::conformance::restart;
use hopline_control_store::{Database as _, DatabaseExt as _, ErrorKind, Mode, StoreError, marks};
use hopline_control_store_sqlite::{BackupError, SqliteDatabase};
use hopline_types::UnixMillis;
use rusqlite::Connection;

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn open(path: &Path) -> SqliteDatabase {
    SqliteDatabase::open(path, NOW).unwrap()
}

#[test]
fn a_backup_holds_everything_and_is_never_written_over_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("control.db"), dir.path().join("copy.db"));
    let database = open(&path);
    block_on(restart::fill(&database));
    block_on(database.backup_to(&copy)).unwrap();
    let before = block_on(restart::everything(&database));
    block_on(database.write(|tx| marks::set(tx, "facts", 8))).unwrap();

    let refusal = block_on(database.backup_to(&copy)).unwrap_err();
    assert!(
        matches!(&refusal, BackupError::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists),
        "{refusal}"
    );
    let copied = open(&copy);
    assert_eq!(copied.migrated(), Vec::<&str>::new());
    assert_eq!(block_on(restart::everything(&copied)), before);
    let missing = block_on(database.backup_to(dir.path().join("no such directory").join("copy.db")));
    assert!(matches!(missing, Err(BackupError::Io { .. })));
}

#[test]
fn a_backup_under_load_is_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("control.db"), dir.path().join("copy.db"));
    let database = Arc::new(open(&path));
    let (stop, stopped) = channel::<()>();
    let writing = database.clone();
    let (begun, first) = channel();
    let writer = std::thread::spawn(move || {
        let mut rounds = 0;
        while stopped.try_recv().is_err() {
            rounds += 1;
            // Both or neither.
            let both = writing.write(move |tx| {
                marks::set(tx, "left", rounds)?;
                marks::set(tx, "right", rounds)
            });
            block_on(both).unwrap();
            begun.send(()).unwrap();
        }
    });
    first.recv().unwrap();
    block_on(database.backup_to(&copy)).unwrap();
    stop.send(()).unwrap();
    writer.join().unwrap();
    let copied = open(&copy);
    let (left, right) =
        block_on(copied.read(|tx| Ok::<_, StoreError>((marks::get(tx, "left")?, marks::get(tx, "right")?))))
            .unwrap();
    assert!(left.is_some());
    assert_eq!(left, right);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("control.db"));
    block_on(database.write(|tx| marks::set(tx, "story", 1))).unwrap();
    block_on(database.backup_to(dir.path().join("copy.db"))).unwrap();
    let mut names = Vec::new();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["control.db", "control.db-shm", "control.db-wal", "copy.db"]);
}

#[test]
fn jobs_that_were_queued_are_done_before_the_database_closes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let database = open(&path);
    // Polled once, the futures have queued their jobs; dropped, nobody waits for them.
    block_on(async {
        for number in 0..100 {
            let mut queued =
                database.run(Mode::Write, Box::new(move |tx| marks::set(tx, "story", number).map(|()| true)));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _pending_or_done: bool = queued.as_mut().poll(&mut context).is_ready();
        }
    });
    drop(database);
    let kept = block_on(open(&path).read(|tx| marks::get(tx, "story"))).unwrap();
    assert_eq!(kept, Some(99));
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["control.db"], "closing tidies the WAL away");
}

#[test]
fn a_job_may_hold_the_last_reference() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let database = Arc::new(open(&path));
    let held = database.clone();
    let (go, gone) = channel::<()>();
    let (ended, end) = channel::<()>();
    let mut queued = database.run(
        Mode::Write,
        Box::new(move |tx| {
            let _until_dropped = &ended;
            gone.recv().unwrap();
            marks::set(tx, "story", i64::try_from(Arc::strong_count(&held)).unwrap()).map(|()| true)
        }),
    );
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(queued.as_mut().poll(&mut context).is_pending());
    drop(queued);
    drop(database);
    go.send(()).unwrap();
    // The job is dropped after its commit, and with it its end of the channel.
    assert!(end.recv().is_err());
    assert_eq!(block_on(open(&path).read(|tx| marks::get(tx, "story"))).unwrap(), Some(1));
}

// L-05
#[test]
fn replacing_a_row_of_an_append_only_table_is_refused_too() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("control.db"));
    block_on(restart::fill(&database));
    let before = block_on(restart::everything(&database));
    let replaced = block_on(database.write(|tx| {
        tx.execute(
            "INSERT OR REPLACE INTO audit_log (sequence, at, actor, action, object, previous_hash, hash)
             SELECT sequence, at, 'nobody', action, object, previous_hash, hash FROM audit_log",
            &[],
        )
    }));
    assert_eq!(replaced.unwrap_err().kind, ErrorKind::Constraint);
    assert_eq!(block_on(restart::everything(&database)), before);
}

// L-14
#[test]
fn a_floating_point_number_does_not_get_in_or_out() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("control.db"));
    let stored =
        block_on(database.write(|tx| tx.execute("INSERT INTO marks (name, value) VALUES ('a', 0.5)", &[])));
    assert_eq!(stored.unwrap_err().kind, ErrorKind::Broken);
    let read = block_on(database.read(|tx| tx.query("SELECT 0.5", &[])));
    assert_eq!(read.unwrap_err().kind, ErrorKind::Broken);
}

fn append(tx: &mut dyn hopline_control_store::Tx, number: i64) -> Result<(), StoreError> {
    let text = |what: &str| Some(format!("{what} {number}"));
    audit_log::append(
        tx,
        &NewEntry {
            at: NOW.plus(number),
            actor: "user:1".to_owned(),
            action: "affiliate.update".to_owned(),
            object: format!("affiliate:{number}"),
            origin: text("origin"),
            before: text("before"),
            after: text("after"),
            request_id: text("request"),
        },
    )
    .map(drop)
}

/// Writes three records, alters the file behind the program's back, and verifies.
fn verify_after(change: &str) -> Result<(), Break> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let database = open(&path);
    block_on(database.write(|tx| (1..=3).try_for_each(|number| append(tx, number)))).unwrap();
    let intruder = Connection::open(&path).unwrap();
    intruder
        .execute_batch("DROP TRIGGER audit_log_is_not_updated; DROP TRIGGER audit_log_is_not_deleted;")
        .unwrap();
    intruder.execute_batch(change).unwrap();
    block_on(database.read(audit_log::verify)).unwrap().map(drop)
}

// L-25
#[test]
fn every_altered_column_of_the_audit_log_is_found() {
    assert_eq!(verify_after("SELECT 1"), Ok(()));
    for change in [
        "at = at + 1",
        "actor = 'user:2'",
        "action = 'affiliate.updatf'",
        "object = 'affiliate:3'",
        "origin = 'origin 1'",
        "origin = NULL",
        "before = 'before 1'",
        "before = NULL",
        "after = 'after 1'",
        "after = ''",
        "request_id = 'request 1'",
        "request_id = NULL",
        "hash = zeroblob(32)",
        "previous_hash = zeroblob(32)",
        // The same text in the neighbouring column.
        "origin = before, before = origin",
    ] {
        let found = verify_after(&format!("UPDATE audit_log SET {change} WHERE sequence = 2"));
        assert!(matches!(found, Err(Break::Altered { sequence: 2, .. })), "{change}: {found:?}");
    }
}

// L-25
#[test]
fn a_removed_or_swapped_record_of_the_audit_log_is_found() {
    let removed = verify_after("DELETE FROM audit_log WHERE sequence = 2");
    assert_eq!(removed, Err(Break::Gap { expected: 2, found: 3 }));
    let first = verify_after("DELETE FROM audit_log WHERE sequence = 1");
    assert_eq!(first, Err(Break::Gap { expected: 1, found: 2 }));
    let swapped = verify_after(
        "UPDATE audit_log SET sequence = 9 WHERE sequence = 2;
         UPDATE audit_log SET sequence = 2 WHERE sequence = 3;
         UPDATE audit_log SET sequence = 3 WHERE sequence = 9;",
    );
    assert!(matches!(swapped, Err(Break::Altered { sequence: 2, .. })), "{swapped:?}");
    let moved = verify_after("UPDATE audit_log SET sequence = -1 WHERE sequence = 1");
    assert_eq!(moved, Err(Break::Gap { expected: 1, found: -1 }));
}
