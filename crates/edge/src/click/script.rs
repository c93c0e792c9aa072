//! A shop's script: who may ask, and what it is told.

use hopline_catalogue::{Offer, without_port};
use hopline_types::{Class, Verdict};

/// To a script that names no offer or affiliate.
pub(super) const UNKNOWN: &[u8] = b"{\"click_id\":null,\"reason\":\"unknown\"}";

/// Whether a page of this origin is the shop's: its host is that of the offer's own landing page, or one of those that deep links may
/// name.
pub(super) fn is_of_shop(origin: &[u8], offer: &Offer) -> bool {
    let Ok(origin) = std::str::from_utf8(origin) else { return false };
    let Some(host) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return false;
    };
    let host = without_port(host.as_bytes());
    let is = |known: &str| host.eq_ignore_ascii_case(known.as_bytes());
    is(offer.landing_page.host()) || offer.deep_link_hosts.iter().any(|known| is(known))
}

/// What a shop's script is told: the id of a click that may win a conversion, else why there is none.
pub(super) fn answer(verdict: Verdict, token: &[u8], out: &mut Vec<u8>) {
    if verdict.class == Class::Invalid {
        out.extend_from_slice(b"{\"click_id\":null,\"reason\":\"");
        out.extend_from_slice(verdict.reason.as_str().as_bytes());
    } else {
        out.extend_from_slice(b"{\"click_id\":\"");
        out.extend_from_slice(token);
    }
    out.extend_from_slice(b"\"}");
}
