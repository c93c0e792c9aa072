//! Random lives of a small network: whatever happens, the books agree with themselves.

use hopline_books::payouts::{self, FailedPayout, NewBatch};
use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope};
use hopline_control_store::caps::NewCap;
use hopline_control_store::payouts::BatchStatus;
use hopline_types::{BatchId, ConversionId, Verdict};
use proptest::prelude::*;

use crate::world::{DAY, NOW, Rules, World};

#[derive(Debug, Clone)]
enum Step {
    Sell { cents: u32, is_shop: bool },
    Approve(usize),
    Reject(usize),
    Refund { which: usize, cents: Option<u32> },
    Release,
    Draft { cutoff_days: Option<i64> },
    ApproveBatch(usize),
    Settle { which: usize, fails: bool },
    Cancel(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..200_000_u32, any::<bool>()).prop_map(|(cents, is_shop)| Step::Sell { cents, is_shop }),
        2 => any::<usize>().prop_map(Step::Approve),
        1 => any::<usize>().prop_map(Step::Reject),
        3 => (any::<usize>(), proptest::option::of(1..100_000_u32))
            .prop_map(|(which, cents)| Step::Refund { which, cents }),
        1 => Just(Step::Release),
        2 => proptest::option::of(-1..40_i64).prop_map(|cutoff_days| Step::Draft { cutoff_days }),
        2 => any::<usize>().prop_map(Step::ApproveBatch),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, fails)| Step::Settle { which, fails }),
        1 => any::<usize>().prop_map(Step::Cancel),
    ]
}

fn pick<T: Copy>(of: &[T], which: usize) -> Option<T> {
    (!of.is_empty()).then(|| of[which % of.len()])
}

fn euros(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    // L-02, L-07, L-09, L-10
    #[test]
    fn l_02_every_life_of_a_network_ends_with_sound_books(
        rules in 0..3_usize,
        caps in proptest::collection::vec((0..3_usize, 0..3_usize, 0..4_usize, 1..200_000_i64), 0..4),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let world = World::new([Rules::PAID_AT_ONCE, Rules::HELD, Rules::JUDGED].into_iter().nth(rules).unwrap());
        let caps = caps.into_iter().enumerate().map(|(number, (scope, metric, period, amount))| NewCap {
            scope: [CapScope::Offer, CapScope::EachAffiliate, CapScope::Affiliate(world.shop)][scope],
            metric: [CapMetric::Conversions, CapMetric::Revenue, CapMetric::Payout][metric],
            period: [CapPeriod::Day, CapPeriod::Week, CapPeriod::Month, CapPeriod::Total][period],
            // Zones make them different caps.
            zone: ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"][number].into(),
            amount: if metric == 0 { amount % 5 + 1 } else { amount },
        });
        world.cap(&caps.collect::<Vec<_>>());
        let mut sold: Vec<ConversionId> = Vec::new();
        let mut batches: Vec<BatchId> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let now = NOW.plus(i64::try_from(number).unwrap() * DAY);
            // Refusals are fine: they must change nothing.
            match step {
                Step::Sell { cents, is_shop } => {
                    let who = if is_shop { world.shop } else { world.blog };
                    let click = world.click(who, NOW.plus(-DAY), Verdict::UNIQUE);
                    let id = world.taken(world.sale(&format!("A-{number}"), &euros(cents), Some(click)));
                    world.decide(id);
                    sold.push(id);
                }
                Step::Approve(which) => if let Some(id) = pick(&sold, which) {
                    world.write(move |tx| hopline_books::approve(tx, id, "key:ops", now)).map(drop).unwrap_or_default();
                },
                Step::Reject(which) => if let Some(id) = pick(&sold, which) {
                    world.write(move |tx| hopline_books::reject(tx, id, "no", "key:ops", now)).map(drop).unwrap_or_default();
                },
                Step::Refund { which, cents } => if let Some(id) = pick(&sold, which) {
                    world.refund(id, cents.map(euros).as_deref()).unwrap_or_default();
                },
                Step::Release => {
                    world.write(move |tx| hopline_books::release_holds(tx, now, 100)).unwrap();
                }
                Step::Draft { cutoff_days } => {
                    let cutoff = cutoff_days.map(|days| NOW.plus(days * DAY));
                    let new = NewBatch { currency: "EUR".into(), method: "sepa".into(), cutoff, minimum: None };
                    let draft = world.write(move |tx| payouts::draft(tx, &new, "key:first", now)).unwrap();
                    batches.push(draft.batch.id);
                }
                Step::ApproveBatch(which) => if let Some(id) = pick(&batches, which) {
                    world.write(move |tx| payouts::approve(tx, id, "key:second", true, now)).map(drop).unwrap_or_default();
                },
                Step::Settle { which, fails } => if let Some(id) = pick(&batches, which) {
                    let view = world.write(move |tx| payouts::view(tx, id)).unwrap();
                    let failing = view.payouts.first().filter(|_| fails);
                    let failed: Vec<_> = failing
                        .map(|payout| FailedPayout { payout: payout.id, reason: "closed".into() })
                        .into_iter()
                        .collect();
                    world.write(move |tx| payouts::settle(tx, id, &failed, "key:second", now)).map(drop).unwrap_or_default();
                },
                Step::Cancel(which) => if let Some(id) = pick(&batches, which) {
                    world.write(move |tx| payouts::cancel(tx, id, "key:first", now)).map(drop).unwrap_or_default();
                },
            }
        }
        world.audit();
        // The clearing account of every finished batch is empty (L-09).
        for id in batches {
            let view = world.write(move |tx| payouts::view(tx, id)).unwrap();
            if matches!(view.batch.status, BatchStatus::Settled | BatchStatus::Cancelled) {
                let left = world.write(move |tx| {
                    let account = hopline_ledger::Account::PayoutClearing(id);
                    Ok(hopline_control_store::ledger::balance(tx, account, hopline_money::Currency::EUR)?)
                });
                prop_assert_eq!(left.unwrap(), 0);
            }
        }
        // What reports have learned is what the balances say.
        let facts = world.facts();
        let ids: std::collections::BTreeSet<&str> = facts.iter().map(|fact| fact.fact_id.as_str()).collect();
        prop_assert_eq!(ids.len(), facts.len());
        for id in sold {
            let conversion = world.conversion(id);
            let mut by_status = std::collections::BTreeMap::new();
            for fact in facts.iter().filter(|fact| fact.conversion == id) {
                *by_status.entry(fact.status.as_str()).or_insert(0) += fact.deltas.conversions;
            }
            by_status.retain(|_, count| *count != 0);
            prop_assert_eq!(by_status, [(conversion.shown_status().as_str(), 1)].into());
        }
        let learned: i64 = facts.iter().map(|fact| fact.deltas.payout_minor).sum();
        let mut owned = 0;
        for affiliate in [world.blog, world.shop] {
            let balance = world.balance(affiliate);
            owned += [balance.pending, balance.approved, balance.payable, balance.paid, balance.carried, balance.in_payout]
                .map(|amount| amount.minor).iter().sum::<i64>();
        }
        prop_assert_eq!(learned, owned);
    }
}
