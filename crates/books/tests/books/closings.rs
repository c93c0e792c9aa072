//! Closed periods, through everything that books (L-12).

use hopline_books::payouts::{self, FailedPayout};
use hopline_control_store::ledger::{self, TransactionFilter};
use hopline_control_store::{Scope, Tx};
use hopline_ledger::{Period, Stored};

use crate::world::{DAY, NOW, Rules, World};

fn february() -> Period {
    "2026-02".parse().unwrap()
}

fn booked_after(world: &World, after: i64) -> Vec<Stored> {
    let filter = TransactionFilter { after, ..TransactionFilter::default() };
    world.write(move |tx| Ok(ledger::transactions(tx, Scope::All, &filter, 1_000)?)).unwrap()
}

fn close(world: &World) {
    world.write(|tx| Ok(ledger::close(tx, february(), "key:finance", NOW).unwrap())).unwrap();
}

// L-12
#[test]
fn l_12_whatever_books_goes_to_the_open_period_and_names_the_old_one() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let day = february().end().plus(-DAY);
    let sold = world.sold_at("A-1", "100.00", world.blog, day);
    let before = world.booked();
    assert!(booked_after(&world, 0).iter().all(|record| record.draft.effective_at == day));
    close(&world);

    // A sale of February that arrives in March, and an order that was refunded in February.
    world.sold_at("A-2", "50.00", world.blog, day.plus(1));
    let refund = move |tx: &mut dyn Tx| {
        hopline_books::refund(tx, sold, Some("10.00"), "returned", "key:shop", day.plus(2)).map(drop)
    };
    world.write(refund).unwrap();
    let late = booked_after(&world, before);
    assert!(late.len() >= 4, "{late:?}");
    for record in &late {
        assert_eq!(record.draft.effective_at, february().end(), "{record:?}");
        assert_eq!(record.draft.late().unwrap().period, february(), "{record:?}");
    }
    assert_eq!(
        late.last().unwrap().draft.reason.as_deref(),
        Some(&*format!("late for 2026-02, happened at {}; returned", day.plus(2).get()))
    );

    // What is booked in time says nothing, and money goes its way.
    let (batch, first) = {
        let drafted = world.draft("0");
        (drafted.batch.id, drafted.payouts[0].id)
    };
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    let failed = [FailedPayout { payout: first, reason: "closed".into() }];
    world.write(move |tx| payouts::settle(tx, batch, &failed, "key:second", NOW)).unwrap();
    assert!(
        booked_after(&world, before + i64::try_from(late.len()).unwrap())
            .iter()
            .all(|record| { record.draft.effective_at >= february().end() && record.draft.late().is_none() })
    );
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "14.00", "0.00", "0.00"]);
    world.audit();
}

// L-04, L-12
#[test]
fn l_12_a_replay_after_the_closing_books_nothing_new() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let counts = [hopline_click_store::ClickCount {
        hour: february().end().plus(-2 * 3_600_000),
        offer: world.offer,
        affiliate: world.blog,
        clicks: 10,
    }];
    let settle = |clicks: u64| {
        let counts = counts.map(|count| hopline_click_store::ClickCount { clicks, ..count });
        let until = february().end();
        world.write(move |tx| hopline_books::settle_clicks(tx, &counts, until, NOW)).unwrap()
    };
    settle(10);
    let booked = world.booked();
    close(&world);
    settle(10);
    assert_eq!(world.booked(), booked);
    // Two clicks that were shipped late are settled in March, for February.
    settle(12);
    let late = booked_after(&world, booked);
    assert!(!late.is_empty());
    assert!(late.iter().all(|record| record.draft.late().is_some_and(|late| late.period == february())));
    let booked = world.booked();
    settle(12);
    assert_eq!(world.booked(), booked);
    world.audit();
}
