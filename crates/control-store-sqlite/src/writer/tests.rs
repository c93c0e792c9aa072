use hopline_control_store::{Tx, marks};
use hopline_types::UnixMillis;
use tokio::sync::oneshot;

use super::*;
use crate::migrations::MIGRATIONS;
use crate::open;

fn work(job: impl FnMut(&mut dyn Tx) -> Result<bool, StoreError> + Send + 'static) -> Work {
    Work { job: Box::new(job), done: oneshot::channel().0 }
}

fn set(name: &'static str) -> Work {
    work(move |tx| {
        let runs = marks::get(tx, name)?.unwrap_or(0) + 1;
        marks::set(tx, name, runs).map(|()| true)
    })
}

fn names(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM marks ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn connection(dir: &tempfile::TempDir) -> Connection {
    open::writer(&dir.path().join("control.db"), MIGRATIONS, UnixMillis(0)).unwrap().0
}

#[test]
fn a_group_is_one_transaction_and_each_job_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let connection = connection(&dir);
    let mut group = [
        set("a"),
        work(|tx| marks::set(tx, "b", 1).map(|()| false)),
        work(|tx| {
            marks::set(tx, "c", 1)?;
            panic!("in the middle")
        }),
        // Sees what was written before it in the group.
        work(|tx| {
            assert_eq!(marks::get(tx, "a")?, Some(1));
            assert_eq!(marks::get(tx, "b")?, None);
            assert_eq!(marks::get(tx, "c")?, None);
            marks::set(tx, "d", 1).map(|()| true)
        }),
    ];
    let outcomes = run_group(&connection, &mut group);
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Ok(()));
    assert_eq!(outcomes[2], Err(StoreError::new(ErrorKind::Broken, "a job panicked: in the middle")));
    assert_eq!(outcomes[3], Ok(()));
    assert_eq!(names(&connection), ["a", "d"]);
}

#[test]
fn a_job_that_loses_the_whole_transaction_takes_no_other_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let connection = connection(&dir);
    // Rolling back to before the group is what SQLite does by itself when the disk is full.
    connection
        .execute_batch(
            "CREATE TRIGGER disk_is_full BEFORE INSERT ON marks WHEN NEW.name = 'big'
             BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
        )
        .unwrap();
    let mut group = [set("a"), set("big"), set("z")];
    let outcomes = run_group(&connection, &mut group);
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Err(StoreError::new(ErrorKind::Constraint, "full")));
    assert_eq!(outcomes[2], Ok(()));
    assert_eq!(names(&connection), ["a", "z"]);
    let runs: i64 = connection.query_row("SELECT SUM(value) FROM marks", [], |row| row.get(0)).unwrap();
    assert_eq!(runs, 2, "what ran twice counts once");
}

#[test]
fn a_job_that_breaks_the_commit_fails_alone_and_the_others_count_once() {
    let dir = tempfile::tempdir().unwrap();
    let connection = connection(&dir);
    // What it refers to is looked for at the commit only.
    let dangling = work(|tx| {
        tx.execute("PRAGMA defer_foreign_keys = ON", &[])?;
        let sql = "INSERT INTO goals (offer_id, position, key, name, kind) VALUES (7, 0, 'k', 'n', 'ppl')";
        tx.execute(sql, &[]).map(|_| true)
    });
    let mut group = [set("a"), dangling, set("z")];
    let outcomes = run_group(&connection, &mut group);
    assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(()), &Ok(())));
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind, ErrorKind::Reference);
    assert_eq!(names(&connection), ["a", "z"]);
    let runs: i64 = connection.query_row("SELECT SUM(value) FROM marks", [], |row| row.get(0)).unwrap();
    assert_eq!(runs, 2, "what ran twice counts once");
    assert_eq!(run_group(&connection, &mut [set("b")]), [Ok(())]);
}

#[test]
fn while_another_process_writes_jobs_are_unavailable_and_later_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let connection = connection(&dir);
    connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(dir.path().join("control.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let outcomes = run_group(&connection, &mut [set("a"), set("b")]);
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Unavailable);
    }
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(run_group(&connection, &mut [set("a"), set("b")]), [Ok(()), Ok(())]);
    assert_eq!(names(&connection), ["a", "b"]);
}
