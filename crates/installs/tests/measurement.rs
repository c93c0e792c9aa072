//! Others' names for our fields.

use std::collections::BTreeMap;

use hopline_installs::measurement::{Field, Mapping, MeasurementReport, Provider, Unusable, flatten};
use hopline_types::UnixMillis;

fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn mapping(provider: Provider) -> Mapping {
    Mapping::new(provider, BTreeMap::new(), BTreeMap::new())
}

#[test]
fn each_providers_usual_names_are_understood() {
    let table: [(Provider, &[(&str, &str)]); 6] = [
        (
            Provider::Generic,
            &[("click_id", "T"), ("event", "install"), ("install_id", "i-1"), ("ts", "1769940000")],
        ),
        (
            Provider::Appsflyer,
            &[
                ("clickid", "T"),
                ("event_name", "install"),
                ("appsflyer_id", "i-1"),
                ("install_time", "2026-02-01 10:00:00.000"),
            ],
        ),
        (
            Provider::Adjust,
            &[("label", "T"), ("activity_kind", "install"), ("adid", "i-1"), ("installed_at", "1769940000")],
        ),
        (
            Provider::Branch,
            &[
                ("last_attributed_touch_data.~click_id", "T"),
                ("name", "INSTALL"),
                ("user_data.aaid", "i-1"),
                ("timestamp", "1769940000000"),
            ],
        ),
        (
            Provider::Kochava,
            &[("click_id", "T"), ("kochava_device_id", "i-1"), ("install_date", "1769940000")],
        ),
        (
            Provider::Singular,
            &[("cl", "T"), ("event_name", "install"), ("idfa", "i-1"), ("utc", "1769940000")],
        ),
    ];
    for (provider, given) in table {
        let read = mapping(provider).read(&pairs(given)).unwrap();
        let expected = MeasurementReport {
            click_id: Some("T".to_owned()),
            event: read.event.clone(),
            install_id: Some("i-1".to_owned()),
            happened_at: Some(UnixMillis(1_769_940_000_000)),
            ..MeasurementReport::default()
        };
        assert_eq!(read, expected, "{provider:?}");
    }
}

#[test]
fn names_that_were_entered_come_before_the_usual_ones_and_ours_work_everywhere() {
    let names = BTreeMap::from([(Field::ClickId, vec!["af_sub5".to_owned()])]);
    let events = BTreeMap::from([("af_purchase".to_owned(), "sale".to_owned())]);
    let mapping = Mapping::new(Provider::Appsflyer, names, events);
    let given = pairs(&[
        ("clickid", "usual"),
        ("af_sub5", "entered"),
        ("event_name", "af_purchase"),
        ("amount", "4.99"),
        ("currency", "eur"),
    ]);
    let read = mapping.read(&given).unwrap();
    assert_eq!((read.click_id.as_deref(), read.goal.as_deref()), (Some("entered"), Some("sale")));
    assert_eq!((read.amount.as_deref(), read.currency.as_deref()), (Some("4.99"), Some("EUR")));
}

#[test]
fn macros_that_nobody_filled_in_are_nothing() {
    let given = pairs(&[
        ("clickid", "{clickid}"),
        ("af_sub1", "T"),
        ("country_code", "null"),
        ("event_revenue", "(event-revenue)"),
        ("customer_user_id", "${(user)!}"),
    ]);
    let read = mapping(Provider::Appsflyer).read(&given).unwrap();
    assert_eq!(read.click_id.as_deref(), Some("T"));
    assert_eq!((read.country, read.amount, read.customer_id), (None, None, None));
}

#[test]
fn an_event_without_a_goal_and_a_time_that_is_none_are_named() {
    let unusable = |given: &[(&str, &str)]| mapping(Provider::Generic).read(&pairs(given)).unwrap_err();
    assert_eq!(unusable(&[("event", "level_9")]), Unusable::NoGoal { event: "level_9".to_owned() });
    let time = unusable(&[("installed_at", "yesterday")]);
    assert_eq!(time.to_string(), "installed_at is \"yesterday\", which is no time");
}

#[test]
fn a_message_in_json_becomes_pairs() {
    let message = serde_json::json!({
        "name": "INSTALL", "timestamp": 1_769_940_000_000_i64, "empty": "", "nothing": null,
        "last_attributed_touch_data": {"~click_id": "T", "tags": ["a", "b"]}, "organic": false
    });
    let expected = pairs(&[
        ("last_attributed_touch_data.tags.0", "a"),
        ("last_attributed_touch_data.tags.1", "b"),
        ("last_attributed_touch_data.~click_id", "T"),
        ("name", "INSTALL"),
        ("organic", "false"),
        ("timestamp", "1769940000000"),
    ]);
    let mut flat = flatten(&message);
    flat.sort();
    assert_eq!(flat, expected);
    let mut deep = serde_json::json!(1);
    for _ in 0..50 {
        deep = serde_json::json!({ "a": deep });
    }
    assert_eq!(flatten(&deep), []);
}
