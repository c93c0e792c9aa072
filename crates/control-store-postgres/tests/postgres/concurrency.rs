//! Several programs at once.

use hopline_control_store::ledger::{self, PostError, Posted};
use hopline_control_store::{Database, DatabaseExt as _, ErrorKind, Lock, StoreError, Tx, audit_log, marks};
use hopline_ledger::recipe::{self, Commission};
use hopline_ledger::{Account, Draft, Share, TransactionId, TransactionKind};
use hopline_money::{Amount, Currency};
use hopline_testkit::postgres;
use hopline_types::{AdvertiserId, AffiliateId, ConversionId};

use crate::support::{NOW, block_on, open};

fn id(text: &str) -> TransactionId {
    TransactionId::new(text).unwrap()
}

fn euro(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

fn payment(name: &str, minor: i64) -> Draft {
    recipe::advertiser_payment(AdvertiserId::new(7).unwrap(), euro(minor), id(name), NOW).unwrap()
}

/// The trial balance and one account's; gives back how many transactions there are.
fn verify(database: &dyn Database, account: Account, expected: i128) -> i64 {
    let head = block_on(database.read(move |tx| {
        for totals in ledger::trial_balance(tx)? {
            assert_eq!(totals.debits_minor, totals.credits_minor);
        }
        assert_eq!(ledger::balance(tx, account, Currency::EUR)?, expected);
        tx.one("SELECT count(*) FROM ledger_transactions", &[])?.int(0)
    }));
    head.unwrap()
}

// L-02, L-13
#[test]
fn two_programs_that_book_at_once_keep_one_chain_and_right_sums() {
    const EACH: i64 = 25;
    let fresh = postgres();
    let databases = [open(&fresh.url()), open(&fresh.url())];
    std::thread::scope(|scope| {
        for (number, database) in databases.iter().enumerate() {
            for way in 0..3 {
                scope.spawn(move || {
                    for round in 0..EACH {
                        let drafts = move || {
                            let name = |part: &str| format!("payment:{number}:{way}:{round}:{part}");
                            vec![payment(&name("a"), 3), payment(&name("b"), 4)]
                        };
                        let post = move |tx: &mut dyn Tx| {
                            ledger::post_many(tx, drafts(), NOW).map(|posted| posted.len())
                        };
                        // As a worker books, as the API does, and both with the audit log in front.
                        let booked = match way {
                            0 => block_on(database.book(post)),
                            1 => block_on(database.write(post)),
                            _ => block_on(database.write(move |tx| {
                                tx.lock(Lock::AuditLog).map_err(PostError::from)?;
                                post(tx)
                            })),
                        };
                        assert_eq!(booked, Ok(2));
                    }
                });
            }
        }
    });
    let receivable = Account::AdvertiserReceivable(AdvertiserId::new(7).unwrap());
    let count = verify(&databases[0], receivable, -i128::from(6 * EACH * 7));
    assert_eq!(count, 6 * EACH * 2);
    let sound = block_on(databases[1].read(ledger::verify)).unwrap();
    assert!(sound.is_ok(), "{sound:?}");
}

// L-07
#[test]
fn l_07_of_parallel_reversals_exactly_one_is_booked() {
    let fresh = postgres();
    let databases = [open(&fresh.url()), open(&fresh.url())];
    let affiliate = AffiliateId::new(3).unwrap();
    let commission = Commission {
        conversion: ConversionId::new(9).unwrap(),
        advertiser: AdvertiserId::new(7).unwrap(),
        affiliate,
        share: Share::new(euro(1_000), euro(800)).unwrap(),
    };
    let pending = commission.pending(id("pending"), NOW).unwrap();
    block_on(databases[0].write(move |tx| ledger::post(tx, pending.clone(), NOW).map(drop))).unwrap();
    let outcomes: Vec<Result<bool, PostError>> = std::thread::scope(|scope| {
        let reverse = |number: usize| {
            let database = &databases[number % 2];
            let draft =
                commission.rejected(id(&format!("rejected:{number}")), NOW, Some("story".into())).unwrap();
            let post =
                move |tx: &mut dyn Tx| ledger::post(tx, draft.clone(), NOW).map(|posted| posted.is_new());
            if number.is_multiple_of(3) {
                block_on(database.book(post))
            } else {
                block_on(database.write(post))
            }
        };
        let threads: Vec<_> = (0..24).map(|number| scope.spawn(move || reverse(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(true)).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(PostError::Overdrawn(_)))).count(), 23);
    assert_eq!(verify(&databases[1], Account::AffiliatePending(affiliate), 0), 2);
}

// L-03, L-04
#[test]
fn l_03_the_same_transaction_from_many_programs_is_booked_once() {
    let fresh = postgres();
    let databases = [open(&fresh.url()), open(&fresh.url())];
    let outcomes: Vec<Result<Posted, PostError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..24)
            .map(|number| {
                let database = &databases[number % 2];
                scope.spawn(move || {
                    block_on(database.write(|tx| ledger::post(tx, payment("payment:1", 5), NOW)))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let posted: Vec<&Posted> = outcomes.iter().map(|outcome| outcome.as_ref().unwrap()).collect();
    assert_eq!(posted.iter().filter(|posted| posted.is_new()).count(), 1);
    assert!(posted.iter().all(|other| other.record() == posted[0].record()));
    assert_eq!(posted[0].record().draft.kind, TransactionKind::AdvertiserPayment);
}

/// A worker that books without pause does not keep a writer out that must read the end of the chain first.
#[test]
fn a_busy_worker_starves_nobody() {
    let fresh = postgres();
    let (worker, api) = (open(&fresh.url()), open(&fresh.url()));
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                round += 1;
                let drafts =
                    move || (0..20).map(|part| payment(&format!("worker:{round}:{part}"), 1)).collect();
                block_on(worker.book(move |tx| ledger::post_many(tx, drafts(), NOW).map(drop))).unwrap();
            }
        });
        for round in 0..20 {
            let post =
                move |tx: &mut dyn Tx| ledger::post(tx, payment(&format!("api:{round}"), 1), NOW).map(drop);
            block_on(api.write(post)).unwrap();
        }
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

/// Somebody took the key after a job had looked for it: the job runs again and finds it.
#[test]
fn a_key_that_was_taken_meanwhile_is_looked_for_again() {
    let fresh = postgres();
    let (one, other) = (open(&fresh.url()), std::sync::Arc::new(open(&fresh.url())));
    let mut runs = 0;
    let found = block_on(one.book(move |tx| {
        runs += 1;
        if let Some(value) = marks::get(tx, "story")? {
            return Ok::<_, StoreError>((runs, value));
        }
        let other = std::sync::Arc::clone(&other);
        let taken = std::thread::spawn(move || block_on(other.write(|tx| marks::set(tx, "story", 5))));
        taken.join().unwrap()?;
        tx.execute("INSERT INTO marks (name, value) VALUES ('story', 6)", &[])?;
        Ok((runs, 6))
    }));
    assert_eq!(found, Ok((2, 5)));
    let refused =
        block_on(one.write(|tx| tx.execute("INSERT INTO marks (name, value) VALUES ('story', 6)", &[])));
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Conflict);
}

// L-25
#[test]
fn l_25_records_of_several_programs_are_one_chain() {
    let fresh = postgres();
    let databases = [open(&fresh.url()), open(&fresh.url())];
    std::thread::scope(|scope| {
        for number in 0..8 {
            let database = &databases[number % 2];
            scope.spawn(move || {
                for round in 0..10 {
                    let entry = audit_log::NewEntry {
                        at: NOW,
                        actor: format!("user:{number}"),
                        action: "story.tell".to_owned(),
                        object: format!("story:{round}"),
                        origin: None,
                        before: None,
                        after: None,
                        request_id: None,
                    };
                    block_on(database.write(move |tx| audit_log::append(tx, &entry).map(drop))).unwrap();
                }
            });
        }
    });
    let head = block_on(databases[0].read(audit_log::verify)).unwrap().unwrap();
    assert_eq!(head.count, 80);
}
