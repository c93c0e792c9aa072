//! Traffic rules on a click's way: who is taken, where the others go, what is recorded.

mod caps;
mod chains;
mod cookies;
mod hosts;
mod pages;
mod scripts;
mod signals;
mod targeting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hopline_catalogue::Catalogue;
use hopline_catalogue::data::*;
use hopline_classify::DatacenterNetworks;
use hopline_edge::EdgeOptions;
use hopline_geo::PlacesFile;
use hopline_record::{Click, Flags};
use hopline_types::*;

use crate::support::*;

/// Addresses of the fixtures: in London (network 20712), in Sweden without a network, in Japan (network 2914), nowhere.
pub(crate) const LONDON: &str = "81.2.69.1";
pub(crate) const SWEDEN: &str = "89.160.20.1";
const JAPAN: &str = "2001:218::1";
const NOWHERE: &str = "8.8.8.8";
pub(crate) const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A change of the catalogue.
type Change = fn(&mut CatalogueData);

fn fixture(name: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("tests/fixtures").join(name)
}

/// An edge of one thread, so that records lie in the order of the clicks, behind a proxy, with geography.
pub(crate) fn edge(change: impl FnOnce(&mut CatalogueData)) -> Edge {
    edge_with(&[("edge.threads", "1")], change, |_| ())
}

fn edge_with(
    flags: &[(&str, &str)],
    change: impl FnOnce(&mut CatalogueData),
    options: impl FnOnce(&mut EdgeOptions),
) -> Edge {
    let flags = [&[("edge.trusted_proxies", "127.0.0.0/8")], flags].concat();
    Edge::with(&flags, |all| {
        all.catalogue.store(Arc::new(compiled(change)));
        let places = PlacesFile::open(Some(&fixture("city.mmdb")), Some(&fixture("asn.mmdb"))).unwrap();
        all.places = Some(Arc::new(places));
        all.networks = DatacenterNetworks::from_list("").unwrap();
        options(all);
    })
}

fn compiled(change: impl FnOnce(&mut CatalogueData)) -> Catalogue {
    let mut data = data();
    change(&mut data);
    Catalogue::compile(data).unwrap()
}

fn rules(data: &mut CatalogueData, offer: usize) -> &mut OfferRules {
    &mut data.offers[offer - 1].rules
}

/// The offer wants visitors from Britain only.
fn only_britain(data: &mut CatalogueData, offer: usize) {
    rules(data, offer).targeting.countries = only(&["GB"]);
}

fn only(values: &[&str]) -> Matching {
    Matching::Only(values.iter().map(|value| (*value).into()).collect())
}

fn not(values: &[&str]) -> Matching {
    Matching::Not(values.iter().map(|value| (*value).into()).collect())
}

fn click_cap(id: i64, scope: CapScope, period: CapPeriod, amount: i64) -> CapEntry {
    let id = CapId::new(id).unwrap();
    CapEntry { id, scope, metric: CapMetric::Clicks, period, zone: "UTC".into(), amount }
}

fn affiliate(id: i64) -> AffiliateId {
    AffiliateId::new(id).unwrap()
}

/// A visitor's fields by address and user agent.
fn from<'a>(address: &'a str, agent: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("User-Agent", agent), ("X-Forwarded-For", address), ("Accept-Language", "de-DE,de;q=0.9")]
}

/// A cookie that was never given out, one per number.
fn cookie(number: u64) -> String {
    use base64::Engine;
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    format!("hl_vid={}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// What a record says of a click's fate: offer, verdict, detail, flags of those that are asked for.
fn fate(click: &Click) -> (u32, Verdict, &str, u16) {
    let claims = hopline_clickid::ClickClaims::of_own_record(&click.token).unwrap();
    (u32::try_from(claims.offer.get()).unwrap(), verdict(click), &click.detail, click.status)
}

fn fates(stopped: &Stopped) -> Vec<(u32, Verdict, &str, u16)> {
    stopped.clicks().into_iter().map(fate).collect()
}

fn has(click: &Click, flag: Flags) -> bool {
    click.flags.has(flag)
}
