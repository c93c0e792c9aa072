//! Whose address a request comes from.

use std::net::{IpAddr, Ipv4Addr};

use hopline_runtime::config::Cidr;

/// Whom a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// It is a trusted proxy: what it says of others is believed.
    pub(crate) is_trusted: bool,
}

impl Peer {
    /// Looked at once per connection.
    pub(crate) fn new(address: IpAddr, trusted: &[Cidr]) -> Self {
        let address = address.to_canonical();
        Self { address, is_trusted: is_within(address, trusted) }
    }
}

fn is_within(address: IpAddr, networks: &[Cidr]) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The visitor's address: the peer's, unless the peer is a trusted proxy. Then `X-Forwarded-For` is read from the right,
/// trusted proxies are passed over, and the first other address counts; what does not parse ends the reading (S-25).
pub(crate) fn visitor<'a, Headers>(
    peer: Peer,
    trusted: &[Cidr],
    forwarded: impl FnOnce() -> Headers,
) -> IpAddr
where
    Headers: DoubleEndedIterator<Item = &'a [u8]>,
{
    let mut visitor = peer.address;
    if !peer.is_trusted {
        return visitor;
    }
    let hops = forwarded().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops {
        let plain = v4(hop.trim_ascii()).map(IpAddr::V4);
        let Some(address) = plain.or_else(|| parse(std::str::from_utf8(hop).ok()?.trim())) else {
            return visitor;
        };
        visitor = address;
        if !is_within(visitor, trusted) {
            return visitor;
        }
    }
    visitor
}

/// An IPv4 address without anything, as most are.
fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut octets, mut rest) = ([0_u8; 4], text);
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (digits, more) = match rest {
            [first @ b'1'..=b'9', second @ b'0'..=b'9', third @ b'0'..=b'9', more @ ..] => {
                ([*first, *second, *third], more)
            }
            [first @ b'1'..=b'9', second @ b'0'..=b'9', more @ ..] => ([b'0', *first, *second], more),
            [only @ b'0'..=b'9', more @ ..] => ([b'0', b'0', *only], more),
            _ => return None,
        };
        let [hundreds, tens, ones] = digits.map(|digit| u16::from(digit - b'0'));
        *octet = u8::try_from(hundreds * 100 + tens * 10 + ones).ok()?;
        rest = more;
    }
    rest.is_empty().then(|| Ipv4Addr::from(octets))
}

/// An address with or without port or brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare =
        text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inside, _)| inside);
    let address = bare
        .parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|with_port| with_port.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    // S-25
    #[test]
    fn s_25_forwarding_headers_are_believed_from_trusted_proxies_only_and_from_the_right() {
        let trusted: Vec<Cidr> = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let table: [(&str, &[&str], &str); 9] = [
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, nonsense, 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("2001:db8::1", &["[2001:4860::8]:443"], "2001:4860::8"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ];
        for (peer, forwarded, expected) in table {
            let values = || forwarded.iter().map(|value| value.as_bytes());
            let found = visitor(Peer::new(peer.parse().unwrap(), &trusted), &trusted, values);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
        let proxy = "10.0.0.1".parse().unwrap();
        let forwarded = || [b"1.1.1.1".as_slice()].into_iter();
        assert_eq!(visitor(Peer::new(proxy, &[]), &[], forwarded), proxy);
        let speaks_for_itself = Peer { address: proxy, is_trusted: false };
        assert_eq!(visitor(speaks_for_itself, &trusted, forwarded), proxy);
    }

    #[test]
    fn plain_addresses_are_those_of_the_standard_library() {
        let texts = [
            "0.0.0.0",
            "1.2.3.4",
            "10.20.30.40",
            "255.255.255.255",
            "203.0.113.9",
            "256.1.1.1",
            "1.2.3.999",
            "01.2.3.4",
            "00.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.4.",
            ".1.2.3.4",
            "1..2.3",
            "1.2.3.4:80",
            "1.2.3.4a",
            "a.b.c.d",
            "",
            "::1",
            "1,2.3.4",
            "1.2.3.-4",
            "1.2.3.+4",
            "1.2.3.1000",
        ];
        for text in texts {
            assert_eq!(v4(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for number in 0..100_000_u32 {
            let address = Ipv4Addr::from_bits(number.wrapping_mul(0x9E37_79B9));
            assert_eq!(v4(address.to_string().as_bytes()), Some(address));
        }
    }
}
