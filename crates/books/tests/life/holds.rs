//! The end of holds, and a commission that cannot take part.

use hopline_books::{ended_holds, release, release_holds, set_hold_aside};
use hopline_control_store::commissions;
use hopline_types::{CommissionStatus, HOUR_MS};

use crate::world::{DAY, NOW, Rules, World};

#[test]
fn a_damaged_commission_is_set_aside_and_the_others_go_on() {
    let world = World::new(Rules::HELD);
    let sold: Vec<_> = (0..5).map(|number| world.sold(&format!("A-{number}"), "100.00")).collect();
    let (after, damaged) = (NOW.plus(15 * DAY), sold[2]);
    // As if its approval had not been booked for this affiliate: its steps make no sense.
    world
        .write(move |tx| {
            tx.execute(
                "UPDATE commissions SET affiliate_id = 2 WHERE conversion_id = $1",
                &[damaged.get().into()],
            )
            .map(drop)
            .map_err(Into::into)
        })
        .unwrap();
    let released = world.write(move |tx| release_holds(tx, after, 3)).unwrap();
    assert_eq!((released.commissions, released.transactions, released.set_aside.len()), (3, 2, 1));
    let told = &released.set_aside[0].1;
    assert!(told.contains("kept as approved, its bookings say unattributed"), "{told}");
    let released = world.write(move |tx| release_holds(tx, after, 3)).unwrap();
    assert_eq!((released.commissions, released.transactions), (2, 2), "it does not stand in the way");
    let kept = world.write(|tx| Ok(commissions::holds_set_aside(tx, 9)?)).unwrap();
    assert_eq!((kept.len(), kept[0].conversion, kept[0].retry_at), (1, damaged, after.plus(HOUR_MS)));
    assert_eq!(world.conversion(damaged).status, Some(CommissionStatus::Approved));
    // Repaired, it is found an hour later.
    world
        .write(move |tx| {
            tx.execute(
                "UPDATE commissions SET affiliate_id = 1 WHERE conversion_id = $1",
                &[damaged.get().into()],
            )
            .map(drop)
            .map_err(Into::into)
        })
        .unwrap();
    let later = after.plus(HOUR_MS);
    assert_eq!(world.write(move |tx| ended_holds(tx, later.plus(-1), 9)).unwrap(), []);
    let released = world.write(move |tx| release_holds(tx, later, 9)).unwrap();
    assert_eq!((released.transactions, released.set_aside.len()), (1, 0));
    assert!(world.write(|tx| Ok(commissions::holds_set_aside(tx, 9)?)).unwrap().is_empty());
    assert_eq!(world.shown(world.blog)[2], "50.00");
    world.audit();
}

#[test]
fn one_commission_can_be_set_aside_by_hand_and_released_alone() {
    let world = World::new(Rules::HELD);
    world.sold("A-1", "100.00");
    world.sold("A-2", "100.00");
    let after = NOW.plus(15 * DAY);
    let due = world.write(move |tx| ended_holds(tx, after, 9)).unwrap();
    let first = due[0];
    world.write(move |tx| set_hold_aside(tx, first, "the ledger refuses it", after)).unwrap();
    let released = world.write(move |tx| release_holds(tx, after, 9)).unwrap();
    assert_eq!(released.commissions, 1);
    let released = world.write(move |tx| release(tx, &[first], after)).unwrap();
    assert_eq!(released.transactions, 1);
    world.audit();
}
