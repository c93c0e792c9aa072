//! Periods are closed, and stay so (L-12).

use hopline_ledger::{Draft, Period, TransactionId, recipe, seal};
use hopline_money::{Amount, Currency};
use hopline_types::{AdvertiserId, UnixMillis};

use super::network::enter;
use super::{NOW, all, read, write};
use crate::ledger::{self, CloseError, ClosedPeriod, Posted, Unsound};
use crate::{Database, DatabaseExt, StoreError};

const HOUR: i64 = 3_600_000;

fn december() -> Period {
    Period::of(NOW.plus(-1)).expect("a month")
}

fn payment(advertiser: AdvertiserId, name: &str, effective_at: UnixMillis) -> Draft {
    let id = TransactionId::new(name).expect("an id");
    recipe::advertiser_payment(advertiser, Amount::new(500, Currency::EUR), id, effective_at)
        .expect("something")
}

async fn post(database: &dyn Database, draft: Draft, now: UnixMillis) -> Posted {
    write(database, move |tx| {
        ledger::post(tx, draft.clone(), now).map_err(|error| match error {
            ledger::PostError::Store(error) => error,
            other => StoreError::new(crate::ErrorKind::Broken, other.to_string()),
        })
    })
    .await
}

async fn close(
    database: &dyn Database,
    period: Period,
    by: &'static str,
    now: UnixMillis,
) -> Result<(ClosedPeriod, bool), CloseError> {
    database.write(move |tx| ledger::close(tx, period, by, now)).await
}

/// What is effective in a closed month is booked in the open one and names it; the closing stays as it was.
pub async fn l_12_a_closed_period_takes_no_entry_and_is_not_opened_again(database: &dyn Database) {
    let advertiser = write(database, |tx| enter(tx, "Acme")).await.advertiser.id;
    let in_time = post(database, payment(advertiser, "in_time", NOW.plus(-HOUR)), NOW.plus(-HOUR)).await;
    let too_early = close(database, december(), "key:finance", NOW.plus(-1)).await;
    assert_eq!(too_early, Err(CloseError::NotOver { period: december(), from: NOW }));
    assert_eq!(read(database, ledger::open_from).await, None);
    // Several at once: one closing.
    let closings = all((0..8).map(|_| close(database, december(), "key:finance", NOW))).await;
    let closings: Vec<_> = closings.into_iter().map(|closing| closing.expect("closed")).collect();
    assert_eq!(closings.iter().filter(|(_, is_new)| *is_new).count(), 1);
    let (closed, _) = &closings[0];
    assert!(closings.iter().all(|(other, _)| other == closed));
    assert_eq!((closed.record_count, closed.record_hash), (1, in_time.record().hash));

    let asked = payment(advertiser, "late", NOW.plus(-1));
    let late = post(database, asked.clone(), NOW.plus(HOUR)).await;
    assert!(late.is_new());
    let record = late.record();
    assert_eq!(record.draft.effective_at, NOW);
    let was = record.draft.late().expect("it is late");
    assert_eq!((was.period, was.happened_at), (december(), NOW.plus(-1)));
    // The same request again, and one of before the closing.
    assert_eq!(post(database, asked, NOW.plus(2 * HOUR)).await, Posted::Same(record.clone()));
    let again = post(database, payment(advertiser, "in_time", NOW.plus(-HOUR)), NOW).await;
    assert_eq!(again, Posted::Same(in_time.record().clone()));
    let open = post(database, payment(advertiser, "open", NOW), NOW).await;
    assert_eq!(open.record().draft.late(), None);

    // An earlier month is closed with it; a later closing changes nothing of the first.
    let november = Period::of(december().start().plus(-1)).expect("a month");
    assert_eq!(close(database, november, "key:other", NOW).await, Ok((closed.clone(), false)));
    let january = december().next().expect("a month");
    let (next, is_new) = close(database, january, "key:other", january.end()).await.expect("closed");
    assert!(is_new);
    assert_eq!(next.record_count, 3);
    assert_eq!(close(database, december(), "key:other", january.end()).await, Ok((closed.clone(), false)));
    assert_eq!(read(database, ledger::closed_periods).await, [closed.clone(), next]);
    assert_eq!(read(database, ledger::open_from).await, Some(january.end()));
    let sound = read(database, ledger::verify).await.expect("the books are sound");
    assert_eq!(sound.head.count, 3);
}

/// A record that somebody else wrote into a closed month, and a chain that is not the one of the closing.
pub async fn l_12_the_audit_finds_what_was_booked_behind_a_closing(database: &dyn Database) {
    let advertiser = write(database, |tx| enter(tx, "Acme")).await.advertiser.id;
    post(database, payment(advertiser, "in_time", NOW.plus(-HOUR)), NOW.plus(-HOUR)).await;
    close(database, december(), "key:finance", NOW).await.expect("closed");
    write(database, move |tx| {
        let head = ledger::head(tx)?;
        let balanced = payment(advertiser, "smuggled", NOW.plus(-1)).check().expect("it balances");
        let record = seal(balanced, head.count + 1, NOW.plus(HOUR), head.hash);
        tx.execute(
            "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, previous_hash, hash) \
             VALUES (2, 'smuggled', 'advertiser_payment', $1, $2, $3, $4)",
            &[
                record.draft.effective_at.into(),
                record.booked_at.into(),
                record.previous_hash.as_bytes().to_vec().into(),
                record.hash.as_bytes().to_vec().into(),
            ],
        )?;
        for (position, posting) in (0_i64..).zip(&record.draft.postings) {
            tx.execute(
                "INSERT INTO ledger_entries (sequence, position, account, currency, amount_minor) \
                 VALUES (2, $1, $2, 'EUR', $3)",
                &[position.into(), posting.account.as_path().into(), posting.amount_minor.into()],
            )?;
        }
        Ok::<_, StoreError>(())
    })
    .await;
    let found = read(database, ledger::verify).await;
    let (effective_at, open_from) = (NOW.plus(-1), NOW);
    let expected = Unsound::InClosedPeriod { sequence: 2, effective_at, open_from };
    assert_eq!(found, Err(expected.clone()));
    assert_eq!(
        expected.to_string(),
        "sequence 2 is effective at 1767225599999, in a period that was closed before: expected 1767225600000 or later"
    );
}
