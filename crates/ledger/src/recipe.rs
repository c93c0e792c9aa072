//! What the postings of each kind of transaction are. See the table in the crate's header.
//!
//! A recipe knows nothing of balances or earlier transactions: whether a commission is there to be approved,
//! [`standing`](crate::standing()) says, and how much of it can be taken back, [`reversible`](crate::reversible).

use hopline_money::{Amount, Currency, Decimal, MoneyError, convert};
use hopline_types::{AdvertiserId, AffiliateId, BatchId, ConversionId, PayoutId, UnixMillis};

use crate::{Account, Draft, Posting, Share, Stage, Stored, Subject, TransactionId, TransactionKind};

/// One affiliate's commission for one conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commission {
    /// The conversion.
    pub conversion: ConversionId,
    /// Who pays.
    pub advertiser: AdvertiserId,
    /// Who is paid.
    pub affiliate: AffiliateId,
    /// What moves: the whole commission, or what is left of it after reversals.
    pub share: Share,
}

impl Commission {
    /// Books the commission. None where it is worth nothing.
    #[must_use]
    pub fn pending(&self, id: TransactionId, effective_at: UnixMillis) -> Option<Draft> {
        let lines = Lines::new(self.share.currency())
            .debit(Account::AdvertiserAccrued(self.advertiser), self.share.revenue())
            .credit(Account::AffiliatePending(self.affiliate), self.share.payout())
            .credit(Account::NetworkMarginPending, self.share.margin());
        self.draft(TransactionKind::CommissionPending, id, effective_at, lines)
    }

    /// Approves it: it is owed from now on. None where it is worth nothing.
    #[must_use]
    pub fn approved(&self, id: TransactionId, effective_at: UnixMillis) -> Option<Draft> {
        let lines = Lines::new(self.share.currency())
            .debit(Account::AffiliatePending(self.affiliate), self.share.payout())
            .credit(Account::AffiliateApproved(self.affiliate), self.share.payout())
            .debit(Account::AdvertiserReceivable(self.advertiser), self.share.revenue())
            .credit(Account::AdvertiserAccrued(self.advertiser), self.share.revenue())
            .debit(Account::NetworkMarginPending, self.share.margin())
            .credit(Account::NetworkMargin, self.share.margin());
        self.draft(TransactionKind::CommissionApproved, id, effective_at, lines)
    }

    /// Ends its hold. None where the affiliate gets nothing.
    #[must_use]
    pub fn payable(&self, id: TransactionId, effective_at: UnixMillis) -> Option<Draft> {
        let lines = Lines::new(self.share.currency())
            .debit(Account::AffiliateApproved(self.affiliate), self.share.payout())
            .credit(Account::AffiliatePayable(self.affiliate), self.share.payout());
        self.draft(TransactionKind::CommissionPayable, id, effective_at, lines)
    }

    /// Refuses it before approval: the inverse of [`Commission::pending`]. None where it is worth nothing.
    #[must_use]
    pub fn rejected(
        &self,
        id: TransactionId,
        effective_at: UnixMillis,
        reason: Option<String>,
    ) -> Option<Draft> {
        let draft = self.draft(
            TransactionKind::CommissionRejected,
            id,
            effective_at,
            self.taken_from(Stage::Pending),
        )?;
        Some(Draft { reason, ..draft })
    }

    /// Takes it back from where the money is; the share is the part that is taken back. None where that is
    /// nothing.
    #[must_use]
    pub fn reversed(
        &self,
        from: Stage,
        id: TransactionId,
        effective_at: UnixMillis,
        reason: Option<String>,
    ) -> Option<Draft> {
        let draft =
            self.draft(TransactionKind::CommissionReversed, id, effective_at, self.taken_from(from))?;
        Some(Draft { reason, ..draft })
    }

    /// The same as a chargeback: the customer got its money back through its bank.
    #[must_use]
    pub fn charged_back(
        &self,
        from: Stage,
        id: TransactionId,
        effective_at: UnixMillis,
        reason: Option<String>,
    ) -> Option<Draft> {
        let draft =
            self.draft(TransactionKind::CommissionChargedBack, id, effective_at, self.taken_from(from))?;
        Some(Draft { reason, ..draft })
    }

    /// Gives again what was taken back or rejected by `of`; it goes to where the money of the commission is now. None where
    /// that is nothing.
    #[must_use]
    pub fn restored(
        &self,
        to: Stage,
        of: TransactionId,
        id: TransactionId,
        effective_at: UnixMillis,
        reason: String,
    ) -> Option<Draft> {
        let lines = self.taken_from(to).opposite();
        let draft = self.draft(TransactionKind::CommissionRestored, id, effective_at, lines)?;
        Some(Draft { corrects: Some(of), reason: Some(reason), ..draft })
    }

    /// Takes its approval (`of`) back: from where its money is it waits again. None where it is worth nothing.
    #[must_use]
    pub fn unapproved(
        &self,
        from: Stage,
        of: TransactionId,
        id: TransactionId,
        effective_at: UnixMillis,
        reason: String,
    ) -> Option<Draft> {
        let lines = self.taken_from(from);
        let pending = self.taken_from(Stage::Pending).opposite();
        let lines = Lines { postings: [lines.postings, pending.postings].concat(), ..lines };
        let draft = self.draft(TransactionKind::CommissionUnapproved, id, effective_at, lines)?;
        Some(Draft { corrects: Some(of), reason: Some(reason), ..draft })
    }

    /// Gives it the amounts of `share` in place of those of `was`, where its money is: it was decided again. `of` is the
    /// transaction that had booked it. None where both are the same.
    #[must_use]
    pub fn corrected(
        &self,
        was: Share,
        at: Stage,
        of: TransactionId,
        id: TransactionId,
        effective_at: UnixMillis,
        reason: String,
    ) -> Option<Draft> {
        let more = |is: Amount, was: Amount| Amount::new(is.minor.saturating_sub(was.minor), is.currency);
        let (theirs, ours, owed) = self.places(at);
        let lines = Lines::new(self.share.currency())
            .credit(theirs, more(self.share.payout(), was.payout()))
            .credit(ours, more(self.share.margin(), was.margin()))
            .debit(owed, more(self.share.revenue(), was.revenue()));
        let draft = self.draft(TransactionKind::CommissionCorrected, id, effective_at, lines)?;
        Some(Draft { corrects: Some(of), reason: Some(reason), ..draft })
    }

    fn taken_from(&self, stage: Stage) -> Lines {
        let (theirs, ours, owed) = self.places(stage);
        Lines::new(self.share.currency())
            .debit(theirs, self.share.payout())
            .debit(ours, self.share.margin())
            .credit(owed, self.share.revenue())
    }

    /// Where the money of a commission is: the affiliate's, the network's, the advertiser's account.
    const fn places(&self, stage: Stage) -> (Account, Account, Account) {
        match stage {
            Stage::Pending => (
                Account::AffiliatePending(self.affiliate),
                Account::NetworkMarginPending,
                Account::AdvertiserAccrued(self.advertiser),
            ),
            Stage::Approved => (
                Account::AffiliateApproved(self.affiliate),
                Account::NetworkMargin,
                Account::AdvertiserReceivable(self.advertiser),
            ),
            Stage::Payable => (
                Account::AffiliatePayable(self.affiliate),
                Account::NetworkMargin,
                Account::AdvertiserReceivable(self.advertiser),
            ),
        }
    }

    fn draft(
        &self,
        kind: TransactionKind,
        id: TransactionId,
        effective_at: UnixMillis,
        lines: Lines,
    ) -> Option<Draft> {
        let subject =
            Subject { conversion: Some(self.conversion), affiliate: Some(self.affiliate), payout: None };
        lines.draft(kind, id, effective_at, subject)
    }
}

/// One payment to one affiliate within a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payout {
    batch: BatchId,
    payout: PayoutId,
    affiliate: AffiliateId,
    amount: Amount,
}

/// A payout of nothing or less (L-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("payout {payout} is {given}: expected more than zero")]
pub struct PayoutError {
    /// The payout.
    pub payout: PayoutId,
    /// Its amount.
    pub given: Amount,
}

impl Payout {
    /// Checks the amount.
    ///
    /// # Errors
    /// It is not above zero.
    pub const fn new(
        batch: BatchId,
        payout: PayoutId,
        affiliate: AffiliateId,
        amount: Amount,
    ) -> Result<Self, PayoutError> {
        if amount.minor > 0 {
            Ok(Self { batch, payout, affiliate, amount })
        } else {
            Err(PayoutError { payout, given: amount })
        }
    }

    /// Reserves the money at the creation of the batch.
    #[must_use]
    pub fn reserved(&self, id: TransactionId, effective_at: UnixMillis) -> Draft {
        let (from, to) = (Account::AffiliatePayable(self.affiliate), Account::PayoutClearing(self.batch));
        self.draft(TransactionKind::PayoutReserved, from, to, id, effective_at)
    }

    /// The bank has paid.
    #[must_use]
    pub fn settled(&self, id: TransactionId, effective_at: UnixMillis) -> Draft {
        let (from, to) = (Account::PayoutClearing(self.batch), Account::CashAffiliate(self.affiliate));
        self.draft(TransactionKind::PayoutSettled, from, to, id, effective_at)
    }

    /// The bank has not paid: the money returns to payable.
    #[must_use]
    pub fn failed(&self, id: TransactionId, effective_at: UnixMillis, reason: Option<String>) -> Draft {
        let (from, to) = (Account::PayoutClearing(self.batch), Account::AffiliatePayable(self.affiliate));
        Draft { reason, ..self.draft(TransactionKind::PayoutFailed, from, to, id, effective_at) }
    }

    /// It came back after the bank had paid: the money returns to payable.
    #[must_use]
    pub fn returned(&self, id: TransactionId, effective_at: UnixMillis, reason: Option<String>) -> Draft {
        let (from, to) = (Account::CashAffiliate(self.affiliate), Account::AffiliatePayable(self.affiliate));
        Draft { reason, ..self.draft(TransactionKind::PayoutReturned, from, to, id, effective_at) }
    }

    fn draft(
        &self,
        kind: TransactionKind,
        from: Account,
        to: Account,
        id: TransactionId,
        effective_at: UnixMillis,
    ) -> Draft {
        let subject =
            Subject { conversion: None, affiliate: Some(self.affiliate), payout: Some(self.payout) };
        Lines::new(self.amount.currency)
            .debit(from, self.amount)
            .credit(to, self.amount)
            .draft(kind, id, effective_at, subject)
            .expect("a payout is above zero")
    }
}

/// An advertiser has paid (an amount below zero: was paid back). None for nothing.
#[must_use]
pub fn advertiser_payment(
    advertiser: AdvertiserId,
    amount: Amount,
    id: TransactionId,
    effective_at: UnixMillis,
) -> Option<Draft> {
    Lines::new(amount.currency)
        .debit(Account::CashAdvertiser(advertiser), amount)
        .credit(Account::AdvertiserReceivable(advertiser), amount)
        .draft(TransactionKind::AdvertiserPayment, id, effective_at, Subject::default())
}

/// Charges an affiliate what a chargeback has cost. It names no conversion: it is no part of a commission. None for nothing.
#[must_use]
pub fn chargeback_fee(
    affiliate: AffiliateId,
    fee: Amount,
    id: TransactionId,
    effective_at: UnixMillis,
    reason: String,
) -> Option<Draft> {
    let subject = Subject { affiliate: Some(affiliate), ..Subject::default() };
    let draft = Lines::new(fee.currency)
        .debit(Account::AffiliatePayable(affiliate), fee)
        .credit(Account::NetworkMargin, fee)
        .draft(TransactionKind::ChargebackFee, id, effective_at, subject)?;
    Some(Draft { reason: Some(reason), ..draft })
}

/// The opposite of a booked transaction, as its correction (L-06). Book the right one beside it.
#[must_use]
pub fn correction(of: &Stored, id: TransactionId, effective_at: UnixMillis, reason: String) -> Draft {
    let opposite =
        |posting: &Posting| Posting { amount_minor: posting.amount_minor.saturating_neg(), ..*posting };
    Draft {
        id,
        kind: TransactionKind::Adjustment,
        effective_at,
        subject: of.draft.subject,
        corrects: Some(of.draft.id.clone()),
        reason: Some(reason),
        postings: of.draft.postings.iter().map(opposite).collect(),
    }
}

/// A rate of exchange with its origin (L-20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Units of the second currency for one unit of the first.
    pub rate: Decimal,
    /// Who published it.
    pub source: String,
    /// When it was published.
    pub at: UnixMillis,
}

/// Changes an affiliate's payable money into another currency: two balanced legs through
/// `network:exchange`, rounded once. Rate, source and time are kept in the reason, as
/// `rate 0.92345 USD/EUR source ecb at 1767225600000`. None where either side would be zero.
///
/// # Errors
/// The result does not fit.
pub fn exchange(
    affiliate: AffiliateId,
    amount: Amount,
    to: Currency,
    rate: &Rate,
    id: TransactionId,
    effective_at: UnixMillis,
) -> Result<Option<Draft>, MoneyError> {
    let result = convert(amount, &rate.rate, to)?;
    if amount.is_zero() || result.is_zero() {
        return Ok(None);
    }
    let account = Account::AffiliatePayable(affiliate);
    let there = Lines::new(amount.currency).debit(account, amount).credit(Account::NetworkExchange, amount);
    let back = Lines::new(to).debit(Account::NetworkExchange, result).credit(account, result);
    let lines = Lines { currency: to, postings: [there.postings, back.postings].concat() };
    let subject = Subject { affiliate: Some(affiliate), ..Subject::default() };
    let reason =
        format!("rate {} {}/{} source {} at {}", rate.rate, amount.currency, to, rate.source, rate.at.get());
    let draft = lines.draft(TransactionKind::Exchange, id, effective_at, subject);
    Ok(draft.map(|draft| Draft { reason: Some(reason), ..draft }))
}

/// Postings of one currency; zeros are left out.
struct Lines {
    currency: Currency,
    postings: Vec<Posting>,
}

impl Lines {
    const fn new(currency: Currency) -> Self {
        Self { currency, postings: Vec::new() }
    }

    fn debit(self, account: Account, amount: Amount) -> Self {
        self.line(account, amount.minor)
    }

    fn credit(self, account: Account, amount: Amount) -> Self {
        self.line(account, amount.minor.saturating_neg())
    }

    fn line(mut self, account: Account, amount_minor: i64) -> Self {
        if amount_minor != 0 {
            self.postings.push(Posting { account, amount_minor, currency: self.currency });
        }
        self
    }

    fn opposite(mut self) -> Self {
        for posting in &mut self.postings {
            posting.amount_minor = posting.amount_minor.saturating_neg();
        }
        self
    }

    fn draft(
        self,
        kind: TransactionKind,
        id: TransactionId,
        effective_at: UnixMillis,
        subject: Subject,
    ) -> Option<Draft> {
        let postings = self.postings;
        let is_something = !postings.is_empty();
        is_something.then_some(Draft {
            id,
            kind,
            effective_at,
            subject,
            corrects: None,
            reason: None,
            postings,
        })
    }
}
