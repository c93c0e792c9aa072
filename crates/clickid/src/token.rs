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
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, text).expect("45 bytes make 60 characters");
    debug_assert_eq!(written, TOKEN_CHARS);
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
