//! Places in lists, handed out and taken back (W-32).
//!
//! A cursor is URL-safe base64 of a tag (16 bytes) and the position (text): the tag is HMAC-SHA-256, cut, over the length
//! of the context (8 bytes, big-endian), the context (who asks for which list with which filters) and the position. So a cursor that was altered, belongs to
//! another list, to other filters or to somebody else is refused. The key is made at start: a restart ends all
//! cursors, and a client then begins its list again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const TAG_BYTES: usize = 16;

/// Makes and checks cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    fn tag(&self, context: &str, position: &[u8]) -> Hmac<Sha256> {
        let length = u64::try_from(context.len()).expect("a length fits into 64 bits");
        let mut mac = self.0.clone();
        mac.update(&length.to_be_bytes());
        mac.update(context.as_bytes());
        mac.update(position);
        mac
    }

    /// The cursor for what follows `position` in the list that `context` describes.
    pub(crate) fn write(&self, context: &str, position: &str) -> String {
        let tag = self.tag(context, position.as_bytes()).finalize().into_bytes();
        let bytes: Vec<u8> = tag.into_iter().take(TAG_BYTES).chain(position.bytes()).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor, if it was handed out for this list.
    pub(crate) fn read(&self, context: &str, cursor: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, position) = bytes.split_first_chunk::<TAG_BYTES>()?;
        self.tag(context, position).verify_truncated_left(tag).ok()?;
        String::from_utf8(position.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // W-32
    #[test]
    fn a_cursor_is_taken_back_only_unaltered_and_only_for_its_list() {
        let key = CursorKey::new([7; 32]);
        let cursor = key.write("/v1/offers all", "42");
        assert_eq!(key.read("/v1/offers all", &cursor), Some("42".to_owned()));
        assert_eq!(key.read("/v1/links all", &cursor), None);
        assert_eq!(CursorKey::new([8; 32]).read("/v1/offers all", &cursor), None);
        let altered = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for at in 0..altered.len() {
            let mut altered = altered.clone();
            altered[at] ^= 1;
            assert_eq!(key.read("/v1/offers all", &URL_SAFE_NO_PAD.encode(&altered)), None, "byte {at}");
        }
        for cut in 0..cursor.len() {
            assert_eq!(key.read("/v1/offers all", cursor.get(..cut).unwrap()), None, "cut to {cut}");
        }
        assert_eq!(key.read("/v1/offers all", "no cursor"), None);
    }
}
