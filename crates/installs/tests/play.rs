//! What the app hands over, and what is believed of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use hopline_installs::play::{CLICK_WITHIN_MS, Doubt, PlayReport};
use hopline_types::UnixMillis;
use proptest::prelude::*;

const CLICKED: UnixMillis = UnixMillis(1_790_000_000_400);
const RECEIVED: UnixMillis = UnixMillis(1_790_000_600_000);

fn report(clicked_s: i64, began_s: i64) -> PlayReport {
    let (clicked, began) = (clicked_s.to_string(), began_s.to_string());
    let pairs = [
        ("install_referrer", "utm_source=blog&hl_click=TOKEN"),
        ("referrer_click_timestamp_server_seconds", clicked.as_str()),
        ("install_begin_timestamp_server_seconds", began.as_str()),
        // A device may say anything.
        ("install_begin_timestamp_seconds", "1"),
        ("install_version", "1.2.3"),
        ("something", "else"),
    ];
    PlayReport::read(pairs, &[]).unwrap()
}

//
#[test]
fn a_23_an_install_behind_our_click_happened_when_google_says() {
    let report = report(1_790_000_003, 1_790_000_010);
    assert_eq!(report.click_id.as_deref(), Some("TOKEN"));
    assert_eq!(report.version, "1.2.3");
    assert_eq!(report.judge(CLICKED, RECEIVED), Ok(UnixMillis(1_790_000_010_000)));
}

// A-23, C-15
#[test]
fn c_15_an_install_that_began_before_its_click_is_not_believed() {
    let early = report(1_790_000_003, 1_790_000_002).judge(CLICKED, RECEIVED);
    assert_eq!(early, Err(Doubt::BeganBeforeClick { early_s: 1 }));
    let same_second = report(1_790_000_000, 1_790_000_000).judge(CLICKED, RECEIVED);
    assert_eq!(same_second, Ok(CLICKED), "not before the click by our clock");
}

//
#[test]
fn a_23_another_click_missing_times_and_the_future_are_doubted() {
    let far = 1_790_000_000 + CLICK_WITHIN_MS / 1_000 + 1;
    assert!(matches!(report(far, far).judge(CLICKED, RECEIVED), Err(Doubt::AnotherClick { .. })));
    assert_eq!(report(0, 0).judge(CLICKED, RECEIVED), Err(Doubt::NoServerTimes));
    let future = report(1_790_000_003, 1_790_000_600 + 301).judge(CLICKED, RECEIVED);
    assert_eq!(future, Err(Doubt::Future { ahead_s: 301 }));
    let ahead = report(1_790_000_003, 1_790_000_700).judge(CLICKED, RECEIVED);
    assert_eq!(ahead, Ok(RECEIVED), "a little is a difference of clocks");
}

#[test]
fn a_click_id_is_found_however_the_store_has_passed_it_on() {
    let of = |referrer: &str| PlayReport::read([("install_referrer", referrer)], &["cid"]).unwrap().click_id;
    let bare = "A".repeat(60);
    assert_eq!(of("hl_click=T1"), Some("T1".to_owned()));
    assert_eq!(of("utm_source%3Dx%26hl_click%3DT2"), Some("T2".to_owned()));
    assert_eq!(of("cid=T3&x=1"), Some("T3".to_owned()));
    assert_eq!(of("click_id=T%2D4"), Some("T-4".to_owned()));
    assert_eq!(of(&bare), Some(bare.clone()));
    assert_eq!(of("utm_source=google-play&utm_medium=organic"), None);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let pairs = [
        ("install_begin_timestamp_server_seconds", "soon"),
        ("referrer_click_timestamp_server_seconds", "-1"),
        ("google_play_instant", "perhaps"),
    ];
    let errors = PlayReport::read(pairs, &[]).unwrap_err();
    let fields: Vec<_> = errors.iter().map(|(field, _)| *field).collect();
    assert_eq!(
        fields,
        [
            "install_begin_timestamp_server_seconds",
            "referrer_click_timestamp_server_seconds",
            "google_play_instant",
            "install_referrer",
        ]
    );
}

proptest! {
    #[test]
    fn no_times_lead_to_an_install_before_its_click_or_after_its_receipt(clicked in 0_i64..4_000_000_000, began in 0_i64..4_000_000_000) {
        if let Ok(at) = report(clicked, began).judge(CLICKED, RECEIVED) {
            prop_assert!(CLICKED <= at && at <= RECEIVED);
        }
    }

    #[test]
    fn any_referrer_is_read_without_a_panic(referrer in ".{0,120}") {
        let _any = PlayReport::read([("install_referrer", referrer.as_str())], &[]);
    }
}
