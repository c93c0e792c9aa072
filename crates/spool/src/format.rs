//! The bytes of a segment: its header and its frames. The layout is written down in the crate's header.

use hopline_types::UnixMillis;

use crate::ids::{RecordId, StreamIdentity};
use crate::segment::SegmentNumber;

/// Bytes of a segment's header.
pub const SEGMENT_HEADER_BYTES: u32 = 64;
/// Bytes that a frame adds to its record.
pub const FRAME_OVERHEAD_BYTES: u32 = 21;
/// The most bytes of one record.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// The most records of one segment; also the step that keeps ids from being given twice.
pub const RECORDS_PER_SEGMENT_MAX: u64 = 1 << 20;

pub(crate) const FORMAT_VERSION: u16 = 1;
pub(crate) const FRAME_BYTES_MAX: usize = RECORD_BYTES_MAX + FRAME_OVERHEAD;
const FRAME_OVERHEAD: usize = FRAME_OVERHEAD_BYTES as usize;
const HEADER: usize = SEGMENT_HEADER_BYTES as usize;
const MAGIC: [u8; 8] = *b"HLSPOOL\n";

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) identity: StreamIdentity,
    pub(crate) number: SegmentNumber,
    /// No record in the segment has a smaller id.
    pub(crate) id_min: u64,
    /// Every record in the segment has a smaller id.
    pub(crate) id_limit: u64,
    pub(crate) created_at: UnixMillis,
    /// Where the frames' checksums start, drawn at random for each segment.
    pub(crate) seed: u32,
}

/// The outcomes of reading a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderCheck {
    Intact(SegmentHeader),
    Newer { version: u16 },
    Damaged,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 10, &self.identity.edge.to_le_bytes());
        put(&mut bytes, 12, &[self.identity.stream]);
        put(&mut bytes, 16, &u64::from(self.number.get()).to_le_bytes());
        put(&mut bytes, 24, &self.id_min.to_le_bytes());
        put(&mut bytes, 32, &self.id_limit.to_le_bytes());
        put(&mut bytes, 40, &self.created_at.get().to_le_bytes());
        put(&mut bytes, 48, &self.seed.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..60]);
        put(&mut bytes, 60, &sum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> HeaderCheck {
        let Some(bytes) = bytes.first_chunk::<HEADER>() else { return HeaderCheck::Damaged };
        let sum = u32::from_le_bytes(take(bytes, 60));
        if take(bytes, 0) != MAGIC || crc32fast::hash(&bytes[..60]) != sum {
            return HeaderCheck::Damaged;
        }
        let version = u16::from_le_bytes(take(bytes, 8));
        if version > FORMAT_VERSION {
            return HeaderCheck::Newer { version };
        }
        let Ok(number) = u32::try_from(u64::from_le_bytes(take(bytes, 16))) else {
            return HeaderCheck::Damaged;
        };
        HeaderCheck::Intact(Self {
            identity: StreamIdentity { edge: u16::from_le_bytes(take(bytes, 10)), stream: bytes[12] },
            number: SegmentNumber(number),
            id_min: u64::from_le_bytes(take(bytes, 24)),
            id_limit: u64::from_le_bytes(take(bytes, 32)),
            created_at: UnixMillis(i64::from_le_bytes(take(bytes, 40))),
            seed: u32::from_le_bytes(take(bytes, 48)),
        })
    }
}

/// A frame that checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: RecordId,
    pub(crate) kind: u8,
    pub(crate) at: UnixMillis,
    pub(crate) payload_len: usize,
}

impl Frame {
    /// Bytes of the whole frame.
    pub(crate) const fn len(&self) -> usize {
        FRAME_OVERHEAD + self.payload_len
    }
}

/// Bytes of a record's frame.
pub(crate) const fn frame_len(payload: &[u8]) -> usize {
    FRAME_OVERHEAD + payload.len()
}

/// Appends a record's frame to `out`. The payload has 1 to [`RECORD_BYTES_MAX`] bytes.
pub(crate) fn encode_frame(
    out: &mut Vec<u8>,
    header: &SegmentHeader,
    id: RecordId,
    kind: u8,
    now: UnixMillis,
    payload: &[u8],
) {
    let length = u32::try_from(payload.len()).expect("a record's size is checked before it is framed");
    let after = now.since(header.created_at).clamp(0, i64::from(u32::MAX));
    let after = u32::try_from(after).expect("clamped to 32 bits");
    let mut rest = [0; 13];
    put(&mut rest, 0, &id.get().to_le_bytes());
    put(&mut rest, 8, &after.to_le_bytes());
    put(&mut rest, 12, &[kind]);
    let sum = checksum(header.seed, length, &rest, payload);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(&rest);
    out.extend_from_slice(payload);
}

/// The frame at the start of `bytes`, if there is an intact one of this segment with an id of at least
/// `floor`.
pub(crate) fn check_frame(bytes: &[u8], header: &SegmentHeader, floor: u64) -> Option<Frame> {
    let head = bytes.first_chunk::<FRAME_OVERHEAD>()?;
    let length = u32::from_le_bytes(take(head, 0));
    let payload_len = usize::try_from(length).ok().filter(|len| (1..=RECORD_BYTES_MAX).contains(len))?;
    let id = u64::from_le_bytes(take(head, 8));
    if id < floor.max(header.id_min) || id >= header.id_limit {
        return None;
    }
    let payload = bytes.get(FRAME_OVERHEAD..FRAME_OVERHEAD + payload_len)?;
    let rest: [u8; 13] = take(head, 8);
    if checksum(header.seed, length, &rest, payload) != u32::from_le_bytes(take(head, 4)) {
        return None;
    }
    let after = u32::from_le_bytes(take(head, 16));
    Some(Frame {
        id: RecordId::new(id).ok()?,
        kind: head[20],
        at: header.created_at.plus(i64::from(after)),
        payload_len,
    })
}

fn checksum(seed: u32, length: u32, rest: &[u8; 13], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(&length.to_le_bytes());
    hasher.update(rest);
    hasher.update(payload);
    hasher.finalize()
}

/// Copies a field into its place; the places are constants within the array.
pub(crate) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

/// Copies a field out of its place; the places are constants within the array.
pub(crate) fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            identity: StreamIdentity { edge: 0x0102, stream: 3 },
            number: SegmentNumber(4),
            id_min: 5,
            id_limit: 1000,
            created_at: UnixMillis(1_700_000_000_000),
            seed: 0xdead_beef,
        }
    }

    #[test]
    fn the_header_has_the_written_down_bytes() {
        let bytes = header().encode();
        let mut expected = Vec::new();
        expected.extend_from_slice(b"HLSPOOL\n");
        expected.extend_from_slice(&[1, 0, 0x02, 0x01, 3, 0, 0, 0]);
        expected.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[5, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[0xe8, 3, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&1_700_000_000_000_i64.to_le_bytes());
        expected.extend_from_slice(&[0xef, 0xbe, 0xad, 0xde]);
        expected.extend_from_slice(&[0; 8]);
        assert_eq!(bytes[..60], expected[..]);
        assert_eq!(SegmentHeader::decode(&bytes), HeaderCheck::Intact(header()));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        for bit in 0..HEADER * 8 {
            let mut bytes = header().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes), HeaderCheck::Damaged, "bit {bit}");
        }
        assert_eq!(SegmentHeader::decode(&header().encode()[..63]), HeaderCheck::Damaged);
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = header().encode();
        bytes[8] = 2;
        let sum = crc32fast::hash(&bytes[..60]);
        put(&mut bytes, 60, &sum.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), HeaderCheck::Newer { version: 2 });
    }

    #[test]
    fn the_frame_has_the_written_down_bytes() {
        let mut bytes = Vec::new();
        let id = RecordId::new(6).unwrap();
        encode_frame(&mut bytes, &header(), id, 9, header().created_at.plus(258), b"abc");
        assert_eq!(bytes[..4], [3, 0, 0, 0]);
        assert_eq!(bytes[8..], [6, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 9, b'a', b'b', b'c']);
        let frame = check_frame(&bytes, &header(), 0).unwrap();
        assert_eq!((frame.id, frame.kind, frame.payload_len), (id, 9, 3));
        assert_eq!(frame.at, header().created_at.plus(258));
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let mut intact = Vec::new();
        encode_frame(&mut intact, &header(), RecordId::new(6).unwrap(), 9, UnixMillis(0), b"abc");
        for bit in 0..intact.len() * 8 {
            let mut bytes = intact.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check_frame(&bytes, &header(), 0), None, "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_another_segment_or_with_an_id_out_of_bounds_is_no_frame() {
        let mut bytes = Vec::new();
        encode_frame(&mut bytes, &header(), RecordId::new(6).unwrap(), 9, UnixMillis(0), b"abc");
        assert!(check_frame(&bytes, &header(), 6).is_some());
        assert!(check_frame(&bytes, &header(), 7).is_none());
        assert!(check_frame(&bytes, &SegmentHeader { seed: 1, ..header() }, 0).is_none());
        assert!(check_frame(&bytes, &SegmentHeader { id_min: 7, ..header() }, 0).is_none());
        assert!(check_frame(&bytes, &SegmentHeader { id_limit: 6, ..header() }, 0).is_none());
    }
}
