//! Deep links: where `url=` may lead (never anywhere else: no open redirect).

use crate::Offer;
use crate::template::{encode, has_query};

/// The longest deep link that is followed.
pub(crate) const DEEP_LINK_BYTES_MAX: usize = 2048;
/// The same with its characters escaped: what a click's record holds of it.
const SERIALISED_BYTES_MAX: usize = 4096;

/// The deep link in its serialised form, if it may be followed: parsed by the WHATWG rules as a browser would, https,
/// no user information, its host exactly one of the offer's. Ports are free.
#[must_use]
pub fn allowed_deep_link(offer: &Offer, text: &str) -> Option<String> {
    if text.len() > DEEP_LINK_BYTES_MAX || offer.deep_link_hosts.is_empty() {
        return None;
    }
    let url = url::Url::parse(text).ok()?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let host = url.host_str()?;
    let listed = offer.deep_link_hosts.iter().any(|listed| **listed == *host);
    (plain && listed && url.as_str().len() <= SERIALISED_BYTES_MAX).then(|| url.into())
}

/// Appends a serialised URL to `out` with one more query parameter, before the fragment; the value is encoded.
pub fn append_parameter(url: &str, name: &str, value: &[u8], out: &mut Vec<u8>) {
    let (head, fragment) = url.find('#').map_or((url, ""), |at| url.split_at(at));
    out.extend_from_slice(head.as_bytes());
    match has_query(head.as_bytes()) {
        None => out.push(b'?'),
        Some(true) => out.push(b'&'),
        Some(false) => (),
    }
    encode(name.as_bytes(), out);
    out.push(b'=');
    encode(value, out);
    out.extend_from_slice(fragment.as_bytes());
}

/// Puts parameters that are encoded already into a URL in `url`, before its fragment; nothing where there are none.
pub fn append_query(parameters: &[u8], url: &mut Vec<u8>) {
    if parameters.is_empty() {
        return;
    }
    let end = url.iter().position(|byte| *byte == b'#').unwrap_or(url.len());
    let fragment = url.split_off(end);
    match has_query(url) {
        None => url.push(b'?'),
        Some(true) => url.push(b'&'),
        Some(false) => (),
    }
    url.extend_from_slice(parameters);
    url.extend_from_slice(&fragment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_before_the_fragment_and_behind_what_is_there() {
        let table = [
            ("https://shop.example/", "https://shop.example/?a=1&b=2"),
            ("https://shop.example/?", "https://shop.example/?a=1&b=2"),
            ("https://shop.example/?c=3#top", "https://shop.example/?c=3&a=1&b=2#top"),
        ];
        for (url, expected) in table {
            let mut out = url.as_bytes().to_vec();
            append_query(b"", &mut out);
            assert_eq!(out, url.as_bytes());
            append_query(b"a=1&b=2", &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
