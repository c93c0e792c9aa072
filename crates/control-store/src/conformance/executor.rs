//! Jobs and transactions.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::{NOW, all, both, read, refused, write};
use crate::{Database, DatabaseExt, ErrorKind, Lock, Row, StoreError, Tx, Value, marks};

/// How long a job waits for another before the story fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A job's own refusal.
#[derive(Debug, PartialEq)]
enum Own {
    Refused,
    Store(StoreError),
}

impl From<StoreError> for Own {
    fn from(failure: StoreError) -> Self {
        Self::Store(failure)
    }
}

async fn mark(database: &dyn Database, name: &'static str) -> Option<i64> {
    read(database, move |tx| marks::get(tx, name)).await
}

/// An error of the job rolls back and comes back as it was; the next job commits.
pub async fn a_job_that_fails_leaves_nothing(database: &dyn Database) {
    let refusal = database
        .write(|tx| {
            marks::set(tx, "story", 1)?;
            Err::<(), _>(Own::Refused)
        })
        .await;
    assert_eq!(refusal, Err(Own::Refused));
    assert_eq!(mark(database, "story").await, None);

    write(database, |tx| marks::set(tx, "story", 2)).await;
    assert_eq!(mark(database, "story").await, Some(2));

    let failure = database.write(|tx| {
        marks::set(tx, "story", 3)?;
        tx.execute("INSERT INTO marks (name, value) VALUES ($1, $2)", &["story".into(), 4.into()])?;
        Ok::<_, Own>(())
    });
    let failure = failure.await.expect_err("the key is taken");
    assert!(matches!(&failure, Own::Store(store) if store.kind == ErrorKind::Conflict), "{failure:?}");
    assert_eq!(mark(database, "story").await, Some(2));
}

/// A panic is the job's own; threads and connections survive it.
pub async fn a_job_that_panics_leaves_nothing_and_the_store_goes_on(database: &dyn Database) {
    for round in 0..8 {
        let kind = refused(database, move |tx| -> Result<(), StoreError> {
            marks::set(tx, "story", round)?;
            panic!("a job may panic, and this story wants to know what happens then")
        })
        .await;
        assert_eq!(kind, ErrorKind::Broken);
        let reading = database.read(|_| -> Result<(), StoreError> { panic!("so may one that reads") }).await;
        assert_eq!(reading.expect_err("it panicked").kind, ErrorKind::Broken);
    }
    assert_eq!(mark(database, "story").await, None);
    write(database, |tx| marks::set(tx, "story", 9)).await;
    assert_eq!(mark(database, "story").await, Some(9));
}

/// A statement that writes fails in a reading job.
pub async fn a_reading_job_writes_nothing(database: &dyn Database) {
    let failure = database.read(|tx| marks::set(tx, "story", 1)).await;
    assert_eq!(failure.expect_err("reading jobs do not write").kind, ErrorKind::Broken);
    assert_eq!(mark(database, "story").await, None);
}

/// Two statements of a reading job see the same state, though a write is committed between them.
pub async fn a_reading_job_sees_one_state_while_others_write(database: &dyn Database) {
    write(database, |tx| marks::set(tx, "story", 1)).await;
    let ((has_read, reader_reads), (has_written, writer_writes)) = (channel(), channel());
    let (reader_reads, writer_writes) = (Mutex::new(reader_reads), Mutex::new(writer_writes));
    let wait = |signal: &Mutex<std::sync::mpsc::Receiver<()>>| {
        signal
            .lock()
            .expect("no job panics here")
            .recv_timeout(PATIENCE)
            .map_err(|_| StoreError::new(ErrorKind::Broken, "readers and the writer wait for each other"))
    };
    let reading = database.read(move |tx| {
        let before = marks::get(tx, "story")?;
        has_read.send(()).expect("the writer waits");
        wait(&writer_writes)?;
        Ok::<_, StoreError>((before, marks::get(tx, "story")?))
    });
    let writing = async move {
        let written = database
            .write(move |tx| {
                wait(&reader_reads)?;
                marks::set(tx, "story", 2)
            })
            .await;
        has_written.send(()).expect("the reader waits");
        written
    };
    let (seen, written) = both(reading, writing).await;
    assert_eq!(written, Ok(()));
    assert_eq!(seen, Ok((Some(1), Some(1))));
    assert_eq!(mark(database, "story").await, Some(2));
}

/// Jobs that read and then write what they read are serialised.
pub async fn parallel_writers_lose_nothing(database: &dyn Database) {
    let one_more = |_| {
        database.write(|tx| {
            let next = marks::get(tx, "story")?.unwrap_or(0) + 1;
            marks::set(tx, "story", next)?;
            Ok::<_, StoreError>(next)
        })
    };
    let mut counted: Vec<i64> =
        all((0..200).map(one_more)).await.into_iter().map(|one| one.expect("in order")).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=200).collect::<Vec<_>>());
    assert_eq!(mark(database, "story").await, Some(200));
}

/// Of many jobs at once the good ones are kept and the bad ones are not, whatever shares a commit with what.
pub async fn jobs_may_be_any_number_at_once(database: &dyn Database) {
    let job = |number: i64| {
        database.write(move |tx| {
            tx.execute(
                "INSERT INTO marks (name, value) VALUES ($1, $2)",
                &[format!("story {number}").into(), number.into()],
            )?;
            match number % 4 {
                0 => Err(Own::Refused),
                1 => {
                    // The same key again: the store refuses.
                    let same = format!("story {number}");
                    tx.execute("INSERT INTO marks (name, value) VALUES ($1, 0)", &[same.into()])?;
                    Ok(number)
                }
                _ => Ok(number),
            }
        })
    };
    let outcomes = all((0..300).map(job)).await;
    for (number, outcome) in (0..300).zip(outcomes) {
        match number % 4 {
            0 => assert_eq!(outcome, Err(Own::Refused)),
            1 => assert!(matches!(outcome, Err(Own::Store(store)) if store.kind == ErrorKind::Conflict)),
            _ => assert_eq!(outcome, Ok(number)),
        }
    }
    let kept = read(database, |tx| tx.query("SELECT value FROM marks ORDER BY value", &[])).await;
    let kept: Vec<i64> = kept.iter().map(|row| row.int(0).expect("an integer")).collect();
    assert_eq!(kept, (0..300).filter(|number| number % 4 > 1).collect::<Vec<_>>());
}

/// `$n` means the n-th value wherever it stands, and every kind of value comes back as it went in.
pub async fn values_come_back_as_they_were_bound(database: &dyn Database) {
    let swapped = read(database, |tx| {
        tx.one(
            "SELECT CAST($2 AS BIGINT), CAST($1 AS TEXT), CAST($2 AS BIGINT) + 1, CAST($3 AS TEXT)",
            &["first".into(), 2.into(), Value::Null],
        )
    })
    .await;
    assert_eq!(swapped, Row(vec![2.into(), "first".into(), 3.into(), Value::Null]));

    let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
    let rows = numbers.map(|number| vec![Value::from(format!("Zahl „{number}“ ✓")), number.into()]);
    let expected: Vec<Row> = rows.iter().cloned().map(Row).collect();
    let kept = write(database, move |tx| {
        let stored = tx.execute_many("INSERT INTO marks (name, value) VALUES ($1, $2)", &rows)?;
        assert_eq!(stored, 5);
        tx.query("SELECT name, value FROM marks ORDER BY value", &[])
    })
    .await;
    assert_eq!(kept, expected);

    let bytes: Vec<u8> = (0..=255).collect();
    let stored = bytes.clone();
    let kept = write(database, move |tx| {
        tx.execute("INSERT INTO pseudonym_keys (day, secret) VALUES (1, $1)", &[stored.clone().into()])?;
        tx.one("SELECT secret FROM pseudonym_keys WHERE day = 1", &[])
    })
    .await;
    assert_eq!(kept, Row(vec![bytes.into()]));

    for values in [vec![], vec![1.into(), 2.into()]] {
        let wrong = database.read(move |tx| tx.query("SELECT CAST($1 AS BIGINT)", &values)).await;
        assert_eq!(wrong.expect_err("one value is expected").kind, ErrorKind::Broken);
    }
}

/// Conflict, Reference, Constraint and Broken are different kinds; a conflict names its columns.
pub async fn broken_rules_are_told_apart(database: &dyn Database) {
    type Refused = (fn(&mut dyn Tx) -> Result<u64, StoreError>, ErrorKind);
    let cases: [Refused; 5] = [
        (
            |tx| {
                tx.execute(
                    "INSERT INTO links (code, offer_id, affiliate_id, standing, created_at)
                             VALUES ('abc', 99, 99, 'active', 0)",
                    &[],
                )
            },
            ErrorKind::Reference,
        ),
        (
            |tx| {
                tx.execute(
                    "INSERT INTO click_keys (id, secret, signs, created_at) VALUES (256, $1, 1, 0)",
                    &[vec![0; 32].into()],
                )
            },
            ErrorKind::Constraint,
        ),
        (
            |tx| tx.execute("INSERT INTO marks (name, value) VALUES ('story', $1)", &[Value::Null]),
            ErrorKind::Constraint,
        ),
        (|tx| tx.execute("INSERT INTO no_such_table (a) VALUES (1)", &[]), ErrorKind::Broken),
        (|tx| tx.execute("UPDATE marks SET", &[]), ErrorKind::Broken),
    ];
    for (number, (job, expected)) in (0..).zip(cases) {
        assert_eq!(refused(database, job).await, expected, "case {number}");
    }
    let conflict = database
        .write(|tx| {
            for _ in 0..2 {
                tx.execute(
                    "INSERT INTO advertisers (name, currency, standing, postback_token, signing_key, created_at,
                     updated_at) VALUES ('A', 'EUR', 'active', 'same', 'key', $1, $1)",
                    &[NOW.into()],
                )?;
            }
            Ok::<_, StoreError>(())
        })
        .await;
    let conflict = conflict.expect_err("the token is unique");
    assert_eq!(conflict.kind, ErrorKind::Conflict);
    assert!(conflict.detail.contains("postback_token"), "{conflict}");
}

/// One reading statement for many rows of values: each gets the rows that it would get alone, in their order.
pub async fn one_query_for_many_rows_answers_each(database: &dyn Database) {
    write(database, |tx| {
        let rows: Vec<Vec<Value>> =
            (1..=5).map(|n| vec![format!("mark {n}").into(), Value::Int(n)]).collect();
        tx.execute_many("INSERT INTO marks (name, value) VALUES ($1, $2)", &rows).map(drop)
    })
    .await;
    let two_from =
        "SELECT value, name, value FROM marks WHERE name >= $1 AND value <> $2 ORDER BY value DESC LIMIT $3";
    let one = "SELECT value FROM marks WHERE name = $1";
    let asked: Vec<Vec<Value>> =
        [("mark 2", 4, 2), ("mark 5", 5, 2), ("mark 2", 4, 2), ("", 0, 9), ("z", 0, 9)]
            .map(|(name, not, limit)| vec![name.into(), not.into(), limit.into()])
            .to_vec();
    let (alone, together, names, nobody) = read(database, move |tx| {
        let alone = asked.iter().map(|values| tx.query(two_from, values)).collect::<Result<Vec<_>, _>>()?;
        let together = tx.query_many(two_from, &asked)?;
        let names = ["mark 4", "mark 1", "nobody", "mark 4"].map(|name| vec![name.into()]);
        Ok((alone, together, tx.query_many(one, &names)?, tx.query_many(one, &[])?))
    })
    .await;
    assert_eq!(together, alone);
    assert_eq!(together.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 2, 5, 0]);
    let number = |n: i64| vec![Row(vec![n.into()])];
    assert_eq!(names, [number(4), number(1), vec![], number(4)]);
    assert_eq!(nobody, Vec::<Vec<Row>>::new());

    for rows in [vec![vec![], vec![]], vec![vec!["a".into()], vec!["a".into(), "b".into()]]] {
        let wrong = database.read(move |tx| tx.query_many(one, &rows)).await;
        assert_eq!(wrong.expect_err("one value is expected").kind, ErrorKind::Broken);
    }
}

/// One writing statement for many rows of values does what it would do for each; all of it or nothing is kept.
pub async fn one_statement_for_many_rows_writes_each(database: &dyn Database) {
    let secret = |byte: u8| Value::from(vec![byte; 32]);
    let kept = write(database, move |tx| {
        let insert = "INSERT INTO click_keys (id, secret, signs, created_at, not_after) VALUES ($1, $2, 0, $3, $4) \
                      ON CONFLICT (id) DO UPDATE SET not_after = excluded.not_after, signs = 1";
        let rows = [
            vec![1.into(), secret(1), NOW.into(), Value::Null],
            vec![2.into(), secret(2), NOW.into(), 7.into()],
            vec![3.into(), secret(3), NOW.into(), Value::Null],
        ];
        assert_eq!(tx.execute_many(insert, &rows)?, 3);
        let again = [vec![2.into(), secret(9), 0.into(), Value::Null], vec![3.into(), secret(9), 0.into(), 8.into()]];
        assert_eq!(tx.execute_many(insert, &again)?, 2);
        let skip = "INSERT INTO click_keys (id, secret, signs, created_at) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING";
        assert_eq!(tx.execute_many(skip, &[vec![3.into(), secret(4)], vec![4.into(), secret(4)]])?, 1);
        let update = "UPDATE click_keys SET created_at = created_at + $2, not_after = coalesce($3, not_after) \
                      WHERE id = $1 AND signs = 1";
        let rows = [
            vec![2.into(), 5.into(), Value::Null],
            vec![3.into(), 6.into(), 9.into()],
            vec![4.into(), 7.into(), 9.into()],
        ];
        assert_eq!(tx.execute_many(update, &rows)?, 2);
        assert_eq!(tx.execute_many("DELETE FROM click_keys WHERE id = $1", &[vec![1.into()], vec![77.into()]])?, 1);
        assert_eq!(tx.execute_many("DELETE FROM click_keys WHERE id = $1", &[])?, 0);
        tx.query("SELECT id, secret, signs, created_at, not_after FROM click_keys ORDER BY id", &[])
    })
    .await;
    let row = |id: i64, signs: i64, created: i64, not_after: Value| {
        let byte = u8::try_from(id).expect("ids are small here");
        Row(vec![id.into(), secret(byte), signs.into(), created.into(), not_after])
    };
    let at = NOW.get();
    assert_eq!(
        kept,
        [row(2, 1, at + 5, Value::Null), row(3, 1, at + 6, 9.into()), row(4, 0, 0, Value::Null)]
    );

    // Ids are given in the order of the rows.
    let facts: Vec<String> = (0..300).map(|number| format!("fact {}", (number * 7) % 300)).collect();
    let rows: Vec<Vec<Value>> = facts.iter().map(|fact| vec![fact.into(), "{}".into()]).collect();
    let ordered = write(database, move |tx| {
        tx.execute_many("INSERT INTO fact_outbox (fact_id, fact) VALUES ($1, $2)", &rows)?;
        tx.query("SELECT fact_id FROM fact_outbox ORDER BY id", &[])
    })
    .await;
    assert_eq!(ordered, facts.iter().map(|fact| Row(vec![fact.into()])).collect::<Vec<_>>());

    // A statement of two rows, which no store sends as a set.
    let pairs = write(database, |tx| {
        let pairs = [vec!["a".into(), 1.into(), "b".into()], vec!["c".into(), 2.into(), "d".into()]];
        let written = tx.execute_many("INSERT INTO marks (name, value) VALUES ($1, $2), ($3, $2)", &pairs)?;
        Ok((written, tx.query("SELECT name, value FROM marks ORDER BY name", &[])?.len()))
    })
    .await;
    assert_eq!(pairs, (4, 4));

    let twice = refused(database, |tx| {
        let rows = [vec!["e".into(), 1.into()], vec!["a".into(), 2.into()]];
        tx.execute_many("INSERT INTO marks (name, value) VALUES ($1, $2)", &rows)
    });
    assert_eq!(twice.await, ErrorKind::Conflict);
    assert_eq!(mark(database, "e").await, None);
}

/// What is read after a lock is what others have committed, and nobody writes it meanwhile.
pub async fn bookings_lose_nothing_and_lock_what_they_rest_on(database: &dyn Database) {
    let one_more = |_| {
        database.book(|tx| {
            tx.lock(Lock::AuditLog)?;
            tx.lock(Lock::Ledger)?;
            tx.lock(Lock::Ledger)?;
            let next = marks::get(tx, "story")?.unwrap_or(0) + 1;
            marks::set(tx, "story", next)?;
            Ok::<_, StoreError>(next)
        })
    };
    let mut counted: Vec<i64> =
        all((0..100).map(one_more)).await.into_iter().map(|one| one.expect("in order")).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=100).collect::<Vec<_>>());
    let refusal = database.book(|tx| {
        tx.lock(Lock::Ledger)?;
        marks::set(tx, "story", 7)?;
        Err::<(), _>(Own::Refused)
    });
    assert_eq!(refusal.await, Err(Own::Refused));
    assert_eq!(mark(database, "story").await, Some(100));
}
