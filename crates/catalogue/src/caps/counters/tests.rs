use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use hopline_types::OfferId;
use proptest::prelude::*;

use super::*;
use crate::Catalogue;
use crate::caps::tests::offer_with;
use crate::data::{CapMetric, CapPeriod, CapScope};

const DAY: i64 = 86_400_000;

fn affiliate(id: i64) -> AffiliateId {
    AffiliateId::new(id).unwrap()
}

fn offer(catalogue: &Catalogue) -> &Offer {
    catalogue.offer(OfferId::new(7).unwrap()).unwrap()
}

fn each(amount: i64) -> (CapScope, CapMetric, CapPeriod, i64) {
    (CapScope::EachAffiliate, CapMetric::Clicks, CapPeriod::Day, amount)
}

fn whole(amount: i64) -> (CapScope, CapMetric, CapPeriod, i64) {
    (CapScope::Offer, CapMetric::Clicks, CapPeriod::Day, amount)
}

fn taken(counters: &ClickCounters, offer: &Offer, id: i64, tries: usize, now: i64) -> usize {
    (0..tries).filter(|_| counters.try_take(offer, affiliate(id), UnixMillis(now)).is_ok()).count()
}

#[test]
fn clicks_are_taken_up_to_the_amount_and_again_in_the_next_period() {
    let catalogue = offer_with(&[whole(3)]);
    let (offer, counters) = (offer(&catalogue), ClickCounters::default());
    assert!(counters.reached(offer, affiliate(9), UnixMillis(0)).is_none());
    assert_eq!(taken(&counters, offer, 9, 10, 0), 3);
    assert_eq!(counters.reached(offer, affiliate(9), UnixMillis(DAY - 1)).map(|cap| cap.id.get()), Some(1));
    assert_eq!(taken(&counters, offer, 10, 10, DAY - 1), 0, "it is the offer's, not the affiliate's");
    assert_eq!(taken(&counters, offer, 9, 10, DAY), 3);
    counters.give_back(offer, affiliate(9), UnixMillis(DAY));
    assert_eq!(taken(&counters, offer, 9, 10, DAY), 1);
}

#[test]
fn a_cap_for_one_affiliate_overrules_that_for_each_of_the_same_metric_and_period() {
    let one = |period, amount| (CapScope::Affiliate(affiliate(9)), CapMetric::Clicks, period, amount);
    let catalogue = offer_with(&[each(2), one(CapPeriod::Day, 5)]);
    let counters = ClickCounters::default();
    assert_eq!(taken(&counters, offer(&catalogue), 9, 10, 0), 5);
    assert_eq!(taken(&counters, offer(&catalogue), 10, 10, 0), 2);
    let catalogue = offer_with(&[each(2), one(CapPeriod::Week, 5)]);
    let counters = ClickCounters::default();
    assert_eq!(taken(&counters, offer(&catalogue), 9, 10, 0), 2, "another period overrules nothing");
}

#[test]
fn a_click_counts_in_all_its_caps_or_in_none() {
    let catalogue = offer_with(&[each(10), whole(3)]);
    let (offer, counters) = (offer(&catalogue), ClickCounters::default());
    assert_eq!(taken(&counters, offer, 9, 2, 0), 2);
    assert_eq!(taken(&counters, offer, 10, 5, 0), 1);
    let counts: Vec<_> = counters
        .snapshot()
        .iter()
        .map(|counter| {
            (counter.key.cap_id.get(), counter.key.affiliate_id.map(AffiliateId::get), counter.count)
        })
        .collect();
    assert_eq!(counts, [(1, Some(9), 2), (1, Some(10), 1), (2, None, 3)]);
}

#[test]
fn caps_on_other_metrics_and_offers_without_caps_take_everything() {
    let catalogue = offer_with(&[(CapScope::Offer, CapMetric::Payout, CapPeriod::Day, 1)]);
    let counters = ClickCounters::default();
    assert_eq!(taken(&counters, offer(&catalogue), 9, 10, 0), 10);
    assert!(counters.snapshot().is_empty());
}

#[test]
fn threads_together_take_exactly_the_amount() {
    const THREADS: i64 = 4;
    let catalogue =
        offer_with(&[each(700), whole(1_000), (CapScope::Offer, CapMetric::Clicks, CapPeriod::Total, 900)]);
    let (offer, counters) = (offer(&catalogue), ClickCounters::default());
    let sum = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (counters, sum) = (&counters, &sum);
            scope.spawn(move || {
                let own = taken(counters, offer, 9 + thread % 2, 5_000, thread);
                sum.fetch_add(own, Ordering::Relaxed);
            });
        }
    });
    // A click that must give back may have kept out another; alone, the rest is taken.
    let late = taken(&counters, offer, 9, 1_000, 0) + taken(&counters, offer, 10, 1_000, 0);
    assert_eq!(sum.into_inner() + late, 900);
    for counter in counters.snapshot() {
        let limit = match counter.key.cap_id.get() {
            1 => 700,
            _ => 900,
        };
        assert!(counter.count <= limit, "{counter:?}");
    }
    assert_eq!(counters.snapshot().iter().filter(|counter| counter.key.affiliate_id.is_none()).count(), 2);
}

#[test]
fn several_edges_take_the_amount_together_and_no_more() {
    let catalogue = offer_with(&[whole(100)]);
    let takes: Vec<_> = (1..=7)
        .map(|part| taken(&ClickCounters::new(Share::new(part, 7).unwrap()), offer(&catalogue), 9, 200, 0))
        .collect();
    assert_eq!(takes.iter().sum::<usize>(), 100);
    assert!(takes.iter().all(|take| (14..=15).contains(take)), "{takes:?}");
}

#[test]
fn counts_survive_as_plain_data_and_go_on_with_what_was_taken_since() {
    let catalogue = offer_with(&[whole(5), (CapScope::Offer, CapMetric::Clicks, CapPeriod::Total, 9)]);
    let (offer, before) = (offer(&catalogue), ClickCounters::default());
    assert_eq!(taken(&before, offer, 9, 2, 0), 2);
    let text = serde_json::to_string(&before.snapshot()).unwrap();
    assert_eq!(
        text,
        r#"[{"cap_id":1,"affiliate_id":null,"start":0,"end":86400000,"count":2},{"cap_id":2,"affiliate_id":null,"start":0,"end":null,"count":2}]"#
    );
    let after = ClickCounters::default();
    after.restore(serde_json::from_str::<Vec<Counter>>(&text).unwrap());
    assert_eq!(after.snapshot(), before.snapshot());
    after.add_click(offer, affiliate(9), UnixMillis(5));
    assert_eq!(taken(&after, offer, 9, 10, 0), 2);
}

#[test]
fn ended_periods_are_forgotten_and_late_gifts_back_change_nothing() {
    let catalogue = offer_with(&[whole(5), (CapScope::Offer, CapMetric::Clicks, CapPeriod::Total, 100)]);
    let (offer, counters) = (offer(&catalogue), ClickCounters::default());
    assert_eq!(taken(&counters, offer, 9, 2, 0), 2);
    assert_eq!(taken(&counters, offer, 9, 3, DAY), 3);
    counters.forget_before(UnixMillis(DAY - 1));
    assert_eq!(counters.snapshot().len(), 3);
    counters.forget_before(UnixMillis(DAY));
    let counts: Vec<_> =
        counters.snapshot().iter().map(|counter| (counter.key.start.get(), counter.count)).collect();
    assert_eq!(counts, [(DAY, 3), (0, 5)]);
    counters.give_back(offer, affiliate(9), UnixMillis(0));
    assert_eq!(counters.snapshot().iter().map(|counter| counter.count).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_lengthened_period_keeps_its_count() {
    let daily = offer_with(&[whole(5)]);
    let monthly = offer_with(&[(CapScope::Offer, CapMetric::Clicks, CapPeriod::Month, 5)]);
    let counters = ClickCounters::default();
    assert_eq!(taken(&counters, offer(&daily), 9, 3, 0), 3);
    assert_eq!(taken(&counters, offer(&monthly), 9, 3, 0), 2);
    counters.forget_before(UnixMillis(2 * DAY));
    assert_eq!(taken(&counters, offer(&monthly), 9, 3, 2 * DAY), 0);
}

/// What a cap of the list does with a click, said once more: whose count, and the number of the period.
fn falls_into(
    caps: &[(CapScope, CapMetric, CapPeriod, i64)],
    index: usize,
    by: AffiliateId,
    day: i64,
) -> Option<(usize, Option<AffiliateId>, i64)> {
    let (scope, _, period, _) = caps[index];
    let period_number = match period {
        CapPeriod::Day => day,
        // 1970-01-01 was a Thursday.
        CapPeriod::Week => (day + 3) / 7,
        _ => 0,
    };
    let own = caps.iter().any(|cap| cap.0 == CapScope::Affiliate(by) && cap.2 == period);
    match scope {
        CapScope::Offer => Some((index, None, period_number)),
        CapScope::EachAffiliate if own => None,
        CapScope::Affiliate(one) if one != by => None,
        CapScope::EachAffiliate | CapScope::Affiliate(_) => Some((index, Some(by), period_number)),
    }
}

proptest! {
    #[test]
    fn any_sequence_of_clicks_is_taken_as_by_a_plain_book_of_counts(
        caps in proptest::collection::vec((
            proptest::sample::select(vec![CapScope::Offer, CapScope::EachAffiliate, CapScope::Affiliate(affiliate(9))]),
            Just(CapMetric::Clicks),
            proptest::sample::select(vec![CapPeriod::Day, CapPeriod::Week, CapPeriod::Total]),
            1_i64..12,
        ), 0..5),
        clicks in proptest::collection::vec((9_i64..=10, 0_i64..20, any::<bool>()), 0..150),
    ) {
        let catalogue = offer_with(&caps);
        let (offer, counters) = (offer(&catalogue), ClickCounters::default());
        let mut book: BTreeMap<_, i64> = BTreeMap::new();
        for (by, day, answered) in clicks {
            let (by, now) = (affiliate(by), UnixMillis(day * DAY + 1));
            let places: Vec<_> =
                (0..caps.len()).filter_map(|index| falls_into(&caps, index, by, day)).collect();
            let fits = places.iter().all(|place| book.get(place).copied().unwrap_or(0) < caps[place.0].3);
            prop_assert_eq!(counters.reached(offer, by, now).is_none(), fits);
            prop_assert_eq!(counters.try_take(offer, by, now).is_ok(), fits);
            if fits && answered {
                places.into_iter().for_each(|place| *book.entry(place).or_default() += 1);
            } else if fits {
                counters.give_back(offer, by, now);
            }
        }
        let counted: i64 = counters.snapshot().iter().map(|counter| counter.count).sum();
        prop_assert_eq!(counted, book.values().sum::<i64>());
    }
}
