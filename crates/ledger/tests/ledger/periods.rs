//! Months, and what comes after they were closed.

use crate::support::*;
use hopline_ledger::{Head, Late, Period, TransactionKind, same_content};
use hopline_types::UnixMillis;

fn month(text: &str) -> Period {
    text.parse().unwrap()
}

#[test]
fn a_period_is_a_month_of_utc_and_has_one_text() {
    let january = month("2026-01");
    assert_eq!((january.start(), january.end()), (AT, AT.plus(31 * 86_400_000)));
    assert_eq!(january.next(), Some(month("2026-02")));
    assert_eq!(month("2026-12").next(), Some(month("2027-01")));
    assert_eq!(month("2024-02").end(), month("2024-03").start());
    assert_eq!(Period::of(AT), Some(january));
    assert_eq!(Period::of(AT.plus(-1)), Some(month("2025-12")));
    assert_eq!(Period::of(UnixMillis(i64::MAX)), None);
    for refused in
        ["2026-1", "2026-13", "2026-00", "26-01", "+026-01", "2026-01-01", "9999-01", "1969-12", ""]
    {
        assert_eq!(refused.parse::<Period>().unwrap_err().given, refused);
    }
}

// L-12
#[test]
fn l_12_a_late_event_is_moved_to_the_open_period_and_names_the_old_one() {
    let open = month("2026-02").start();
    let asked = payment("t", 5);
    let moved = asked.clone().not_before(open);
    assert_eq!(moved.effective_at, open);
    assert_eq!(moved.reason.as_deref(), Some("late for 2026-01, happened at 1767225600000"));
    assert_eq!(moved.late(), Some(Late { period: month("2026-01"), happened_at: AT }));
    assert_eq!((moved.happened_at(), asked.happened_at()), (AT, AT));
    assert_eq!(moved.postings, asked.postings);
    // In time: nothing changes.
    assert_eq!(asked.clone().not_before(AT), asked);
    assert_eq!(asked.late(), None);
    // With a reason of its own, kept whole.
    let mut corrects = payment("u", 5);
    corrects.reason = Some("typed wrong; again".to_owned());
    let moved = corrects.not_before(open);
    assert_eq!(
        moved.reason.as_deref(),
        Some("late for 2026-01, happened at 1767225600000; typed wrong; again")
    );
    assert_eq!(moved.late().map(|late| late.period), Some(month("2026-01")));
    assert_eq!(moved.own_reason(), Some("typed wrong; again"));
    // A text that only looks like it.
    for text in
        ["late for 2026-02, happened at 1767225600000", "late for dinner", "late for 2026-01, happened at x"]
    {
        let mut other = payment("v", 5);
        other.effective_at = open;
        other.reason = Some(text.to_owned());
        assert_eq!(other.late(), None, "{text}");
    }
}

// L-03, L-12
#[test]
fn l_12_a_late_event_asked_for_again_is_still_the_same() {
    let open = month("2026-02").start();
    let asked = payment("t", 5);
    let booked = Head::GENESIS.seal(asked.clone().check().unwrap().not_before(open), open);
    assert_eq!(same_content(&booked, &asked), Ok(()));
    assert_eq!(same_content(&booked, &payment("t", 6)).unwrap_err().field, "postings[0].amount_minor");
    let mut other = asked.clone();
    other.kind = TransactionKind::Adjustment;
    assert_eq!(same_content(&booked, &other).unwrap_err().field, "kind");
    let mut earlier = asked;
    earlier.effective_at = AT.plus(-1);
    assert_eq!(same_content(&booked, &earlier).unwrap_err().field, "effective_at");
}
