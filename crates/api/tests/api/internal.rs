//! What edges by themselves ask.

use std::sync::Arc;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopline_api::{InternalServices, PublishedCatalogue};
use hopline_control_store::{DatabaseExt as _, StoreError, edge_keys};
use hopline_record::ConversionEvent;
use hopline_runtime::lifecycle::Shutdown;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::{Answer, NOW, World};

const CATALOGUE: &str = "/internal/v1/catalogue";
const EVENTS: &str = "/internal/v1/events";

struct Edges {
    world: World,
    key: String,
    key_id: String,
    publish: watch::Sender<PublishedCatalogue>,
    shutdown: Shutdown,
}

impl Edges {
    async fn new() -> Self {
        let mut world = World::furnished().await;
        let publish = watch::Sender::new(PublishedCatalogue { version: 7, bytes: "seven".into() });
        let shutdown = Shutdown::new();
        let internal = hopline_api::internal_router(InternalServices {
            database: Arc::clone(&world.services.database),
            clock: world.services.clock.clone(),
            catalogue: publish.subscribe(),
            wake_worker: Arc::clone(&world.services.wake_worker),
            shutdown: shutdown.clone(),
        });
        world.router = world.router.merge(internal);
        let mut random =
            |bytes: &mut [u8]| bytes.copy_from_slice(&[5, 77, 131, 9].repeat(bytes.len())[..bytes.len()]);
        let made: Result<_, StoreError> = world
            .services
            .database
            .write(move |tx| edge_keys::create(tx, "frankfurt", &mut random, NOW))
            .await;
        let (key, text) = made.unwrap();
        Self { world, key: text.as_str().to_owned(), key_id: key.public_id, publish, shutdown }
    }

    async fn catalogue(&self, headers: &[(&str, &str)]) -> Answer {
        self.world.call(&self.key, Method::GET, CATALOGUE, None, headers).await
    }

    async fn hand_in(&self, events: Value) -> Value {
        self.world.post_as(&self.key, EVENTS, &json!({ "events": events })).await.expect(200)
    }

    /// A sale on the click, as an edge spools it.
    fn sale(&self, id: &str, order: &str, click_id: &str) -> Value {
        let event = ConversionEvent {
            source: hopline_types::ConversionSource::Postback,
            requested_status: hopline_record::RequestedStatus::Unstated,
            advertiser: 1,
            offer: 1,
            received_at: NOW,
            at: NOW,
            click_id: click_id.into(),
            event: "sale".into(),
            order_id: order.into(),
            amount: "49.90".into(),
            currency: "EUR".into(),
            coupon: String::new(),
            customer_id: String::new(),
            items: String::new(),
            adv: Default::default(),
        };
        let mut record = Vec::new();
        event.encode(&mut record);
        json!({"id": id, "record": STANDARD.encode(record)})
    }
}

#[tokio::test]
async fn an_edge_is_given_the_catalogue_in_force_and_then_the_next_one() {
    let edges = Edges::new().await;
    let first = edges.catalogue(&[]).await;
    assert_eq!((first.status.as_u16(), first.bytes.as_slice()), (200, b"seven".as_slice()));
    let tag = first.header("etag").to_owned();
    assert_eq!(tag, "\"v7\"");
    assert_eq!(edges.catalogue(&[("if-none-match", "\"v6\"")]).await.bytes, b"seven");

    // It waits for the next one, and is answered when that is there.
    let known = [("if-none-match", tag.as_str())];
    let publish = async {
        tokio::task::yield_now().await;
        edges.publish.send_replace(PublishedCatalogue { version: 8, bytes: "eight".into() });
    };
    let (next, ()) = tokio::join!(edges.catalogue(&known), publish);
    assert_eq!((next.bytes.as_slice(), next.header("etag")), (b"eight".as_slice(), "\"v8\""));

    // An API that ends lets nobody wait.
    edges.shutdown.begin();
    let none = edges.catalogue(&[("if-none-match", "\"v8\"")]).await;
    assert_eq!((none.status.as_u16(), none.bytes.len()), (304, 0));
}

// S-03, S-10
#[tokio::test]
async fn the_key_of_an_edge_opens_the_internal_paths_and_nothing_else() {
    let edges = Edges::new().await;
    let world = &edges.world;
    for key in ["", &world.operator, "hl_ed_mistyped"] {
        world.call(key, Method::GET, CATALOGUE, None, &[]).await.problem(401);
        world.post_as(key, EVENTS, &json!({"events": []})).await.problem(401);
    }
    for path in ["/v1/offers", "/v1/conversions", "/v1/keys"] {
        world.get_as(&edges.key, path).await.problem(401);
    }
    let document = world.get("/v1/openapi.json").await.expect(200);
    assert!(!document.to_string().contains("/internal/"), "it is nobody else's business");

    let id = edges.key_id.clone();
    let gone: Result<_, StoreError> =
        world.services.database.write(move |tx| edge_keys::revoke(tx, &id, NOW)).await;
    assert!(gone.unwrap().is_some());
    edges.catalogue(&[]).await.problem(401);
}

// D-10
#[tokio::test]
async fn events_are_taken_once_and_those_that_cannot_be_are_named() {
    let edges = Edges::new().await;
    let click = edges.world.click(1, 1, 44).await;
    let good = edges.sale("3-0-1", "A-1", &click);
    let unknown = edges.sale("3-0-2", "A-2", "no click id");
    let broken = json!({"id": "3-0-3", "record": "AAAA"});
    let foreign = json!({"id": "drop table", "record": ""});
    for round in 0..2 {
        let told = edges.hand_in(json!([good, unknown, broken, foreign])).await;
        let names = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&told["unreadable"]), ["3-0-3", "drop table"], "{told}");
        let taken = told["taken"].as_u64().unwrap() + u64::try_from(names(&told["refused"]).len()).unwrap();
        assert_eq!(taken, 2, "round {round}: {told}");
    }
    let list = edges.world.get("/v1/conversions?order_id=A-1").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    edges.world.post_as(&edges.key, EVENTS, &json!({"events": "none"})).await.problem(400);
}

#[tokio::test]
async fn two_edges_with_one_number_find_each_others_mark() {
    let edges = Edges::new().await;
    let ask = async |mark: &str| {
        let answer = edges.catalogue(&[("hopline-edge", "3"), ("hopline-edge-instance", mark)]).await;
        answer.header("hopline-edge-was").to_owned()
    };
    assert_eq!(ask("one").await, "");
    assert_eq!(ask("one").await, "one");
    assert_eq!(ask("other").await, "one");
    assert_eq!(ask("one").await, "other");
    edges.catalogue(&[("hopline-edge", "many"), ("hopline-edge-instance", "x")]).await.problem(400);
}
