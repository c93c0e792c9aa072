//! A small network in an SQLite file, or in a database on a real server where `HOPLINE_TEST_STORE` is `postgres`: one advertiser, one offer of all four kinds, two affiliates.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hopline_books::payouts::{BatchView, NewBatch};
use hopline_books::{AffiliateBalance, BookError, Context, Decided, Intake, NewConversion};
use hopline_catalogue::data::{CapEntry, Standing};
use hopline_clickid::{ClickClaims, ClickKey, KeyRing, UniqueNumber};
use hopline_control_store::caps::NewCap;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{Approval, NewGoal, NewOffer, OfferSettings};
use hopline_control_store::{
    Database, DatabaseExt, Tx, advertisers, affiliates, caps, catalogue, conversions, ledger, offers,
};
use hopline_control_store_postgres::PostgresDatabase;
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_money::{Currency, Decimal};
use hopline_record::RequestedStatus;
use hopline_terms::{GoalTerms, Price};
use hopline_types::{
    AdvertiserId, AffiliateId, ConversionId, ConversionSource, GoalKind, Model, OfferId, PostbackAuth,
    UnixMillis, Verdict,
};

/// 2026-03-01T10:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_772_359_200_000);
pub(crate) const DAY: i64 = 86_400_000;

pub(crate) struct World {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) keys: KeyRing,
    pub(crate) advertiser: AdvertiserId,
    pub(crate) offer: OfferId,
    pub(crate) blog: AffiliateId,
    pub(crate) shop: AffiliateId,
    clicks: AtomicU64,
    _directory: tempfile::TempDir,
    _postgres: Option<hopline_testkit::PostgresDatabase>,
}

pub(crate) struct Rules {
    pub(crate) approval: Approval,
    pub(crate) hold_days: i64,
}

impl Rules {
    pub(crate) const PAID_AT_ONCE: Self = Self { approval: Approval::Automatic, hold_days: 0 };
    pub(crate) const HELD: Self = Self { approval: Approval::Automatic, hold_days: 14 };
    pub(crate) const JUDGED: Self = Self { approval: Approval::Manual, hold_days: 0 };
}

fn percent(text: &str) -> Price {
    Price::percent(Decimal::parse(text).unwrap())
}

fn fixed(text: &str) -> Price {
    Price::fixed(Decimal::parse(text).unwrap())
}

fn goal(key: &str, kind: GoalKind, revenue: Price, payout: Price) -> NewGoal {
    NewGoal { key: key.into(), name: key.into(), terms: GoalTerms { kind, revenue, payout } }
}

fn sepa(holder: &str, iban: &str) -> serde_json::Value {
    serde_json::json!({ "type": "sepa", "holder": holder, "iban": iban })
}

fn control_store(directory: &Path) -> (Arc<dyn Database>, Option<hopline_testkit::PostgresDatabase>) {
    if std::env::var_os("HOPLINE_TEST_STORE").is_none_or(|store| store != "postgres") {
        return (Arc::new(SqliteDatabase::open(directory.join("control.db"), NOW).unwrap()), None);
    }
    let fresh = hopline_testkit::postgres();
    let database = PostgresDatabase::open(fresh.url().parse().unwrap(), NOW).unwrap();
    (Arc::new(database), Some(fresh))
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (database, postgres) = control_store(directory.path());
        let database: Arc<dyn Database> = Arc::new(hopline_control_store::conformance::with_vault(database));
        let made = runtime.block_on(database.write(move |tx| network(tx, &rules))).unwrap();
        let (advertiser, offer, blog, shop) = made;
        let keys = KeyRing::new(ClickKey::new(1, &[7; 32]).unwrap());
        let clicks = AtomicU64::new(1);
        Self {
            runtime,
            database,
            keys,
            advertiser,
            offer,
            blog,
            shop,
            clicks,
            _directory: directory,
            _postgres: postgres,
        }
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> Result<T, BookError> + Send + 'static,
    ) -> Result<T, BookError> {
        self.runtime.block_on(self.database.write(job))
    }

    /// A click id of an affiliate, made at `at`.
    pub(crate) fn click(&self, affiliate: AffiliateId, at: UnixMillis, verdict: Verdict) -> String {
        let record = self.clicks.fetch_add(1, Ordering::Relaxed);
        let unique = UniqueNumber::new(0, 0, record).unwrap();
        let claims = ClickClaims { at, offer: self.offer, affiliate, link: None, unique, verdict };
        self.keys.sign(&claims).unwrap().as_str().to_owned()
    }

    pub(crate) fn sale(&self, order: &str, amount: &str, click: Option<String>) -> NewConversion {
        NewConversion {
            event_id: format!("event-{order}"),
            source: ConversionSource::Postback,
            requested_status: RequestedStatus::Unstated,
            advertiser: Some(self.advertiser),
            offer: Some(self.offer),
            goal: Some("sale".into()),
            click_id: click,
            order_id: Some(order.into()),
            amount: Some(amount.into()),
            currency: Some("EUR".into()),
            coupon: None,
            customer_id: None,
            items: None,
            adv: Default::default(),
            converted_at: NOW,
            received_at: NOW,
        }
    }

    pub(crate) fn intake(&self, new: NewConversion) -> Intake {
        let keys = self.keys.clone();
        self.write(move |tx| hopline_books::intake(tx, &new, &keys, NOW)).unwrap()
    }

    pub(crate) fn taken(&self, new: NewConversion) -> ConversionId {
        match self.intake(new) {
            Intake::Taken { conversion } => conversion,
            other => panic!("not taken: {other:?}"),
        }
    }

    pub(crate) fn decide(&self, id: ConversionId) -> Decided {
        let keys = self.keys.clone();
        let decide = move |tx: &mut dyn Tx| {
            hopline_books::decide(tx, id, &Context { keys: &keys, click: None, now: NOW })
        };
        self.write(decide).unwrap()
    }

    /// A sale of an affiliate at a time, taken in and decided then.
    pub(crate) fn sold_at(
        &self,
        order: &str,
        amount: &str,
        affiliate: AffiliateId,
        at: UnixMillis,
    ) -> ConversionId {
        let click = self.click(affiliate, at.plus(-1), Verdict::UNIQUE);
        let mut sale = self.sale(order, amount, Some(click));
        (sale.converted_at, sale.received_at) = (at, at);
        let keys = self.keys.clone();
        let sell = move |tx: &mut dyn Tx| {
            let Intake::Taken { conversion } = hopline_books::intake(tx, &sale, &keys, at)? else {
                panic!("not taken: {sale:?}")
            };
            hopline_books::decide(tx, conversion, &Context { keys: &keys, click: None, now: at })?;
            Ok(conversion)
        };
        self.write(sell).unwrap()
    }

    /// Lets the offer have these caps and no others.
    pub(crate) fn cap(&self, wanted: &[NewCap]) -> Vec<CapEntry> {
        let (offer, wanted) = (self.offer, wanted.to_vec());
        self.write(move |tx| Ok(caps::replace(tx, offer, &wanted, NOW)?)).unwrap()
    }

    /// A sale by the blog, decided.
    pub(crate) fn sold(&self, order: &str, amount: &str) -> ConversionId {
        let click = self.click(self.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        let id = self.taken(self.sale(order, amount, Some(click)));
        self.decide(id);
        id
    }

    pub(crate) fn conversion(&self, id: ConversionId) -> Conversion {
        self.write(move |tx| Ok(conversions::find(tx, id)?.unwrap())).unwrap()
    }

    pub(crate) fn refund(&self, id: ConversionId, amount: Option<&str>) -> Result<(), BookError> {
        let amount = amount.map(str::to_owned);
        let refund = move |tx: &mut dyn Tx| {
            hopline_books::refund(tx, id, amount.as_deref(), "returned", "key:shop", NOW.plus(DAY)).map(drop)
        };
        self.write(refund)
    }

    pub(crate) fn balance(&self, affiliate: AffiliateId) -> AffiliateBalance {
        let found = self.write(move |tx| Ok(hopline_books::balances(tx, Some(affiliate))?)).unwrap();
        assert!(found.len() <= 1, "one currency");
        let zero = hopline_money::Amount::zero(Currency::EUR);
        found.first().copied().unwrap_or(AffiliateBalance {
            affiliate,
            pending: zero,
            approved: zero,
            payable: zero,
            paid: zero,
            carried: zero,
            in_payout: zero,
        })
    }

    /// pending, approved, payable, paid, carried, as shown.
    pub(crate) fn shown(&self, affiliate: AffiliateId) -> [String; 5] {
        let balance = self.balance(affiliate);
        [balance.pending, balance.approved, balance.payable, balance.paid, balance.carried]
            .map(hopline_money::Amount::to_decimal)
    }

    pub(crate) fn draft(&self, minimum: &str) -> BatchView {
        let new = NewBatch {
            currency: "EUR".into(),
            method: "sepa".into(),
            cutoff: None,
            minimum: Some(minimum.into()),
        };
        let now = NOW.plus(2 * DAY);
        self.write(move |tx| hopline_books::payouts::draft(tx, &new, "key:first", now)).unwrap()
    }

    /// Facts in the outbox, in order.
    pub(crate) fn facts(&self) -> Vec<hopline_click_store::Fact> {
        let waiting = self.write(|tx| Ok(hopline_control_store::facts::waiting(tx, 10_000)?)).unwrap();
        waiting.iter().map(|fact| hopline_books::facts::from_json(&fact.fact).unwrap()).collect()
    }

    /// How many transactions there are.
    pub(crate) fn booked(&self) -> i64 {
        self.write(|tx| Ok(ledger::head(tx)?.count)).unwrap()
    }

    /// The books agree with themselves.
    pub(crate) fn audit(&self) {
        let outcome = self.write(|tx| Ok(ledger::verify(tx)?)).unwrap();
        if let Err(unsound) = outcome {
            panic!("{unsound}");
        }
        if let Err(unsound) = self.write(|tx| hopline_books::caps::verify(tx)).unwrap() {
            panic!("{unsound}");
        }
        for totals in self.write(|tx| Ok(ledger::trial_balance(tx)?)).unwrap() {
            assert_eq!(totals.debits_minor, totals.credits_minor, "{}", totals.currency);
        }
    }
}

pub(crate) fn network(
    tx: &mut dyn Tx,
    rules: &Rules,
) -> Result<(AdvertiserId, OfferId, AffiliateId, AffiliateId), BookError> {
    let new = advertisers::NewAdvertiser {
        name: "Acme".into(),
        currency: Currency::EUR,
        standing: Standing::Active,
    };
    let mut seed = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(31).wrapping_add(17);
            *byte = seed;
        }
    };
    catalogue::ensure_keys(tx, NOW, &mut random)?;
    let advertiser = advertisers::create(tx, &new, &mut random, NOW)?.id;
    let offer = NewOffer {
        advertiser_id: advertiser,
        currency: Currency::EUR,
        settings: OfferSettings {
            name: "Shoes".into(),
            standing: Standing::Active,
            landing_page: "https://shop.example/".into(),
            fallback_url: None,
            deep_link_hosts: Vec::new(),
            click_parameter: "hl_click".into(),
            pass_parameters: false,
            postback_auth: PostbackAuth::Token,
            model: Model::LastClick,
            window_seconds: 30 * 86_400,
            approval: rules.approval,
            hold_days: rules.hold_days,
            starts_at: None,
            ends_at: None,
        },
        goals: vec![
            goal("sale", GoalKind::Pps, percent("12"), percent("10")),
            goal("lead", GoalKind::Ppl, fixed("3.00"), fixed("2.00")),
            goal("click", GoalKind::Ppc, fixed("0.065"), fixed("0.055")),
            goal("install", GoalKind::Ppi, fixed("1.50"), fixed("1.00")),
        ],
    };
    let offer = offers::create(tx, &offer, NOW)?.id;
    let mut affiliate = |name: &str, iban: &str| {
        let new = affiliates::NewAffiliate {
            name: name.into(),
            email: format!("{name}@example.com"),
            standing: Standing::Active,
            payout_method: Some(sepa(&format!("{name} GmbH"), iban)),
        };
        affiliates::create(tx, &new, "key:entry", NOW).map(|affiliate| affiliate.id)
    };
    let blog = affiliate("Blog", "DE89370400440532013000")?;
    let shop = affiliate("Deals", "DE02120300000000202051")?;
    Ok((advertiser, offer, blog, shop))
}
