//! Query strings and form bodies: pairs, decoding, cutting.

/// Raw pairs, in order: (name, value) as sent; empty pieces are passed over.
pub(crate) fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).map(|piece| {
        match piece.iter().position(|byte| *byte == b'=') {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &piece[piece.len()..]),
        }
    })
}

/// The first value of this name that is not empty, as sent.
pub(crate) fn first<'a>(query: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    pairs(query).find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
}

/// Decodes a value to bytes: `+` to space, `%XX` to a byte, any other `%` to itself.
pub(crate) fn decode(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'%' | b'+')) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let escape = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = &rest[3..];
            }
            None => {
                out.push(if rest[0] == b'+' { b' ' } else { b'%' });
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Decodes a value into `out`, at most `bytes_max` bytes of it, cut between characters; tells whether it was cut. Bytes
/// that are no UTF-8 become U+FFFD. `scratch` is used and left empty.
pub(crate) fn text(raw: &[u8], bytes_max: usize, scratch: &mut Vec<u8>, out: &mut String) -> bool {
    let is_plain = !raw.iter().any(|byte| matches!(byte, b'%' | b'+'));
    let bytes = if is_plain {
        raw
    } else {
        decode(raw, scratch);
        scratch.as_slice()
    };
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.len() <= bytes_max
    {
        out.push_str(text);
        scratch.clear();
        return false;
    }
    let mut room = bytes_max;
    let mut push = |text: &str| {
        let end = text.floor_char_boundary(room);
        out.push_str(text.get(..end).unwrap_or_default());
        room -= end;
        let is_whole = end == text.len();
        if !is_whole {
            room = 0;
        }
        is_whole
    };
    let is_whole = bytes
        .utf8_chunks()
        .all(|chunk| push(chunk.valid()) && (chunk.invalid().is_empty() || push("\u{fffd}")));
    scratch.clear();
    !is_whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str, bytes_max: usize) -> (String, bool) {
        let (mut scratch, mut out) = (Vec::new(), String::new());
        let cut = text(raw.as_bytes(), bytes_max, &mut scratch, &mut out);
        (out, cut)
    }

    #[test]
    fn values_are_decoded_and_what_is_no_escape_stays() {
        let table = [
            ("abc", "abc"),
            ("a+b%20c", "a b c"),
            ("%C3%A9", "é"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%ff", "\u{fffd}"),
            ("%E2%82", "\u{fffd}"),
            ("%00", "\0"),
            ("", ""),
        ];
        for (raw, expected) in table {
            assert_eq!(decoded(raw, 256), (expected.to_owned(), false), "{raw}");
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(decoded("abcd", 4), ("abcd".into(), false));
        assert_eq!(decoded("abcde", 4), ("abcd".into(), true));
        assert_eq!(decoded("abc%C3%A9", 4), ("abc".into(), true));
        assert_eq!(decoded("abc%C3%A9x", 5), ("abcé".into(), true));
        assert_eq!(decoded("abc%ff", 4), ("abc".into(), true));
    }

    #[test]
    fn pairs_are_cut_at_the_first_equals_sign() {
        let found: Vec<_> = pairs(b"a=1&&b&c=d=e&=x").collect();
        assert_eq!(found, [(&b"a"[..], &b"1"[..]), (b"b", b""), (b"c", b"d=e"), (b"", b"x")]);
        assert_eq!(first(b"a&a=&a=1&a=2&b", b"a"), Some(&b"1"[..]));
        assert_eq!([first(b"a&a=", b"a"), first(b"", b"a"), first(b"aa=1", b"a")], [None; 3]);
    }
}
