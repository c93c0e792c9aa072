//! Text as bytes in the encodings that banks ask for.

use serde::{Deserialize, Serialize};

/// How a file's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Encoding {
    /// Unicode.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Latin 1.
    #[serde(rename = "iso-8859-1")]
    Latin1,
    /// Latin 1 as Windows has extended it, with the euro sign.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What Windows-1252 has in the places 0x80 to 0x9F; five of them are empty.
const WINDOWS_1252: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

impl Encoding {
    /// The name, as in `Content-Type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "iso-8859-1",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The content type of a CSV file in it.
    pub(crate) const fn csv_media_type(self) -> &'static str {
        match self {
            Self::Utf8 => "text/csv; charset=utf-8",
            Self::Latin1 => "text/csv; charset=iso-8859-1",
            Self::Windows1252 => "text/csv; charset=windows-1252",
        }
    }

    /// Whether it has this character.
    #[must_use]
    pub fn has(self, c: char) -> bool {
        self == Self::Utf8 || self.byte_of(c).is_some()
    }

    fn byte_of(self, c: char) -> Option<u8> {
        let code = u32::from(c);
        match code {
            0..=0x7F | 0xA0..=0xFF => u8::try_from(code).ok(),
            0x80..=0x9F if self == Self::Latin1 => u8::try_from(code).ok(),
            _ if self == Self::Windows1252 => {
                let place = WINDOWS_1252.iter().position(|of| *of == Some(c))?;
                u8::try_from(place + 0x80).ok()
            }
            _ => None,
        }
    }

    /// The text's bytes.
    ///
    /// # Errors
    /// The first character that the encoding does not have.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        if self == Self::Utf8 {
            return Ok(text.as_bytes().to_vec());
        }
        text.chars().map(|c| self.byte_of(c).ok_or(c)).collect()
    }

    /// The text of bytes; a byte order mark is left out.
    ///
    /// # Errors
    /// The place of the first byte that stands for nothing.
    pub fn decode(self, bytes: &[u8]) -> Result<String, usize> {
        match self {
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.trim_start_matches('\u{FEFF}').to_owned()),
                Err(error) => Err(error.valid_up_to()),
            },
            Self::Latin1 => Ok(bytes.iter().copied().map(char::from).collect()),
            Self::Windows1252 => {
                let each = bytes.iter().enumerate().map(|(at, byte)| match byte {
                    0x80..=0x9F => WINDOWS_1252.get(usize::from(byte - 0x80)).copied().flatten().ok_or(at),
                    byte => Ok(char::from(*byte)),
                });
                each.collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_stands_for_something_comes_back_as_it_was() {
        for encoding in [Encoding::Latin1, Encoding::Windows1252] {
            for byte in 0..=u8::MAX {
                if let Ok(text) = encoding.decode(&[byte]) {
                    assert_eq!(encoding.encode(&text), Ok(vec![byte]), "{encoding:?} {byte:#x}");
                }
            }
        }
        assert_eq!(Encoding::Windows1252.encode("€ Zoë"), Ok(b"\x80 Zo\xEB".to_vec()));
        assert_eq!(Encoding::Latin1.encode("€"), Err('€'));
        assert_eq!(Encoding::Windows1252.decode(b"a\x81"), Err(1));
        assert_eq!(Encoding::Utf8.decode(b"\xEF\xBB\xBFa"), Ok("a".into()));
    }
}
