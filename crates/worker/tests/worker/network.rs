//! A network in real stores, and a worker over them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hopline_books::{BookError, Intake, NewConversion};
use hopline_catalogue::data::Standing;
use hopline_click_store::{AuditOutcome, ClickBatch, Dims, StoredClick, StreamId};
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::{ClickClaims, KeyRing, UniqueNumber};
use hopline_control_store::caps::NewCap;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{Approval, NewGoal, NewOffer, OfferSettings};
use hopline_control_store::{
    Database, DatabaseExt, Tx, advertisers, affiliates, bonuses, caps, catalogue, click_keys, conversions,
    findings, ledger, offers,
};
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_money::{Currency, Decimal};
use hopline_record::{Flags, RequestedStatus};
use hopline_report::{ReportQuery, ReportRows, Scope};
use hopline_runtime::clock::ManualClock;
use hopline_runtime::config::WorkerConfig;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_terms::{Bonus, GoalTerms, Measure, Price, Rung, Span};
use hopline_types::{
    AdvertiserId, AffiliateId, ClickFilter, ConversionId, ConversionSource, GoalKind, Model, OfferId,
    PostbackAuth, Reason, UnixMillis, Verdict,
};
use hopline_worker::{Claims, WorkerOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// 2026-03-01T10:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_772_359_200_000);
const STREAM: StreamId = StreamId { edge: 0, stream: 0 };

pub(crate) struct Network {
    pub(crate) options: WorkerOptions,
    pub(crate) hand: ManualClock,
    pub(crate) keys: KeyRing,
    advertiser: AdvertiserId,
    offer: OfferId,
    affiliate: AffiliateId,
    stored: std::sync::atomic::AtomicU64,
    _directory: tempfile::TempDir,
}

pub(crate) struct Click {
    pub(crate) id: String,
    pub(crate) stored: StoredClick,
}

impl Click {
    /// Where it landed, and where it came from.
    pub(crate) fn landed(mut self, page: &str, country: &str, region: &str) -> Self {
        let dims = &mut self.stored.dims;
        (dims.landing_page, dims.country, dims.region) = (page.into(), country.into(), region.into());
        self
    }
}

impl Network {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(directory.path().join("control.db"), NOW).unwrap();
        let click_store = EmbeddedClickStore::open(directory.path().join("clicks")).unwrap();
        let (keys, advertiser, offer, affiliate) = database.write(enter).await.unwrap();
        let hand = ManualClock::starting_at(NOW);
        let options = WorkerOptions {
            database: Arc::new(database),
            claims: Claims::all(),
            click_store: Arc::new(click_store),
            clock: hand.clock(),
            config: WorkerConfig { tick: Duration::from_millis(5), ppc_grace: Duration::from_secs(300) },
            metrics: Metrics::new(),
            shutdown: Shutdown::new(),
            wake: Arc::new(Notify::new()),
        };
        let stored = 1.into();
        Self { options, hand, keys, advertiser, offer, affiliate, stored, _directory: directory }
    }

    /// The part that its conversions belong to.
    pub(crate) fn partition(&self) -> u16 {
        conversions::partition_of(self.advertiser)
    }

    pub(crate) const fn affiliate(&self) -> AffiliateId {
        self.affiliate
    }

    pub(crate) fn start(&self) -> JoinHandle<()> {
        let options = self.options.clone();
        tokio::spawn(async move { hopline_worker::run(options).await.unwrap() })
    }

    /// Does what waits and ends.
    pub(crate) async fn run_once(&self) {
        let mut options = self.options.clone();
        options.shutdown = Shutdown::new();
        options.shutdown.begin();
        hopline_worker::run(options).await.unwrap();
    }

    pub(crate) async fn stop(&self, worker: JoinHandle<()>) {
        self.options.shutdown.begin();
        worker.await.unwrap();
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> Result<T, BookError> + Send + 'static,
    ) -> T {
        let database: &dyn Database = &*self.options.database;
        database.write(job).await.unwrap()
    }

    /// A click, not stored yet.
    pub(crate) fn click(&self, at: UnixMillis, sub1: &str) -> Click {
        let record = self.stored.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let unique = UniqueNumber::new(STREAM.edge, STREAM.stream, record).unwrap();
        let (offer, affiliate, verdict) = (self.offer, self.affiliate, Verdict::UNIQUE);
        let claims = ClickClaims { at, offer, affiliate, link: None, unique, verdict };
        let id = self.keys.sign(&claims).unwrap().as_str().to_owned();
        let mut dims = Dims::default();
        dims.subs[0] = sub1.into();
        let stored = StoredClick {
            unique,
            is_impression: false,
            at,
            offer: Some(offer),
            affiliate: Some(affiliate),
            link: None,
            advertiser: Some(self.advertiser),
            verdict,
            visitor_key: record,
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
            token: URL_SAFE_NO_PAD.decode(&id).unwrap().try_into().unwrap(),
            finding: None,
        };
        Click { id, stored }
    }

    /// A ladder with one rung, in a period that does not end.
    pub(crate) async fn ladder(&self, from: &str, amount: &str) {
        let decimal = |text: &str| Decimal::parse(text).unwrap();
        let bonus = Bonus::Ladder {
            by: Measure::Count,
            period: Span::Total,
            highest_only: false,
            rungs: vec![Rung { from: decimal(from), amount: decimal(amount) }],
        };
        let offer = self.offer;
        self.write(move |tx| {
            bonuses::create(tx, offer, "Spring", &bonus, NOW.plus(-60_000))?;
            Ok(())
        })
        .await;
    }

    pub(crate) async fn store(&self, clicks: &[&Click]) {
        let records = || clicks.iter().map(|click| click.stored.unique.record());
        let (first, last) = (records().min().unwrap(), records().max().unwrap());
        let batch = ClickBatch::of_clicks(STREAM, first, last, clicks.iter().map(|click| &click.stored));
        self.options.click_store.store(batch).await.unwrap();
    }

    pub(crate) async fn report_sale(&self, order: &str, amount: &str, click: Option<&Click>) -> ConversionId {
        let new = NewConversion {
            event_id: format!("event-{order}"),
            source: ConversionSource::Api,
            requested_status: RequestedStatus::Unstated,
            advertiser: Some(self.advertiser),
            offer: Some(self.offer),
            goal: None,
            click_id: click.map(|click| click.id.clone()),
            order_id: Some(order.into()),
            amount: Some(amount.into()),
            currency: None,
            coupon: None,
            customer_id: None,
            items: None,
            adv: Default::default(),
            converted_at: self.hand.now(),
            received_at: self.hand.now(),
        };
        let (keys, now) = (self.keys.clone(), self.hand.now());
        match self.write(move |tx| hopline_books::intake(tx, &new, &keys, now)).await {
            Intake::Taken { conversion } => conversion,
            other => panic!("{other:?}"),
        }
    }

    /// A sale without its amount, which the intake would refuse.
    pub(crate) async fn poison(&self) -> ConversionId {
        let click = self.click(NOW, "x").id;
        let (advertiser, offer) = (self.advertiser, self.offer);
        self.write(move |tx| {
            let goal = offers::goals_of(tx, offer)?.remove(0);
            let insert = conversions::InsertConversion {
                event_id: "poison".into(),
                advertiser,
                offer,
                goal: goal.id,
                goal_key: goal.key,
                idempotency: "event:poison".into(),
                source: ConversionSource::Api,
                requested_status: None,
                order_id: None,
                click_id: Some(click.clone()),
                coupon: None,
                customer_id: None,
                items: None,
                adv: None,
                quantity: 1,
                amount: None,
                currency: Currency::EUR,
                order: None,
                converted_at: NOW,
                received_at: NOW.plus(-60_000),
            };
            Ok(conversions::insert(tx, &insert)?)
        })
        .await
    }

    /// All clicks of a period were robots'.
    pub(crate) async fn find(&self, from: UnixMillis, to: UnixMillis) {
        let new = findings::NewFinding {
            offer_id: self.offer,
            affiliate_id: self.affiliate,
            from,
            to,
            filter: ClickFilter::default(),
            reason: Reason::Bot,
            remark: "one click a minute".into(),
        };
        self.write(move |tx| Ok(findings::create(tx, &new, "user:1", NOW)?)).await;
    }

    pub(crate) async fn conversion(&self, id: ConversionId) -> Conversion {
        self.write(move |tx| Ok(conversions::find(tx, id)?.unwrap())).await
    }

    pub(crate) async fn is_decided(&self, id: ConversionId) -> bool {
        self.conversion(id).await.decided_at.is_some()
    }

    pub(crate) async fn waiting_facts(&self) -> usize {
        self.write(|tx| Ok(hopline_control_store::facts::waiting(tx, 1_000)?.len())).await
    }

    /// Conversions by `sub1`.
    pub(crate) async fn report(&self) -> ReportRows {
        self.report_by("sub1").await
    }

    pub(crate) async fn report_by(&self, group_by: &str) -> ReportRows {
        let pairs = [
            ("from", "2026-03-01"),
            ("to", "2026-03-02"),
            ("group_by", group_by),
            ("metrics", "clicks,conversions,payout"),
            ("basis", "conversion"),
        ];
        let query = ReportQuery::parse(pairs, NOW, Scope::ALL).unwrap();
        self.options.click_store.report(query).await.unwrap()
    }

    /// Lets the offer have this cap and no other.
    pub(crate) async fn cap(&self, cap: NewCap) {
        let offer = self.offer;
        self.write(move |tx| Ok(caps::replace(tx, offer, std::slice::from_ref(&cap), NOW)?)).await;
    }

    /// Whether edges are told to take no clicks for the offer.
    pub(crate) async fn is_closed(&self) -> bool {
        let (offer, now) = (self.offer, self.hand.now());
        let closures = self.write(move |tx| Ok(catalogue::load(tx, now)?.closures)).await;
        closures.iter().any(|closure| closure.offer_id == offer && closure.affiliate_id.is_none())
    }

    pub(crate) async fn payable(&self) -> String {
        let affiliate = self.affiliate;
        let found = self.write(move |tx| Ok(hopline_books::balances(tx, Some(affiliate))?)).await;
        found.first().map_or_else(|| "0.00".into(), |balance| balance.payable.to_decimal())
    }

    pub(crate) async fn audit(&self) {
        self.write(|tx| Ok(ledger::verify(tx)?)).await.unwrap();
        self.write(|tx| hopline_books::caps::verify(tx)).await.unwrap();
        let outcome = self.options.click_store.check().await.unwrap();
        assert!(matches!(outcome, AuditOutcome::Sound { .. }), "{outcome:?}");
    }
}

/// Waits for something to become true.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn enter(tx: &mut dyn Tx) -> Result<(KeyRing, AdvertiserId, OfferId, AffiliateId), BookError> {
    let mut seed = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(31).wrapping_add(17);
            *byte = seed;
        }
    };
    catalogue::ensure_keys(tx, NOW, &mut random)?;
    let new = advertisers::NewAdvertiser {
        name: "Acme".into(),
        currency: Currency::EUR,
        standing: Standing::Active,
    };
    let advertiser_id = advertisers::create(tx, &new, &mut random, NOW)?.id;
    let decimal = |text| Decimal::parse(text).unwrap();
    let goal = |key: &str, kind, revenue, payout| NewGoal {
        key: key.into(),
        name: key.into(),
        terms: GoalTerms { kind, revenue, payout },
    };
    let offer = NewOffer {
        advertiser_id,
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
            approval: Approval::Automatic,
            hold_days: 0,
            starts_at: None,
            ends_at: None,
        },
        goals: vec![
            goal("sale", GoalKind::Pps, Price::percent(decimal("12")), Price::percent(decimal("10"))),
            goal("click", GoalKind::Ppc, Price::fixed(decimal("0.06")), Price::fixed(decimal("0.05"))),
        ],
    };
    let offer = offers::create(tx, &offer, NOW)?.id;
    let new = affiliates::NewAffiliate {
        name: "Blog".into(),
        email: "blog@example.com".into(),
        standing: Standing::Active,
        payout_method: None,
    };
    let affiliate = affiliates::create(tx, &new, "key:entry", NOW)?.id;
    let keys = click_keys::ring(tx)?.ok_or(BookError::NotFound { what: "click key", id: 1 })?;
    Ok((keys, advertiser_id, offer, affiliate))
}
