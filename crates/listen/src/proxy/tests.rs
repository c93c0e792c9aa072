use std::net::IpAddr;

use proptest::prelude::*;

use super::crc32c::Crc32c;
use super::*;

/// What HAProxy sends for a TCP connection over IPv4.
pub(super) const HAPROXY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\
    \xac\x13\x00\x01\xac\x13\x00\x03\xa6\x52\x00\x50";
pub(super) const HAPROXY_SOURCE: &str = "172.19.0.1:42578";

/// What AWS's network load balancer sends, with a checksum, the name of a VPC endpoint and 36 bytes of padding.
const AWS: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x54\
    \xac\x1f\x07\x71\xac\x1f\x0a\x1f\xc8\xf2\x00\x50\
    \x03\x00\x04\xe8\xd6\x89\x2d\
    \xea\x00\x17\x01vpce-08d2bf15fac5001c9\
    \x04\x00\x24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn header(version_and_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE.as_slice(), &[version_and_command, family], &length, block].concat()
}

fn extension(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [[kind].as_slice(), &length, value].concat()
}

/// Addresses of a source and of a destination that differs in every byte.
fn addresses(source: SocketAddr) -> (u8, Vec<u8>) {
    let port = source.port().to_be_bytes();
    let other_port = (!source.port()).to_be_bytes();
    match source.ip() {
        IpAddr::V4(ip) => {
            let other = ip.octets().map(|byte| !byte);
            (0x11, [ip.octets().as_slice(), &other, &port, &other_port].concat())
        }
        IpAddr::V6(ip) => {
            let other = ip.octets().map(|byte| !byte);
            (0x21, [ip.octets().as_slice(), &other, &port, &other_port].concat())
        }
    }
}

/// Puts the right sum into the checksum extension whose value begins at `sum_at`.
fn sum_up(header: &mut [u8], sum_at: usize) {
    header[sum_at..sum_at + 4].fill(0);
    let mut sum = Crc32c::default();
    sum.update(header);
    header[sum_at..sum_at + 4].copy_from_slice(&sum.finish().to_be_bytes());
}

fn done(source: Option<&str>, used: usize) -> Result<Parsed, ProxyError> {
    Ok(Parsed::Done { source: source.map(|text| text.parse().unwrap()), used })
}

#[test]
fn valid_headers_tell_the_source_and_their_length() {
    let (_, v4) = addresses("203.0.113.9:50000".parse().unwrap());
    let (_, v6) = addresses("[2001:db8::9]:50001".parse().unwrap());
    let noop = extension(4, b"");
    let table: [(&str, Vec<u8>, Option<&str>); 16] = [
        ("HAProxy", HAPROXY.to_vec(), Some(HAPROXY_SOURCE)),
        ("AWS", AWS.to_vec(), Some("172.31.7.113:51442")),
        ("IPv4", header(0x21, 0x11, &v4), Some("203.0.113.9:50000")),
        (
            "IPv4, extension",
            header(0x21, 0x11, &[v4.clone(), noop.clone()].concat()),
            Some("203.0.113.9:50000"),
        ),
        ("IPv6", header(0x21, 0x21, &v6), Some("[2001:db8::9]:50001")),
        (
            "IPv6, two extensions",
            header(0x21, 0x21, &[v6, noop.clone(), extension(0xea, b"x")].concat()),
            Some("[2001:db8::9]:50001"),
        ),
        ("UNIX", header(0x21, 0x31, &[b'/'; 216]), None),
        ("UNIX, extension", header(0x21, 0x31, &[[b'/'; 216].as_slice(), &noop].concat()), None),
        ("unspecified", header(0x21, 0x00, b""), None),
        ("unspecified, something", header(0x21, 0x00, b"?"), None),
        ("LOCAL", header(0x20, 0x00, b""), None),
        ("LOCAL, with addresses", header(0x20, 0x11, &v4), None),
        ("LOCAL, with a cut address", header(0x20, 0x11, &v4[..5]), None),
        ("LOCAL, of a family nobody knows", header(0x20, 0xff, b"anything"), None),
        ("LOCAL, the longest", header(0x20, 0x00, &[0; BLOCK_BYTES_MAX]), None),
        (
            "IPv4, the longest",
            header(0x21, 0x11, &[v4, extension(4, &[0; BLOCK_BYTES_MAX - 15])].concat()),
            Some("203.0.113.9:50000"),
        ),
    ];
    for (name, bytes, source) in table {
        assert_eq!(parse(&bytes), done(source, bytes.len()), "{name}");
        let with_request = [bytes.as_slice(), b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&with_request), done(source, bytes.len()), "{name}, a request behind it");
        for cut in 0..bytes.len() {
            let needed = if cut < FIXED_BYTES { FIXED_BYTES - cut } else { bytes.len() - cut };
            assert_eq!(parse(&bytes[..cut]), Ok(Parsed::Incomplete { needed }), "{name}, {cut} bytes of it");
        }
    }
}

#[test]
fn invalid_headers_are_refused_with_what_is_wrong() {
    let (_, v4) = addresses("203.0.113.9:50000".parse().unwrap());
    let behind_v4 = |bytes: &[u8]| header(0x21, 0x11, &[&v4, bytes].concat());
    let mut wrong_sum = AWS.to_vec();
    wrong_sum[34] ^= 1;
    let twice = [extension(3, &[0; 4]), extension(3, &[0; 4])].concat();
    let mut summed_twice = behind_v4(&twice);
    sum_up(&mut summed_twice, 31);
    let table: [(&str, Vec<u8>, ProxyError); 20] = [
        ("version 1", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(), ProxyError::Version1),
        ("HTTP", b"GET / HTTP/1.1\r\n".to_vec(), ProxyError::NoHeader { at: 0, found: b'G' }),
        ("empty lines, then HTTP", b"\r\n\r\nGET /".to_vec(), ProxyError::NoHeader { at: 4, found: b'G' }),
        ("TLS", b"\x16\x03\x01".to_vec(), ProxyError::NoHeader { at: 0, found: 0x16 }),
        ("version 1, binary", header(0x11, 0x11, &v4), ProxyError::UnknownVersion { version: 1 }),
        ("version 3", header(0x31, 0x11, &v4), ProxyError::UnknownVersion { version: 3 }),
        ("command 2", header(0x22, 0x11, &v4), ProxyError::UnknownCommand { command: 2 }),
        ("datagrams over IPv4", header(0x21, 0x12, &v4), ProxyError::Datagrams { family: 0x12 }),
        ("datagrams over IPv6", header(0x21, 0x22, &[0; 36]), ProxyError::Datagrams { family: 0x22 }),
        ("datagrams over UNIX", header(0x21, 0x32, &[0; 216]), ProxyError::Datagrams { family: 0x32 }),
        ("family 4", header(0x21, 0x41, &v4), ProxyError::UnknownFamily { family: 0x41 }),
        ("transport 3", header(0x21, 0x13, &v4), ProxyError::UnknownFamily { family: 0x13 }),
        ("half unspecified", header(0x21, 0x10, &v4), ProxyError::UnknownFamily { family: 0x10 }),
        ("a byte too long", header(0x21, 0x00, &[0; 537]), ProxyError::TooLong { length: 537, limit: 536 }),
        (
            "IPv4 cut",
            header(0x21, 0x11, &v4[..11]),
            ProxyError::AddressCut { family: 0x11, expected: 12, length: 11 },
        ),
        (
            "IPv6 with IPv4",
            header(0x21, 0x21, &v4),
            ProxyError::AddressCut { family: 0x21, expected: 36, length: 12 },
        ),
        (
            "UNIX cut",
            header(0x21, 0x31, &[0; 215]),
            ProxyError::AddressCut { family: 0x31, expected: 216, length: 215 },
        ),
        (
            "checksum of other bytes",
            wrong_sum,
            ProxyError::Checksum { stated: 0xe8d6_892c, computed: 0xe8d6_892d },
        ),
        ("checksum of three bytes", behind_v4(&extension(3, &[0; 3])), ProxyError::ChecksumForm { at: 28 }),
        ("two checksums, the first right", summed_twice, ProxyError::ChecksumForm { at: 35 }),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(parse(&bytes), Err(expected), "{name}");
    }
}

#[test]
fn extensions_must_fill_the_header() {
    let (_, v4) = addresses("203.0.113.9:50000".parse().unwrap());
    let table: [(&str, &[u8], usize); 5] = [
        ("one byte left", b"\x04", 28),
        ("two bytes left", b"\x04\x00", 28),
        ("a value cut", b"\x04\x00\x02x", 28),
        ("a value far too long", b"\x04\xff\xff", 28),
        ("the second one cut", b"\x04\x00\x01x\x05\x00", 32),
    ];
    for (name, extensions, at) in table {
        let bytes = header(0x21, 0x11, &[&v4, extensions].concat());
        assert_eq!(parse(&bytes), Err(ProxyError::ExtensionCut { at }), "{name}");
    }
}

#[test]
fn an_altered_signature_is_refused_at_the_byte_that_differs() {
    for at in 0..SIGNATURE.len() {
        for bit in 0..8 {
            let mut bytes = HAPROXY.to_vec();
            bytes[at] ^= 1 << bit;
            let refused = Err(ProxyError::NoHeader { at, found: bytes[at] });
            assert_eq!(parse(&bytes), refused);
            assert_eq!(parse(&bytes[..=at]), refused, "no more bytes are waited for");
        }
    }
}

#[test]
fn what_is_wrong_is_refused_before_the_rest_has_come() {
    let long = header(0x21, 0x11, &[0; 600]);
    assert_eq!(parse(&long[..FIXED_BYTES]), Err(ProxyError::TooLong { length: 600, limit: 536 }));
    let other_version = header(0x41, 0x11, b"");
    assert_eq!(parse(&other_version[..13]), Err(ProxyError::UnknownVersion { version: 4 }));
    let datagrams = header(0x21, 0x12, b"");
    assert_eq!(parse(&datagrams[..14]), Err(ProxyError::Datagrams { family: 0x12 }));
}

fn any_source() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::from((ip, port))),
        (any::<[u8; 16]>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::from((ip, port))),
    ]
}

/// Extensions but for the checksum, none, few or many.
fn any_extensions() -> impl Strategy<Value = Vec<u8>> {
    let one = (4_u8.., proptest::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(kind, value)| extension(kind, &value));
    proptest::collection::vec(one, 0..8).prop_map(|extensions| extensions.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_ask_for_nothing(
        bytes in proptest::collection::vec(any::<u8>(), 0..700),
        fixed in proptest::option::of((0x20_u8..=0x22, prop::sample::select(vec![0_u8, 0x11, 0x21, 0x31, 0x41]))),
    ) {
        // Without the signature most bytes are refused at the first.
        let bytes = match fixed {
            None => bytes,
            Some((command, family)) => [SIGNATURE.as_slice(), &[command, family], &bytes].concat(),
        };
        match parse(&bytes) {
            Ok(Parsed::Incomplete { needed }) => {
                prop_assert!(needed > 0 && bytes.len() + needed <= HEADER_BYTES_MAX);
            }
            Ok(Parsed::Done { used, .. }) => {
                prop_assert!((FIXED_BYTES..=HEADER_BYTES_MAX.min(bytes.len())).contains(&used));
            }
            Err(_) => (),
        }
    }

    #[test]
    fn every_source_comes_back(source in any_source(), extensions in any_extensions(), rest: Vec<u8>) {
        let (family, addresses) = addresses(source);
        let bytes = header(0x21, family, &[addresses, extensions].concat());
        let used = bytes.len();
        prop_assert_eq!(
            parse(&[bytes, rest].concat()),
            Ok(Parsed::Done { source: Some(source), used })
        );
    }

    #[test]
    fn a_checksum_shows_every_altered_address(
        source in any_source(),
        extensions in any_extensions(),
        at: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let (family, addresses) = addresses(source);
        let length = addresses.len();
        let block = [addresses, extension(3, &[0; 4]), extensions].concat();
        let mut bytes = header(0x21, family, &block);
        sum_up(&mut bytes, FIXED_BYTES + length + 3);
        prop_assert_eq!(parse(&bytes), Ok(Parsed::Done { source: Some(source), used: bytes.len() }));
        bytes[FIXED_BYTES + at.index(length)] ^= flip;
        let refused = matches!(parse(&bytes), Err(ProxyError::Checksum { .. }));
        prop_assert!(refused, "{:?}", bytes);
    }
}
