use super::*;
use crate::data::Hours;

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn only(words: &[&str]) -> Matching {
    Matching::Only(strings(words))
}

fn not(words: &[&str]) -> Matching {
    Matching::Not(strings(words))
}

const KNOWN: Visitor<'_> = Visitor {
    country: *b"US",
    region: b"CA",
    device: "mobile",
    os: "iOS",
    browser: "Safari",
    language: b"en",
};
const UNKNOWN: Visitor<'_> =
    Visitor { country: [0; 2], region: b"", device: "unknown", os: "", browser: "", language: b"" };

fn check(rules: Targeting, visitor: &Visitor<'_>) -> Option<Refused> {
    Wanted::compile(&rules).unwrap().expect("there are rules").check(visitor, UnixMillis(0))
}

#[test]
fn every_part_lets_through_what_fits_and_names_what_does_not() {
    type Set = fn(&mut Targeting, Matching);
    let parts: [(Set, &[&str], &[&str], Refused); 6] = [
        (|rules, list| rules.countries = list, &["DE", "US"], &["DE", "AT"], (Reason::Geo, "country")),
        (
            |rules, list| rules.regions = list,
            &["US-CA", "GB-ENG"],
            &["US-NY", "DE-CA"],
            (Reason::Geo, "region"),
        ),
        (
            |rules, list| rules.devices = list,
            &["tv", "mobile"],
            &["desktop", "tablet"],
            (Reason::Device, "device"),
        ),
        (|rules, list| rules.os = list, &["Android", "ios"], &["Windows"], (Reason::Device, "os")),
        (|rules, list| rules.browsers = list, &["SAFARI"], &["Chrome"], (Reason::Device, "browser")),
        (|rules, list| rules.languages = list, &["de", "en"], &["de", "eng"], (Reason::Device, "language")),
    ];
    for (set, fitting, others, refused) in parts {
        let rules = |list| {
            let mut rules = Targeting::default();
            set(&mut rules, list);
            rules
        };
        assert_eq!(check(rules(only(fitting)), &KNOWN), None, "{fitting:?}");
        assert_eq!(check(rules(only(others)), &KNOWN), Some(refused), "{others:?}");
        assert_eq!(check(rules(not(fitting)), &KNOWN), Some(refused), "not {fitting:?}");
        assert_eq!(check(rules(not(others)), &KNOWN), None, "not {others:?}");
        // What is not known is on no list.
        assert_eq!(check(rules(only(fitting)), &UNKNOWN), Some(refused), "{fitting:?}, not known");
        assert_eq!(check(rules(not(fitting)), &UNKNOWN), None, "not {fitting:?}, not known");
    }
}

#[test]
fn a_region_counts_only_together_with_its_country() {
    let rules = Targeting { regions: not(&["US-CA"]), ..Targeting::default() };
    assert_eq!(check(rules.clone(), &Visitor { country: *b"MX", ..KNOWN }), None);
    assert_eq!(check(rules.clone(), &Visitor { country: [0; 2], ..KNOWN }), None);
    assert_eq!(check(rules.clone(), &Visitor { region: b"LONG", ..KNOWN }), None);
    assert_eq!(check(rules, &Visitor { region: b"ca", ..KNOWN }), Some((Reason::Geo, "region")));
}

#[test]
fn the_first_part_in_the_documented_order_is_named() {
    let mut rules = Targeting {
        countries: only(&["DE"]),
        regions: only(&["DE-BY"]),
        devices: only(&["tv"]),
        os: only(&["x"]),
        browsers: only(&["x"]),
        languages: only(&["xx"]),
        hours: Some(Hours {
            zone: "UTC".into(),
            week: [vec![1], vec![], vec![], vec![], vec![], vec![], vec![]],
        }),
    };
    let mut named = Vec::new();
    while let Some((_, detail)) =
        Wanted::compile(&rules).unwrap().and_then(|wanted| wanted.check(&KNOWN, UnixMillis(0)))
    {
        named.push(detail);
        match detail {
            "country" => rules.countries = Matching::Any,
            "region" => rules.regions = Matching::Any,
            "device" => rules.devices = Matching::Any,
            "os" => rules.os = Matching::Any,
            "browser" => rules.browsers = Matching::Any,
            "language" => rules.languages = Matching::Any,
            _ => rules.hours = None,
        }
    }
    assert_eq!(named, ["country", "region", "device", "os", "browser", "language", "hours"]);
    assert!(Wanted::compile(&rules).unwrap().is_none(), "without rules everybody is wanted");
}

#[test]
fn hours_are_those_of_the_zones_clock_also_when_it_is_moved() {
    let served = |zone: &str, day: usize, hours: &[u8], now: &str| {
        let mut week: [Vec<u8>; 7] = Default::default();
        week[day] = hours.to_vec();
        let rules = Targeting { hours: Some(Hours { zone: zone.into(), week }), ..Targeting::default() };
        let now = UnixMillis(now.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        match Wanted::compile(&rules).unwrap().unwrap().check(&KNOWN, now) {
            None => true,
            refused => {
                assert_eq!(refused, Some((Reason::Schedule, "hours")));
                false
            }
        }
    };
    let (monday, tuesday, sunday) = (0, 1, 6);
    assert!(served("UTC", 3, &[0], "1970-01-01T00:00:00Z"), "the epoch is a Thursday");
    assert!(served("UTC", 2, &[23], "1969-12-31T23:59:59.999Z"));
    assert!(served("UTC", monday, &[9], "2026-11-23T09:00:00Z"));
    assert!(served("UTC", monday, &[9], "2026-11-23T09:59:59.999Z"));
    assert!(!served("UTC", monday, &[9], "2026-11-23T10:00:00Z"));
    assert!(!served("UTC", tuesday, &[9], "2026-11-23T09:00:00Z"));
    // Nine in Berlin is eight UTC in winter, seven in summer.
    assert!(served("Europe/Berlin", monday, &[9], "2026-11-23T08:00:00Z"));
    assert!(served("Europe/Berlin", monday, &[9], "2026-07-20T07:00:00Z"));
    assert!(!served("Europe/Berlin", monday, &[9], "2026-07-20T08:00:00Z"));
    // Two to three comes twice on the last Sunday of October, not at all on that of March.
    assert!(served("Europe/Berlin", sunday, &[2], "2026-10-25T00:30:00Z"));
    assert!(served("Europe/Berlin", sunday, &[2], "2026-10-25T01:30:00Z"));
    assert!(!served("Europe/Berlin", sunday, &[2], "2026-10-25T02:00:00Z"));
    assert!(!served("Europe/Berlin", sunday, &[2], "2026-03-29T00:59:59Z"));
    assert!(!served("Europe/Berlin", sunday, &[2], "2026-03-29T01:00:00Z"));
    // Half hours and other days than UTC's.
    assert!(served("Asia/Kolkata", monday, &[0], "2026-11-22T18:30:00Z"));
    assert!(!served("Asia/Kolkata", monday, &[0], "2026-11-22T18:29:59Z"));
    // Rules that hold in years for which no list of clock changes was made.
    assert!(served("Europe/Berlin", monday, &[9], "2090-07-17T07:00:00Z"));
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let rules = Targeting {
        countries: only(&["DE", "de", "DEU", "ÄÖ"]),
        regions: not(&["CA", "US-", "US-ABCD", "us-CA", "US-CA"]),
        devices: only(&["mobile", "phone"]),
        os: only(&[]),
        browsers: not(&["Safari", " "]),
        languages: only(&["de-DE", "DE", "d"]),
        hours: Some(Hours {
            zone: "Europe/Nowhere".into(),
            week: [vec![], vec![24, 5], vec![], vec![], vec![], vec![], vec![]],
        }),
    };
    let fields: Vec<_> = check_targeting(&rules).into_iter().map(|error| error.field).collect();
    assert_eq!(
        fields,
        [
            "countries[1]",
            "countries[2]",
            "countries[3]",
            "regions[0]",
            "regions[1]",
            "regions[2]",
            "regions[3]",
            "devices[1]",
            "os",
            "browsers[1]",
            "languages[0]",
            "languages[1]",
            "languages[2]",
            "hours.zone",
            "hours.week[1]",
        ]
    );
    assert_eq!(Wanted::compile(&rules).unwrap_err(), check_targeting(&rules));
    let empty = Targeting {
        hours: Some(Hours { zone: "UTC".into(), week: Default::default() }),
        ..Targeting::default()
    };
    assert_eq!(check_targeting(&empty)[0].field, "hours.week");
    let many: Vec<_> = (0..501).map(|number| format!("os {number}")).collect();
    assert_eq!(
        check_targeting(&Targeting { os: Matching::Only(many), ..Targeting::default() })[0].field,
        "os"
    );
}
