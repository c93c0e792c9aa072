//! Any sequence of moves: whatever is allowed keeps the books sound, whatever is refused changes nothing.

use hopline_books::payouts::{self, FailedPayout, NewBatch};
use hopline_books::{BookError, Judge};
use hopline_control_store::commissions;
use hopline_control_store::payouts::set_payout_currency;
use hopline_types::{BatchId, ConversionId};
use proptest::prelude::*;

use crate::scene::{currency, rate};
use crate::world::{DAY, NOW, Rules, World};

#[derive(Debug, Clone)]
enum Move {
    Sell { cents: u32, is_foreign: bool },
    Judge { which: usize, what: u8 },
    Refund { which: usize, cents: Option<u32> },
    ChargeBack { which: usize, cents: Option<u32>, fee: Option<u32> },
    Undo { which: usize, refund: usize, with_fee: bool },
    Release,
    Want { is_foreign: bool },
    Draft { is_foreign: bool },
    ApproveBatch(usize),
    Settle { which: usize, fails: bool },
    Cancel(usize),
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (1..100_000_u32, any::<bool>()).prop_map(|(cents, is_foreign)| Move::Sell { cents, is_foreign }),
        6 => (any::<usize>(), 0..4_u8).prop_map(|(which, what)| Move::Judge { which, what }),
        2 => (any::<usize>(), proptest::option::of(1..60_000_u32))
            .prop_map(|(which, cents)| Move::Refund { which, cents }),
        2 => (any::<usize>(), proptest::option::of(1..60_000_u32), proptest::option::of(1..3_000_u32))
            .prop_map(|(which, cents, fee)| Move::ChargeBack { which, cents, fee }),
        4 => (any::<usize>(), any::<usize>(), any::<bool>())
            .prop_map(|(which, refund, with_fee)| Move::Undo { which, refund, with_fee }),
        2 => Just(Move::Release),
        1 => any::<bool>().prop_map(|is_foreign| Move::Want { is_foreign }),
        3 => any::<bool>().prop_map(|is_foreign| Move::Draft { is_foreign }),
        3 => any::<usize>().prop_map(Move::ApproveBatch),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, fails)| Move::Settle { which, fails }),
        1 => any::<usize>().prop_map(Move::Cancel),
    ]
}

fn pick<T: Copy>(of: &[T], which: usize) -> Option<T> {
    (!of.is_empty()).then(|| of[which % of.len()])
}

fn decimal(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A refusal is fine, a broken book is not.
fn fine<T>(outcome: Result<T, BookError>) {
    if let Err(error @ (BookError::Broken { .. } | BookError::Store(_))) = outcome {
        panic!("{error}");
    }
}

fn play(world: &World, moves: Vec<Move>) -> (Vec<ConversionId>, Vec<BatchId>) {
    let mut sold: Vec<ConversionId> = Vec::new();
    let mut batches: Vec<BatchId> = Vec::new();
    for (number, step) in moves.into_iter().enumerate() {
        let now = NOW.plus(i64::try_from(number).unwrap() * DAY / 4);
        match step {
            Move::Sell { cents, is_foreign } => {
                let code = if is_foreign { "USD" } else { "EUR" };
                let (id, decided) =
                    world.report(world.foreign(&format!("A-{number}"), &decimal(cents), code));
                decided.unwrap();
                sold.push(id);
            }
            Move::Judge { which, what } => {
                let Some(id) = pick(&sold, which) else { continue };
                let reason = "because".to_owned();
                let what = match what {
                    0 => Judge::Approve { reason: None },
                    1 => Judge::Reject { reason },
                    2 => Judge::UndoApproval { reason },
                    _ => Judge::UndoRejection { reason },
                };
                fine(world.judge(id, what, now));
            }
            Move::Refund { which, cents } => {
                let Some(id) = pick(&sold, which) else { continue };
                fine(world.refund(id, cents.map(decimal).as_deref()));
            }
            Move::ChargeBack { which, cents, fee } => {
                let Some(id) = pick(&sold, which) else { continue };
                fine(world.charge_back(id, cents.map(decimal).as_deref(), fee.map(decimal).as_deref()));
            }
            Move::Undo { which, refund, with_fee } => {
                let Some(id) = pick(&sold, which) else { continue };
                let refunds = world.write(move |tx| Ok(commissions::refunds_of(tx, id)?)).unwrap();
                let Some(refund) = pick(&refunds.iter().map(|refund| refund.id).collect::<Vec<_>>(), refund)
                else {
                    continue;
                };
                fine(world.undo(id, refund, with_fee));
            }
            Move::Release => {
                let released = world.write(move |tx| hopline_books::release_holds(tx, now, 100)).unwrap();
                assert!(released.set_aside.is_empty(), "{released:?}");
            }
            Move::Want { is_foreign } => {
                let (blog, wanted) = (world.blog, is_foreign.then(|| currency("USD")));
                world.write(move |tx| Ok(set_payout_currency(tx, blog, wanted, "key:blog", now)?)).unwrap();
            }
            Move::Draft { is_foreign } => {
                let code = if is_foreign { "USD" } else { "EUR" };
                let new =
                    NewBatch { currency: code.into(), method: "manual".into(), cutoff: None, minimum: None };
                let draft = world.write(move |tx| payouts::draft(tx, &new, "key:first", now)).unwrap();
                batches.push(draft.batch.id);
            }
            Move::ApproveBatch(which) => {
                let Some(id) = pick(&batches, which) else { continue };
                fine(world.write(move |tx| payouts::approve(tx, id, "key:second", true, now)));
            }
            Move::Settle { which, fails } => {
                let Some(id) = pick(&batches, which) else { continue };
                let view = world.write(move |tx| payouts::view(tx, id)).unwrap();
                let failing = view.payouts.first().filter(|_| fails);
                let failed: Vec<_> = failing
                    .map(|payout| FailedPayout { payout: payout.id, reason: "closed".into() })
                    .into_iter()
                    .collect();
                fine(world.write(move |tx| payouts::settle(tx, id, &failed, "key:second", now)));
            }
            Move::Cancel(which) => {
                let Some(id) = pick(&batches, which) else { continue };
                fine(world.write(move |tx| payouts::cancel(tx, id, "key:first", now)));
            }
        }
    }
    (sold, batches)
}

fn begun(rules: usize) -> World {
    let world = World::new([Rules::PAID_AT_ONCE, Rules::HELD, Rules::JUDGED].into_iter().nth(rules).unwrap());
    let rates: Vec<_> = [(-1, "0.92345"), (3, "0.9131"), (8, "0.9502")]
        .into_iter()
        .map(|(days, value)| rate("USD", "EUR", value, NOW.plus(days * DAY)))
        .collect();
    world.pay_by_hand();
    world
        .write(move |tx| {
            // Some lie ahead: the moves of later days find them.
            for (rate, at) in rates.iter().zip([NOW, NOW.plus(3 * DAY), NOW.plus(8 * DAY)]) {
                hopline_books::rates::enter_rates(tx, std::slice::from_ref(rate), "key:finance", at)?;
            }
            Ok(())
        })
        .unwrap();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    // L-02, L-06, L-07, L-10, L-20
    #[test]
    fn l_02_any_sequence_of_moves_leaves_balances_and_states_that_agree(
        rules in 0..3_usize,
        moves in proptest::collection::vec(a_move(), 1..50),
    ) {
        let world = begun(rules);
        let (sold, _) = play(&world, moves);
        world.audit();
        // What reports have learned is what the balances say, but for fees and what was exchanged.
        let facts = world.facts();
        let ids: std::collections::BTreeSet<&str> = facts.iter().map(|fact| fact.fact_id.as_str()).collect();
        prop_assert_eq!(ids.len(), facts.len());
        for id in sold {
            let conversion = world.conversion(id);
            let mut by_status = std::collections::BTreeMap::new();
            let (mut payout, mut refunded) = (0, 0);
            for fact in facts.iter().filter(|fact| fact.conversion == id) {
                *by_status.entry(fact.status.as_str()).or_insert(0) += fact.deltas.conversions;
                payout += fact.deltas.payout_minor;
                refunded += fact.deltas.refunds_minor;
            }
            by_status.retain(|_, count| *count != 0);
            prop_assert_eq!(by_status, [(conversion.shown_status().as_str(), 1)].into());
            let commission = world.write(move |tx| Ok(commissions::of_conversion(tx, id)?.remove(0))).unwrap();
            let left = commission.payout_minor - commission.reversed_payout_minor;
            let is_rejected = commission.status == hopline_types::CommissionStatus::Rejected;
            prop_assert_eq!(payout, if is_rejected { 0 } else { left });
            let amount = conversion.amount.unwrap().minor;
            prop_assert!((0..=amount).contains(&refunded), "{refunded} of {amount}");
        }
    }
}
