//! Short forms for tests.

use hopline_ledger::recipe::{Commission, Payout};
use hopline_ledger::{Account, Draft, Posting, Share, Subject, TransactionId, TransactionKind};
use hopline_money::{Amount, Currency};
use hopline_types::{AdvertiserId, AffiliateId, BatchId, ConversionId, PayoutId, UnixMillis};

pub(crate) const AT: UnixMillis = UnixMillis(1_767_225_600_000);

pub(crate) fn id(text: &str) -> TransactionId {
    TransactionId::new(text).unwrap()
}

pub(crate) fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

pub(crate) fn share(revenue: i64, payout: i64) -> Share {
    Share::new(eur(revenue), eur(payout)).unwrap()
}

pub(crate) fn advertiser(number: i64) -> AdvertiserId {
    AdvertiserId::new(number).unwrap()
}

pub(crate) fn affiliate(number: i64) -> AffiliateId {
    AffiliateId::new(number).unwrap()
}

pub(crate) fn commission(conversion: i64, share: Share) -> Commission {
    let conversion = ConversionId::new(conversion).unwrap();
    Commission { conversion, advertiser: advertiser(1), affiliate: affiliate(2), share }
}

pub(crate) fn payout(number: i64, minor: i64) -> Payout {
    let (batch, payout) = (BatchId::new(1).unwrap(), PayoutId::new(number).unwrap());
    Payout::new(batch, payout, affiliate(2), eur(minor)).unwrap()
}

pub(crate) fn line(account: Account, amount_minor: i64, currency: Currency) -> Posting {
    Posting::new(account, amount_minor, currency)
}

/// An advertiser's payment of so many cents: the simplest draft.
pub(crate) fn draft(name: &str, postings: Vec<Posting>) -> Draft {
    Draft {
        id: id(name),
        kind: TransactionKind::AdvertiserPayment,
        effective_at: AT,
        subject: Subject::default(),
        corrects: None,
        reason: None,
        postings,
    }
}

pub(crate) fn payment(name: &str, minor: i64) -> Draft {
    let lines = vec![
        line(Account::CashAdvertiser(advertiser(1)), minor, Currency::EUR),
        line(Account::AdvertiserReceivable(advertiser(1)), -minor, Currency::EUR),
    ];
    draft(name, lines)
}
