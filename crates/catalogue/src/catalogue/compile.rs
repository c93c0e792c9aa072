//! From plain data to the compiled form, collecting every problem.

mod keys;
mod rules;

use std::collections::HashMap;
use std::hash::Hash;

use hopline_money::Currency;

use super::{Advertiser, Affiliate, ById, Catalogue, Offer};
use crate::data::{AdvertiserEntry, CatalogueData, ClosureEntry, LinkEntry, OfferEntry};
use crate::links::{Links, Places};
use crate::{Problem, Template};

/// Links in one catalogue: their codes must fit an arena of 4 GiB.
const LINKS_MAX: usize = 1 << 25;

/// Where the things stand that others name.
struct Ids<'a> {
    advertisers: &'a ById<hopline_types::AdvertiserId>,
    offers: &'a ById<hopline_types::OfferId>,
    affiliates: &'a ById<hopline_types::AffiliateId>,
}

pub(super) fn compile(data: CatalogueData) -> Result<Catalogue, Vec<Problem>> {
    let mut problems = Vec::new();
    let found = &mut problems;
    let keys = keys::key_ring(&data.click_keys, found);
    let pseudonyms = keys::pseudonyms(&data.pseudonym_keys, found);
    let fallback =
        data.fallback_url.as_deref().and_then(|url| template("network fallback", url, None, found));
    let advertiser_places = places("advertiser", data.advertisers.iter().map(|entry| entry.id), found);
    let advertisers: Vec<_> = data.advertisers.iter().map(|entry| advertiser(entry, found)).collect();
    let advertiser_tokens = tokens(&advertisers, found);
    let offer_places = places("offer", data.offers.iter().map(|entry| entry.id), found);
    let affiliate_places = places("affiliate", data.affiliates.iter().map(|entry| entry.id), found);
    let ids = Ids { advertisers: &advertiser_places, offers: &offer_places, affiliates: &affiliate_places };
    rules::check_across_offers(&data.offers, found);
    let domains = rules::domains(&data.domains, &ids, found);
    let mut closures = rules::closures(&data.closures, &ids, found);
    let offers: Vec<_> = data
        .offers
        .into_iter()
        .filter_map(|entry| {
            let closures = closures.remove(&entry.id).unwrap_or_default();
            offer(entry, &ids, &closures, found)
        })
        .collect();
    let affiliates = data
        .affiliates
        .into_iter()
        .map(|entry| {
            number("affiliate", entry.id.get(), found);
            Affiliate { id: entry.id, standing: entry.standing }
        })
        .collect();
    let seed = data.click_keys.first().map_or(0, |key| keys::seed(&key.secret));
    let links = links(data.links, &offer_places, &affiliate_places, seed, found);
    let (Some(keys), Some(pseudonyms)) = (keys, pseudonyms) else { return Err(problems) };
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Catalogue {
        version: data.version,
        keys,
        pseudonyms,
        fallback,
        advertisers,
        advertiser_places,
        advertiser_tokens,
        offers,
        offer_places,
        affiliates,
        affiliate_places,
        links,
        domains,
    })
}

/// Where each id stands in its list.
fn places<Id: Hash + Eq + Copy + std::fmt::Display>(
    what: &'static str,
    ids: impl Iterator<Item = Id>,
    problems: &mut Vec<Problem>,
) -> ById<Id> {
    let mut places = ById::default();
    for (place, id) in (0..).zip(ids) {
        if places.insert(id, place).is_some() {
            problems.push(Problem::Twice { what, name: id.to_string() });
        }
    }
    places
}

/// The id as 32 bits, as click ids and records hold it.
fn number(what: &'static str, id: i64, problems: &mut Vec<Problem>) -> u32 {
    u32::try_from(id).unwrap_or_else(|_| {
        let reason = "ids in click ids end at 4294967295".to_owned();
        problems.push(Problem::Value { what, name: id.to_string(), field: "id".into(), reason });
        0
    })
}

fn advertiser(entry: &AdvertiserEntry, problems: &mut Vec<Problem>) -> Advertiser {
    let hash = from_hex(&entry.postback_token_sha256).unwrap_or_else(|| {
        problems.push(Problem::Value {
            what: "advertiser",
            name: entry.id.to_string(),
            field: "postback_token_sha256".into(),
            reason: "expected 64 lower-case hexadecimal digits".into(),
        });
        [0; 32]
    });
    Advertiser {
        id: entry.id,
        number: number("advertiser", entry.id.get(), problems),
        standing: entry.standing,
        postback_token_sha256: hash,
        signing_key: entry.signing_key.0.as_bytes().into(),
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn tokens(
    advertisers: &[Advertiser],
    problems: &mut Vec<Problem>,
) -> HashMap<[u8; 32], u32, foldhash::fast::FixedState> {
    let mut tokens = HashMap::default();
    for (place, advertiser) in (0..).zip(advertisers) {
        if tokens.insert(advertiser.postback_token_sha256, place).is_some() {
            problems.push(Problem::Twice {
                what: "postback token of advertiser",
                name: advertiser.id.to_string(),
            });
        }
    }
    tokens
}

fn template(
    what: &str,
    url: &str,
    click_parameter: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Template> {
    Template::compile(url, click_parameter)
        .map_err(|source| problems.push(Problem::Template { what: what.to_owned(), source }))
        .ok()
}

fn offer(
    entry: OfferEntry,
    ids: &Ids<'_>,
    closures: &[ClosureEntry],
    problems: &mut Vec<Problem>,
) -> Option<Offer> {
    let name = || entry.id.to_string();
    let number = number("offer", entry.id.get(), problems);
    let advertiser = ids.advertisers.get(&entry.advertiser_id).copied();
    if advertiser.is_none() {
        let id = entry.advertiser_id.get();
        problems.push(Problem::Missing { what: "offer", name: name(), of: "advertiser", id });
    }
    let currency = Currency::new(&entry.currency);
    if let Err(error) = &currency {
        let reason = error.to_string();
        problems.push(Problem::Value { what: "offer", name: name(), field: "currency".into(), reason });
    }
    let mut hosts = Vec::new();
    for host in &entry.deep_link_hosts {
        match url::Host::parse(host) {
            Ok(host) => hosts.push(host.to_string().into()),
            Err(error) => problems.push(Problem::Value {
                what: "offer",
                name: name(),
                field: "deep_link_hosts".into(),
                reason: format!("{host:?}: {error}"),
            }),
        }
    }
    let landing_page = template(
        &format!("landing page of offer {}", entry.id),
        &entry.landing_page,
        Some(&entry.click_parameter),
        problems,
    );
    let fallback_name = format!("fallback of offer {}", entry.id);
    let fallback =
        entry.fallback_url.as_deref().and_then(|url| template(&fallback_name, url, None, problems));
    let rules = rules::rules(&entry, closures, ids, problems);
    Some(Offer {
        id: entry.id,
        number,
        advertiser: advertiser?,
        standing: entry.standing,
        currency: currency.ok()?,
        landing_page: landing_page?,
        fallback,
        deep_link_hosts: hosts.into(),
        click_parameter: entry.click_parameter.into(),
        pass_parameters: entry.pass_parameters,
        postback_auth: entry.postback_auth,
        starts_at: entry.starts_at,
        ends_at: entry.ends_at,
        goals: entry.goals.into(),
        fallback_offer: rules.fallback_offer,
        gate: rules.gate,
        pages: rules.pages,
        caps: rules.caps,
        cookies: entry.rules.cookies,
        cookieless_countries: rules.cookieless_countries,
    })
}

/// Takes the entries, so that their texts leave memory as they are packed.
fn links(
    entries: Vec<LinkEntry>,
    offers: &ById<hopline_types::OfferId>,
    affiliates: &ById<hopline_types::AffiliateId>,
    seed: u64,
    problems: &mut Vec<Problem>,
) -> Links {
    if entries.len() > LINKS_MAX {
        problems.push(Problem::TooMany { what: "links", given: entries.len() });
        return Links::with_capacity(0, seed);
    }
    let mut links = Links::with_capacity(entries.len(), seed);
    for entry in entries {
        let missing = |of, id| Problem::Missing { what: "link", name: entry.code.clone(), of, id };
        let id = number("link", entry.id.get(), problems);
        if entry.code.is_empty() || entry.code.len() > 64 {
            let reason = format!("a code has 1 to 64 bytes, this one has {}", entry.code.len());
            problems.push(Problem::Value {
                what: "link",
                name: entry.id.to_string(),
                field: "code".into(),
                reason,
            });
            continue;
        }
        let Some(offer) = offers.get(&entry.offer_id).copied() else {
            problems.push(missing("offer", entry.offer_id.get()));
            continue;
        };
        let Some(affiliate) = affiliates.get(&entry.affiliate_id).copied() else {
            problems.push(missing("affiliate", entry.affiliate_id.get()));
            continue;
        };
        if id != 0 && !links.insert(&entry.code, id, entry.standing, Places { offer, affiliate }) {
            problems.push(Problem::Twice { what: "link code", name: entry.code.clone() });
        }
    }
    links
}
