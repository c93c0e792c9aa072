//! The files of several makers, and their replacement while they are used.

use std::error::Error;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hopline_geo::{Place, Places, PlacesFile, Reason, Region};

fn fixture(name: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("tests/fixtures").join(name)
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn place(country: &str, region: &str, network: u32) -> Place {
    Place { country: country.as_bytes().try_into().unwrap_or_default(), region: Region::new(region), network }
}

fn check(places: &Places, table: &[(&str, Place)]) {
    for (text, wanted) in table {
        assert_eq!(places.find(address(text)), *wanted, "{text}");
    }
}

/// Puts a file in the place of another as an operator should: beside it, then renamed.
fn replace(path: &Path, bytes: &[u8]) {
    let new =
        tempfile::NamedTempFile::new_in(path.parent().expect("a file in a directory")).expect("a new file");
    std::fs::write(new.path(), bytes).expect("written");
    new.persist(path).expect("renamed");
}

#[test]
fn a_city_file_gives_country_and_first_region() {
    let places = Places::open(Some(&fixture("city.mmdb")), None).unwrap();
    check(
        &places,
        &[
            ("81.2.69.142", place("GB", "ENG", 0)),
            ("89.160.20.112", place("SE", "E", 0)),
            ("2001:218:8001::1", place("JP", "13", 0)),
            ("2.125.160.9", place("DE", "", 0)),
            ("67.43.156.1", place("BT", "", 0)),
            // Listed without a country that exists; not listed at all.
            ("192.0.2.1", Place::default()),
            ("8.8.8.8", Place::default()),
            ("2a00::1", Place::default()),
        ],
    );
    assert_eq!(places.find(address("81.2.69.142")).country(), "GB");
    assert_eq!(Place::default().country(), "");
}

#[test]
fn a_mapped_address_is_the_address_that_it_carries() {
    let places = Places::open(Some(&fixture("flat-ipv4.mmdb")), Some(&fixture("asn.mmdb"))).unwrap();
    check(&places, &[("::ffff:81.2.69.142", place("GB", "", 20712)), ("::ffff:10.0.0.1", Place::default())]);
}

#[test]
fn a_flat_file_gives_countries_and_a_file_of_one_family_nothing_for_the_other() {
    let places = Places::open(Some(&fixture("flat-ipv4.mmdb")), None).unwrap();
    check(
        &places,
        &[
            ("81.2.69.142", place("GB", "", 0)),
            ("89.160.20.1", place("SE", "", 0)),
            ("67.43.156.1", Place::default()),
            ("2001:218::1", Place::default()),
        ],
    );
}

#[test]
fn countries_and_networks_come_from_two_files_or_from_one() {
    let two = Places::open(Some(&fixture("city.mmdb")), Some(&fixture("asn.mmdb"))).unwrap();
    check(
        &two,
        &[
            ("81.2.69.142", place("GB", "ENG", 20712)),
            ("2001:218::7", place("JP", "13", 2914)),
            ("67.43.156.1", place("BT", "", u32::MAX)),
            ("89.160.20.1", place("SE", "E", 0)),
        ],
    );
    let file = fixture("combined.mmdb");
    for places in [
        Places::open(Some(&file), Some(&file)).unwrap(),
        Places::open(Some(&file), None).unwrap(),
        Places::open(None, Some(&file)).unwrap(),
    ] {
        check(
            &places,
            &[
                ("81.2.69.142", place("GB", "", 20712)),
                ("89.160.20.1", place("SE", "E", 29518)),
                ("2001:218::7", place("JP", "", 0)),
            ],
        );
    }
}

// nothing is known of an address that is nobody's, whatever a file says.
#[test]
fn r_02_private_and_special_addresses_have_no_place() {
    let places = Places::open(Some(&fixture("city.mmdb")), None).unwrap();
    let special = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "172.16.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::81.2.69.142",
    ];
    for text in special {
        assert_eq!(places.find(address(text)), Place::default(), "{text}");
    }
}

#[test]
fn without_files_no_address_has_a_place() {
    assert_eq!(Places::open(None, None).unwrap().find(address("81.2.69.142")), Place::default());
    assert!(!PlacesFile::open(None, None).unwrap().check().unwrap());
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |file: &Path| {
        let error = Places::open(Some(file), None).unwrap_err();
        assert_eq!(error.file, file);
        assert!(error.to_string().contains(file.to_str().unwrap()));
        error
    };
    let error = refuse(&dir.path().join("none.mmdb"));
    assert!(matches!(error.reason, Reason::Read(_)), "{error:?}");
    assert!(matches!(refuse(dir.path()).reason, Reason::NotAFile));

    let broken = dir.path().join("broken.mmdb");
    let whole = std::fs::read(fixture("city.mmdb")).unwrap();
    for bytes in [b"".as_slice(), b"<html>404</html>", &whole[..whole.len() / 2]] {
        std::fs::write(&broken, bytes).unwrap();
        let error = refuse(&broken);
        assert!(matches!(error.reason, Reason::Damaged(_)), "{error:?}");
        assert_eq!(error.source().unwrap().to_string(), "it is not a MaxMind DB file, or is damaged");
    }

    let other = refuse(&fixture("anonymous.mmdb"));
    assert_eq!(
        other.source().unwrap().to_string(),
        "no record in it names a country (its type is \"Fixture-Anonymous\")"
    );
    let swapped = Places::open(None, Some(&fixture("city.mmdb"))).unwrap_err();
    assert!(matches!(swapped.reason, Reason::Lacks { wanted: "network", .. }), "{swapped:?}");
}

#[test]
fn a_file_that_was_replaced_is_read_again_and_one_that_was_not_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (countries, networks) = (dir.path().join("countries.mmdb"), dir.path().join("networks.mmdb"));
    replace(&countries, &std::fs::read(fixture("flat-ipv4.mmdb")).unwrap());
    replace(&networks, &std::fs::read(fixture("asn.mmdb")).unwrap());
    let places = PlacesFile::open(Some(&countries), Some(&networks)).unwrap();
    let visitor = address("81.2.69.142");
    assert_eq!(places.find(visitor), place("GB", "", 20712));
    assert!(!places.check().unwrap());

    let held = places.current();
    replace(&countries, &std::fs::read(fixture("city.mmdb")).unwrap());
    assert!(places.check().unwrap());
    assert!(!places.check().unwrap());
    assert_eq!(places.find(visitor), place("GB", "ENG", 20712));
    assert_eq!(held.find(visitor), place("GB", "", 20712), "who holds the old one may go on with it");

    replace(&networks, &std::fs::read(fixture("combined.mmdb")).unwrap());
    assert!(places.check().unwrap());
    assert_eq!(places.find(address("89.160.20.1")), place("SE", "E", 29518));
}

#[test]
fn a_broken_replacement_is_complained_of_once_and_the_old_file_stays_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let (countries, networks) = (dir.path().join("countries.mmdb"), dir.path().join("networks.mmdb"));
    let whole = std::fs::read(fixture("city.mmdb")).unwrap();
    replace(&countries, &whole);
    replace(&networks, &std::fs::read(fixture("asn.mmdb")).unwrap());
    let places = PlacesFile::open(Some(&countries), Some(&networks)).unwrap();
    let visitor = address("81.2.69.142");

    replace(&countries, &whole[..whole.len() / 2]);
    replace(&networks, &std::fs::read(fixture("combined.mmdb")).unwrap());
    let error = places.check().unwrap_err();
    assert_eq!(error.file, countries);
    assert_eq!(places.find(visitor), place("GB", "ENG", 20712));
    assert!(places.check().unwrap(), "the other file was replaced as well, by a good one");
    assert!(!places.check().unwrap());
    assert_eq!(places.find(address("89.160.20.1")), place("SE", "E", 29518));

    std::fs::remove_file(&countries).unwrap();
    assert!(matches!(places.check().unwrap_err().reason, Reason::Read(_)));
    assert!(!places.check().unwrap());
    assert_eq!(places.find(visitor).country(), "GB");

    replace(&countries, &whole);
    assert!(places.check().unwrap());
}

#[test]
fn one_file_for_both_is_read_once_for_both() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("both.mmdb");
    replace(&file, &std::fs::read(fixture("combined.mmdb")).unwrap());
    let places = PlacesFile::open(Some(&file), Some(&file)).unwrap();
    replace(&file, &std::fs::read(fixture("city.mmdb")).unwrap());
    let error = places.check().unwrap_err();
    assert!(matches!(error.reason, Reason::Lacks { wanted: "network", .. }), "{error:?}");
    assert_eq!(places.find(address("81.2.69.142")), place("GB", "", 20712));
}
