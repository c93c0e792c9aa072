//! Tagged fields behind the fixed part of a payload.

/// Why a payload cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error("record kind {kind} is not known to this version")]
    UnknownKind {
        /// The kind's number.
        kind: u8,
    },
    /// Written by a newer program.
    #[error("record version {version} is newer than this program's")]
    NewerVersion {
        /// The version's number.
        version: u8,
    },
    /// The payload ends too early.
    #[error("record ends at byte {at}, {needed} bytes were expected there")]
    Truncated {
        /// Offset in the payload.
        at: usize,
        /// Bytes needed at that place.
        needed: usize,
    },
    /// A value outside its range.
    #[error("byte {at} of the record holds no valid {what}")]
    Invalid {
        /// Offset in the payload.
        at: usize,
        /// What should stand there.
        what: &'static str,
    },
}

/// Appends one field; an empty text is not written, a longer one than a length can say is cut.
#[inline]
pub(crate) fn put(buffer: &mut Vec<u8>, tag: u8, text: &str) {
    // Most fields are empty.
    if !text.is_empty() {
        put_some(buffer, tag, text);
    }
}

fn put_some(buffer: &mut Vec<u8>, tag: u8, text: &str) {
    let text = cut(text, crate::FIELD_BYTES_MAX);
    let [low, high] = u16::try_from(text.len()).expect("FIELD_BYTES_MAX fits 16 bits").to_le_bytes();
    buffer.extend_from_slice(&[tag, low, high]);
    buffer.extend_from_slice(text.as_bytes());
}

/// The longest prefix of at most `bytes_max` bytes that ends between characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max { text } else { text.split_at(text.floor_char_boundary(bytes_max)).0 }
}

/// One field as it stands in the payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Field<'a> {
    /// The value as text.
    pub(crate) fn text(self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.value).map_err(|_| DecodeError::Invalid { at: self.at, what: "UTF-8 text" })
    }

    /// The value as a number.
    pub(crate) fn number(self) -> Result<u64, DecodeError> {
        let bytes =
            self.value.try_into().map_err(|_| DecodeError::Invalid { at: self.at, what: "number" })?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// Calls `each` with every field from `start` to the end of the payload.
pub(crate) fn read(
    payload: &[u8],
    start: usize,
    mut each: impl FnMut(Field<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut at = start;
    while at < payload.len() {
        let head: [u8; 3] = bytes(payload, at)?;
        let length = usize::from(u16::from_le_bytes([head[1], head[2]]));
        let from = at + 3;
        let value =
            payload.get(from..from + length).ok_or(DecodeError::Truncated { at: from, needed: length })?;
        each(Field { tag: head[0], value, at: from })?;
        at = from + length;
    }
    Ok(())
}

/// `N` bytes of the payload at `at`.
pub(crate) fn bytes<const N: usize>(payload: &[u8], at: usize) -> Result<[u8; N], DecodeError> {
    payload
        .get(at..at + N)
        .and_then(|slice| slice.try_into().ok())
        .ok_or(DecodeError::Truncated { at, needed: N })
}

/// Checks the version byte.
pub(crate) fn version(payload: &[u8]) -> Result<(), DecodeError> {
    match bytes::<1>(payload, 0)? {
        [crate::VERSION] => Ok(()),
        [0] => Err(DecodeError::Invalid { at: 0, what: "version" }),
        [version] => Err(DecodeError::NewerVersion { version }),
    }
}
