//! Records that no store takes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hopline_types::UnixMillis;

use crate::format::{put, take};
use crate::ids::RecordId;
use crate::segment::write_durably;
use crate::storage::{FsStorage, SegmentFile, Storage};

const FILE_NAME: &str = "dead.letters";
const MAGIC: [u8; 8] = *b"HLDEAD1\n";
/// Bytes of a letter before its reason and payload.
const HEAD: usize = 27;
/// The most bytes of the file. Dead letters are rare; a full file is a reason to look.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most bytes of a reason that are kept; a longer one is cut.
pub const REASON_BYTES_MAX: usize = 1024;

/// A record that was moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The record's id in its stream.
    pub id: RecordId,
    /// The record's kind.
    pub kind: u8,
    /// When it was moved aside.
    pub at: UnixMillis,
    /// Why.
    pub reason: String,
    /// The record's bytes.
    pub payload: Vec<u8>,
}

/// A dead letter that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The file has reached its limit: read it, then move it away.
    #[error("{path} has {used} bytes, and {given} more exceed its limit of {limit}")]
    Full {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        used: u64,
        /// Bytes of the letter.
        given: u64,
        /// The limit.
        limit: u64,
    },
    /// The disk refused.
    #[error("cannot access the dead letters {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
}

/// The dead letters of a stream: the file `dead.letters` beside its segments, synced with each letter.
#[derive(Debug)]
pub struct DeadLetters {
    file: Arc<dyn SegmentFile>,
    path: PathBuf,
    end: u64,
}

impl DeadLetters {
    /// Opens the dead letters of the stream in `dir`, making the file if need be; a letter that a crash tore
    /// is overwritten by the next one.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn open(dir: &Path) -> Result<Self, DeadLetterError> {
        Self::open_in(&FsStorage, dir)
    }

    /// As [`DeadLetters::open`], on a given storage.
    ///
    /// # Errors
    /// As [`DeadLetters::open`].
    pub fn open_in(storage: &dyn Storage, dir: &Path) -> Result<Self, DeadLetterError> {
        let path = dir.join(FILE_NAME);
        let opened = storage.create_dir(dir).and_then(|()| match storage.open(&path, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_durably(storage, &path, |file| file.write_all_at(&MAGIC, 0))
            }
            other => other,
        });
        let file = opened.map_err(|source| DeadLetterError::Io { path: path.clone(), source })?;
        let mut letters = Self { file, path, end: 0 };
        let (_, end) = letters.walk()?;
        letters.end = end;
        Ok(letters)
    }

    /// Adds a letter durably.
    ///
    /// # Errors
    /// A full file or a disk that refuses; the letter is then not there.
    pub fn append(
        &mut self,
        id: RecordId,
        kind: u8,
        payload: &[u8],
        reason: &str,
        now: UnixMillis,
    ) -> Result<(), DeadLetterError> {
        let reason = cut(reason);
        let given = (HEAD + reason.len()).saturating_add(payload.len()) as u64;
        let body = u32::try_from(reason.len() + payload.len()).ok();
        let body = body.filter(|_| self.end + given <= FILE_BYTES_MAX).ok_or_else(|| {
            let (path, used) = (self.path.clone(), self.end);
            DeadLetterError::Full { path, used, given, limit: FILE_BYTES_MAX }
        })?;
        let reason_len = u16::try_from(reason.len()).expect("a reason is cut to 1024 bytes");
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
        let written = self.file.write_all_at(&bytes, self.end).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // What stays of it is overwritten by the next letter, or read as torn.
            drop(self.file.set_len(self.end));
            return Err(DeadLetterError::Io { path: self.path.clone(), source });
        }
        self.end += given;
        Ok(())
    }

    /// Reads every letter, up to the first that is torn.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn read_all(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        self.walk().map(|(letters, _)| letters)
    }

    fn walk(&self) -> Result<(Vec<DeadLetter>, u64), DeadLetterError> {
        let failed = |source| DeadLetterError::Io { path: self.path.clone(), source };
        let len = self.file.file_len().map_err(failed)?.min(FILE_BYTES_MAX);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let read = self.file.read_full_at(&mut bytes, 0).map_err(failed)?;
        bytes.truncate(read);
        let mut letters = Vec::new();
        let mut at = MAGIC.len();
        while let Some((letter, len)) = bytes.get(at..).and_then(decode) {
            letters.push(letter);
            at += len;
        }
        Ok((letters, at as u64))
    }
}

fn decode(bytes: &[u8]) -> Option<(DeadLetter, usize)> {
    let head = bytes.first_chunk::<HEAD>()?;
    let body = usize::try_from(u32::from_le_bytes(take(head, 0))).ok()?;
    let whole = bytes.get(..HEAD.checked_add(body)?)?;
    if checksum(whole) != u32::from_le_bytes(take(head, 4)) {
        return None;
    }
    let reason_end = HEAD + usize::from(u16::from_le_bytes(take(head, 24)));
    let letter = DeadLetter {
        id: RecordId::new(u64::from_le_bytes(take(head, 8))).ok()?,
        kind: head[26],
        at: UnixMillis(i64::from_le_bytes(take(head, 16))),
        reason: String::from_utf8(whole.get(HEAD..reason_end)?.to_vec()).ok()?,
        payload: whole.get(reason_end..)?.to_vec(),
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

/// The reason without what exceeds its limit, cut between characters.
fn cut(reason: &str) -> &str {
    let fits = reason.floor_char_boundary(REASON_BYTES_MAX);
    reason.get(..fits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Effect, FaultStorage, Operation};

    fn id(value: u64) -> RecordId {
        RecordId::new(value).unwrap()
    }

    #[test]
    fn d_08_a_dead_letter_is_read_back_with_its_reason_after_a_power_cut() {
        let storage = FaultStorage::new();
        let mut letters = DeadLetters::open_in(&storage, Path::new("/s")).unwrap();
        let long = vec![7; 100_000];
        letters.append(id(5), 1, &long, "too large", UnixMillis(9)).unwrap();
        letters.append(id(6), 2, b"x", &"ä".repeat(600), UnixMillis(10)).unwrap();
        drop(letters);
        storage.cut_power(1);
        let letters = DeadLetters::open_in(&storage, Path::new("/s")).unwrap().read_all().unwrap();
        assert_eq!(letters.len(), 2);
        assert_eq!(letters[0].payload, long);
        assert_eq!((letters[0].id, letters[0].kind, letters[0].at), (id(5), 1, UnixMillis(9)));
        assert_eq!(letters[0].reason, "too large");
        assert_eq!(letters[1].reason, "ä".repeat(512));
    }

    #[test]
    fn a_torn_letter_is_overwritten_and_a_failed_one_is_not_there() {
        let storage = FaultStorage::new();
        let dir = Path::new("/s");
        let mut letters = DeadLetters::open_in(&storage, dir).unwrap();
        letters.append(id(1), 0, b"first", "why", UnixMillis(1)).unwrap();
        storage.inject(Operation::Write, 0, Effect::Torn { bytes: 9, kind: io::ErrorKind::StorageFull });
        letters.append(id(2), 0, b"second", "why", UnixMillis(1)).unwrap_err();
        storage.inject(Operation::Sync, 0, Effect::Fail(io::ErrorKind::Other));
        letters.append(id(3), 0, b"third", "why", UnixMillis(1)).unwrap_err();
        let mut letters = DeadLetters::open_in(&storage, dir).unwrap();
        letters.append(id(4), 0, b"fourth", "why", UnixMillis(1)).unwrap();
        let ids: Vec<_> = letters.read_all().unwrap().iter().map(|letter| letter.id.get()).collect();
        assert_eq!(ids, [1, 4]);
    }
}
