//! A network in temporary directories, and requests to it.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use hopline_api::{Services, Settings, SettledClicks, SignIn};
use hopline_books::{Context, ToReconsider};
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::{ClickClaims, UniqueNumber};
use hopline_control_store::keys::{self, NewKey};
use hopline_control_store::{
    Database, DatabaseExt, StoreError, catalogue, click_keys, conversions, reconsiderations,
};
use hopline_control_store_postgres::PostgresDatabase;
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_runtime::clock::ManualClock;
use hopline_runtime::config::{Config, PayoutsConfig};
use hopline_types::{AdvertiserId, AffiliateId, OfferId, Role, UnixMillis, Verdict};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt as _;

/// 2026-03-01T10:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_772_359_200_000);

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) services: Services,
    pub(crate) clock: ManualClock,
    pub(crate) operator: String,
    _directory: tempfile::TempDir,
    _postgres: Option<hopline_testkit::PostgresDatabase>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) json: Value,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json
    }

    /// The problem, if it is one with this status.
    #[track_caller]
    pub(crate) fn problem(self, status: u16) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.expect(status);
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail", "instance", "request_id"] {
            assert!(problem[field].is_string(), "{field} of {problem}");
        }
        problem
    }

    /// The names of the bad fields.
    #[track_caller]
    pub(crate) fn bad_fields(self, status: u16) -> Vec<String> {
        let problem = self.problem(status);
        let errors = problem["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A file, or a database on a real server where `HOPLINE_TEST_STORE` is `postgres`.
fn control_store(directory: &Path) -> (Arc<dyn Database>, Option<hopline_testkit::PostgresDatabase>) {
    if std::env::var_os("HOPLINE_TEST_STORE").is_none_or(|store| store != "postgres") {
        return (Arc::new(SqliteDatabase::open(directory.join("control.db"), NOW).unwrap()), None);
    }
    let fresh = hopline_testkit::postgres();
    let database = PostgresDatabase::open(fresh.url().parse().unwrap(), NOW).unwrap();
    (Arc::new(database), Some(fresh))
}

fn fill(bytes: &mut [u8]) {
    use rand::Rng as _;
    rand::rng().fill_bytes(bytes);
}

impl World {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (database, postgres) = control_store(directory.path());
        let database: Arc<dyn Database> = Arc::new(hopline_control_store::conformance::with_vault(database));
        let click_store = Arc::new(EmbeddedClickStore::open(directory.path().join("clicks")).unwrap());
        let clock = ManualClock::starting_at(NOW);
        database.write(|tx| catalogue::ensure_keys(tx, NOW, &mut fill).map(|_| ())).await.unwrap();
        let payouts = PayoutsConfig {
            debtor_name: Some("Network GmbH".into()),
            debtor_iban: Some("DE75512108001245126199".into()),
            ..Config::defaults().payouts
        };
        let services = Services {
            sign_in: SignIn::new(Arc::clone(&database), clock.clock()),
            database,
            click_store,
            clock: clock.clock(),
            settings: Settings { edge_base_url: "http://127.0.0.1:8080".into(), payouts },
            wake_worker: Arc::new(Notify::new()),
            catalogue_changed: Arc::new(Notify::new()),
            settle_clicks: Arc::new(|_| Box::pin(async { Ok(SettledClicks { conversions: 2, clicks: 7 }) })),
        };
        let router = hopline_api::router(services.clone());
        let mut world = Self {
            router,
            services,
            clock,
            operator: String::new(),
            _directory: directory,
            _postgres: postgres,
        };
        world.operator = world.key(Role::Operator, None, None).await;
        world
    }

    /// A world with advertiser 1, offer 1 of all four kinds, landing page 1, affiliate 1, its domain 1, and link 1.
    pub(crate) async fn furnished() -> Self {
        let world = Self::new().await;
        world.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
        world.post("/v1/offers", &offer(1)).await.expect(201);
        world.post("/v1/affiliates", &affiliate("Blog", "blog@example.com")).await.expect(201);
        world.post("/v1/landing_pages", &landing_page(1, "Red")).await.expect(201);
        let domain = json!({"host": "go.blog.example", "affiliate_id": 1});
        world.post("/v1/domains", &domain).await.expect(201);
        world.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
        world
    }

    pub(crate) async fn key(&self, role: Role, advertiser: Option<i64>, affiliate: Option<i64>) -> String {
        let new = NewKey {
            name: "test".into(),
            role,
            advertiser_id: advertiser.map(|id| AdvertiserId::new(id).unwrap()),
            affiliate_id: affiliate.map(|id| AffiliateId::new(id).unwrap()),
            expires_at: None,
        };
        let made: Result<_, StoreError> =
            self.services.database.write(move |tx| keys::create(tx, &new, &mut fill, NOW)).await;
        made.unwrap().1.as_str().to_owned()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, bytes, json }
    }

    pub(crate) async fn call(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(body.to_string().into())
            }
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.operator, path).await
    }

    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Answer {
        self.call(key, Method::GET, path, None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&self.operator, path, body).await
    }

    pub(crate) async fn post_as(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.call(key, Method::POST, path, Some(body), &[]).await
    }

    /// A file as the body.
    pub(crate) async fn upload(&self, key: &str, path: &str, kind: &str, text: &str) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(text.to_owned()));
        self.send(request.unwrap()).await
    }

    pub(crate) async fn patch_as(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.call(key, Method::PATCH, path, Some(body), &[]).await
    }

    /// The click id of a click on an offer by an affiliate, an hour ago.
    pub(crate) async fn click(&self, offer: i64, affiliate: i64, record: u64) -> String {
        let claims = ClickClaims {
            at: NOW.plus(-hopline_types::HOUR_MS),
            offer: OfferId::new(offer).unwrap(),
            affiliate: AffiliateId::new(affiliate).unwrap(),
            link: None,
            unique: UniqueNumber::new(0, 0, record).unwrap(),
            verdict: Verdict::UNIQUE,
        };
        let ring: Result<_, StoreError> = self.services.database.read(click_keys::ring).await;
        ring.unwrap().unwrap().sign(&claims).unwrap().as_str().to_owned()
    }

    /// Does what the worker does: decides all that waits, and again what something came too late for.
    pub(crate) async fn work(&self) {
        let now = self.clock.now();
        let decided = self.services.database.write(move |tx| {
            let keys = click_keys::ring(tx)?.unwrap();
            for waiting in conversions::waiting(tx, None, 1_000, &conversions::all_partitions())? {
                match hopline_books::decide(tx, waiting.id, &Context { keys: &keys, click: None, now }) {
                    Ok(_) | Err(hopline_books::BookError::Waits { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
            loop {
                let due = reconsiderations::due(tx, now, 100, &conversions::all_partitions())?;
                let mut ids: Vec<_> = due.iter().map(|due| due.asked.conversion).collect();
                ids.dedup();
                if ids.is_empty() {
                    return Ok::<_, hopline_books::BookError>(());
                }
                let asked = |id| ToReconsider { conversion: id, click: None, touches: &[] };
                let asked: Vec<_> = ids.into_iter().map(asked).collect();
                for answer in hopline_books::decide_again(tx, &asked, &keys, now)? {
                    answer?;
                }
            }
        });
        decided.await.unwrap();
    }

    /// A sale of 49.90 EUR on offer 1 by affiliate 1, decided.
    pub(crate) async fn sale(&self, order: &str, record: u64) -> Value {
        let click = self.click(1, 1, record).await;
        let body = json!({"click_id": click, "event": "sale", "order_id": order, "amount": "49.90", "currency": "EUR"});
        let made = self.post("/v1/conversions", &body).await.expect(201);
        self.work().await;
        made
    }
}

pub(crate) fn offer(advertiser: i64) -> Value {
    json!({
        "advertiser_id": advertiser, "name": "Shoes", "currency": "EUR",
        "landing_page": "https://shop.example/shoes?c={click_id}&s={sub1}",
        "fallback_url": "https://shop.example/", "deep_link_hosts": ["shop.example"],
        "postback_auth": "token", "attribution": {"model": "last_click", "window_days": 30},
        "approval": "automatic", "hold_days": 0,
        "goals": [
            {"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}},
            {"key": "lead", "kind": "ppl", "revenue": {"fixed": "3.00"}, "payout": {"fixed": "2.00"}},
            {"key": "click", "kind": "ppc", "revenue": {"fixed": "0.06"}, "payout": {"fixed": "0.05"}},
            {"key": "install", "kind": "ppi", "revenue": {"fixed": "1.50"}, "payout": {"fixed": "1.00"}},
        ],
    })
}

pub(crate) fn affiliate(name: &str, email: &str) -> Value {
    json!({
        "name": name, "email": email, "status": "active",
        "payout_method": {"type": "sepa", "holder": "Blog GmbH", "iban": "DE89370400440532013000"},
    })
}

pub(crate) fn landing_page(offer: i64, name: &str) -> Value {
    json!({"offer_id": offer, "name": name, "url": format!("https://shop.example/{name}?c={{click_id}}")})
}
