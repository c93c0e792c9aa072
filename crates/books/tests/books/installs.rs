//! Reports of installs become conversions, or say why not.

use std::collections::BTreeMap;

use hopline_books::{Intake, intake_events, judge_install, judge_waiting_installs};
use hopline_catalogue::data::Standing;
use hopline_clickid::{ClickClaims, KeyRing, UniqueNumber};
use hopline_control_store::affiliates::{self, AffiliateChange};
use hopline_control_store::installs::mappings::{self, NewInstallMapping};
use hopline_control_store::installs::reports::{self, Install, InstallFilter};
use hopline_control_store::installs::sources::{self, NewInstallSource};
use hopline_control_store::{Scope, click_keys};
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{
    AffiliateId, CommissionStatus, ConversionSource, InstallState, OfferId, UnixMillis, Verdict,
};
use serde_json::{Value, json};

use crate::world::{DAY, NOW, Rules, World};

const APP: &str = "525463029";

/// Postbacks that Apple has published with its documentation: signed with the key of production.
fn published(number: usize) -> String {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../installs/tests/vectors/apple_postbacks.json")).unwrap();
    vectors["cases"][number]["postback"].to_string()
}

fn postback(number: usize) -> ConversionEvent {
    ConversionEvent::of_report(ConversionSource::Skadnetwork, &published(number), NOW).unwrap()
}

fn take(world: &World, event_id: &str, event: &ConversionEvent) -> Intake {
    let events = [(event_id.to_owned(), event.clone())];
    let take = move |tx: &mut dyn hopline_control_store::Tx| intake_events(tx, &events, NOW);
    world.write(take).unwrap().remove(0)
}

fn kept(world: &World) -> Vec<Install> {
    let list = |tx: &mut dyn hopline_control_store::Tx| {
        Ok(reports::list(tx, Scope::All, &InstallFilter::default(), 99)?)
    };
    let mut kept = world.write(list).unwrap();
    kept.reverse();
    kept
}

fn fate(install: &Install) -> (InstallState, Option<&str>) {
    (install.fate.state, install.fate.reason.as_deref())
}

/// Who is paid for a campaign's installs.
fn source(
    world: &World,
    network: &str,
    identifier: Option<&str>,
    affiliate: AffiliateId,
) -> NewInstallSource {
    let offer = world.offer;
    let find = move |tx: &mut dyn hopline_control_store::Tx| {
        Ok(hopline_control_store::offers::get(tx, Scope::All, offer)?.unwrap())
    };
    let offer = world.write(find).unwrap();
    NewInstallSource {
        ad_network: network.to_owned(),
        app: APP.to_owned(),
        source_identifier: identifier.map(str::to_owned),
        campaign_id: None,
        offer_id: offer.id,
        goal_id: offer.goals.iter().find(|goal| goal.key == "install").unwrap().id,
        affiliate_id: affiliate,
        redownloads: false,
    }
}

fn enter(world: &World, new: NewInstallSource) {
    world.write(move |tx| Ok(sources::create(tx, &new, NOW).map(drop)?)).unwrap();
}

// L-04
#[test]
fn a_22_a_won_install_is_paid_to_the_affiliate_of_its_source_identifier_once() {
    let world = World::new(Rules::PAID_AT_ONCE);
    enter(&world, source(&world, "com.example", Some("5239"), world.blog));
    let Intake::Taken { conversion } = take(&world, "1-0-1", &postback(0)) else { panic!("not taken") };
    let decided = world.decide(conversion);
    assert_eq!((decided.affiliate, decided.status), (Some(world.blog), CommissionStatus::Payable));
    assert_eq!(world.shown(world.blog)[2], "1.00");
    for (event, report) in [("1-0-1", 0), ("1-0-2", 0)] {
        let again = take(&world, event, &postback(report));
        assert_eq!(again, Intake::Taken { conversion }, "{event}");
    }
    assert_eq!(kept(&world).len(), 1);

    let explain =
        move |tx: &mut dyn hopline_control_store::Tx| hopline_books::explain(tx, Scope::All, conversion);
    let told = world.write(explain).unwrap();
    let decision = &told["decision"];
    assert_eq!(
        decision["reason"],
        format!(
            "named by source identifier: SKAdNetwork reported source identifier 5239 of app {APP} at com.example, \
             which stands for affiliate {}; no click took part",
            world.blog
        )
    );
    assert_eq!(
        (&decision["rule"], &decision["touches"][0]["kind"]),
        (&json!("named_by_source"), &json!("install_report"))
    );
    assert_eq!(decision["touches"][0]["install_id"], 1);
    let stored = world.conversion(conversion);
    assert_eq!((stored.clicked_at, stored.source), (None, ConversionSource::Skadnetwork));
    world.audit();
}

//
#[test]
fn a_22_an_install_that_another_network_has_won_earns_nothing_and_is_kept() {
    let world = World::new(Rules::PAID_AT_ONCE);
    enter(&world, source(&world, "example123.skadnetwork", None, world.blog));
    let Intake::Kept { .. } = take(&world, "1", &postback(3)) else { panic!("a lost install counts") };
    let Intake::Kept { .. } = take(&world, "2", &postback(2)) else { panic!("a redownload counts") };
    let kept = kept(&world);
    assert_eq!(fate(&kept[0]), (InstallState::Kept, Some("lost")));
    assert_eq!(fate(&kept[1]), (InstallState::Kept, Some("redownload")));
    assert!(
        kept.iter().all(|install| install.fate.affiliate == Some(world.blog)),
        "it is shown to whom it concerns"
    );
    let details: Value = serde_json::from_str(&kept[1].fate.details).unwrap();
    assert_eq!(details["unsigned"]["conversion_value"], 20);
    assert_eq!(world.booked(), 0);
}

#[test]
fn a_source_may_pay_for_those_who_had_the_app_before() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let campaign = NewInstallSource {
        campaign_id: Some(42),
        redownloads: true,
        ..source(&world, "example123.skadnetwork", None, world.shop)
    };
    enter(&world, campaign);
    enter(&world, source(&world, "example123.skadnetwork", None, world.blog));
    let Intake::Taken { conversion } = take(&world, "1", &postback(2)) else { panic!("not taken") };
    assert_eq!(world.decide(conversion).affiliate, Some(world.shop), "the campaign comes before the rest");
}

#[test]
fn a_report_waits_for_its_source_and_counts_when_it_is_entered() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let Intake::Kept { install } = take(&world, "1", &postback(0)) else { panic!("nobody is entered") };
    assert_eq!(fate(&kept(&world)[0]), (InstallState::Waiting, Some("no_source")));
    let again = world.write(move |tx| judge_install(tx, install, NOW)).unwrap();
    assert_eq!(again.fate.state, InstallState::Waiting);
    enter(&world, source(&world, "com.example", Some("5239"), world.blog));
    let judge = |tx: &mut dyn hopline_control_store::Tx| {
        judge_waiting_installs(tx, "com.example", APP, NOW.plus(DAY))
    };
    assert_eq!(world.write(judge).unwrap(), 1);
    assert_eq!(world.write(judge).unwrap(), 0);
    let counted = kept(&world).remove(0);
    assert_eq!(fate(&counted), (InstallState::Counted, None));
    let conversion = counted.fate.conversion.unwrap();
    assert_eq!(world.conversion(conversion).converted_at, NOW, "when it was told, not when it was entered");
    assert_eq!(world.decide(conversion).affiliate, Some(world.blog));
    let refused = world.write(move |tx| judge_install(tx, install, NOW)).unwrap_err();
    assert!(refused.to_string().contains("conversion 1"), "{refused}");
}

#[test]
fn two_digits_count_where_all_that_end_with_them_are_one_affiliates() {
    let world = World::new(Rules::PAID_AT_ONCE);
    enter(&world, source(&world, "com.example", Some("5239"), world.blog));
    enter(&world, source(&world, "com.example", Some("1139"), world.shop));
    enter(&world, source(&world, "com.example", None, world.shop));
    let Intake::Kept { .. } = take(&world, "1", &postback(1)) else { panic!("it may be anybody's") };
    let ambiguous = kept(&world).remove(0);
    assert_eq!(fate(&ambiguous), (InstallState::Waiting, Some("ambiguous_source")));
    assert!(ambiguous.fate.remark.unwrap().contains("5239, 1139"));

    let world = World::new(Rules::PAID_AT_ONCE);
    enter(&world, source(&world, "com.example", Some("5239"), world.blog));
    enter(&world, source(&world, "com.example", Some("1139"), world.blog));
    let Intake::Taken { conversion } = take(&world, "1", &postback(1)) else { panic!("not taken") };
    assert_eq!(world.decide(conversion).affiliate, Some(world.blog));
}

#[test]
fn an_affiliate_that_takes_no_part_is_not_paid_for_installs_either() {
    let world = World::new(Rules::PAID_AT_ONCE);
    enter(&world, source(&world, "com.example", None, world.blog));
    let blog = world.blog;
    let block = move |tx: &mut dyn hopline_control_store::Tx| {
        let change = AffiliateChange { standing: Some(Standing::Blocked), ..AffiliateChange::default() };
        Ok(affiliates::update(tx, Scope::All, blog, &change, "key:entry", NOW).map(drop)?)
    };
    world.write(block).unwrap();
    let Intake::Taken { conversion } = take(&world, "1", &postback(0)) else { panic!("not taken") };
    let decided = world.decide(conversion);
    assert_eq!(
        (decided.status, decided.reason.as_deref()),
        (CommissionStatus::Rejected, Some("affiliate_not_active"))
    );
}

//
#[test]
fn a_21_a_postback_of_a_development_key_is_a_test() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let vectors: Value =
        serde_json::from_str(include_str!("../../../installs/tests/vectors/apple_postbacks.json")).unwrap();
    let body = json!({"jws-string": vectors["aak"][0]["jws"]}).to_string();
    let event = ConversionEvent::of_report(ConversionSource::Adattributionkit, &body, NOW).unwrap();
    let Intake::Kept { .. } = take(&world, "1", &event) else { panic!("a test counts") };
    assert_eq!(fate(&kept(&world)[0]), (InstallState::Kept, Some("test")));
}

#[test]
fn a_record_that_does_not_verify_is_refused_and_kept() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let forged = published(0).replace("525463029", "525463030");
    let event = ConversionEvent::of_report(ConversionSource::Skadnetwork, &forged, NOW).unwrap();
    let Intake::Kept { .. } = take(&world, "1", &event) else { panic!("a forged postback counts") };
    assert_eq!(fate(&kept(&world)[0]), (InstallState::Refused, Some("bad_signature")));
}

/// A click id signed with the installation's own keys.
fn click(world: &World, number: u64, affiliate: AffiliateId, at: UnixMillis) -> String {
    let keys: KeyRing = world.write(|tx| Ok(click_keys::ring(tx)?.unwrap())).unwrap();
    let unique = UniqueNumber::new(0, 0, number).unwrap();
    let claims =
        ClickClaims { at, offer: world.offer, affiliate, link: None, unique, verdict: Verdict::UNIQUE };
    keys.sign(&claims).unwrap().as_str().to_owned()
}

fn play(world: &World, click_id: &str, clicked: UnixMillis, began: UnixMillis) -> ConversionEvent {
    let report = json!({
        "install_referrer": format!("hl_click={click_id}"),
        "referrer_click_timestamp_server_seconds": clicked.seconds().to_string(),
        "install_begin_timestamp_server_seconds": began.seconds().to_string(),
    });
    let mut event = ConversionEvent::of_report(ConversionSource::Play, &report.to_string(), NOW).unwrap();
    event.requested_status = RequestedStatus::Pending;
    event.advertiser = u32::try_from(world.advertiser.get()).unwrap();
    event.offer = u32::try_from(world.offer.get()).unwrap();
    event.click_id = click_id.to_owned();
    event
}

fn decide(world: &World, conversion: hopline_types::ConversionId) -> hopline_books::Decided {
    let decide = move |tx: &mut dyn hopline_control_store::Tx| {
        let keys = click_keys::ring(tx)?.unwrap();
        hopline_books::decide(tx, conversion, &hopline_books::Context { keys: &keys, click: None, now: NOW })
    };
    world.write(decide).unwrap()
}

//
#[test]
fn a_23_plays_referrer_brings_the_install_to_the_click() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let clicked = NOW.plus(-3_600_000);
    let id = click(&world, 7, world.blog, clicked);
    let began = clicked.plus(90_000);
    let Intake::Taken { conversion } = take(&world, "1", &play(&world, &id, clicked, began)) else {
        panic!("not taken")
    };
    assert_eq!(decide(&world, conversion).affiliate, Some(world.blog));
    let stored = world.conversion(conversion);
    assert_eq!((stored.converted_at, stored.clicked_at), (began, Some(clicked)));
    assert_eq!(stored.status, Some(CommissionStatus::Pending), "an app proves nothing but its click");
    let again = play(&world, &id, clicked, began.plus(1_000));
    assert_eq!(take(&world, "2", &again), Intake::Taken { conversion }, "one click brings one install");
}

// A-23, C-15
#[test]
fn c_15_an_install_that_began_before_its_click_is_refused_and_kept() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let clicked = NOW.plus(-3_600_000);
    let id = click(&world, 7, world.blog, clicked);
    let Intake::Kept { .. } = take(&world, "1", &play(&world, &id, clicked, clicked.plus(-5_000))) else {
        panic!("it counts")
    };
    let other = click(&world, 8, world.blog, clicked);
    let Intake::Kept { .. } = take(&world, "2", &play(&world, &other, clicked.plus(DAY / 2), NOW)) else {
        panic!("it counts")
    };
    let kept = kept(&world);
    assert_eq!(fate(&kept[0]), (InstallState::Refused, Some("install_before_click")));
    assert_eq!(fate(&kept[1]), (InstallState::Refused, Some("another_click")));
    assert!(kept.iter().all(|install| install.fate.affiliate == Some(world.blog)));
}

fn measured(world: &World, fields: Value) -> ConversionEvent {
    let report = fields.to_string();
    let mut event = ConversionEvent::of_report(ConversionSource::Measurement, &report, NOW).unwrap();
    event.advertiser = u32::try_from(world.advertiser.get()).unwrap();
    event
}

#[test]
fn a_measurement_companys_postback_is_read_by_the_advertisers_mapping() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let mapping = NewInstallMapping {
        advertiser_id: world.advertiser,
        provider: "appsflyer".to_owned(),
        names: BTreeMap::from([("click_id".to_owned(), vec!["af_sub5".to_owned()])]),
        events: BTreeMap::from([("af_purchase".to_owned(), "sale".to_owned())]),
    };
    world.write(move |tx| Ok(mappings::create(tx, &mapping, NOW).map(drop)?)).unwrap();
    let clicked = NOW.plus(-DAY);
    let id = click(&world, 7, world.blog, clicked);
    let install = json!({"af_sub5": id, "event_name": "install", "appsflyer_id": "d-1", "install_time": "2026-03-01 09:00:00"});
    let Intake::Taken { conversion } = take(&world, "1", &measured(&world, install.clone())) else {
        panic!("not taken")
    };
    assert_eq!(decide(&world, conversion).affiliate, Some(world.blog));
    assert_eq!(world.conversion(conversion).converted_at, NOW.plus(-3_600_000));
    assert_eq!(take(&world, "2", &measured(&world, install)), Intake::Taken { conversion });

    let purchase = |time: &str| {
        json!({"af_sub5": id, "event_name": "af_purchase", "appsflyer_id": "d-1", "event_time": time,
               "event_revenue": "20.00", "event_revenue_currency": "eur"})
    };
    for (event, time) in [("3", "2026-03-01 09:10:00"), ("4", "2026-03-01 09:20:00")] {
        let Intake::Taken { conversion } = take(&world, event, &measured(&world, purchase(time))) else {
            panic!("not taken")
        };
        assert_eq!(decide(&world, conversion).affiliate, Some(world.blog));
    }
    assert_eq!(world.shown(world.blog)[2], "5.00", "an install and two purchases");
    let Intake::Taken { .. } = take(&world, "5", &measured(&world, purchase("2026-03-01 09:20:00"))) else {
        panic!("the same purchase is the same")
    };
    assert_eq!(kept(&world).len(), 3);
}

#[test]
fn a_measurement_that_names_no_click_of_ours_counts_nothing() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = click(&world, 7, world.blog, NOW.plus(-DAY));
    let table = [
        (json!({"event": "install"}), InstallState::Kept, "no_click"),
        (json!({"click_id": id, "event": "level_9"}), InstallState::Kept, "event_without_goal"),
        (json!({"click_id": "AAAA", "event": "install"}), InstallState::Refused, "bad_click_id"),
        (json!({"click_id": id, "ts": "yesterday"}), InstallState::Refused, "bad_time"),
        (json!({"click_id": "a\0b", "app": "\0"}), InstallState::Refused, "bad_click_id"),
        (json!({"click_id": id, "ts": "2026-03-02T00:00:00Z"}), InstallState::Refused, "bad_field"),
    ];
    for (number, (fields, ..)) in table.iter().enumerate() {
        let taken = take(&world, &number.to_string(), &measured(&world, fields.clone()));
        assert!(matches!(taken, Intake::Kept { .. }), "{fields}: {taken:?}");
    }
    let kept = kept(&world);
    for (install, (fields, state, reason)) in kept.iter().zip(&table) {
        assert_eq!(fate(install), (*state, Some(*reason)), "{fields}");
    }
    let others = OfferId::new(99).unwrap();
    let foreign = ClickClaims {
        at: NOW.plus(-DAY),
        offer: others,
        affiliate: world.blog,
        link: None,
        unique: UniqueNumber::new(0, 0, 9).unwrap(),
        verdict: Verdict::UNIQUE,
    };
    let keys: KeyRing = world.write(|tx| Ok(click_keys::ring(tx)?.unwrap())).unwrap();
    let foreign = keys.sign(&foreign).unwrap().as_str().to_owned();
    take(&world, "9", &measured(&world, json!({"click_id": foreign})));
    let last = reports_last(&world);
    assert_eq!(fate(&last), (InstallState::Refused, Some("foreign_click")));
}

fn reports_last(world: &World) -> Install {
    kept(world).pop().unwrap()
}
