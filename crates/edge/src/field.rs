//! A field of a request's header, and how it is found among the head's bytes.

use hopline_classify::Header;

/// A field as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: Name,
    /// The name as it was sent.
    pub(crate) text: &'a [u8],
    /// Without the blanks around it.
    pub(crate) value: &'a [u8],
}

/// What a field's name means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// One by which clicks are judged.
    Signal(Header),
    Host,
    Connection,
    Cookie,
    Origin,
    /// `X-Forwarded-For`.
    Forwarded,
    /// One that announces a body or another protocol.
    Announcing,
    Other,
}

impl<'a> Field<'a> {
    /// What a place for a field holds before one is put there.
    pub(crate) const NONE: Self = Field { name: Name::Other, text: b"", value: b"" };

    pub(crate) fn new(text: &'a [u8], value: &'a [u8]) -> Self {
        Self { name: known(text).unwrap_or(Name::Other), text, value }
    }
}

/// What a name means, in any case; none where it is not one of those that most requests have. By length and last letter
/// first, so that mostly one comparison is made.
pub(crate) fn known(name: &[u8]) -> Option<Name> {
    let meaning = match name.len() {
        4 if is(name, b"host") => Name::Host,
        6 if is(name, b"accept") => Name::Other,
        6 if is(name, b"cookie") => Name::Cookie,
        6 if is(name, b"origin") => Name::Origin,
        6 if is(name, b"expect") => Name::Announcing,
        7 if is(name, b"upgrade") => Name::Announcing,
        8 if is(name, b"priority") => Name::Other,
        9 if is(name, b"sec-ch-ua") => Name::Other,
        10 if is(name, b"connection") => Name::Connection,
        14 if is(name, b"sec-fetch-site") => Name::Other,
        14 if is(name, b"content-length") => Name::Announcing,
        15 if is(name, b"accept-encoding") => Name::Other,
        15 if is(name, b"x-forwarded-for") => Name::Forwarded,
        16 if is(name, b"sec-ch-ua-mobile") => Name::Other,
        17 if is(name, b"transfer-encoding") => Name::Announcing,
        18 if is(name, b"sec-ch-ua-platform") => Name::Other,
        25 if is(name, b"upgrade-insecure-requests") => Name::Other,
        _ => return Header::named(name).map(Name::Signal),
    };
    Some(meaning)
}

/// Whether a name is this one, in any case.
#[inline]
fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name) else { return false };
    let differs = |byte: u8, known: u8| (if known == b'-' { byte } else { byte | 0x20 }) ^ known;
    differs(name[N - 1], known[N - 1]) == 0
        && name.iter().zip(known).fold(0, |sum, (byte, known)| sum | differs(*byte, *known)) == 0
}

/// Whether a name that is not [`known`] holds letters, digits and hyphens alone.
#[cold]
pub(crate) fn is_plain_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Where the first colon stands.
#[inline]
pub(crate) fn colon(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    let found = words.iter().enumerate().find_map(|(number, word)| {
        // Bytes become 0 where there are colons; the lowest that underflows is one of these.
        let word = u64::from_le_bytes(*word) ^ each(b':');
        let zeros = word.wrapping_sub(each(1)) & !word & each(0x80);
        (zeros != 0).then(|| number * 8 + place(zeros))
    });
    found.or_else(|| tail.iter().position(|byte| *byte == b':').map(|more| words.len() * 8 + more))
}

/// Where the first byte stands that is no visible ASCII character or blank.
#[inline]
pub(crate) fn text_end(bytes: &[u8]) -> Option<usize> {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~');
    let (steps, tail) = bytes.as_chunks::<16>();
    // Without an early end, so that the compiler takes all sixteen at once.
    let ends = |step: &[u8; 16]| !step.iter().fold(true, |holds, byte| holds & is_text(byte));
    let Some(number) = steps.iter().position(ends) else {
        return tail.iter().position(|byte| !is_text(byte)).map(|more| steps.len() * 16 + more);
    };
    let (words, _) = steps.get(number)?.as_chunks::<8>();
    let [first, second] = words else { return None };
    let more = match others(*first) {
        0 => 8 + place(others(*second)),
        first => place(first),
    };
    Some(number * 16 + more)
}

/// The highest bits of those of eight bytes that are no visible ASCII characters or blanks.
#[inline]
const fn others(bytes: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(bytes);
    let low = word & each(0x7f);
    // Adding what lacks to 128 carries into the highest bit.
    (word | !(low + each(0x80 - b' ')) | (low + each(0x80 - 0x7f))) & each(0x80)
}

/// Which of eight bytes has the lowest bit that is set.
fn place(bits: u64) -> usize {
    usize::try_from(bits.trailing_zeros() / 8).unwrap_or_default()
}

/// Eight times this byte.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found_before_every_other_byte_wherever_it_stands() {
        for other in 0..=u8::MAX {
            let is_text = (b' '..=b'~').contains(&other);
            for length in [1, 7, 8, 9, 15, 16, 17, 40] {
                for at in 0..length {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = other;
                    assert_eq!(text_end(&bytes), (!is_text).then_some(at), "{other} at {at} of {length}");
                    assert_eq!(colon(&bytes), (other == b':').then_some(at), "{other} at {at} of {length}");
                }
            }
        }
        assert_eq!((colon(b""), text_end(b"")), (None, None));
    }

    #[test]
    fn of_several_the_first_counts() {
        assert_eq!(text_end(b"abc\r\nd\xff"), Some(3));
        assert_eq!(text_end(b"0123456789abcdef0123\x7f\0"), Some(20));
        assert_eq!(text_end(b"0123456789\r\n\0\0\0\0\0\0"), Some(10));
        assert_eq!(colon(b"sec-ch-ua-platform: \"x\":;:::::::"), Some(18));
        assert_eq!(colon(b";9::"), Some(2));
    }

    #[test]
    fn names_are_known_in_any_case_and_nothing_like_them() {
        for (name, meaning) in [
            ("Host", Name::Host),
            ("CONNECTION", Name::Connection),
            ("Cookie", Name::Cookie),
            ("origin", Name::Origin),
            ("X-Forwarded-For", Name::Forwarded),
            ("Expect", Name::Announcing),
            ("Upgrade", Name::Announcing),
            ("Content-Length", Name::Announcing),
            ("Transfer-Encoding", Name::Announcing),
            ("User-Agent", Name::Signal(Header::UserAgent)),
            ("Accept-Language", Name::Signal(Header::AcceptLanguage)),
            ("Upgrade-Insecure-Requests", Name::Other),
            ("sec-ch-ua-platform", Name::Other),
        ] {
            assert_eq!(known(name.as_bytes()), Some(meaning), "{name}");
            for at in 0..name.len() {
                for byte in (0..=u8::MAX).filter(|byte| !byte.eq_ignore_ascii_case(&name.as_bytes()[at])) {
                    let mut other = name.as_bytes().to_vec();
                    other[at] = byte;
                    assert_eq!(known(&other), None, "{}", other.escape_ascii());
                }
            }
        }
        assert_eq!((known(b""), known(b"X-Custom")), (None, None));
        assert!(is_plain_name(b"X-B3-TraceId") && !is_plain_name(b"") && !is_plain_name(b"a_b"));
    }
}
