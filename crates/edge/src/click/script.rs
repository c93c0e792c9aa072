//! A shop's script: who may ask, and what it is told.

use hopline_catalogue::{Offer, without_port};
use hopline_types::{Class, Verdict};

/// To a script that names no offer or affiliate.
pub(super) const UNKNOWN: &[u8] = b"{\"click_id\":null,\"reason\":\"unknown\"}";

/// Whether a page of this origin is the shop's.
pub(super) fn is_of_shop(origin: &[u8], offer: &Offer) -> bool {
    let host = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    host.is_some_and(|host| offer.has_host(without_port(host)))
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
