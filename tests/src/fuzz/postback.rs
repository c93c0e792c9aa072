//! Parameters of conversions, as postbacks and pixels bring them.

use std::borrow::Cow;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hopline_catalogue::Catalogue;
use hopline_catalogue::data::{
    AdvertiserEntry, AffiliateEntry, CatalogueData, ClickKeyEntry, GoalEntry, OfferEntry, OfferRules,
    PseudonymKeyEntry, Secret, Standing,
};
use hopline_clickid::{ClickClaims, UniqueNumber};
use hopline_edge::testing::{self, Refusal};
use hopline_money::{Amount, Currency};
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{
    AdvertiserId, AffiliateId, ConversionSource, GoalId, GoalKind, HOUR_MS, OfferId, PostbackAuth,
    UnixMillis, Verdict,
};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::take;

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const TOKEN: &str = "pt_secret";
/// Of advertiser 2, which has no offers.
const OTHER_TOKEN: &str = "pt_other";
const SIGNING_KEY: &str = "signing key";
/// Offers that demand nothing, the token, a signature.
const OPEN: i64 = 1;
const PROVED: i64 = 2;
const SIGNED: i64 = 3;
const GOALS: [&str; 3] = ["sale", "lead", "click"];

/// The first byte says what stands before the rest, which are parameters: nothing; a click id of an offer that demands
/// nothing; the advertiser's token; a click id of an offer that demands a signature, which then is put behind them.
///
/// What is recorded is what was sent, of each parameter the first, as a browser's own reader of forms decodes it; it has a
/// proof, a goal, and reads back as it was written. A refusal names parameters, and its header holds visible ASCII.
///
/// # Panics
/// One of these does not hold.
pub fn postback(data: &[u8]) {
    let ([way], rest) = take(data);
    let stage = Stage::get();
    let sent = match way % 4 {
        0 => rest.to_vec(),
        1 => [b"click_id=", stage.open_click.as_bytes(), b"&", rest].concat(),
        2 => [b"token=", TOKEN.as_bytes(), b"&", rest].concat(),
        _ => signed(&[b"click_id=", stage.signed_click.as_bytes(), b"&ts=1790000000&", rest].concat()),
    };
    for source in [ConversionSource::Postback, ConversionSource::Pixel] {
        match testing::postback(&stage.catalogue, &sent, source, NOW) {
            Ok(event) => stage.check(&event, &sent, source),
            Err(refusal) => check_refusal(&refusal, &sent),
        }
    }
}

fn signed(parameters: &[u8]) -> Vec<u8> {
    let keyed: Hmac<Sha256> =
        Hmac::new_from_slice(SIGNING_KEY.as_bytes()).expect("HMAC takes keys of any length");
    let tag = keyed.chain_update(parameters).finalize().into_bytes();
    [parameters, b"&sig=", hex(&tag).as_bytes()].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first value of a parameter; empty where there is none.
fn first<'a>(sent: &'a [u8], wanted: &str) -> Cow<'a, str> {
    form_urlencoded::parse(sent)
        .find(|(name, _)| name == wanted)
        .map_or(Cow::Borrowed(""), |(_, value)| value)
}

fn check_refusal(refusal: &Refusal, sent: &[u8]) {
    assert!([400, 401, 403, 422].contains(&refusal.status), "{refusal:?}");
    assert!(refusal.header.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '), "{refusal:?}");
    let is_crowded = sent.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).count() > 100;
    assert_eq!(refusal.status == 400, is_crowded, "{refusal:?}");
    assert!(is_crowded || !refusal.fields.is_empty(), "{refusal:?}");
}

struct Stage {
    catalogue: Catalogue,
    open_click: String,
    signed_click: String,
}

impl Stage {
    fn get() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| {
            let catalogue = Catalogue::compile(data()).expect("the data are in order");
            let click = |offer| {
                let claims = ClickClaims {
                    at: NOW.plus(-HOUR_MS),
                    offer: OfferId::new(offer).expect("an id"),
                    affiliate: AffiliateId::new(9).expect("an id"),
                    link: None,
                    unique: UniqueNumber::new(0, 0, 1).expect("it fits"),
                    verdict: Verdict::UNIQUE,
                };
                catalogue.keys().sign(&claims).expect("it fits").as_str().to_owned()
            };
            let (open_click, signed_click) = (click(OPEN), click(SIGNED));
            Self { catalogue, open_click, signed_click }
        })
    }

    fn check(&self, event: &ConversionEvent, sent: &[u8], source: ConversionSource) {
        let is_pixel = source == ConversionSource::Pixel;
        assert_eq!((event.source, event.received_at), (source, NOW));
        assert!(event.advertiser == 1 || (event.advertiser, event.offer) == (2, 0), "{event:?}");
        assert!(event.at.get() >= 946_684_800_000 && event.at <= NOW.plus(5 * 60_000), "{event:?}");
        assert!(!is_pixel || event.requested_status == RequestedStatus::Pending);
        self.check_proof(event, sent, is_pixel);
        assert!(event.offer == 0 || GOALS[..2].contains(&event.event.as_str()), "{event:?}");
        assert!(!event.event.is_empty(), "{event:?}");
        assert!(!event.order_id.is_empty() || !event.click_id.is_empty(), "{event:?}");

        let adv = ["adv1", "adv2", "adv3", "adv4", "adv5", "adv6", "adv7", "adv8", "adv9", "adv10"];
        let texts = [
            ("click_id", &event.click_id, 64),
            ("order_id", &event.order_id, 200),
            ("coupon", &event.coupon, 100),
            ("customer_id", &event.customer_id, 200),
            ("items", &event.items, 4096),
        ];
        for (name, text, bytes_max) in
            texts.into_iter().chain(adv.iter().zip(&event.adv).map(|(name, text)| (*name, text, 256)))
        {
            assert_eq!(*text, first(sent, name), "{name}");
            assert!(text.len() <= bytes_max && !text.contains(char::is_control), "{name}: {text:?}");
        }
        assert_eq!(event.amount.is_empty(), event.currency.is_empty(), "{event:?}");
        if let Ok(currency) = Currency::new(&event.currency) {
            let amount = Amount::parse(&event.amount, currency).expect("a recorded amount can be read");
            assert_eq!(Ok(amount), Amount::parse(&first(sent, "amount"), currency));
            assert!(!amount.is_negative());
        } else {
            assert_eq!(event.currency, "");
        }
        let mut payload = Vec::new();
        event.encode(&mut payload);
        assert_eq!(ConversionEvent::decode(&payload).as_ref(), Ok(event));
    }

    fn check_proof(&self, event: &ConversionEvent, sent: &[u8], is_pixel: bool) {
        let click = event.click_id.as_str();
        if is_pixel {
            assert!(click == self.open_click || click == self.signed_click, "{event:?}");
            return;
        }
        let is_signed = sent.windows(5).position(|window| window == b"&sig=").is_some_and(|at| {
            let again = signed(&sent[..at]);
            again.eq_ignore_ascii_case(sent)
        });
        let is_proved = match i64::from(event.offer) {
            SIGNED => is_signed,
            OPEN if click == self.open_click => true,
            _ if event.advertiser == 2 => first(sent, "token") == OTHER_TOKEN,
            _ => first(sent, "token") == TOKEN,
        };
        assert!(is_proved, "{event:?} has no proof");
    }
}

fn data() -> CatalogueData {
    let secret = |byte| Secret(STANDARD.encode([byte; 32]));
    let id = |number| AdvertiserId::new(number).expect("an id");
    let advertiser = |number, token: &str| AdvertiserEntry {
        id: id(number),
        standing: Standing::Active,
        postback_token_sha256: hex(&Sha256::digest(token)),
        signing_key: Secret(SIGNING_KEY.to_owned()),
    };
    let goal = |(number, key): (i64, &str)| GoalEntry {
        id: GoalId::new(number).expect("an id"),
        key: key.to_owned(),
        kind: match key {
            "sale" => GoalKind::Pps,
            "lead" => GoalKind::Ppl,
            _ => GoalKind::Ppc,
        },
    };
    let offer = |number, postback_auth| OfferEntry {
        id: OfferId::new(number).expect("an id"),
        advertiser_id: id(1),
        standing: Standing::Active,
        currency: "EUR".to_owned(),
        landing_page: "https://shop.example/".to_owned(),
        fallback_url: None,
        deep_link_hosts: Vec::new(),
        click_parameter: "hl_click".to_owned(),
        pass_parameters: false,
        postback_auth,
        starts_at: None,
        ends_at: None,
        goals: (1..).zip(GOALS).map(goal).collect(),
        rules: OfferRules::default(),
    };
    CatalogueData {
        version: 1,
        click_keys: vec![ClickKeyEntry { id: 1, secret: secret(1), signs: true, not_after: None }],
        pseudonym_keys: vec![PseudonymKeyEntry { day: NOW.get() / (24 * HOUR_MS), secret: secret(2) }],
        advertisers: vec![advertiser(1, TOKEN), advertiser(2, OTHER_TOKEN)],
        offers: vec![
            offer(OPEN, PostbackAuth::Open),
            offer(PROVED, PostbackAuth::Token),
            offer(SIGNED, PostbackAuth::Hmac),
        ],
        affiliates: vec![AffiliateEntry {
            id: AffiliateId::new(9).expect("an id"),
            standing: Standing::Active,
        }],
        ..CatalogueData::default()
    }
}
