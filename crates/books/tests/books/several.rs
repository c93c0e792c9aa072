//! Several who book at once on PostgreSQL.

use std::collections::BTreeSet;

use hopline_books::{BookError, Intake, NewConversion, ToDecide};
use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope};
use hopline_clickid::{ClickClaims, ClickKey, KeyRing, UniqueNumber};
use hopline_control_store::caps::NewCap;
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::{DatabaseExt, ErrorKind, Guarded, Tx, caps, commissions, conformance, ledger};
use hopline_control_store_postgres::PostgresDatabase;
use hopline_record::RequestedStatus;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, ConversionSource, OfferId, Verdict,
};

use crate::world::{DAY, NOW, Rules, network};

struct Engine {
    database: Guarded<Box<PostgresDatabase>>,
    keys: KeyRing,
    advertiser: AdvertiserId,
    offer: OfferId,
    affiliates: [AffiliateId; 2],
    _server: hopline_testkit::PostgresDatabase,
}

impl Engine {
    async fn start(rules: Rules) -> Self {
        let server = hopline_testkit::postgres();
        let database = conformance::with_vault(Box::new(
            PostgresDatabase::open(server.url().parse().unwrap(), NOW).unwrap(),
        ));
        let (advertiser, offer, blog, shop) = database.write(move |tx| network(tx, &rules)).await.unwrap();
        let keys = KeyRing::new(ClickKey::new(1, &[7; 32]).unwrap());
        Self { database, keys, advertiser, offer, affiliates: [blog, shop], _server: server }
    }

    fn report(&self, number: usize) -> NewConversion {
        let unique = UniqueNumber::new(0, 0, u64::try_from(number).unwrap() + 1).unwrap();
        let affiliate = self.affiliates[number % 2];
        let (at, offer) = (NOW.plus(-DAY), self.offer);
        let claims = ClickClaims { at, offer, affiliate, link: None, unique, verdict: Verdict::UNIQUE };
        NewConversion {
            event_id: format!("event-{number}"),
            source: ConversionSource::Postback,
            requested_status: RequestedStatus::Unstated,
            advertiser: Some(self.advertiser),
            offer: Some(offer),
            goal: Some("sale".into()),
            click_id: Some(self.keys.sign(&claims).unwrap().as_str().to_owned()),
            order_id: Some(format!("A-{number}")),
            amount: Some("10.00".into()),
            currency: None,
            coupon: None,
            customer_id: None,
            items: None,
            adv: Default::default(),
            converted_at: NOW,
            received_at: NOW,
        }
    }

    /// Takes reports in, again where somebody else was faster.
    async fn intake(&self, numbers: std::ops::Range<usize>) -> Vec<ConversionId> {
        let new: Vec<NewConversion> = numbers.map(|number| self.report(number)).collect();
        loop {
            let (new, keys) = (new.clone(), self.keys.clone());
            let taken = self
                .database
                .book(move |tx: &mut dyn Tx| {
                    hopline_books::intake_many(tx, &new.iter().collect::<Vec<_>>(), &keys, NOW)
                })
                .await;
            match taken {
                Err(BookError::Store(error)) if error.kind == ErrorKind::Conflict => {}
                taken => {
                    let id = |taken: &Intake| match taken {
                        Intake::Taken { conversion } => *conversion,
                        other => panic!("{other:?}"),
                    };
                    return taken.unwrap().iter().map(id).collect();
                }
            }
        }
    }

    /// Decides in batches, again where somebody else was faster; says how many transactions were booked.
    async fn decide(&self, ids: Vec<ConversionId>, batch: usize) -> u64 {
        let mut booked = 0;
        for batch in ids.chunks(batch) {
            loop {
                let (batch, keys) = (batch.to_vec(), self.keys.clone());
                let decided = self
                    .database
                    .book(move |tx: &mut dyn Tx| {
                        let asked: Vec<_> = batch
                            .iter()
                            .map(|id| ToDecide { conversion: *id, click: None, touches: &[] })
                            .collect();
                        hopline_books::decide_many(tx, &asked, &keys, NOW)
                    })
                    .await;
                match decided {
                    Err(BookError::Store(error)) if error.kind == ErrorKind::Conflict => {}
                    decided => {
                        let decided = decided.unwrap();
                        booked += decided.iter().map(|one| one.as_ref().unwrap().transactions).sum::<u64>();
                        break;
                    }
                }
            }
        }
        booked
    }

    async fn conversion(&self, id: ConversionId) -> Conversion {
        self.database.read(move |tx| conversions::find(tx, id)).await.unwrap().unwrap()
    }

    async fn audit(&self) -> i64 {
        let sound = self.database.read(|tx| ledger::verify(tx)).await.unwrap().unwrap();
        self.database.read(|tx| hopline_books::caps::verify(tx)).await.unwrap().unwrap();
        sound.head.count
    }
}

fn backwards(ids: &[ConversionId]) -> Vec<ConversionId> {
    ids.iter().rev().copied().collect()
}

// L-02, L-04
#[tokio::test]
async fn l_04_workers_with_the_same_conversions_book_each_once_and_no_more_than_a_cap_holds() {
    let engine = Engine::start(Rules::PAID_AT_ONCE).await;
    let offer = engine.offer;
    let cap = NewCap {
        scope: CapScope::Offer,
        metric: CapMetric::Conversions,
        period: CapPeriod::Day,
        zone: "UTC".into(),
        amount: 50,
    };
    engine.database.write(move |tx| caps::replace(tx, offer, std::slice::from_ref(&cap), NOW)).await.unwrap();
    // The same reports by two, half of them in other batches.
    let (ids, again) = tokio::join!(engine.intake(0..120), async {
        let mut ids = engine.intake(0..37).await;
        ids.extend(engine.intake(37..120).await);
        ids
    });
    assert_eq!(ids, again);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 120);

    let booked = tokio::join!(
        engine.decide(ids.clone(), 15),
        engine.decide(backwards(&ids), 20),
        engine.decide(ids.clone(), 7),
        engine.decide(backwards(&ids), 40),
    );
    let mut good = 0;
    for id in ids {
        let conversion = engine.conversion(id).await;
        match conversion.status {
            Some(CommissionStatus::Payable) => good += 1,
            other => {
                assert_eq!((other, &*conversion.reason.unwrap()), (Some(CommissionStatus::Rejected), "cap"))
            }
        }
    }
    assert_eq!(good, 50);
    assert_eq!(booked.0 + booked.1 + booked.2 + booked.3, 150);
    assert_eq!(engine.audit().await, 150);
}

// L-02
#[tokio::test]
async fn l_02_refunds_and_ended_holds_beside_workers_that_book_without_pause() {
    let engine = Engine::start(Rules::HELD).await;
    let first = engine.intake(0..40).await;
    assert_eq!(engine.decide(first.clone(), 40).await, 80);
    let later = engine.intake(40..400).await;
    let after_hold = NOW.plus(15 * DAY);
    let refund = async {
        for id in first.iter().step_by(2).copied() {
            let refund = move |tx: &mut dyn Tx| {
                hopline_books::refund(tx, id, Some("4.00"), "returned", "key:shop", NOW.plus(DAY)).map(drop)
            };
            engine.database.write(refund).await.unwrap();
        }
    };
    let release = async {
        let mut released = 0;
        while released < 40 {
            let release = move |tx: &mut dyn Tx| hopline_books::release_holds(tx, after_hold, 9);
            released += engine.database.book(release).await.unwrap().commissions;
        }
    };
    let (one, other) = later.split_at(later.len() / 2);
    tokio::join!(refund, release, engine.decide(one.to_vec(), 10), engine.decide(other.to_vec(), 10));
    // Those that were decided meanwhile are due too.
    loop {
        let release = move |tx: &mut dyn Tx| hopline_books::release_holds(tx, after_hold, 500);
        if engine.database.book(release).await.unwrap().commissions == 0 {
            break;
        }
    }
    for (place, id) in first.iter().chain(&later).enumerate() {
        let id = *id;
        let found = engine.database.read(move |tx| commissions::of_conversion(tx, id)).await.unwrap();
        let reversed = if place < 40 && place % 2 == 0 { 40 } else { 0 };
        assert_eq!((found[0].reversed_payout_minor, found[0].status), (reversed, CommissionStatus::Payable));
    }
    assert_eq!(engine.audit().await, 400 * 3 + 20);
}
