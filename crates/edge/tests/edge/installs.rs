//! Reports of installs: Apple's postbacks, Play's referrer, mobile measurement.

use hopline_catalogue::data::{GoalEntry, Standing};
use hopline_record::RequestedStatus;
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{ConversionSource, GoalId, GoalKind};

use crate::support::*;

/// A postback that Apple has published with its documentation.
const POSTBACK: &str = r#"{"version":"4.0","ad-network-id":"com.example","source-identifier":"5239","app-id":525463029,
"transaction-id":"6aafb7a5-0170-41b5-bbe4-fe71dedf1e30","redownload":false,"source-domain":"example.com","fidelity-type":1,
"did-win":true,"conversion-value":63,"postback-sequence-index":0,
"attribution-signature":"MEUCIGRmSMrqedNu6uaHyhVcifs118R5z/AB6cvRaKrRRHWRAiEAv96ne3dKQ5kJpbsfk4eYiePmrZUU6sQmo+7zfP/1Bxo="}"#;
/// Another, signed with one of Apple's development keys.
const TEST_POSTBACK: &str = r#"{"jws-string":"eyJraWQiOiJhcHBsZS1kZXZlbG9wbWVudC1pZGVudGlmaWVyXC8xIiwiYWxnIjoiRVMyNTYifQ.eyJwb3N0YmFjay1pZGVudGlmaWVyIjoiODU1NDZFQjctRkQzOS00NEJDLTg5OTAtQzk4QTRBQzM2QTQ5IiwicHVibGlzaGVyLWl0ZW0taWRlbnRpZmllciI6MCwibWFya2V0cGxhY2UtaWRlbnRpZmllciI6ImNvbS5hcHBsZS5BcHBTdG9yZSIsImltcHJlc3Npb24tdHlwZSI6ImFwcC1pbXByZXNzaW9uIiwiYWQtbmV0d29yay1pZGVudGlmaWVyIjoiZGV2ZWxvcG1lbnQuYWRhdHRyaWJ1dGlvbmtpdCIsImRpZC13aW4iOnRydWUsInBvc3RiYWNrLXNlcXVlbmNlLWluZGV4IjowLCJjb252ZXJzaW9uLXR5cGUiOiJyZS1lbmdhZ2VtZW50Iiwic291cmNlLWlkZW50aWZpZXIiOiIxMjM0IiwiYWR2ZXJ0aXNlZC1pdGVtLWlkZW50aWZpZXIiOjEwNzM4MDI3NzU2fQ.bAdNwKd6OfHK9tofvjjua4X_JPcFTxXPQSspD9gZkinw97pY7R1aI-LSjl-oxZZF3_K2H5JK5TSEBee4_1U4oQ"}"#;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

fn with_installs(flags: &[(&str, &str)]) -> Edge {
    let edge = Edge::with(flags, |_| ());
    edge.swap(|data| {
        let id = GoalId::new(4).unwrap();
        data.offers[0].goals.push(GoalEntry { id, key: "install".into(), kind: GoalKind::Ppi });
    });
    edge
}

fn click(edge: &Edge) -> String {
    edge.visit("/abc1234").parameter("c").to_owned()
}

// A-20, A-22
#[test]
fn a_22_a_postback_that_apple_signed_is_answered_once_it_is_recorded() {
    let edge = with_installs(&[]);
    for path in ["/.well-known/skadnetwork/report-attribution/", "/installs/skadnetwork"] {
        let answer = edge.client().send("POST", path, JSON, POSTBACK);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    }
    let stopped = edge.stop();
    let events = stopped.conversions();
    assert_eq!(events.len(), 1, "the second is the first, sent again");
    assert_eq!(events[0].source, ConversionSource::Skadnetwork);
    assert_eq!(events[0].report(), POSTBACK, "it is kept as it was signed");
    assert_eq!(stopped.count(EdgeOutcome::Accepted), 2);
}

// A-20
#[test]
fn a_20_what_apple_has_not_signed_is_refused_and_not_recorded() {
    let edge = with_installs(&[]);
    let post = |body: &str| edge.client().send("POST", "/installs/skadnetwork", JSON, body);
    let forged = post(&POSTBACK.replace("525463029", "525463030"));
    assert_eq!((forged.status, forged.error_fields()), (403, vec!["signature".to_owned()]));
    let old = post(&POSTBACK.replace("\"4.0\"", "\"2.0\""));
    assert_eq!((old.status, old.error_fields()), (422, vec!["version".to_owned()]));
    assert_eq!(post("no json").status, 400);
    assert_eq!(post(&format!("{POSTBACK}{}", " ".repeat(4096))).status, 413);
    assert_eq!(edge.get("/installs/skadnetwork", &[]).header("allow"), Some("POST"));
    let stopped = edge.stop();
    assert!(stopped.conversions().is_empty());
}

// A-21
#[test]
fn a_21_development_postbacks_are_taken_only_where_the_operator_says_so() {
    let path = "/.well-known/appattribution/report-attribution/";
    let edge = with_installs(&[]);
    let refused = edge.client().send("POST", path, JSON, TEST_POSTBACK);
    assert_eq!((refused.status, refused.error_fields()), (403, vec!["kid".to_owned()]));
    let tested = with_installs(&[("edge.apple_development_postbacks", "true")]);
    assert_eq!(tested.client().send("POST", path, JSON, TEST_POSTBACK).status, 200);
    let stopped = tested.stop();
    assert_eq!(stopped.conversions()[0].source, ConversionSource::Adattributionkit);
}

// A-23
#[test]
fn a_23_an_app_hands_over_what_play_told_it() {
    let edge = with_installs(&[]);
    let id = click(&edge);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!(
        "install_referrer=utm_source%3Dblog%26hl_click%3D{id}&referrer_click_timestamp_server_seconds=1790000000\
         &install_begin_timestamp_server_seconds=1790000009&install_version=1.2&something=else"
    );
    let taken = edge.client().send("POST", "/installs/play", &form, &body);
    assert_eq!(taken.status, 202, "{taken:?}");
    let again = edge.get(&format!("/installs/play?{body}"), &[]);
    assert_eq!(again.json()["duplicate"], true);
    let proved =
        edge.get(&format!("/installs/play?install_referrer=hl_click%3D{}&token={TOKEN}", click(&edge)), &[]);
    assert_eq!(proved.status, 202);
    let stopped = edge.stop();
    let mut events = stopped.conversions();
    events.sort_by_key(|event| event.requested_status.code());
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[0].requested_status,
        RequestedStatus::Unstated,
        "the advertiser's server proves itself"
    );
    let event = events[1];
    assert_eq!((event.source, event.click_id.as_str()), (ConversionSource::Play, id.as_str()));
    assert_eq!((event.requested_status, event.advertiser, event.offer), (RequestedStatus::Pending, 1, 1));
    let kept: serde_json::Value = serde_json::from_str(&event.report()).unwrap();
    assert_eq!(kept["install_begin_timestamp_server_seconds"], "1790000009");
    assert_eq!(kept.get("something"), None);
}

// A-23
#[test]
fn a_23_a_hand_over_without_our_signed_click_id_is_refused() {
    let edge = with_installs(&[]);
    let get = |query: &str| edge.get(&format!("/installs/play?{query}"), &[]);
    let referrer = vec!["install_referrer".to_owned()];
    for query in ["", "install_referrer=utm_source%3Dgoogle-play", "install_referrer=hl_click%3DAAAA"] {
        let refused = get(query);
        assert_eq!((refused.status, refused.error_fields()), (422, referrer.clone()), "{query}");
    }
    let id = click(&edge);
    let wrong = get(&format!("install_referrer=hl_click%3D{id}&token=wrong"));
    assert_eq!((wrong.status, wrong.error_fields()), (403, vec!["token".to_owned()]));
    edge.swap(|_| ());
    let unpaid = get(&format!("install_referrer=hl_click%3D{id}"));
    assert_eq!((unpaid.status, unpaid.error_fields()), (422, referrer), "the offer has no install any more");
}

#[test]
fn a_measurement_company_proves_itself_by_the_advertisers_token() {
    let edge = with_installs(&[]);
    let path = format!("/installs/measurement?token={TOKEN}");
    let query = edge.get(&format!("{path}&clickid=T&event_name=install&empty="), &[]);
    assert_eq!(query.status, 200, "{query:?}");
    let again = edge.get(&format!("{path}&clickid=T&event_name=install"), &[]);
    assert_eq!(again.json()["duplicate"], true);
    let long = "x".repeat(1025);
    let message =
        format!(r#"{{"name":"INSTALL","data":{{"click_id":"T","n":1}},"agent":"{long}","none":null}}"#);
    assert_eq!(edge.client().send("POST", &path, JSON, &message).status, 200);
    for (token, status) in [("", 401), ("&token=wrong", 403)] {
        assert_eq!(edge.get(&format!("/installs/measurement?a=b{token}"), &[]).status, status);
    }
    assert_eq!(edge.client().send("POST", &path, JSON, "{").status, 400);
    edge.swap(|data| data.advertisers[0].standing = Standing::Blocked);
    assert_eq!(edge.get(&format!("{path}&clickid=T2"), &[]).status, 403);
    let stopped = edge.stop();
    let mut reports: Vec<String> = stopped.conversions().iter().map(|event| event.report()).collect();
    reports.sort();
    assert_eq!(
        reports,
        [
            r#"{"clickid":"T","event_name":"install"}"#,
            r#"{"data.click_id":"T","data.n":"1","name":"INSTALL"}"#,
        ]
    );
    assert!(stopped.conversions().iter().all(|event| event.advertiser == 1));
}
