//! What these stories do again and again.

use hopline_books::rates::RatesEntered;
use hopline_books::{BookError, Context, Decided, Judge, NewConversion, Refunded, Reviewed};
use hopline_control_store::affiliates::{self, AffiliateChange};
use hopline_control_store::judgements::{self, Judgement};
use hopline_control_store::rates::Rate;
use hopline_control_store::{Scope, Tx, ledger, offers};
use hopline_ledger::Stored;
use hopline_money::{Currency, Decimal};
use hopline_types::{ConversionId, GoalId, UnixMillis, Verdict};
use serde_json::Value;

use crate::world::{DAY, NOW, World};

pub(crate) fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

pub(crate) fn rate(from: &str, to: &str, rate: &str, at: UnixMillis) -> Rate {
    let (from, to) = (currency(from), currency(to));
    Rate { from, to, rate: Decimal::parse(rate).unwrap(), source: "bank".to_owned(), at }
}

impl World {
    pub(crate) fn enter(&self, rates: &[Rate]) -> Result<RatesEntered, BookError> {
        let rates = rates.to_vec();
        self.write(move |tx| hopline_books::rates::enter_rates(tx, &rates, "key:finance", NOW))
    }

    /// Takes a report in and decides on it, which may be refused.
    pub(crate) fn report(&self, new: NewConversion) -> (ConversionId, Result<Decided, BookError>) {
        let id = self.taken(new);
        (id, self.try_to_decide(id))
    }

    pub(crate) fn try_to_decide(&self, id: ConversionId) -> Result<Decided, BookError> {
        let keys = self.keys.clone();
        self.write(move |tx| {
            // What waits has changed something too: the transaction is kept.
            let context = Context { keys: &keys, click: None, now: NOW };
            Ok(hopline_books::decide(tx, id, &context))
        })
        .unwrap()
    }

    /// A sale of the blog in another currency.
    pub(crate) fn foreign(&self, order: &str, amount: &str, code: &str) -> NewConversion {
        let click = self.click(self.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        let mut sale = self.sale(order, amount, Some(click));
        sale.currency = Some(code.to_owned());
        sale
    }

    pub(crate) fn judge(&self, id: ConversionId, what: Judge, at: UnixMillis) -> Result<Reviewed, BookError> {
        self.write(move |tx| hopline_books::judge(tx, id, &what, "key:ops", at))
    }

    pub(crate) fn charge_back(
        &self,
        id: ConversionId,
        amount: Option<&str>,
        fee: Option<&str>,
    ) -> Result<Refunded, BookError> {
        let (amount, fee) = (amount.map(str::to_owned), fee.map(str::to_owned));
        self.write(move |tx| {
            let asked = (amount.as_deref(), fee.as_deref());
            hopline_books::charge_back(tx, id, asked, "stolen card", "key:shop", NOW.plus(DAY))
        })
    }

    pub(crate) fn undo(&self, id: ConversionId, refund: i64, with_fee: bool) -> Result<Refunded, BookError> {
        let undo = move |tx: &mut dyn Tx| {
            hopline_books::undo_refund(tx, id, (refund, with_fee), "won", "key:ops", NOW.plus(DAY))
        };
        self.write(undo)
    }

    /// The number of the newest refund of a conversion.
    pub(crate) fn last_refund(&self, id: ConversionId) -> i64 {
        let found =
            self.write(move |tx| Ok(hopline_control_store::commissions::refunds_of(tx, id)?)).unwrap();
        found.last().unwrap().id
    }

    pub(crate) fn judgements(&self, id: ConversionId) -> Vec<Judgement> {
        self.write(move |tx| Ok(judgements::of_conversion(tx, id)?)).unwrap()
    }

    pub(crate) fn explained(&self, id: ConversionId) -> Value {
        self.write(move |tx| hopline_books::explain(tx, Scope::All, id)).unwrap()
    }

    pub(crate) fn transactions(&self, id: ConversionId) -> Vec<Stored> {
        self.write(move |tx| Ok(ledger::of_conversion(tx, id)?)).unwrap()
    }

    /// Kinds of what was booked for a conversion, in order.
    pub(crate) fn kinds(&self, id: ConversionId) -> Vec<&'static str> {
        self.transactions(id).iter().map(|stored| stored.draft.kind.as_str()).collect()
    }

    pub(crate) fn goal(&self, key: &str) -> GoalId {
        let (offer, key) = (self.offer, key.to_owned());
        self.write(move |tx| {
            let goals = offers::goals_of(tx, offer)?;
            Ok(goals.iter().find(|goal| goal.key == key).unwrap().id)
        })
        .unwrap()
    }
}

/// What an error says it is in.
pub(crate) fn state<T: std::fmt::Debug>(refused: Result<T, BookError>) -> String {
    match refused {
        Err(error @ BookError::State { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

impl World {
    /// Lets both affiliates be paid by hand, in whatever currency.
    pub(crate) fn pay_by_hand(&self) {
        for id in [self.blog, self.shop] {
            let change = AffiliateChange {
                payout_method: Some(Some(serde_json::json!({ "type": "manual" }))),
                ..AffiliateChange::default()
            };
            let update = move |tx: &mut dyn Tx| {
                Ok(affiliates::update(tx, Scope::All, id, &change, "key:entry", NOW).map(drop)?)
            };
            self.write(update).unwrap();
        }
    }
}
