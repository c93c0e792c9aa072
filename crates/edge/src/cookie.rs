//! The visitor cookie `hl_vid`: 16 random bytes as 22 characters of base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const NAME: &[u8] = b"hl_vid=";
const CHARS: usize = 22;

/// The visitor's key if a `Cookie` header holds a well-formed visitor cookie: the first eight bytes of it.
pub(crate) fn read(header: &[u8]) -> Option<u64> {
    header.split(|byte| *byte == b';').find_map(|pair| key(pair.trim_ascii_start().strip_prefix(NAME)?))
}

fn key(value: &[u8]) -> Option<u64> {
    if value.len() != CHARS {
        return None;
    }
    let mut bytes = [0; 16];
    URL_SAFE_NO_PAD.decode_slice(value, &mut bytes).ok()?;
    bytes.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// Appends `hl_vid=…` and the attributes; gives the new visitor's key.
pub(crate) fn write(random: [u8; 16], attributes: &[u8], out: &mut Vec<u8>) -> u64 {
    out.extend_from_slice(NAME);
    out.extend_from_slice(&text(random));
    out.extend_from_slice(attributes);
    let (first, _) = random.split_first_chunk().expect("16 bytes are more than eight");
    u64::from_le_bytes(*first)
}

/// Base64url of 16 bytes: with two zero bytes they are six threes, of which the last two characters say nothing.
fn text(bytes: [u8; 16]) -> [u8; CHARS] {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut padded, mut text) = ([0; 18], [0; 24]);
    padded[..16].copy_from_slice(&bytes);
    let (threes, _) = padded.as_chunks::<3>();
    let (fours, _) = text.as_chunks_mut::<4>();
    for ([a, b, c], four) in threes.iter().zip(fours) {
        *four = [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, *c].map(|bits| LETTERS[usize::from(bits & 63)]);
    }
    *text.first_chunk().expect("22 of 24")
}

/// The attributes behind the value.
pub(crate) fn attributes(days: u32, is_https: bool) -> String {
    let seconds = u64::from(days) * 86_400;
    let secure = if is_https { "; Secure" } else { "" };
    format!("; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_among_other_cookies() {
        let mut out = Vec::new();
        let key = write([7; 16], attributes(395, true).as_bytes(), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "hl_vid=BwcHBwcHBwcHBwcHBwcHBw; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        let (pair, _) = text.split_once(';').unwrap();
        assert_eq!(read(pair.as_bytes()), Some(key));
        assert_eq!(read(format!("a=b; {pair};c=d").as_bytes()), Some(key));
    }

    #[test]
    fn the_text_equals_an_independent_implementation_of_base64url() {
        for round in 0..500_u128 {
            let bytes =
                (round.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) ^ round << 120).to_be_bytes();
            assert_eq!(text(bytes).as_slice(), URL_SAFE_NO_PAD.encode(bytes).as_bytes());
        }
    }

    #[test]
    fn malformed_cookies_are_no_visitor() {
        for text in [
            "",
            "hl_vid=",
            "hl_vid=BwcHBwcHBwcHBwcHBwcHB",
            "hl_vid=BwcHBwcHBwcHBwcHBwcH+w",
            "xhl_vid=BwcHBwcHBwcHBwcHBwcHBw",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
