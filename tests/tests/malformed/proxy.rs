//! How connections begin that come through a proxy: with a PROXY header, whole or broken.

use hopline_tests::Random;

use crate::requests::{Expect, Script, index};

/// A client of 203.0.113.7 by TCP over IPv4.
pub(crate) const HEADER: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\0\x50";

/// Others that are whole: the proxy's own connection, no address, an extension behind the address.
const WHOLE: [&[u8]; 3] = [
    b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\x03abc",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\0\x50\xe0\0\x01x",
];

const BROKEN: [&[u8]; 9] = [
    b"",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\r\n\r\n\0\r\nQUIT\n",
    b"\r\n\r\n\0\r\nQUIT\n\xff\xff\xff\xff",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\0\x50",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\xcb\0\x71\x07",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0d\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\0\x50\xe0",
];

/// Puts a header before a script. Behind a broken one, what comes may be answered or not.
pub(crate) fn begin(script: &mut Script, random: &mut Random) {
    let mut header = match random.below(8) {
        0 => BROKEN[index(random, BROKEN.len())].to_vec(),
        1..4 => WHOLE[index(random, WHOLE.len())].to_vec(),
        _ => HEADER.to_vec(),
    };
    let mut is_whole = !BROKEN.contains(&header.as_slice());
    if is_whole && random.below(8) == 0 {
        // A bit anywhere, or an end too early.
        let at = index(random, header.len());
        if random.below(2) == 0 {
            header[at] ^= 1 << random.below(8);
        } else {
            header.truncate(at);
        }
        is_whole = false;
    }
    if !is_whole {
        script.expect = Expect::Frames;
    }
    header.append(&mut script.bytes);
    script.bytes = header;
}
