//! What happens when a stream is opened: look at everything, refuse or repair, then begin a new segment.

use std::io;
use std::path::Path;

use hopline_fault::{Point, point};

use crate::cursor::{Cursor, Step};
use crate::damage::{Damage, DamageKind, set_aside};
use crate::error::{MarkError, OpenError};
use crate::format::{
    FORMAT_VERSION, HeaderCheck, RECORDS_PER_SEGMENT_MAX, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::ids::{RecordId, StreamIdentity};
use crate::mark::ShippedMark;
use crate::segment::{SegmentNumber, list_segments};
use crate::storage::Storage;

/// What opening a stream found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Bytes after the last intact record of the last segment that has one (and in segments after it) that
    /// were cut off. Empty after an orderly stop, and at most one after a kill.
    pub cuts: Vec<Cut>,
    /// Segments of earlier runs that are kept for the reader.
    pub segments_kept: u64,
    /// Segments without any record that were removed.
    pub segments_removed: u64,
    /// Segments whose header does not check, moved to `damaged/`.
    pub damage: Vec<Damage>,
    /// The shipped mark could not be read (the one who loads it to ship sees why).
    pub mark_unreadable: bool,
}

/// A torn end that was cut off. The bytes are in `damaged/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub segment: SegmentNumber,
    /// Where it ends now.
    pub offset: u32,
    /// Bytes that were cut off, without the zeros of space that was never written.
    pub bytes: u64,
}

/// What recovery tells the writer.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) report: Recovery,
    /// The number of the next segment.
    pub(super) number: SegmentNumber,
    /// No id below this one may be given again.
    pub(super) id_min: u64,
    /// Segments that hold nothing, to be removed once a later segment is durable.
    pub(super) to_remove: Vec<SegmentNumber>,
}

struct Found {
    number: SegmentNumber,
    len: u64,
    header: Option<SegmentHeader>,
}

/// Looks at everything first, so that a refusal changes nothing; then repairs. Every step may be repeated.
pub(super) fn recover(
    storage: &dyn Storage,
    dir: &Path,
    identity: StreamIdentity,
) -> Result<Recovered, OpenError> {
    let failed = |step| move |source| OpenError::Io { dir: dir.to_owned(), step, source };
    point(Point::RecoveryBefore).map_err(failed("begin recovery"))?;
    let mark = load_mark(storage, dir)?;
    let mut segments = Vec::new();
    for (number, len) in list_segments(storage, dir).map_err(failed("list segments"))? {
        let header = read_header(storage, dir, number, identity)?;
        segments.push(Found { number, len, header });
    }
    let (number, id_min) = horizon(&segments, mark.as_ref().ok().copied().flatten());
    if id_min >= RecordId::LAST.get() {
        return Err(OpenError::IdsUsedUp { dir: dir.to_owned() });
    }
    let mut recovered = Recovered {
        report: Recovery { mark_unreadable: mark.is_err(), ..Recovery::default() },
        number,
        id_min,
        to_remove: Vec::new(),
    };
    repair(storage, dir, segments, &mut recovered).map_err(failed("repair segments"))?;
    remove_leftovers(storage, dir).map_err(failed("remove leftovers"))?;
    point(Point::RecoveryAfter).map_err(failed("end recovery"))?;
    Ok(recovered)
}

/// The mark, or that it is damaged; a newer one or a disk that refuses stops the opening.
fn load_mark(storage: &dyn Storage, dir: &Path) -> Result<Result<Option<ShippedMark>, ()>, OpenError> {
    match ShippedMark::load_in(storage, dir) {
        Ok(mark) => Ok(Ok(mark)),
        Err(MarkError::Damaged { .. }) => Ok(Err(())),
        Err(MarkError::NewerVersion { path, found, supported }) => {
            Err(OpenError::NewerVersion { path, found, supported })
        }
        Err(MarkError::Io { path: _, source }) => {
            Err(OpenError::Io { dir: dir.to_owned(), step: "read the shipped mark", source })
        }
    }
}

/// A segment's header, or nothing where it does not check.
fn read_header(
    storage: &dyn Storage,
    dir: &Path,
    number: SegmentNumber,
    identity: StreamIdentity,
) -> Result<Option<SegmentHeader>, OpenError> {
    let path = dir.join(number.file_name());
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    let read = storage.open(&path, false).and_then(|file| file.read_full_at(&mut bytes, 0));
    let read = read.map_err(|source| OpenError::Io { dir: dir.to_owned(), step: "read a header", source })?;
    match SegmentHeader::decode(&bytes[..read]) {
        HeaderCheck::Intact(header) if header.identity != identity => {
            Err(OpenError::OtherIdentity { path, found: header.identity, expected: identity })
        }
        HeaderCheck::Intact(header) if header.number == number => Ok(Some(header)),
        HeaderCheck::Intact(_) | HeaderCheck::Damaged => Ok(None),
        HeaderCheck::Newer { version } => {
            Err(OpenError::NewerVersion { path, found: version, supported: FORMAT_VERSION })
        }
    }
}

/// The number of the next segment and the smallest id that was surely never given. A segment whose header
/// is lost is bounded from the last intact one before it: the limit rises by at most twice the records of
/// a segment from one number to the next.
fn horizon(segments: &[Found], mark: Option<ShippedMark>) -> (SegmentNumber, u64) {
    let mut last = SegmentNumber::START;
    let mut limit = RecordId::FIRST.get();
    let mut known = (SegmentNumber::START, limit);
    if let Some(mark) = mark {
        last = mark.shipped.segment;
        limit = mark.shipped.next_id.max(mark.planned.unwrap_or(RecordId::FIRST)).get();
        known = (last, limit.saturating_add(2 * RECORDS_PER_SEGMENT_MAX));
    }
    for segment in segments {
        match &segment.header {
            Some(header) => {
                limit = limit.max(header.id_limit);
                known = (segment.number, header.id_limit);
            }
            None => {
                let steps = u64::from(segment.number.get().saturating_sub(known.0.get()));
                limit = limit.max(known.1.saturating_add(steps.saturating_mul(2 * RECORDS_PER_SEGMENT_MAX)));
            }
        }
        last = last.max(segment.number);
    }
    (last.following(), limit)
}

fn repair(
    storage: &dyn Storage,
    dir: &Path,
    segments: Vec<Found>,
    recovered: &mut Recovered,
) -> io::Result<()> {
    let mut is_last_found = false;
    for Found { number, len, header } in segments.into_iter().rev() {
        point(Point::RecoveryRepair)?;
        let file = storage.open(&dir.join(number.file_name()), true)?;
        let mut cursor = Cursor::new(file, len);
        let Some(header) = header else {
            let damage = put_away_whole(storage, dir, number, &mut cursor)?;
            if damage.not_kept.is_none() {
                recovered.to_remove.push(number);
            }
            recovered.report.damage.push(damage);
            continue;
        };
        if is_last_found {
            recovered.report.segments_kept += 1;
            continue;
        }
        let ends = find_ends(&mut cursor, &header)?;
        is_last_found = ends.intact > u64::from(SEGMENT_HEADER_BYTES);
        if ends.used > ends.intact {
            if set_aside(storage, dir, number, &mut cursor, ends.intact, ends.used).is_err() {
                // Not kept elsewhere, so not cut: the reader will report it.
                recovered.report.segments_kept += 1;
                continue;
            }
            let offset = u32::try_from(ends.intact).expect("segments are shorter than 4 GiB");
            recovered.report.cuts.push(Cut { segment: number, offset, bytes: ends.used - ends.intact });
        }
        if len > ends.intact {
            cursor.file().set_len(ends.intact)?;
            cursor.file().sync_data()?;
        }
        if ends.intact > u64::from(SEGMENT_HEADER_BYTES) {
            recovered.report.segments_kept += 1;
        } else {
            recovered.to_remove.push(number);
            recovered.report.segments_removed += 1;
        }
    }
    Ok(())
}

struct Ends {
    /// After the last intact record.
    intact: u64,
    /// After the last byte that is not zero.
    used: u64,
}

/// Where a segment ends. Broken stretches with intact records after them are left to the reader, which sets
/// them aside as in any other segment.
fn find_ends(cursor: &mut Cursor, header: &SegmentHeader) -> io::Result<Ends> {
    let mut at = u64::from(SEGMENT_HEADER_BYTES);
    let mut intact = at;
    let mut floor = 0;
    loop {
        match cursor.step(at, header, floor)? {
            Step::Frame(frame) => {
                at += frame.len() as u64;
                intact = at;
                floor = frame.id.get() + 1;
            }
            Step::Gap { to } => at = to,
            Step::Rest { used } => return Ok(Ends { intact, used }),
            Step::End => return Ok(Ends { intact, used: intact }),
        }
    }
}

fn put_away_whole(
    storage: &dyn Storage,
    dir: &Path,
    segment: SegmentNumber,
    cursor: &mut Cursor,
) -> io::Result<Damage> {
    let mut used = 0;
    let mut at = 0;
    loop {
        let bytes = cursor.bytes(at, 1)?;
        if bytes.is_empty() {
            break;
        }
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            used = at + last as u64 + 1;
        }
        at += bytes.len() as u64;
    }
    let kept = set_aside(storage, dir, segment, cursor, 0, used);
    let not_kept = kept.err().map(|error| error.kind());
    Ok(Damage { segment, offset: 0, bytes: used, kind: DamageKind::Header, not_kept })
}

/// Removes files that a crash left under their temporary names.
fn remove_leftovers(storage: &dyn Storage, dir: &Path) -> io::Result<()> {
    for entry in storage.list(dir)? {
        if entry.name.ends_with(".tmp") {
            storage.remove(&dir.join(entry.name))?;
        }
    }
    Ok(())
}
