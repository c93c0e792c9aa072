//! The spool's files: segments, mark, dead letters.

use std::path::Path;
use std::sync::Arc;

use hopline_spool::testing::FaultStorage;
use hopline_spool::{
    Batch, BatchLimits, DeadLetterError, DeadLetters, Durability, Position, ReadOutcome, RecordId,
    ShippedMark, SpoolOptions, SpoolReader, SpoolWriter, Storage as _, StreamIdentity,
};
use hopline_types::UnixMillis;

const IDENTITY: StreamIdentity = StreamIdentity { edge: 1, stream: 0 };
const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const SEGMENT: &str = "00000001.seg";
const HEADER: usize = 64;
const FRAME: usize = 21;

fn dir() -> &'static Path {
    Path::new("stream")
}

/// A disk with one file in the stream's directory.
fn disk(name: &str, content: &[u8]) -> FaultStorage {
    let disk = FaultStorage::new();
    disk.create(&dir().join(name)).expect("nothing fails on this disk");
    disk.tamper(&dir().join(name), |file| *file = content.to_vec());
    disk
}

/// As the stream's only segment, as found and with its checksums mended: it is read to its end, with ids that rise. Then,
/// where mended, a writer opens, and what it writes is read behind all that was read before.
///
/// # Panics
/// One of these does not hold.
pub fn segment(data: &[u8]) {
    drop(read(&Arc::new(disk(SEGMENT, data))));
    let storage = Arc::new(disk(SEGMENT, &mended(data)));
    let before = read(&storage);
    let options = SpoolOptions { segment_bytes_max: 4096, ..SpoolOptions::default() };
    let Ok((mut writer, _)) = SpoolWriter::open_in(storage.clone(), dir(), IDENTITY, options, NOW) else {
        return;
    };
    let id = writer.append(NOW, 9, b"after").expect("a fresh segment has room");
    assert!(before.is_none_or(|before| before.last().is_none_or(|last| *last < id)), "{id:?} again");
    writer.flush(Durability::Process).expect("nothing fails on this disk");
    drop(writer);
    assert!(read(&storage).is_none_or(|after| after.last() == Some(&id)), "what was written is not read");
}

/// The ids of all records; none where the segment is of a newer release.
fn read(storage: &Arc<FaultStorage>) -> Option<Vec<RecordId>> {
    let mut reader = SpoolReader::open_in(storage.clone(), dir(), Position::START, None).ok()?;
    let limits = BatchLimits { records_max: 7, bytes_max: 1000, until: None };
    let (mut batch, mut ids) = (Batch::default(), Vec::new());
    loop {
        let before = reader.position();
        let outcome = reader.next_batch(limits, &mut batch).ok()?;
        assert!(batch.iter().all(|record| !record.payload.is_empty()));
        ids.extend(batch.iter().map(|record| record.id));
        match outcome {
            ReadOutcome::More => assert_ne!(reader.position(), before, "it stands still"),
            ReadOutcome::CaughtUp | ReadOutcome::End => break,
        }
    }
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    Some(ids)
}

/// The same with magic, number and checksums as they must be, as far as the lengths of its frames lead.
fn mended(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let Some((header, mut rest)) = bytes.split_at_mut_checked(HEADER) else { return bytes };
    header[..16].copy_from_slice(b"HLSPOOL\n\x01\0\x01\0\0\0\0\0");
    header[16..24].copy_from_slice(&1_u64.to_le_bytes());
    let sum = crc32fast::hash(&header[..60]);
    header[60..].copy_from_slice(&sum.to_le_bytes());
    let seed = number(header, 48);
    while rest.len() > FRAME {
        let length = usize::try_from(number(rest, 0)).unwrap_or(usize::MAX);
        let Some((frame, behind)) = rest.split_at_mut_checked(length.saturating_add(FRAME)) else { break };
        if length == 0 {
            break;
        }
        let mut sum = crc32fast::Hasher::new_with_initial(seed);
        sum.update(&frame[..4]);
        sum.update(&frame[8..]);
        frame[4..8].copy_from_slice(&sum.finalize().to_le_bytes());
        rest = behind;
    }
    bytes
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let chunk = bytes.get(at..).and_then(<[u8]>::first_chunk).expect("checked by the caller");
    u32::from_le_bytes(*chunk)
}

/// As the mark of what is shipped, as found and with its checksum mended: it reads back as it is stored.
///
/// # Panics
/// One of these does not hold.
pub fn shipped_mark(data: &[u8]) {
    let mut mended = data.to_vec();
    if let Some((sum, place)) = mended.split_at_mut_checked(44)
        && let Some(place) = place.first_chunk_mut()
    {
        *place = crc32fast::hash(sum).to_le_bytes();
    }
    for content in [data, &mended] {
        let disk = disk("shipped", content);
        let Ok(mark) = ShippedMark::load_in(&disk, dir()) else { continue };
        let mark = mark.expect("the file is there");
        mark.store_in(&disk, dir()).expect("nothing fails on this disk");
        assert_eq!(ShippedMark::load_in(&disk, dir()).ok().flatten(), Some(mark));
        drop(SpoolReader::open_in(Arc::new(disk), dir(), mark.shipped, None));
    }
}

/// As the file of dead letters, as found and with its checksums mended: reading changes nothing, what is read stays, and a
/// further letter is read behind it. What cannot be read, or is cut, is kept in another file.
///
/// # Panics
/// One of these does not hold.
pub fn dead_letters(data: &[u8]) {
    for content in [data, &mended_letters(data)] {
        let disk = Arc::new(disk("dead.letters", content));
        let Ok(mut letters) = DeadLetters::open_in(disk.clone(), dir()) else { continue };
        let before = match letters.read_all() {
            Ok(before) => before,
            Err(DeadLetterError::Foreign { .. }) => Vec::new(),
            Err(error) => panic!("{error}"),
        };
        let path = dir().join("dead.letters");
        assert_eq!(disk.content(&path).as_deref(), Some(content), "reading changed it");
        letters.append(RecordId::FIRST, 1, b"a record", "why", NOW).expect("nothing fails on this disk");
        let after = letters.read_all().expect("what could be read still can");
        assert!(after.starts_with(&before), "{after:?} after {before:?}");
        assert!(after.get(before.len()).is_some_and(|letter| letter.payload == b"a record"), "{after:?}");
        let kept = disk.content(&path).expect("it is there");
        let same = kept.iter().zip(content).take_while(|(one, other)| one == other).count();
        let is_kept = |path| disk.content(path).is_some_and(|aside| content.ends_with(&aside));
        assert!(
            same == content.len()
                || disk.paths().iter().filter(|aside| **aside != path).any(|path| is_kept(path)),
            "bytes are gone"
        );
        assert_eq!(letters.repair().expect("nothing fails on this disk"), [], "damage is told twice");
    }
}

fn mended_letters(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let Some((magic, mut rest)) = bytes.split_at_mut_checked(8) else { return bytes };
    magic.copy_from_slice(b"HLDEAD1\n");
    while rest.len() > 8 {
        // A letter without reason and record has 27 bytes.
        let length = usize::try_from(number(rest, 0)).unwrap_or(usize::MAX).saturating_add(27);
        let Some((letter, behind)) = rest.split_at_mut_checked(length) else { break };
        let mut sum = crc32fast::Hasher::new();
        sum.update(&letter[..4]);
        sum.update(&letter[8..]);
        letter[4..8].copy_from_slice(&sum.finalize().to_le_bytes());
        rest = behind;
    }
    bytes
}
