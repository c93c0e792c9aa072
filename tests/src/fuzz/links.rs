//! URLs that visitors are sent to: templates with macros, and deep links.

use std::sync::OnceLock;

use hopline_catalogue::data::{
    AdvertiserEntry, CatalogueData, ClickKeyEntry, OfferEntry, PseudonymKeyEntry, Secret, Standing,
};
use hopline_catalogue::template::encode_query;
use hopline_catalogue::{Catalogue, Template, allowed_deep_link, append_parameter, check_template};
use hopline_types::{AdvertiserId, OfferId, PostbackAuth};
use url::Url;

/// Hosts that the deep links of these tests may name.
const HOSTS: [&str; 4] = ["shop.example", "xn--mller-kva.example", "127.0.0.1", "[::1]"];

/// Three parts, each ended by a zero byte: a template, a value, and parameters that are passed on. A template that is
/// accepted leads to the same place whatever the value: same scheme, host, port, no user information, as many slashes,
/// question marks, ampersands and equals signs, no line break, no space.
///
/// # Panics
/// One of these does not hold.
pub fn template(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (Ok(text), value, passed) = (str::from_utf8(part()), part(), part()) else { return };
    for parameter in [None, Some("hl_click")] {
        let Ok(template) = Template::compile(text, parameter) else {
            assert!(check_template(text).is_err(), "{text:?} is refused only where it is used");
            continue;
        };
        assert!(check_template(text).is_ok(), "{text:?} is refused only where it is saved");
        let mut safe = Vec::new();
        encode_query(passed, &mut safe);
        let (plain, hostile) = (render(&template, b"v", &safe), render(&template, value, &safe));
        assert_eq!(origin(&plain), origin(&hostile));
        for mark in "/?#&=".chars() {
            assert_eq!(plain.matches(mark).count(), hostile.matches(mark).count(), "{mark} in {hostile:?}");
        }
    }
}

fn render(template: &Template, value: &[u8], passed: &[u8]) -> String {
    let mut out = Vec::new();
    template.render(&mut out, passed, |_, encoder| encoder.put(value));
    assert!(out.iter().all(u8::is_ascii_graphic), "{:?}", out.escape_ascii().to_string());
    String::from_utf8(out).expect("it is ASCII")
}

/// Scheme, host and port of a URL that must parse.
fn origin(text: &str) -> (String, String, Option<u16>) {
    let url = Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert!(matches!(url.scheme(), "https" | "http"), "{text:?}");
    assert!(url.username().is_empty() && url.password().is_none(), "{text:?}");
    let host = url.host_str().unwrap_or_else(|| panic!("{text:?} has no host"));
    (url.scheme().to_owned(), host.to_owned(), url.port_or_known_default())
}

/// A deep link that may be followed is https, leads to a host of the list, holds no user information, and is what a
/// browser will make of it; the click id becomes its last parameter and changes nothing else.
///
/// # Panics
/// One of these does not hold.
pub fn deep_link(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let offer = catalogue().offer(offer_id()).expect("it has one offer");
    let Some(link) = allowed_deep_link(offer, text) else { return };
    let (scheme, host, port) = origin(&link);
    assert_eq!(scheme, "https", "{link:?}");
    assert!(HOSTS.contains(&&*host), "{link:?} leads to {host}");
    assert_eq!(Url::parse(&link).map(String::from).as_ref(), Ok(&link), "it is not in its final form");
    assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{link:?}");

    let mut out = Vec::new();
    append_parameter(&link, "hl_click", b"C-_1", &mut out);
    let longer = String::from_utf8(out).expect("it is ASCII");
    assert_eq!(origin(&longer), (scheme, host, port));
    let (before, after) = (Url::parse(&link).expect("checked"), Url::parse(&longer).expect("checked"));
    assert_eq!(before.path(), after.path(), "{longer:?}");
    assert_eq!(before.fragment(), after.fragment(), "{longer:?}");
    let last = after.query_pairs().last().expect("it has one");
    assert_eq!((&*last.0, &*last.1), ("hl_click", "C-_1"), "{longer:?}");
}

fn offer_id() -> OfferId {
    OfferId::new(1).expect("1 is an id")
}

/// One offer with deep links.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let advertiser_id = AdvertiserId::new(1).expect("1 is an id");
        let secret = || Secret("5e".repeat(32));
        Catalogue::compile(CatalogueData {
            version: 1,
            click_keys: vec![ClickKeyEntry { id: 1, secret: secret(), signs: true, not_after: None }],
            pseudonym_keys: vec![PseudonymKeyEntry { day: 20_000, secret: secret() }],
            advertisers: vec![AdvertiserEntry {
                id: advertiser_id,
                standing: Standing::Active,
                postback_token_sha256: "0".repeat(64),
                signing_key: secret(),
            }],
            offers: vec![OfferEntry {
                id: offer_id(),
                advertiser_id,
                standing: Standing::Active,
                currency: "EUR".into(),
                landing_page: "https://shop.example/".into(),
                fallback_url: None,
                deep_link_hosts: HOSTS.map(str::to_owned).to_vec(),
                click_parameter: "hl_click".into(),
                pass_parameters: false,
                postback_auth: PostbackAuth::Token,
                starts_at: None,
                ends_at: None,
                goals: Vec::new(),
                rules: hopline_catalogue::data::OfferRules::default(),
            }],
            ..CatalogueData::default()
        })
        .unwrap_or_else(|problems| panic!("{problems:?}"))
    })
}
