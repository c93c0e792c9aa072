//! Whose address a request comes from.

use std::net::IpAddr;

use hopline_runtime::config::Cidr;

/// Whom a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// What it says of others is believed if its address is a trusted proxy's.
    pub(crate) may_forward: bool,
}

impl Peer {
    pub(crate) const fn new(address: IpAddr) -> Self {
        Self { address, may_forward: true }
    }

    pub(crate) fn is_trusted(self, trusted: &[Cidr]) -> bool {
        self.may_forward && !trusted.is_empty() && is_within(self.address.to_canonical(), trusted)
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
    let mut visitor = peer.address.to_canonical();
    if !peer.is_trusted(trusted) {
        return visitor;
    }
    let hops = forwarded().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|text| parse(text.trim())) else {
            return visitor;
        };
        visitor = address;
        if !is_within(visitor, trusted) {
            return visitor;
        }
    }
    visitor
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
            let found = visitor(Peer::new(peer.parse().unwrap()), &trusted, values);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
        let proxy = Peer::new("10.0.0.1".parse().unwrap());
        let forwarded = || [b"1.1.1.1".as_slice()].into_iter();
        assert_eq!(visitor(proxy, &[], forwarded), proxy.address);
        let speaks_for_itself = Peer { may_forward: false, ..proxy };
        assert_eq!(visitor(speaks_for_itself, &trusted, forwarded), proxy.address);
    }
}
