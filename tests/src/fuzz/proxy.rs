//! The PROXY protocol's header.

use hopline_listen::proxy::{HEADER_BYTES_MAX, Parsed, parse};

/// A header that is whole is so without the bytes behind it, and none of its beginnings is: they want more, never more
/// than is missing. What is wrong stays wrong with more bytes.
///
/// # Panics
/// One of these does not hold.
pub fn proxy_header(data: &[u8]) {
    let parsed = parse(data);
    match parsed {
        Ok(Parsed::Done { used, .. }) => {
            assert!(used <= data.len() && used <= HEADER_BYTES_MAX);
            assert_eq!(parse(&data[..used]), parsed);
            for end in 0..used {
                let Ok(Parsed::Incomplete { needed }) = parse(&data[..end]) else {
                    panic!("{end} of {used} bytes are no beginning")
                };
                assert!(needed > 0 && end + needed <= used, "{needed} more at {end} of {used}");
            }
        }
        Ok(Parsed::Incomplete { needed }) => {
            assert!(needed > 0 && data.len() + needed <= HEADER_BYTES_MAX);
            return;
        }
        Err(_) => (),
    }
    assert_eq!(parse(&[data, b"GET / HTTP/1.1"].concat()), parsed);
}
