//! L-02: random operations, refused ones among them, against a small model that knows no postings.

use std::collections::BTreeMap;

use crate::support::{AT, advertiser, affiliate, id};
use hopline_ledger::recipe::{Commission, Payout};
use hopline_ledger::{
    Account, Draft, Journal, Recorded, Share, Step, TransactionId, TransactionKind, reversible, standing,
    verify_chain,
};
use hopline_money::{Amount, Currency};
use hopline_types::{BatchId, ConversionId, PayoutId};
use proptest::prelude::*;

const CURRENCIES: [Currency; 2] = [Currency::EUR, Currency::JPY];

#[derive(Debug, Clone, Copy)]
enum Op {
    Book { revenue: i64, payout: i64 },
    Approve(usize),
    Release(usize),
    Reject(usize),
    Reverse { which: usize, revenue: i64, payout: i64 },
    Reserve { affiliate: i64, currency: usize, amount: i64 },
    Settle(usize),
    Fail(usize),
    Repeat(usize),
    Forge(usize),
    Unbalanced(usize),
}

/// The model: amounts per commission, payout and place, moved by plain arithmetic.
#[derive(Default)]
struct Model {
    commissions: Vec<(u8, i64, i64)>, // stage (0 pending, 1 approved, 2 payable, 9 over), revenue and payout left
    payouts: Vec<(i64, usize, i64, bool)>, // affiliate, currency, amount, still open
    places: BTreeMap<(String, usize), i128>,
}

impl Model {
    fn add(&mut self, place: String, currency: usize, amount: i64) {
        *self.places.entry((place, currency)).or_default() += i128::from(amount);
    }
    fn shift(&mut self, n: usize, stage: u8, revenue: i64, payout: i64) {
        let (currency, a) = (n % 2, n % 3 + 1);
        self.add(
            format!("affiliate:{a}:{}", ["pending", "approved", "payable"][usize::from(stage)]),
            currency,
            payout,
        );
        self.add(
            if stage == 0 { "network:margin_pending" } else { "network:margin" }.into(),
            currency,
            revenue - payout,
        );
        self.add(
            format!("advertiser:1:{}", if stage == 0 { "accrued" } else { "receivable" }),
            currency,
            revenue,
        );
    }
    /// Applies an operation and says whether it has an effect.
    fn apply(&mut self, op: Op) -> bool {
        let at = |n: usize, len: usize| (len > 0).then(|| n % len);
        match op {
            Op::Book { revenue, payout } => {
                self.commissions.push((if revenue + payout > 0 { 0 } else { 9 }, revenue, payout));
                self.shift(self.commissions.len() - 1, 0, revenue, payout);
                revenue + payout > 0
            }
            Op::Approve(n) | Op::Release(n) | Op::Reject(n) => {
                let Some(n) = at(n, self.commissions.len()) else { return false };
                let (stage, r, p) = self.commissions[n];
                let (wanted, next) = match op {
                    Op::Approve(_) => (0, 1),
                    Op::Release(_) => (1, 2),
                    _ => (0, 9),
                };
                if stage != wanted || (r, p) == (0, 0) || (next == 2 && p == 0) {
                    return false;
                }
                self.shift(n, stage, -r, -p);
                if next != 9 {
                    self.shift(n, next, r, p)
                }
                self.commissions[n].0 = next;
                true
            }
            Op::Reverse { which, revenue, payout } => {
                let Some(n) = at(which, self.commissions.len()) else { return false };
                let (stage, r, p) = self.commissions[n];
                if stage == 9 || revenue > r || payout > p || revenue + payout == 0 {
                    return false;
                }
                self.commissions[n] = (stage, r - revenue, p - payout);
                self.shift(n, stage, -revenue, -payout);
                true
            }
            Op::Reserve { affiliate, currency, amount } => {
                let there = self
                    .places
                    .get(&(format!("affiliate:{affiliate}:payable"), currency))
                    .copied()
                    .unwrap_or(0);
                let fits = amount > 0 && i128::from(amount) <= there;
                self.payouts.push((affiliate, currency, amount, fits));
                if fits {
                    self.add(format!("affiliate:{affiliate}:payable"), currency, -amount);
                    self.add("payout_batch:1:clearing".into(), currency, amount);
                }
                fits
            }
            Op::Settle(n) | Op::Fail(n) => {
                let Some(n) = at(n, self.payouts.len()) else { return false };
                let (affiliate, currency, amount, open) = self.payouts[n];
                if !open {
                    return false;
                }
                self.payouts[n].3 = false;
                self.add("payout_batch:1:clearing".into(), currency, -amount);
                let to = if matches!(op, Op::Settle(_)) {
                    format!("cash:affiliate:{affiliate}")
                } else {
                    format!("affiliate:{affiliate}:payable")
                };
                self.add(to, currency, amount);
                true
            }
            Op::Repeat(_) | Op::Forge(_) | Op::Unbalanced(_) => false,
        }
    }
}

/// The real rules, driven as a store would: from records to standing, recipe and journal.
#[derive(Default)]
struct Real {
    journal: Journal,
    commissions: Vec<(ConversionId, Share)>,
    payouts: Vec<Option<Payout>>,
    count: usize,
}

impl Real {
    fn apply(&mut self, op: Op) -> bool {
        self.count += 1;
        self.draft(op).is_some_and(|draft| matches!(self.journal.record(draft, AT), Ok(Recorded::New(_))))
    }

    fn draft(&mut self, op: Op) -> Option<Draft> {
        let name = id(&format!("op:{}", self.count));
        match op {
            Op::Book { revenue, payout } => {
                let n = self.commissions.len();
                let currency = CURRENCIES[n % 2];
                let share =
                    Share::new(Amount::new(revenue, currency), Amount::new(payout, currency)).unwrap();
                let conversion = ConversionId::new(i64::try_from(n).unwrap() + 1).unwrap();
                self.commissions.push((conversion, share));
                self.commission(n, share).pending(name, AT)
            }
            Op::Approve(n) => {
                self.next(n, TransactionKind::CommissionApproved, |c, t| c.approved(t, AT), name)
            }
            Op::Release(n) => self.next(n, TransactionKind::CommissionPayable, |c, t| c.payable(t, AT), name),
            Op::Reject(n) => {
                self.next(n, TransactionKind::CommissionRejected, |c, t| c.rejected(t, AT, None), name)
            }
            Op::Reverse { which, revenue, payout } => {
                let n = self.index(which)?;
                let currency = self.commissions[n].1.currency();
                let asked =
                    Share::new(Amount::new(revenue, currency), Amount::new(payout, currency)).unwrap();
                let now = standing(self.steps(n)).unwrap();
                reversible(now.booked(currency), now.reversed(currency), asked).ok()?;
                self.commission(n, asked).reversed(now.reversible_from?, name, AT, None)
            }
            Op::Reserve { affiliate: who, currency, amount } => {
                let number = PayoutId::new(i64::try_from(self.payouts.len()).unwrap() + 1).unwrap();
                let amount = Amount::new(amount, CURRENCIES[currency]);
                let payout = Payout::new(BatchId::new(1).unwrap(), number, affiliate(who), amount).ok();
                self.payouts.push(payout);
                Some(payout?.reserved(TransactionId::of_payout(TransactionKind::PayoutReserved, number), AT))
            }
            Op::Settle(n) => self.open_payout(n).map(|payout| payout.settled(name, AT)),
            Op::Fail(n) => self.open_payout(n).map(|payout| payout.failed(name, AT, None)),
            Op::Repeat(n) => Some(self.earlier(n)?.clone()),
            Op::Forge(n) => {
                let mut draft = self.earlier(n)?.clone();
                draft.postings.iter_mut().for_each(|posting| posting.amount_minor *= 2);
                Some(draft)
            }
            Op::Unbalanced(n) => {
                let mut draft = Draft { id: name, ..self.earlier(n)?.clone() };
                draft.postings[0].amount_minor += 1;
                Some(draft)
            }
        }
    }

    fn next(
        &self,
        n: usize,
        kind: TransactionKind,
        make: fn(&Commission, TransactionId) -> Option<Draft>,
        name: TransactionId,
    ) -> Option<Draft> {
        let n = self.index(n)?;
        let steps = self.steps(n);
        let left = standing(steps.iter().copied()).unwrap().left(self.commissions[n].1.currency());
        let draft = make(&self.commission(n, left), name)?;
        let asked = Step::of(&draft).unwrap();
        assert_eq!(asked.kind, kind);
        standing(steps.into_iter().chain([asked])).ok()?;
        Some(draft)
    }

    fn index(&self, n: usize) -> Option<usize> {
        (!self.commissions.is_empty()).then(|| n % self.commissions.len())
    }

    fn commission(&self, n: usize, share: Share) -> Commission {
        let affiliate = affiliate(i64::try_from(n % 3).unwrap() + 1);
        Commission { conversion: self.commissions[n].0, advertiser: advertiser(1), affiliate, share }
    }

    fn steps(&self, n: usize) -> Vec<Step> {
        let of_it = |draft: &&Draft| draft.subject.conversion == Some(self.commissions[n].0);
        self.journal.records().iter().map(|record| &record.draft).filter(of_it).filter_map(Step::of).collect()
    }

    /// A payout that was reserved and neither settled nor failed since.
    fn open_payout(&self, n: usize) -> Option<Payout> {
        let n = (!self.payouts.is_empty()).then(|| n % self.payouts.len())?;
        let number = PayoutId::new(i64::try_from(n).unwrap() + 1).unwrap();
        let of_it =
            self.journal.records().iter().filter(|record| record.draft.subject.payout == Some(number));
        (of_it.count() == 1).then(|| self.payouts[n])?
    }

    fn earlier(&self, n: usize) -> Option<&Draft> {
        let records = self.journal.records();
        (!records.is_empty()).then(|| &records[n % records.len()].draft)
    }
}

fn any_op() -> impl Strategy<Value = Op> {
    let n = || any::<usize>();
    let amount = || prop_oneof![1 => Just(0), 8 => 1..1_000_i64, 1 => 1..1_000_000_000_000_i64];
    prop_oneof![
        4 => (amount(), amount()).prop_map(|(revenue, payout)| Op::Book { revenue, payout }),
        4 => n().prop_map(Op::Approve),
        4 => n().prop_map(Op::Release),
        1 => n().prop_map(Op::Reject),
        2 => (n(), amount(), amount()).prop_map(|(which, revenue, payout)| Op::Reverse { which, revenue, payout }),
        3 => (1..4_i64, 0..2_usize, amount()).prop_map(|(affiliate, currency, amount)| Op::Reserve { affiliate, currency, amount }),
        2 => n().prop_map(Op::Settle),
        1 => n().prop_map(Op::Fail),
        1 => n().prop_map(Op::Repeat),
        1 => n().prop_map(Op::Forge),
        1 => n().prop_map(Op::Unbalanced),
    ]
}

proptest! {
    // 64 runs of 200 operations: 12,800.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // L-02, L-03, L-07, L-10
    #[test]
    fn l_02_random_operations_leave_the_balances_of_the_model(ops in prop::collection::vec(any_op(), 200)) {
        let (mut model, mut real) = (Model::default(), Real::default());
        for (index, op) in ops.into_iter().enumerate() {
            let head = real.journal.head();
            let expected = model.apply(op);
            prop_assert_eq!(real.apply(op), expected, "operation {}: {:?}", index, op);
            if !expected {
                prop_assert_eq!(real.journal.head(), head, "a refusal changes nothing");
            }
            for (currency, totals) in real.journal.book().trial_balance() {
                prop_assert_eq!(totals.debits, totals.credits, "{} after operation {}", currency, index);
            }
            for ((place, currency), amount) in &model.places {
                let account = Account::parse(place).unwrap();
                let balance = real.journal.book().balance(&account, CURRENCIES[*currency]);
                prop_assert_eq!(account.normal_side().seen(balance), *amount, "{} after operation {}: {:?}", place, index, op);
            }
        }
        prop_assert_eq!(verify_chain(real.journal.records()), Ok(real.journal.head()));
    }
}
