//! A small network with clicks, conversions and users, made through the same doors as the real one.

use std::sync::Arc;

use hopline_api::{Services, Settings, SignIn, hash_password};
use hopline_books::{Context, Intake, NewConversion, facts};
use hopline_catalogue::data::Standing;
use hopline_click_store::{ClickBatch, ClickStore, Dims, StoredClick, StreamId};
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::{ClickClaims, ClickKey, KeyRing, TOKEN_BYTES, UniqueNumber};
use hopline_control_store::advertisers::{self, NewAdvertiser};
use hopline_control_store::affiliates::{self, NewAffiliate};
use hopline_control_store::links::{self, NewLink};
use hopline_control_store::offers::{self, Approval, NewGoal, NewOffer, OfferSettings};
use hopline_control_store::users::{self, NewUser};
use hopline_control_store::{Database, DatabaseExt, StoreError, Tx, facts as outbox};
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_money::Currency;
use hopline_record::{Flags, RequestedStatus};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_terms::{GoalTermsForm, PriceForm};
use hopline_types::{
    AdvertiserId, AffiliateId, ConversionSource, GoalKind, LinkId, Model, OfferId, PostbackAuth, Reason,
    Role, UnixMillis, Verdict,
};
use tempfile::TempDir;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";
/// A name that must never be taken for markup.
pub(crate) const HOSTILE: &str = "<script>alert('x')</script>";
const STREAM: StreamId = StreamId { edge: 1, stream: 0 };

/// The network; its stores go with it.
pub(crate) struct Network {
    pub(crate) services: Services,
    keys: Arc<KeyRing>,
    next_record: u64,
    next_event: u32,
    offers: Vec<OfferId>,
    links: Vec<(LinkId, OfferId, AffiliateId, AdvertiserId)>,
    _directory: TempDir,
}

/// What two advertisers offer: name, goal, kind, revenue, payout.
const OFFERS: [(usize, &str, &str, GoalKind, &str, &str); 4] = [
    (0, "Trail shoes", "sale", GoalKind::Pps, "12", "10"),
    (0, "Newsletter sign-up", "lead", GoalKind::Ppl, "3.00", "2.00"),
    (1, HOSTILE, "sale", GoalKind::Pps, "15", "11"),
    (1, "Weather app", "install", GoalKind::Ppi, "1.50", "1.00"),
];
const AFFILIATES: [&str; 4] = ["Blog of the North", "Dealfinder", "Pixel & Paper", "Running Mates"];

fn terms(kind: GoalKind, revenue: &str, payout: &str) -> hopline_terms::GoalTerms {
    let price = |text: &str| match kind {
        GoalKind::Pps => PriceForm { percent: Some(text.into()), fixed: None },
        GoalKind::Ppl | GoalKind::Ppc | GoalKind::Ppi => {
            PriceForm { percent: None, fixed: Some(text.into()) }
        }
    };
    let form = GoalTermsForm {
        kind: Some(kind.as_str().into()),
        revenue: Some(price(revenue)),
        payout: Some(price(payout)),
    };
    form.check("terms", Some(Currency::EUR)).unwrap().terms
}

fn settings(name: &str, approval: Approval) -> OfferSettings {
    OfferSettings {
        name: name.into(),
        standing: Standing::Active,
        landing_page: "https://shop.example/?c={click_id}".into(),
        fallback_url: None,
        deep_link_hosts: Vec::new(),
        click_parameter: "hl_click".into(),
        pass_parameters: false,
        postback_auth: PostbackAuth::Token,
        model: Model::LastClick,
        window_seconds: 30 * 86_400,
        approval,
        hold_days: 0,
        starts_at: None,
        ends_at: None,
    }
}

struct Made {
    offers: Vec<OfferId>,
    affiliates: Vec<AffiliateId>,
    links: Vec<(LinkId, OfferId, AffiliateId, AdvertiserId)>,
}

fn make(tx: &mut dyn Tx, phc: &str, now: UnixMillis) -> Result<Made, StoreError> {
    let mut seed = 1_u64;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = seed.to_be_bytes()[0];
        }
    };
    let mut owners = Vec::new();
    for name in ["Acme Outdoor", "Globex"] {
        let new = NewAdvertiser { name: name.into(), currency: Currency::EUR, standing: Standing::Active };
        owners.push(advertisers::create(tx, &new, &mut random, now)?.id);
    }
    let mut made = Made { offers: Vec::new(), affiliates: Vec::new(), links: Vec::new() };
    for name in AFFILIATES {
        let email = format!("{}@example.com", name.replace([' ', '&'], ""));
        let new = NewAffiliate { name: name.into(), email, standing: Standing::Active, payout_method: None };
        made.affiliates.push(affiliates::create(tx, &new, "system:test", now)?.id);
    }
    for (owner, name, key, kind, revenue, payout) in OFFERS {
        let approval = if kind == GoalKind::Ppl { Approval::Manual } else { Approval::Automatic };
        let goal = NewGoal { key: key.into(), name: key.into(), terms: terms(kind, revenue, payout) };
        let new = NewOffer {
            advertiser_id: owners[owner],
            currency: Currency::EUR,
            settings: settings(name, approval),
            goals: vec![goal],
        };
        let offer = offers::create(tx, &new, now)?.id;
        made.offers.push(offer);
        for affiliate in &made.affiliates {
            let new = NewLink { code: None, offer_id: offer, affiliate_id: *affiliate, domain_id: None };
            made.links.push((
                links::create(tx, &new, &mut random, now)?.id,
                offer,
                *affiliate,
                owners[owner],
            ));
        }
    }
    let people = [
        ("ops@example.com", Role::Operator, None, None),
        ("finance@example.com", Role::Finance, None, None),
        ("acme@example.com", Role::Advertiser, Some(owners[0]), None),
        ("globex@example.com", Role::Advertiser, Some(owners[1]), None),
        ("blog@example.com", Role::Affiliate, None, Some(made.affiliates[0])),
        ("deals@example.com", Role::Affiliate, None, Some(made.affiliates[1])),
    ];
    for (email, role, advertiser_id, affiliate_id) in people {
        let password_phc = phc.to_owned();
        users::create(
            tx,
            &NewUser { email: email.into(), role, advertiser_id, affiliate_id, password_phc },
            now,
        )?;
    }
    Ok(made)
}

impl Network {
    /// Advertisers, offers, affiliates, links and users; nothing has happened yet.
    pub(crate) async fn new(clock: Clock) -> Self {
        let directory = TempDir::new().unwrap();
        let now = clock.now();
        let start = now.plus(-20 * 86_400_000);
        let database: Arc<dyn Database> =
            Arc::new(SqliteDatabase::open(directory.path().join("control.sqlite"), start).unwrap());
        let click_store: Arc<dyn ClickStore> =
            Arc::new(EmbeddedClickStore::open(directory.path().join("clicks")).unwrap());
        let phc = hash_password(PASSWORD).unwrap();
        let made = database.write(move |tx| make(tx, &phc, start)).await.unwrap();
        let keys = Arc::new(KeyRing::new(ClickKey::new(1, &[7; 32]).unwrap()));
        let services = Services {
            sign_in: SignIn::new(Arc::clone(&database), clock.clone()),
            database,
            click_store,
            clock,
            settings: Settings {
                edge_base_url: "http://127.0.0.1:8080".into(),
                payouts: Config::defaults().payouts,
            },
            wake_worker: Arc::default(),
            catalogue_changed: Arc::default(),
            settle_clicks: Arc::new(|_| Box::pin(async { Ok(hopline_api::SettledClicks::default()) })),
        };
        Self {
            services,
            keys,
            next_record: 1,
            next_event: 1,
            offers: made.offers,
            links: made.links,
            _directory: directory,
        }
    }

    /// Clicks on the link of an offer and affiliate, by their places; gives back the last click's id.
    pub(crate) async fn clicks(
        &mut self,
        offer: usize,
        affiliate: usize,
        at: UnixMillis,
        count: u64,
        verdict: Verdict,
    ) -> String {
        let (link, offer, affiliate, advertiser) = self.links[offer * AFFILIATES.len() + affiliate];
        let first = self.next_record;
        let last = first + count - 1;
        self.next_record = last + 1;
        let mut click_id = String::new();
        let mut clicks = Vec::new();
        for record in first..=last {
            let unique = UniqueNumber::new(STREAM.edge, STREAM.stream, record).unwrap();
            let claims = ClickClaims { at, offer, affiliate, link: Some(link), unique, verdict };
            if record == last {
                click_id = self.keys.sign(&claims).unwrap().as_str().to_owned();
            }
            let mut dims = Dims::default();
            dims.subs[0] = ["newsletter", "header", "video"][usize::try_from(record % 3).unwrap()].into();
            clicks.push(StoredClick {
                unique,
                is_impression: false,
                at,
                offer: Some(offer),
                affiliate: Some(affiliate),
                link: Some(link),
                advertiser: Some(advertiser),
                verdict,
                visitor_key: record,
                pseudonym: 0,
                network: 0,
                flags: Flags::default(),
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
                token: [0; TOKEN_BYTES],
                finding: None,
            });
        }
        let batch = ClickBatch::of_clicks(STREAM, first, last, &clicks);
        self.services.click_store.store(batch).await.unwrap();
        self.services.click_store.mark_fresh(self.services.clock.now().plus(-2_000));
        click_id
    }

    /// A conversion of a click, decided and reported.
    pub(crate) async fn conversion(
        &mut self,
        offer: usize,
        click_id: &str,
        order_id: &str,
        amount: &str,
        at: UnixMillis,
    ) {
        let new = NewConversion {
            event_id: format!("event-{}", self.next_event),
            source: ConversionSource::Postback,
            requested_status: RequestedStatus::default(),
            advertiser: None,
            offer: Some(self.offers[offer]),
            goal: None,
            click_id: Some(click_id.into()),
            order_id: Some(order_id.into()),
            amount: (!amount.is_empty()).then(|| amount.into()),
            currency: None,
            coupon: None,
            customer_id: None,
            items: None,
            adv: Default::default(),
            converted_at: at,
            received_at: at,
        };
        self.next_event += 1;
        let keys = Arc::clone(&self.keys);
        let database = &self.services.database;
        let reported = database.write(move |tx| {
            let taken = hopline_books::intake(tx, &new, &keys, at)?;
            let Intake::Taken { conversion } = taken else { panic!("not taken: {taken:?}") };
            hopline_books::decide(tx, conversion, &Context { keys: &keys, click: None, now: at })?;
            let waiting = outbox::waiting(tx, 100)?;
            let ids: Vec<i64> = waiting.iter().map(|fact| fact.id).collect();
            outbox::remove(tx, &ids)?;
            Ok::<_, hopline_books::BookError>(waiting)
        });
        let reported = reported.await.unwrap();
        let reported = reported.iter().map(|fact| facts::from_json(&fact.fact).unwrap()).collect();
        self.services.click_store.store_facts(reported).await.unwrap();
    }
}

/// A bot.
pub(crate) fn bot() -> Verdict {
    Verdict::invalid(Reason::Bot)
}
