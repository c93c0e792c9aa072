//! Paying in another currency than was earned (L-20).
//!
//! An affiliate that wants its money in B and has open amounts in A gets them changed with the draft of a batch in B: what is
//! paid to whom is fixed with the draft, and the second person sees the rate before approving. Each currency is one
//! transaction, `exchange:{payout}:{currency}`, with two balanced legs through `network:exchange`; its two entries on the
//! affiliate's account become items like any other, so the items in A add up to nothing and are lines of the payout beside
//! what they became. Amounts below zero are not changed: they are carried in their own currency (L-10).
//!
//! When the payout fails or its draft is cancelled the money stays in B, at the rate it was changed at, and is paid by the
//! next batch.

use std::collections::BTreeMap;

use hopline_control_store::payouts::{self, OpenSum, PayoutExchange};
use hopline_control_store::rates::Exchange;
use hopline_control_store::{Tx, ledger};
use hopline_ledger::{Draft, Subject, TransactionId, TransactionKind, recipe};
use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, PayoutId, UnixMillis};

use crate::{BookError, rates};

/// What one affiliate would be paid.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) affiliate: AffiliateId,
    /// In the currency of the batch, with what is to be changed.
    pub(super) amount: Amount,
    /// What is to be changed, and into what.
    exchanges: Vec<(Amount, Amount, Exchange)>,
    /// Other currencies whose items add up to nothing and go with it.
    empty: Vec<Currency>,
    /// Why it cannot be paid: a word and a sentence.
    pub(super) refused: Option<(&'static str, String)>,
}

/// What is open for every affiliate, in the currency of a batch: what it has earned in it, and what it wants changed into it.
pub(super) fn open(
    tx: &mut dyn Tx,
    currency: Currency,
    cutoff: UnixMillis,
    now: UnixMillis,
) -> Result<Vec<Open>, BookError> {
    let wanted = payouts::payout_currencies(tx)?;
    let mut open: BTreeMap<AffiliateId, i64> = BTreeMap::new();
    for OpenSum { affiliate, amount_minor } in payouts::open_sums(tx, currency, cutoff)? {
        open.insert(affiliate, amount_minor);
    }
    for (affiliate, _) in wanted.iter().filter(|(_, wanted)| **wanted == currency) {
        open.entry(*affiliate).or_insert(0);
    }
    let mut all = Vec::with_capacity(open.len());
    for (affiliate, minor) in open {
        let mut own = Open {
            affiliate,
            amount: Amount::new(minor, currency),
            exchanges: Vec::new(),
            empty: Vec::new(),
            refused: None,
        };
        match wanted.get(&affiliate) {
            Some(wanted) if *wanted == currency => own.add_others(tx, cutoff, now)?,
            Some(wanted) if minor > 0 => {
                let detail = format!("the affiliate is paid in {wanted}: draft a batch in that currency");
                own.refused = Some(("other_currency", detail));
            }
            _ => {}
        }
        all.push(own);
    }
    Ok(all)
}

impl Open {
    /// Adds what is open in other currencies, as it would be changed now.
    fn add_others(&mut self, tx: &mut dyn Tx, cutoff: UnixMillis, now: UnixMillis) -> Result<(), BookError> {
        let to = self.amount.currency;
        for from in payouts::open_amounts(tx, self.affiliate, cutoff)? {
            if from.currency == to || from.is_negative() {
                continue;
            }
            if from.is_zero() {
                self.empty.push(from.currency);
                continue;
            }
            let exchange = match rates::quote(tx, from.currency, to, now)? {
                Ok(exchange) => exchange,
                Err(missing) => {
                    self.refused = Some(("no_rate", missing.to_string()));
                    return Ok(());
                }
            };
            let refused =
                |error: &dyn std::fmt::Display| Some(("not_exchangeable", format!("{from}: {error}")));
            match exchange.convert(from) {
                Ok(changed) if changed.is_zero() => {}
                Ok(changed) => match self.amount.minor.checked_add(changed.minor) {
                    Some(minor) => {
                        self.amount = Amount::new(minor, to);
                        self.exchanges.push((from, changed, exchange));
                    }
                    None => self.refused = refused(&"the sum does not fit"),
                },
                Err(error) => self.refused = refused(&error),
            }
        }
        Ok(())
    }

    /// Whether there is nothing to pay and nothing to tell.
    pub(super) fn is_nothing(&self) -> bool {
        self.amount.is_zero() && self.refused.is_none()
    }

    /// Books what is to be changed for a payout, and gives the items of the other currencies to it.
    pub(super) fn change(
        &self,
        tx: &mut dyn Tx,
        payout: PayoutId,
        cutoff: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), BookError> {
        // Not after the cutoff: it goes with what it was made of.
        let at = cutoff.min(now);
        for (from, to, exchange) in &self.exchanges {
            let id = TransactionId::new(format!("{}:{payout}:{}", TransactionKind::Exchange, from.currency))
                .map_err(BookError::broken)?;
            let rate = recipe::Rate {
                rate: exchange.rate.rate,
                source: exchange.rate.source.clone(),
                at: exchange.rate.at,
            };
            let draft = recipe::exchange(self.affiliate, *from, to.currency, &rate, id.clone(), at)
                .map_err(BookError::broken)?
                .ok_or_else(|| BookError::broken(format!("{from} cannot be changed into {}", to.currency)))?;
            let subject = Subject { payout: Some(payout), ..draft.subject };
            let draft = Draft { subject, ..draft };
            ledger::post(tx, draft, now)?;
            let new =
                PayoutExchange { payout, from: *from, to: *to, exchange: exchange.clone(), transaction: id };
            payouts::record_exchange(tx, &new)?;
        }
        let changed = self.exchanges.iter().map(|(from, ..)| from.currency);
        for currency in changed.chain(self.empty.iter().copied()) {
            let left = payouts::take_items(tx, payout, self.affiliate, currency, cutoff)?;
            if left != 0 {
                let detail = format!("payout {payout} holds {left} minor units of {currency} beside its own");
                return Err(BookError::broken(detail));
            }
        }
        Ok(())
    }
}
