//! What is only ever added to: ledger, audit log, first answers, marks.

use super::{NOW, all, read, refused, write};
use crate::audit_log::{self, Head, NewEntry};
use crate::idempotency::{self, Answer, Seen};
use crate::{Database, DatabaseExt, ErrorKind, Page, StoreError, marks};

fn entry(action: &str) -> NewEntry {
    NewEntry {
        at: NOW,
        actor: "user:1".to_owned(),
        action: action.to_owned(),
        object: "affiliate:7".to_owned(),
        origin: Some("192.0.2.0".to_owned()),
        before: None,
        after: Some(r#"{"name":"Blog"}"#.to_owned()),
        request_id: Some(String::new()),
    }
}

/// Rows of the ledger and the audit log cannot be changed or deleted by any statement of this program (L-05).
pub async fn l_05_ledger_and_audit_log_refuse_changes(database: &dyn Database) {
    const CHANGES: [&str; 10] = [
        "UPDATE ledger_transactions SET reason = 'other'",
        "DELETE FROM ledger_transactions WHERE sequence = 2",
        "UPDATE ledger_entries SET amount_minor = 1 WHERE position = 0",
        "DELETE FROM ledger_entries",
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "UPDATE ledger_periods SET closed_until = 0",
        "DELETE FROM ledger_periods",
        "INSERT INTO ledger_entries (sequence, position, account, currency, amount_minor)
         VALUES (1, 0, 'network:margin', 'EUR', 1)
         ON CONFLICT (sequence, position) DO UPDATE SET amount_minor = 1",
        "INSERT INTO audit_log (sequence, at, actor, action, object, previous_hash, hash)
         SELECT sequence, at, actor, action, object, previous_hash, hash FROM audit_log WHERE sequence = 1
         ON CONFLICT (sequence) DO UPDATE SET actor = 'nobody'",
    ];
    let transaction = |tx: &mut dyn crate::Tx, sequence: i64, id: &str| {
        tx.execute(
            "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, previous_hash, hash)
             VALUES ($1, $2, 'adjustment', $3, $3, $4, $4)",
            &[sequence.into(), id.into(), NOW.into(), vec![0; 32].into()],
        )
    };
    write(database, move |tx| {
        transaction(tx, 1, "one")?;
        transaction(tx, 2, "two")?;
        tx.execute(
            "INSERT INTO ledger_entries (sequence, position, account, currency, amount_minor)
             VALUES (1, 0, 'network:margin', 'EUR', 500), (1, 1, 'network:exchange', 'EUR', -500)",
            &[],
        )?;
        tx.execute(
            "INSERT INTO ledger_periods (month, closed_until, closed_at, closed_by, record_count, record_hash)
             VALUES ('1970-01', 2678400000, $1, 'key:finance', 2, $2)",
            &[NOW.into(), vec![0; 32].into()],
        )?;
        audit_log::append(tx, &entry("affiliate.create"))
    })
    .await;
    let state = || {
        read(database, |tx| {
            Ok([
                tx.query("SELECT * FROM ledger_transactions ORDER BY sequence", &[])?,
                tx.query("SELECT * FROM ledger_entries ORDER BY sequence, position", &[])?,
                tx.query("SELECT * FROM audit_log ORDER BY sequence", &[])?,
                tx.query("SELECT * FROM ledger_periods", &[])?,
            ])
        })
    };
    let before = state().await;
    assert_eq!(before.each_ref().map(Vec::len), [2, 2, 1, 1]);
    for change in CHANGES {
        assert_eq!(
            refused(database, move |tx| tx.execute(change, &[])).await,
            ErrorKind::Constraint,
            "{change}"
        );
    }
    assert_eq!(state().await, before);
}

/// The same request gets the first answer, another payload is told apart, other scopes know nothing (L-21).
pub async fn l_21_a_key_answers_the_same_request_only(database: &dyn Database) {
    let answer = Answer { status: 201, body: r#"{"id":1}"#.to_owned() };
    let first = answer.clone();
    write(database, move |tx| idempotency::record(tx, "tenant a", "key", "hash", &first, NOW)).await;
    for (scope, key, hash, expected) in [
        ("tenant a", "key", "hash", Seen::Same(answer)),
        ("tenant a", "key", "other hash", Seen::OtherPayload),
        ("tenant a", "other key", "hash", Seen::First),
        ("tenant b", "key", "hash", Seen::First),
    ] {
        let seen = read(database, move |tx| idempotency::look_up(tx, scope, key, hash)).await;
        assert_eq!(seen, expected, "{scope}, {key}, {hash}");
    }
    assert_eq!(write(database, |tx| idempotency::forget(tx, NOW)).await, 0);
    assert_eq!(write(database, |tx| idempotency::forget(tx, NOW.plus(1))).await, 1);
}

/// Effect and record are one transaction: all answers are equal and the effect is there once (L-22, L-23).
pub async fn l_23_fifty_parallel_requests_with_one_key_have_one_effect(database: &dyn Database) {
    let request = |number: i64| {
        database.write(move |tx| {
            match idempotency::look_up(tx, "POST /v1/things", "key", "hash")? {
                Seen::Same(answer) => return Ok(answer),
                Seen::OtherPayload => {
                    return Err(StoreError::new(ErrorKind::Broken, "the payload is the same"));
                }
                Seen::First => {}
            }
            let effects = marks::get(tx, "effects")?.unwrap_or(0) + 1;
            marks::set(tx, "effects", effects)?;
            let answer = Answer { status: 201, body: format!("made by request {number}") };
            idempotency::record(tx, "POST /v1/things", "key", "hash", &answer, NOW)?;
            Ok::<_, StoreError>(answer)
        })
    };
    let answers = all((0..50).map(request)).await;
    assert_eq!(answers.len(), 50);
    let first = answers[0].as_ref().expect("answered");
    assert!(answers.iter().all(|answer| answer.as_ref() == Ok(first)), "{answers:?}");
    assert_eq!(read(database, |tx| marks::get(tx, "effects")).await, Some(1));
}

/// Records are appended in order, also by many at once, and verify (L-25).
pub async fn l_25_the_audit_log_is_an_unbroken_chain(database: &dyn Database) {
    let empty = read(database, audit_log::verify).await.expect("an empty log is unbroken");
    assert_eq!(empty, Head { count: 0, hash: [0; 32] });
    let append =
        |number: i64| database.write(move |tx| audit_log::append(tx, &entry(&format!("story.{number}"))));
    let appended = all((0..50).map(append)).await;
    let mut sequences: Vec<i64> =
        appended.iter().map(|entry| entry.as_ref().expect("appended").sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=50).collect::<Vec<_>>());

    let (head, verified) = read(database, |tx| Ok((audit_log::head(tx)?, audit_log::verify(tx)?))).await;
    assert_eq!(verified, Ok(head));
    assert_eq!(head.count, 50);
    let listed = read(database, |tx| audit_log::list(tx, Page { after: 48, limit: 10 })).await;
    assert_eq!(listed.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [49, 50]);
    assert_eq!(listed[1].hash, head.hash);
    let last = appended.iter().flatten().find(|entry| entry.sequence == 50);
    assert_eq!(last, Some(&listed[1]));
}

/// A mark is where its reader was last.
pub async fn marks_keep_the_last_value(database: &dyn Database) {
    write(database, |tx| {
        assert_eq!(marks::get(tx, "facts")?, None);
        marks::set(tx, "facts", 5)?;
        marks::set(tx, "facts", 3)?;
        marks::set(tx, "other", 9)?;
        assert_eq!(marks::get(tx, "facts")?, Some(3));
        Ok(())
    })
    .await;
}
