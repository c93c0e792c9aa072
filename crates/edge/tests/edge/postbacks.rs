//! Conversions by postback and pixel.

use hmac::{Hmac, KeyInit, Mac};
use hopline_record::RequestedStatus;
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{ConversionSource, UnixMillis};
use sha2::Sha256;

use crate::support::*;

fn click(edge: &Edge, code: &str) -> String {
    let answer = edge.visit(&format!("/{code}"));
    let name = if answer.location().contains("hl_click=") { "hl_click" } else { "c" };
    answer.parameter(name).to_owned()
}

#[test]
fn a_postback_is_accepted_once_recorded_and_a_repeat_names_the_first_event() {
    let edge = Edge::start();
    let id = click(&edge, "abc1234");
    let path = format!(
        "/postback?click_id={id}&event=sale&order_id=A-1&amount=49.9&currency=EUR&token={TOKEN}&coupon=TEN&customer_id=c1\
         &status=approved&items=%5B%7B%22sku%22%3A1%7D%5D&adv1=x&adv10=y&ts=1789999000"
    );
    let first = edge.get(&path, &[]);
    assert_eq!(first.status, 202, "{first:?}");
    let event_id = first.json()["event_id"].as_str().unwrap().to_owned();
    assert_eq!(first.json(), serde_json::json!({"accepted": true, "event_id": event_id}));
    let again = edge.get(&path, &[]);
    assert_eq!(again.json(), serde_json::json!({"accepted": true, "event_id": event_id, "duplicate": true}));
    let other_goal = edge.get(&path.replace("event=sale", "event=lead"), &[]);
    assert_eq!(other_goal.json().get("duplicate"), None, "another goal is another event");
    let stopped = edge.stop();
    let events = stopped.conversions();
    assert_eq!(events.len(), 2);
    let event = events.into_iter().find(|event| event.event == "sale").unwrap();
    assert_eq!(
        (event.source, event.requested_status),
        (ConversionSource::Postback, RequestedStatus::Approved)
    );
    assert_eq!((event.advertiser, event.offer, event.click_id.as_str()), (1, 1, id.as_str()));
    assert_eq!((event.received_at, event.at), (NOW, UnixMillis(1_789_999_000_000)));
    assert_eq!(
        (event.order_id.as_str(), event.amount.as_str(), event.currency.as_str()),
        ("A-1", "49.90", "EUR")
    );
    assert_eq!(
        (event.coupon.as_str(), event.customer_id.as_str(), event.items.as_str()),
        ("TEN", "c1", "[{\"sku\":1}]")
    );
    assert_eq!((event.adv[0].as_str(), event.adv[9].as_str()), ("x", "y"));
    assert_eq!(stopped.count(EdgeOutcome::Accepted), 3);
}

#[test]
fn a_form_body_is_read_and_mixing_it_with_a_query_or_sending_too_much_is_refused() {
    let edge = Edge::start();
    let body = format!("click_id={}&order_id=B+1&amount=1.00&token={TOKEN}", click(&edge, "abc1234"));
    let post = |path: &str, kind: &str, body: &str| {
        edge.client().send("POST", path, &[("Content-Type", kind)], body)
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(post("/postback", form, &body).status, 202);
    assert_eq!(post("/postback?adv1=x", form, &body).status, 400);
    assert_eq!(post("/postback", "application/json", "{}").status, 415);
    assert_eq!(post("/postback", form, &"x".repeat(64 * 1024 + 1)).status, 413);
    let put = edge.client().send("PUT", "/postback", &[], "");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST")));
    let stopped = edge.stop();
    assert_eq!(stopped.conversions()[0].order_id, "B 1");
    assert_eq!(stopped.conversions()[0].currency, "EUR", "the offer's, where none is named");
}

// W-28
#[test]
fn w_28_a_postback_proves_itself_by_the_advertisers_token() {
    let edge = Edge::start();
    let path = format!("/postback?click_id={}&order_id=1", click(&edge, "abc1234"));
    let missing = edge.get(&path, &[]);
    assert_eq!((missing.status, missing.error_fields()), (401, vec!["token".to_owned()]));
    for wrong in ["other", "pt_secre", "pt_secret2"] {
        let refused = edge.get(&format!("{path}&token={wrong}"), &[]);
        assert_eq!((refused.status, refused.error_fields()), (403, vec!["token".to_owned()]), "{wrong}");
    }
    assert_eq!(edge.stop().conversions().len(), 0);
}

// W-27
#[test]
fn w_27_a_signed_postback_proves_itself_by_signature_and_time() {
    let edge = Edge::start();
    let id = click(&edge, "signed1");
    let sign = |query: &str| {
        let mut keyed: Hmac<Sha256> = Hmac::new_from_slice(b"signing key").unwrap();
        keyed.update(query.as_bytes());
        let tag: String = keyed.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("/postback?{query}&sig={tag}")
    };
    let query = |ts: i64| format!("click_id={id}&order_id=a%20b+%2b&amount=5&ts={ts}");
    let now = NOW.seconds();
    let good = sign(&query(now - 300));
    assert_eq!(edge.get(&good, &[]).status, 202);
    let status = |path: &str| edge.get(path, &[]).status;
    assert_eq!(status(&sign(&query(now - 301))), 403);
    assert_eq!(status(&sign(&query(now + 301))), 403);
    assert_eq!(status(&good.replace("amount=5", "amount=6")), 403);
    assert_eq!(status(&good.replace("%2b", "%2B")), 403, "the bytes as sent are signed");
    assert_eq!(status(&format!("{good}&adv1=x")), 403, "sig stands last");
    assert_eq!(status(good.get(..good.len() - 2).unwrap()), 403);
    assert_eq!(
        status(&format!("/postback?click_id={id}&order_id=2&token={TOKEN}")),
        401,
        "a token is not enough"
    );
    assert_eq!(status(&sign(&format!("click_id={id}&order_id=2"))), 403, "without ts it could be replayed");
    assert_eq!(edge.stop().conversions().len(), 1);
}

// C-14
#[test]
fn c_14_a_click_id_altered_anywhere_is_refused_with_its_reason() {
    let edge = Edge::start();
    let id = click(&edge, "abc1234");
    for place in 0..id.len() {
        let mut altered = id.clone().into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let answer = edge.get(&format!("/postback?click_id={altered}&order_id=1&token={TOKEN}"), &[]);
        assert_eq!(
            (answer.status, answer.error_fields()),
            (422, vec!["click_id".to_owned()]),
            "place {place}"
        );
    }
    let short =
        edge.get(&format!("/postback?click_id={}&order_id=1&token={TOKEN}", id.get(..59).unwrap()), &[]);
    assert!(short.json()["detail"].as_str().unwrap().ends_with("(length)"), "{short:?}");
    edge.clock.advance(-61_000);
    let early = edge.get(&format!("/postback?click_id={id}&order_id=1&token={TOKEN}"), &[]);
    assert!(early.json()["detail"].as_str().unwrap().ends_with("(from_the_future)"), "{early:?}");
    assert_eq!(edge.stop().conversions().len(), 0);
}

// L-17
#[test]
fn l_17_every_wrong_field_is_named_at_once_and_amounts_are_never_rounded() {
    let edge = Edge::start();
    let id = click(&edge, "abc1234");
    let all = edge.get(
        &format!("/postback?click_id={id}&event=nope&amount=49,90&status=maybe&items=%7B&ts=5&token={TOKEN}"),
        &[],
    );
    assert_eq!(all.status, 422);
    assert_eq!(all.error_fields(), ["event", "amount", "ts", "status", "items"]);
    let fields =
        |rest: &str| edge.get(&format!("/postback?click_id={id}&token={TOKEN}&{rest}"), &[]).error_fields();
    for amount in
        ["49,90", "1e3", "0.001", "-1.00", "+1", "%201", "1.", ".5", "99999999999999999999", "10000000000.01"]
    {
        assert_eq!(fields(&format!("order_id=1&amount={amount}")), ["amount"], "{amount}");
    }
    assert_eq!(fields("order_id=1&amount=1.5&currency=JPY"), ["currency", "amount"]);
    assert_eq!(fields("order_id=1&amount=1.50&currency=USD"), ["currency"], "the offer is in EUR");
    assert_eq!(fields("order_id=1"), ["amount"], "a sale has an amount");
    assert_eq!(fields("order_id=1&amount="), ["amount"]);
    assert_eq!(fields("order_id=1&amount=1&currency=EUX"), ["currency"]);
    assert_eq!(fields("amount=1"), ["order_id"]);
    assert_eq!(fields("event=click&order_id=1"), ["event"]);
    assert_eq!(fields(&format!("amount=1&order_id={}&adv3=%ff", "x".repeat(201))), ["order_id", "adv3"]);
    assert_eq!(edge.stop().conversions().len(), 0);
}

#[test]
fn without_a_click_id_the_token_says_who_reports() {
    let edge = Edge::start();
    let status = |rest: &str| edge.get(&format!("/postback?{rest}"), &[]).status;
    assert_eq!(status(&format!("token={TOKEN}&offer=1&event=sale&order_id=1&coupon=TEN&amount=5.00")), 202);
    assert_eq!(
        status(&format!("token={TOKEN}&event=sale&order_id=2&customer_id=c&amount=5.00&currency=EUR")),
        202
    );
    assert_eq!(status("offer=6&event=sale&order_id=3"), 401, "an open offer is open to its clicks only");
    assert_eq!(status("token=nobody&event=sale&order_id=3"), 403);
    assert_eq!(status("token=other&offer=1&event=sale&order_id=3"), 422, "another's offer");
    assert_eq!(status(&format!("token={TOKEN}&order_id=3&amount=1")), 422);
    assert_eq!(status(&format!("token={TOKEN}&offer=1&event=lead")), 422);
    let stopped = edge.stop();
    let mut offers: Vec<_> =
        stopped.conversions().iter().map(|event| (event.advertiser, event.offer)).collect();
    offers.sort_unstable();
    assert_eq!(offers, [(1, 0), (1, 1)]);
}

#[test]
fn a_lead_without_order_id_happens_once_per_click_and_an_open_offer_needs_no_token() {
    let edge = Edge::start();
    let id = click(&edge, "open123");
    let path = format!("/postback?click_id={id}&event=lead");
    assert_eq!(edge.get(&path, &[]).json().get("duplicate"), None);
    assert_eq!(edge.get(&path, &[]).json()["duplicate"], true);
    let stopped = edge.stop();
    assert_eq!(stopped.conversions().len(), 1);
    assert_eq!(stopped.conversions()[0].amount, "");
}

#[test]
fn a_pixel_is_an_image_whatever_comes_and_its_conversion_waits() {
    let edge = Edge::start();
    let id = click(&edge, "abc1234");
    let good = edge.get(&format!("/pixel.gif?click_id={id}&order_id=P-1&amount=1.00&status=approved"), &[]);
    assert_eq!(
        (good.status, good.header("content-type"), good.header("x-hopline-error")),
        (200, Some("image/gif"), None)
    );
    let bad = edge.get("/pixel.gif?click_id=nonsense&order_id=P-2", &[]);
    assert_eq!((bad.status, bad.header("content-type")), (200, Some("image/gif")));
    assert!(bad.header("x-hopline-error").unwrap().starts_with("click_id: "), "{bad:?}");
    let none = edge.get(&format!("/pixel.gif?token={TOKEN}&order_id=P-2&event=sale"), &[]);
    assert!(none.header("x-hopline-error").is_some(), "a secret in a browser is none");
    let stopped = edge.stop();
    assert_eq!(stopped.conversions().len(), 1);
    let event = stopped.conversions()[0];
    assert_eq!((event.source, event.requested_status), (ConversionSource::Pixel, RequestedStatus::Pending));
}
