use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hopline_types::{GoalId, GoalKind, LinkId, PostbackAuth, Reason, UnixMillis};

use super::*;
use crate::append_parameter;
use crate::data::*;

mod problems;
mod rules;
mod urls;

pub(crate) fn sample() -> CatalogueData {
    let secret = |byte| Secret(STANDARD.encode([byte; 32]));
    CatalogueData {
        version: 5,
        click_keys: vec![
            ClickKeyEntry { id: 1, secret: secret(1), signs: true, not_after: None },
            ClickKeyEntry { id: 2, secret: secret(2), signs: false, not_after: Some(UnixMillis(5)) },
        ],
        pseudonym_keys: vec![PseudonymKeyEntry { day: 20_000, secret: secret(3) }],
        fallback_url: Some("https://network.example/".into()),
        advertisers: vec![AdvertiserEntry {
            id: AdvertiserId::new(1).unwrap(),
            standing: Standing::Active,
            postback_token_sha256: "ab".repeat(32),
            signing_key: Secret("key".into()),
        }],
        offers: vec![OfferEntry {
            id: OfferId::new(7).unwrap(),
            advertiser_id: AdvertiserId::new(1).unwrap(),
            standing: Standing::Active,
            currency: "EUR".into(),
            landing_page: "https://shop.example/?s={sub1}".into(),
            fallback_url: None,
            deep_link_hosts: vec!["Shop.Example".into()],
            click_parameter: "hl_click".into(),
            pass_parameters: false,
            postback_auth: PostbackAuth::Token,
            starts_at: Some(UnixMillis(1000)),
            ends_at: Some(UnixMillis(2000)),
            goals: vec![GoalEntry { id: GoalId::new(1).unwrap(), key: "sale".into(), kind: GoalKind::Pps }],
            rules: OfferRules::default(),
        }],
        affiliates: vec![AffiliateEntry { id: AffiliateId::new(9).unwrap(), standing: Standing::Active }],
        links: vec![LinkEntry {
            id: LinkId::new(11).unwrap(),
            code: "abc1234".into(),
            offer_id: OfferId::new(7).unwrap(),
            affiliate_id: AffiliateId::new(9).unwrap(),
            standing: Standing::Active,
        }],
        ..CatalogueData::default()
    }
}

#[test]
fn links_and_pairs_lead_to_their_offer_affiliate_and_advertiser() {
    let catalogue = Catalogue::compile(sample()).unwrap();
    let by_code = catalogue.link(b"abc1234").unwrap();
    let by_pair = catalogue.pair(OfferId::new(7).unwrap(), AffiliateId::new(9).unwrap()).unwrap();
    for target in [by_code, by_pair] {
        assert_eq!((target.offer.id.get(), target.affiliate.id.get(), target.advertiser.id.get()), (7, 9, 1));
    }
    assert_eq!(by_code.link_id().map(LinkId::get), Some(11));
    assert_eq!(by_pair.link_id(), None);
    assert!(catalogue.link(b"nothing").is_none());
    assert!(catalogue.pair(OfferId::new(8).unwrap(), AffiliateId::new(9).unwrap()).is_none());
    assert_eq!(catalogue.advertiser_by_token(&[0xab; 32]).map(|found| found.number), Some(1));
    assert!(catalogue.advertiser_by_token(&[0; 32]).is_none());
    assert!(catalogue.fallback(by_code.offer).is_some(), "the network's serves where the offer has none");
}

#[test]
fn whoever_does_not_take_part_refuses_the_click_with_a_reason() {
    let now = UnixMillis(1500);
    let refusal = |change: &dyn Fn(&mut CatalogueData), now| {
        let mut data = sample();
        change(&mut data);
        Catalogue::compile(data).unwrap().link(b"abc1234").unwrap().refusal(now)
    };
    assert_eq!(refusal(&|_| (), now), None);
    assert_eq!(refusal(&|_| (), UnixMillis(999)), Some(Reason::Expired));
    assert_eq!(refusal(&|_| (), UnixMillis(2000)), Some(Reason::Expired));
    assert_eq!(refusal(&|data| data.affiliates[0].standing = Standing::Pending, now), Some(Reason::Blocked));
    assert_eq!(refusal(&|data| data.advertisers[0].standing = Standing::Paused, now), Some(Reason::Paused));
    assert_eq!(refusal(&|data| data.offers[0].standing = Standing::Blocked, now), Some(Reason::Blocked));
    assert_eq!(refusal(&|data| data.links[0].standing = Standing::Paused, now), Some(Reason::Paused));
}

#[test]
fn every_problem_is_named_at_once() {
    let mut data = sample();
    data.click_keys[0].secret = Secret(STANDARD.encode([1; 31]));
    data.pseudonym_keys.clear();
    data.fallback_url = Some("nowhere".into());
    data.advertisers[0].postback_token_sha256 = "AB".into();
    data.offers[0].landing_page = "https://{sub1}/".into();
    data.offers[0].currency = "EURO".into();
    data.offers[0].deep_link_hosts.push("a b".into());
    data.links.push(data.links[0].clone());
    data.links[0].affiliate_id = AffiliateId::new(10).unwrap();
    data.affiliates.push(data.affiliates[0].clone());
    data.affiliates[1].id = AffiliateId::new(1 << 32).unwrap();
    let problems = Catalogue::compile(data).unwrap_err();
    let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 9, "{text:#?}");
    assert!(
        text.iter().any(|line| line == "link abc1234 names affiliate 10, which is not there"),
        "{text:#?}"
    );
    assert!(text.iter().any(|line| line.starts_with("landing page of offer 7: URL")), "{text:#?}");
}

#[test]
fn a_code_given_twice_and_two_signing_keys_are_problems() {
    let mut data = sample();
    data.links.push(data.links[0].clone());
    assert_eq!(
        Catalogue::compile(data).unwrap_err(),
        [Problem::Twice { what: "link code", name: "abc1234".into() }]
    );
    let mut data = sample();
    data.click_keys[1].signs = true;
    assert_eq!(Catalogue::compile(data).unwrap_err(), [Problem::SigningKeys { given: 2 }]);
}

#[test]
fn a_parameter_is_appended_to_a_deep_link_before_its_fragment() {
    let appended = |url: &str| {
        let mut out = Vec::new();
        append_parameter(url, "hl_click", b"C", &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(appended("https://a.example/p"), "https://a.example/p?hl_click=C");
    assert_eq!(appended("https://a.example/p?x=1#f?"), "https://a.example/p?x=1&hl_click=C#f?");
    assert_eq!(appended("https://a.example/p?#"), "https://a.example/p?hl_click=C#");
}

#[test]
fn a_hundred_thousand_links_stay_small() {
    let mut data = sample();
    let first = data.links[0].clone();
    data.links = (1..=100_000)
        .map(|number| LinkEntry {
            id: LinkId::new(number).unwrap(),
            code: format!("l{number:07}"),
            ..first.clone()
        })
        .collect();
    let catalogue = Catalogue::compile(data).unwrap();
    assert_eq!(catalogue.link_count(), 100_000);
    // 1,000,000 links may take 250 MB.
    assert!(catalogue.link_bytes() < 100_000 * 50, "{}", catalogue.link_bytes());
    assert_eq!(catalogue.link(b"l0077777").unwrap().link_id().map(LinkId::get), Some(77_777));
}
