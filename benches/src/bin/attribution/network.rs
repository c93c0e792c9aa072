//! A made-up network, its reports, and the check of its books.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use hopline_books::{BookError, Intake, NewConversion, intake_many};
use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope, Standing};
use hopline_click_store::{Dims, StoredClick};
use hopline_clickid::{ClickClaims, ClickKey, KeyRing, UniqueNumber};
use hopline_control_store::caps::{self, NewCap};
use hopline_control_store::conversions::{Waiting, all_partitions, waiting};
use hopline_control_store::offers::{self, Approval, NewGoal, NewOffer, OfferSettings};
use hopline_control_store::{DatabaseExt, Tx, advertisers, affiliates, ledger};
use hopline_money::{Currency, Decimal};
use hopline_record::{Flags, RequestedStatus};
use hopline_terms::{GoalTerms, Price};
use hopline_types::{
    AdvertiserId, AffiliateId, ConversionSource, GoalKind, Model, OfferId, PostbackAuth, UnixMillis, Verdict,
};

use crate::store::Store;

pub(crate) const ADVERTISERS: u64 = 64;
pub(crate) const OFFERS: u64 = 128;
pub(crate) const AFFILIATES: u64 = 1_000;
/// 2026-03-01T10:00:00Z.
const NOW: UnixMillis = UnixMillis(1_772_359_200_000);
/// Reports of one transaction.
const REPORTS: usize = 500;

#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) keys: KeyRing,
    offers: Arc<Vec<(AdvertiserId, OfferId)>>,
    affiliates: Arc<Vec<AffiliateId>>,
    /// Conversions reported so far.
    reported: Arc<AtomicU64>,
}

impl Network {
    pub(crate) async fn create(store: &Store) -> Result<Self> {
        let (offers, affiliates) = store.database.write(enter).await?;
        Ok(Self {
            keys: KeyRing::new(ClickKey::new(1, &[7; 32])?),
            offers: Arc::new(offers),
            affiliates: Arc::new(affiliates),
            reported: Arc::new(AtomicU64::new(0)),
        })
    }

    /// The time moves on with every conversion.
    pub(crate) fn now(&self) -> UnixMillis {
        NOW.plus(i64::try_from(self.reported.load(Ordering::Relaxed)).unwrap_or_default())
    }

    /// Takes conversions in that all wait afterwards.
    pub(crate) async fn report(&self, store: &Store, count: usize) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let reports: Vec<NewConversion> =
                (0..left.min(REPORTS)).map(|_| self.next_report()).collect::<Result<_>>()?;
            left -= reports.len();
            let (keys, now) = (self.keys.clone(), self.now());
            let taken = store
                .database
                .book(move |tx: &mut dyn Tx| intake_many(tx, &reports.iter().collect::<Vec<_>>(), &keys, now))
                .await?;
            for taken in taken {
                let Intake::Taken { .. } = taken else { bail!("not taken in: {taken:?}") };
            }
        }
        Ok(())
    }

    fn next_report(&self) -> Result<NewConversion> {
        let number = self.reported.fetch_add(1, Ordering::Relaxed);
        // Scattered, and the same in every run.
        let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let pick = |most: usize, shift: u32| usize::try_from((scattered >> shift) & 0xFFFF).map(|n| n % most);
        let (advertiser, offer) = *self.offers.get(pick(self.offers.len(), 0)?).context("offers")?;
        let affiliate = *self.affiliates.get(pick(self.affiliates.len(), 11)?).context("affiliates")?;
        let at = self.now();
        let unique = UniqueNumber::new(0, 0, number + 1)?;
        let claims = ClickClaims {
            at: at.plus(-3_600_000),
            offer,
            affiliate,
            link: None,
            unique,
            verdict: Verdict::UNIQUE,
        };
        Ok(NewConversion {
            event_id: format!("0-0-{number}"),
            source: ConversionSource::Postback,
            requested_status: RequestedStatus::Unstated,
            advertiser: Some(advertiser),
            offer: Some(offer),
            goal: None,
            click_id: Some(self.keys.sign(&claims)?.as_str().to_owned()),
            order_id: Some(format!("order-{number}")),
            amount: Some(format!("{}.{:02}", 5 + scattered % 400, scattered % 100)),
            currency: None,
            coupon: None,
            customer_id: Some(format!("customer-{}", scattered % 100_000)),
            items: None,
            adv: Default::default(),
            converted_at: at,
            received_at: at,
        })
    }

    /// The click that a conversion names, as a click store would give it.
    pub(crate) fn click_of(&self, waiting: &Waiting) -> Option<StoredClick> {
        let claims = self.keys.verify(waiting.click_id.as_ref()?, self.now()).ok()?;
        let mut dims = Dims { country: "DE".into(), region: "DE-BE".into(), ..Dims::default() };
        (dims.device, dims.os, dims.browser) = ("mobile".into(), "Android".into(), "Chrome".into());
        dims.subs[0] = format!("campaign-{}", claims.unique.record() % 97);
        Some(StoredClick {
            unique: claims.unique,
            is_impression: false,
            at: claims.at,
            offer: Some(claims.offer),
            affiliate: Some(claims.affiliate),
            link: None,
            advertiser: Some(waiting.advertiser),
            verdict: claims.verdict,
            visitor_key: claims.unique.record(),
            pseudonym: 0,
            network: 0,
            flags: Flags(0),
            status: 302,
            rule_version: 1,
            code: String::new(),
            dims,
            ext: String::new(),
            email_hash: String::new(),
            language: String::new(),
            detail: String::new(),
            deep_link: String::new(),
            consent: String::new(),
            token: [0; 45],
            finding: None,
        })
    }

    /// Checks the books against themselves; says how many transactions they hold.
    pub(crate) async fn verify(&self, store: &Store) -> Result<i64> {
        let sound = store.database.read(|tx| ledger::verify(tx)).await?.context("the books are not sound")?;
        let caps = store.database.read(|tx| hopline_books::caps::verify(tx)).await?;
        caps.context("the sums of caps are not sound")?;
        let left = store.database.read(|tx| waiting(tx, None, 1, &all_partitions())).await?;
        ensure!(left.is_empty(), "conversion {:?} waits still", left.first());
        ensure!(
            sound.commissions == self.reported.load(Ordering::Relaxed),
            "{} commissions of {} conversions",
            sound.commissions,
            self.reported.load(Ordering::Relaxed)
        );
        Ok(sound.head.count)
    }
}

type Entered = (Vec<(AdvertiserId, OfferId)>, Vec<AffiliateId>);

fn enter(tx: &mut dyn Tx) -> Result<Entered, BookError> {
    let mut seed = 1_u64;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = u8::try_from(seed >> 56).unwrap_or_default();
        }
    };
    let mut offers = Vec::new();
    let mut payers = Vec::new();
    for number in 0..ADVERTISERS {
        let new = advertisers::NewAdvertiser {
            name: format!("Advertiser {number}"),
            currency: Currency::EUR,
            standing: Standing::Active,
        };
        payers.push(advertisers::create(tx, &new, &mut random, NOW)?.id);
    }
    for (number, advertiser_id) in (0..OFFERS).zip(payers.iter().cycle()) {
        let offer = offers::create(tx, &offer(*advertiser_id, number), NOW)?;
        offers.push((*advertiser_id, offer.id));
        if number % 10 == 0 {
            let cap = NewCap {
                scope: CapScope::Offer,
                metric: CapMetric::Payout,
                period: CapPeriod::Day,
                zone: "Europe/Berlin".into(),
                amount: 1_000_000_000_000,
            };
            caps::replace(tx, offer.id, &[cap], NOW)?;
        }
    }
    let mut earners = Vec::new();
    for number in 0..AFFILIATES {
        let new = affiliates::NewAffiliate {
            name: format!("Affiliate {number}"),
            email: format!("a{number}@example.com"),
            standing: Standing::Active,
            payout_method: None,
        };
        earners.push(affiliates::create(tx, &new, "key:bench", NOW)?.id);
    }
    Ok((offers, earners))
}

/// Half of the offers hold commissions, half pay at once: two transactions or three for a conversion.
fn offer(advertiser_id: AdvertiserId, number: u64) -> NewOffer {
    let percent = |text| Price::percent(Decimal::parse(text).expect("a decimal"));
    NewOffer {
        advertiser_id,
        currency: Currency::EUR,
        settings: OfferSettings {
            name: format!("Offer {number}"),
            standing: Standing::Active,
            landing_page: "https://shop.example/".into(),
            fallback_url: None,
            deep_link_hosts: Vec::new(),
            click_parameter: "hl_click".into(),
            pass_parameters: false,
            postback_auth: PostbackAuth::Token,
            model: Model::LastClick,
            window_seconds: 30 * 86_400,
            approval: Approval::Automatic,
            hold_days: if number.is_multiple_of(2) { 14 } else { 0 },
            starts_at: None,
            ends_at: None,
        },
        goals: vec![NewGoal {
            key: "sale".into(),
            name: "Sale".into(),
            terms: GoalTerms { kind: GoalKind::Pps, revenue: percent("12.5"), payout: percent("10") },
        }],
    }
}
