//! The text form.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Refused;

/// Bytes of a click id before they are written as text.
pub const TOKEN_BYTES: usize = 45;

/// Characters of a click id.
pub const TOKEN_CHARS: usize = 60;

/// The text of a click id that was signed here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClickToken([u8; TOKEN_CHARS]);

impl ClickToken {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64url is ASCII")
    }

    /// The text as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; TOKEN_CHARS] {
        &self.0
    }

    pub(crate) const fn from_signed(text: [u8; TOKEN_CHARS]) -> Self {
        Self(text)
    }
}

impl AsRef<[u8]> for ClickToken {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for ClickToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::fmt::Debug for ClickToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClickToken({})", self.as_str())
    }
}

pub(crate) fn write(bytes: &[u8; TOKEN_BYTES], text: &mut [u8; TOKEN_CHARS]) {
    let (triples, _) = bytes.as_chunks::<3>();
    let (quads, _) = text.as_chunks_mut::<4>();
    for ([a, b, c], quad) in triples.iter().zip(quads) {
        *quad = [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, *c].map(letter);
    }
}

/// The character of the low six bits.
fn letter(bits: u8) -> u8 {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    LETTERS[usize::from(bits & 63)]
}

pub(crate) fn read(text: &[u8]) -> Result<[u8; TOKEN_BYTES], Refused> {
    if text.len() != TOKEN_CHARS {
        return Err(Refused::Length { given: text.len() });
    }
    let foreign = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if let Some(position) = text.iter().position(foreign) {
        return Err(Refused::Alphabet { position, byte: text[position] });
    }
    let mut bytes = [0; TOKEN_BYTES];
    let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).expect("60 characters of base64url decode");
    debug_assert_eq!(read, TOKEN_BYTES);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_equals_an_independent_implementation_of_base64url() {
        let mut state = 1_u64;
        for round in 0..500 {
            let bytes: [u8; TOKEN_BYTES] = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            });
            let mut text = [0; TOKEN_CHARS];
            write(&bytes, &mut text);
            assert_eq!(text.as_slice(), URL_SAFE_NO_PAD.encode(bytes).as_bytes(), "round {round}");
            assert_eq!(read(&text), Ok(bytes));
        }
    }
}
