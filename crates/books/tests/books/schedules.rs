//! Drafts that prepare themselves.

use hopline_books::BookError;
use hopline_books::payouts::{self, BatchView, Frequency, NewSchedule, run_due};
use hopline_control_store::payouts::{Schedule, ScheduleState, find_schedule, insert_schedule};
use hopline_types::{PayoutMethod, UnixMillis};

use crate::world::{DAY, NOW, Rules, World};

/// 2026-03-02T00:00:00Z, a Monday: the day after [`NOW`].
const MONDAY: UnixMillis = UnixMillis(1_772_409_600_000);

fn weekly(net_days: u16) -> NewSchedule {
    NewSchedule {
        currency: "EUR".into(),
        method: PayoutMethod::Sepa,
        when: Frequency::Week { weekday: 1 },
        net_days,
        minimum: Some("1.00".into()),
        round_down_to: None,
        time_zone: "UTC".into(),
    }
}

fn enter(world: &World, schedule: &NewSchedule) -> i64 {
    let state = ScheduleState {
        content: serde_json::to_string(schedule).unwrap(),
        is_active: true,
        next_at: schedule.next_after(NOW),
        changed_at: NOW,
        changed_by: "key:first".into(),
    };
    assert_eq!(state.next_at, MONDAY);
    world.write(move |tx| Ok(insert_schedule(tx, &state)?)).unwrap()
}

fn run(world: &World, now: UnixMillis) -> Option<(Schedule, Option<BatchView>)> {
    world.write(move |tx| run_due(tx, now)).unwrap()
}

#[test]
fn a_schedule_drafts_on_its_day_once_and_another_person_approves() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let id = enter(&world, &weekly(0));
    assert!(run(&world, MONDAY.plus(-1)).is_none());
    let drafted = run(&world, MONDAY).unwrap().1.unwrap();
    assert_eq!((drafted.payouts.len(), drafted.batch.schedule), (1, Some(id)));
    assert_eq!(drafted.batch.cutoff, MONDAY.plus(-1));
    assert!(run(&world, MONDAY).is_none());
    let batch = drafted.batch.id;
    // L-25: it counts as made by who has entered the schedule.
    let own = world.write(move |tx| payouts::approve(tx, batch, "key:first", true, MONDAY));
    assert!(matches!(own, Err(BookError::FourEyes { .. })));
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, MONDAY)).unwrap();
    world.audit();
}

#[test]
fn after_a_pause_a_schedule_runs_once_and_without_anything_to_pay_it_drafts_nothing() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = enter(&world, &weekly(0));
    let late = MONDAY.plus(22 * DAY);
    let (_, drafted) = run(&world, late).unwrap();
    assert!(drafted.is_none());
    assert!(run(&world, late).is_none());
    let schedule = world.write(move |tx| Ok(find_schedule(tx, id)?)).unwrap().unwrap();
    assert_eq!(schedule.last_outcome.as_deref(), Some("nothing was owed"));
    assert_eq!(schedule.state.next_at, MONDAY.plus(28 * DAY));
}

#[test]
fn net_days_leave_out_what_became_owed_since() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    enter(&world, &weekly(30));
    assert!(run(&world, MONDAY).unwrap().1.is_none());
    let drafted = run(&world, MONDAY.plus(35 * DAY)).unwrap().1.unwrap();
    assert_eq!(drafted.payouts.len(), 1);
    assert_eq!(drafted.batch.cutoff, MONDAY.plus(5 * DAY - 1));
}

#[test]
fn a_schedule_says_why_nobody_was_paid() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "1.00");
    let id = enter(&world, &weekly(0));
    assert!(run(&world, MONDAY).unwrap().1.is_none());
    let schedule = world.write(move |tx| Ok(find_schedule(tx, id)?)).unwrap().unwrap();
    assert_eq!(schedule.last_outcome.as_deref(), Some("nobody could be paid: 1 left out"));
}

// L-09
#[test]
fn l_09_of_many_who_run_a_schedule_at_once_one_drafts() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    enter(&world, &weekly(0));
    let drafted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..6).map(|_| scope.spawn(|| usize::from(run(&world, MONDAY).is_some()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(drafted, 1);
    world.audit();
}
