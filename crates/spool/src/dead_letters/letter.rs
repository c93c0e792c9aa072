//! The bytes of a letter, and finding letters among bytes.

use std::ops::Range;

use hopline_types::UnixMillis;

use super::{DeadLetter, REASON_BYTES_MAX};
use crate::format::{RECORD_BYTES_MAX, put, take};
use crate::ids::RecordId;

/// Bytes of a letter before its reason and payload.
const HEAD: usize = 27;
/// The most bytes of reason and payload of a letter that is looked for behind damage: a longer one is no record of a
/// spool. Without a bound every byte of a damaged stretch could claim the rest of the file to be summed up.
const LOST_BODY_BYTES_MAX: usize = RECORD_BYTES_MAX + REASON_BYTES_MAX;

/// What stands in a stretch of bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) letters: Vec<DeadLetter>,
    /// Bytes that are no letter, with an intact letter behind them.
    pub(super) gaps: Vec<Range<usize>>,
    /// Behind the last intact letter.
    pub(super) end: usize,
}

/// Reads the letters from `start` on; what is none is passed over up to the next intact one.
pub(super) fn find(bytes: &[u8], start: usize) -> Found {
    let mut found = Found { end: start, ..Found::default() };
    let mut at = start;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        // In its place a letter may be as long as it says; anywhere else only as long as a spool's records let it be.
        let bytes_max = if at == found.end { usize::MAX } else { LOST_BODY_BYTES_MAX };
        let Some((letter, len)) = decode(rest, bytes_max) else {
            at += 1;
            continue;
        };
        if at > found.end {
            found.gaps.push(found.end..at);
        }
        found.letters.push(letter);
        at += len;
        found.end = at;
    }
    found
}

/// A letter's bytes; the reason has at most [`REASON_BYTES_MAX`] bytes. None where its length exceeds 32 bits.
pub(super) fn encode(
    id: RecordId,
    kind: u8,
    payload: &[u8],
    reason: &str,
    now: UnixMillis,
) -> Option<Vec<u8>> {
    let body = u32::try_from(reason.len().checked_add(payload.len())?).ok()?;
    let reason_len = u16::try_from(reason.len()).ok()?;
    let mut bytes = vec![0; HEAD];
    put(&mut bytes, 0, &body.to_le_bytes());
    put(&mut bytes, 8, &id.get().to_le_bytes());
    put(&mut bytes, 16, &now.get().to_le_bytes());
    put(&mut bytes, 24, &reason_len.to_le_bytes());
    put(&mut bytes, 26, &[kind]);
    bytes.extend_from_slice(reason.as_bytes());
    bytes.extend_from_slice(payload);
    let sum = checksum(&bytes);
    put(&mut bytes, 4, &sum.to_le_bytes());
    Some(bytes)
}

/// The letter at the beginning of `bytes`, and its length.
fn decode(bytes: &[u8], body_bytes_max: usize) -> Option<(DeadLetter, usize)> {
    let head = bytes.first_chunk::<HEAD>()?;
    let body = usize::try_from(u32::from_le_bytes(take(head, 0))).ok()?;
    let id = RecordId::new(u64::from_le_bytes(take(head, 8))).ok()?;
    let reason_len = usize::from(u16::from_le_bytes(take(head, 24)));
    if body > body_bytes_max || reason_len > body {
        return None;
    }
    let whole = bytes.get(..HEAD.checked_add(body)?)?;
    if checksum(whole) != u32::from_le_bytes(take(head, 4)) {
        return None;
    }
    let letter = DeadLetter {
        id,
        kind: head[26],
        at: UnixMillis(i64::from_le_bytes(take(head, 16))),
        reason: String::from_utf8(whole.get(HEAD..HEAD + reason_len)?.to_vec()).ok()?,
        payload: whole.get(HEAD + reason_len..)?.to_vec(),
    };
    Some((letter, whole.len()))
}

/// Over the length and everything after the checksum.
fn checksum(letter: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(letter.get(..4).unwrap_or_default());
    hasher.update(letter.get(8..).unwrap_or_default());
    hasher.finalize()
}
