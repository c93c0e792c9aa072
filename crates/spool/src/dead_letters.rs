//! Records that no store takes.
//!
//! One file beside the segments, each letter with a checksum of its own. Bytes that are no letter hide none behind them:
//! reading goes on at the next intact letter, and writing only behind everything that is there. Reading changes nothing,
//! so that an audit may look while a server runs; what is broken is put aside before the first letter is added:
//!
//! | found | done | reported as |
//! | --- | --- | --- |
//! | bytes that are no letter, before an intact one | copied to `damaged/`, left where they are | [`LetterDamageKind::Letter`] |
//! | bytes behind the last intact letter (a torn letter) | copied to `damaged/`, then cut off | [`LetterDamageKind::Rest`] |
//! | another magic, or a file shorter than it | the file gets another name, a new one is begun | [`LetterDamageKind::Foreign`] |
//! | the magic of a later format | refused, nothing touched | [`DeadLetterError::NewerVersion`] |
//!
//! A copy that is there already is no news: each stretch is reported once, however often the file is opened. Another
//! magic with an intact letter behind it is a broken magic, read and reported like a broken letter.
//!
//! Unlike a segment's, these checksums have no random start: where a letter is broken that holds the bytes of a letter,
//! the inner one is read. It can hide none of the others.

mod letter;
#[cfg(test)]
mod tests;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hopline_types::UnixMillis;

use crate::ids::RecordId;
use crate::segment::write_durably;
use crate::storage::{FsStorage, SegmentFile, Storage};
use letter::{Found, encode, find};

const FILE_NAME: &str = "dead.letters";
const MAGIC: [u8; 8] = *b"HLDEAD1\n";
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

/// A broken stretch of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterDamage {
    /// Where it begins, in bytes from the file's start.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What is wrong.
    pub kind: LetterDamageKind,
    /// Why no copy could be made of bytes that stay where they are, if so. It is tried and reported again.
    pub not_kept: Option<io::ErrorKind>,
}

/// What is wrong with a stretch of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterDamageKind {
    /// Bytes that are no letter, with intact letters after them.
    Letter,
    /// Bytes that are no letter, up to the file's end.
    Rest,
    /// The file is none of dead letters.
    Foreign,
}

impl LetterDamageKind {
    /// One word, for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Rest => "rest",
            Self::Foreign => "foreign",
        }
    }
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
    /// The file is none of dead letters. It cannot be read; adding a letter gives it another name.
    #[error(
        "{path} is no file of dead letters: it has {bytes} bytes and begins with \"{}\", expected \"{}\"",
        found.escape_ascii(),
        MAGIC.escape_ascii()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        bytes: u64,
        /// The first of them.
        found: Vec<u8>,
    },
    /// A newer release wrote it. Nothing was touched.
    #[error("{path} has format version {found}, this release reads up to 1")]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u8,
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
    storage: Arc<dyn Storage>,
    file: Arc<dyn SegmentFile>,
    dir: PathBuf,
    path: PathBuf,
    /// Where the next letter goes; none before what is broken was put aside.
    end: Option<u64>,
}

/// The file as it was read.
#[derive(Debug)]
struct Content {
    bytes: Vec<u8>,
    /// Of the file; what exceeds its limit is not read.
    len: u64,
}

impl DeadLetters {
    /// Opens the dead letters of the stream in `dir`, making the file if need be. One that is there stays as it is.
    ///
    /// # Errors
    /// A disk that refuses, or a file of a newer release.
    pub fn open(dir: &Path) -> Result<Self, DeadLetterError> {
        Self::open_in(Arc::new(FsStorage), dir)
    }

    /// As [`DeadLetters::open`], on a given storage.
    ///
    /// # Errors
    /// As [`DeadLetters::open`].
    pub fn open_in(storage: Arc<dyn Storage>, dir: &Path) -> Result<Self, DeadLetterError> {
        let path = dir.join(FILE_NAME);
        let opened = storage.create_dir(dir).and_then(|()| match storage.open(&path, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => begin(storage.as_ref(), &path),
            other => other,
        });
        let file = opened.map_err(|source| DeadLetterError::Io { path: path.clone(), source })?;
        let letters = Self { storage, file, dir: dir.to_owned(), path, end: None };
        let mut magic = MAGIC;
        let read = letters.file.read_full_at(&mut magic, 0).map_err(|source| letters.failed(source))?;
        match newer_version(magic.get(..read).unwrap_or_default()) {
            Some(found) => Err(DeadLetterError::NewerVersion { path: letters.path, found }),
            None => Ok(letters),
        }
    }

    /// Puts aside what is broken, so that letters can be added; gives what is news. Adding a letter does it too, and tells
    /// nobody.
    ///
    /// # Errors
    /// A disk that refuses; nothing is cut off then that was not copied.
    pub fn repair(&mut self) -> Result<Vec<LetterDamage>, DeadLetterError> {
        let content = self.content()?;
        let mut news = Vec::new();
        let Some(found) = content.find() else {
            news.push(self.replace(&content).map_err(|source| self.failed(source))?);
            self.end = Some(MAGIC.len() as u64);
            return Ok(news);
        };
        // Of a file above its limit, which nothing is added to, the end was not seen.
        let rest = found.end..if content.is_whole() { content.bytes.len() } else { found.end };
        // First, because it may fail: what was copied before would be no news the next time.
        if !rest.is_empty() {
            self.cut(&content, rest.clone()).map_err(|source| self.failed(source))?;
        }
        for gap in &found.gaps {
            let not_kept = match self.keep(&content, gap.clone()) {
                Ok(false) => continue,
                Ok(true) => None,
                Err(error) => Some(error.kind()),
            };
            news.push(LetterDamage { not_kept, ..damage(gap, LetterDamageKind::Letter) });
        }
        if !rest.is_empty() {
            news.push(damage(&rest, LetterDamageKind::Rest));
        }
        self.end = Some(content.len - rest.len() as u64);
        Ok(news)
    }

    /// Adds a letter durably, behind everything that is there.
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
        let end = match self.end {
            Some(end) => end,
            None => {
                self.repair()?;
                self.end.expect("it is known once all is put aside")
            }
        };
        let letter = encode(id, kind, payload, cut(reason), now);
        let given = letter.as_ref().map_or(u64::MAX, |letter| letter.len() as u64);
        let fits = |_: &Vec<u8>| end.checked_add(given).is_some_and(|end| end <= FILE_BYTES_MAX);
        let Some(letter) = letter.filter(fits) else {
            let path = self.path.clone();
            return Err(DeadLetterError::Full { path, used: end, given, limit: FILE_BYTES_MAX });
        };
        let written = self.file.write_all_at(&letter, end).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // What stays of it is overwritten by the next letter, or put aside.
            drop(self.file.set_len(end));
            return Err(self.failed(source));
        }
        self.end = Some(end + given);
        Ok(())
    }

    /// Reads every intact letter.
    ///
    /// # Errors
    /// A disk that refuses, or a file that is none of dead letters.
    pub fn read_all(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let content = self.content()?;
        match content.find() {
            Some(found) => Ok(found.letters),
            None => Err(DeadLetterError::Foreign {
                path: self.path.clone(),
                bytes: content.len,
                found: content.bytes.get(..content.bytes.len().min(MAGIC.len())).unwrap_or_default().to_vec(),
            }),
        }
    }

    fn failed(&self, source: io::Error) -> DeadLetterError {
        DeadLetterError::Io { path: self.path.clone(), source }
    }

    fn content(&self) -> Result<Content, DeadLetterError> {
        let len = self.file.file_len().map_err(|source| self.failed(source))?;
        let mut bytes = vec![0; usize::try_from(len.min(FILE_BYTES_MAX)).unwrap_or(usize::MAX)];
        let read = self.file.read_full_at(&mut bytes, 0).map_err(|source| self.failed(source))?;
        bytes.truncate(read);
        Ok(Content { bytes, len })
    }

    /// Copies a stretch to `damaged/`, durably; tells whether it was not there yet. The sum in the name keeps apart what
    /// was torn at the same place at different times.
    fn keep(&self, content: &Content, stretch: Range<usize>) -> io::Result<bool> {
        let damaged = self.dir.join("damaged");
        self.storage.create_dir(&damaged)?;
        let offset = stretch.start;
        let bytes = content.bytes.get(stretch).unwrap_or_default();
        let name = format!("{FILE_NAME}-{offset:08x}-{:08x}.bytes", crc32fast::hash(bytes));
        let is_there = |entry: &crate::DirEntry| entry.name == name && entry.len == bytes.len() as u64;
        if self.storage.list(&damaged)?.iter().any(is_there) {
            return Ok(false);
        }
        write_durably(self.storage.as_ref(), &damaged.join(&name), |file| file.write_all_at(bytes, 0))?;
        Ok(true)
    }

    /// Cuts off the end of the file, once it is kept.
    fn cut(&self, content: &Content, rest: Range<usize>) -> io::Result<()> {
        let end = rest.start as u64;
        self.keep(content, rest)?;
        self.file.set_len(end)?;
        self.file.sync_data()
    }

    /// Gives a file that is none of ours another name and begins one.
    fn replace(&mut self, content: &Content) -> io::Result<LetterDamage> {
        let name = format!("{FILE_NAME}-{:08x}-{:08x}.foreign", content.len, crc32fast::hash(&content.bytes));
        self.storage.rename(&self.path, &self.dir.join(name))?;
        self.file = begin(self.storage.as_ref(), &self.path)?;
        Ok(LetterDamage { bytes: content.len, ..damage(&(0..0), LetterDamageKind::Foreign) })
    }
}

impl Content {
    fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.len
    }

    /// What is in it; nothing where it is none of ours.
    fn find(&self) -> Option<Found> {
        let mut found = find(&self.bytes, MAGIC.len());
        if self.bytes.starts_with(&MAGIC) {
            return Some(found);
        }
        let is_first_intact =
            !found.letters.is_empty() && found.gaps.first().is_none_or(|gap| gap.start > MAGIC.len());
        found.gaps.insert(0, 0..MAGIC.len());
        is_first_intact.then_some(found)
    }
}

fn begin(storage: &dyn Storage, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
    write_durably(storage, path, |file| file.write_all_at(&MAGIC, 0))
}

/// The digit of a magic that differs from ours in being a later one.
fn newer_version(magic: &[u8]) -> Option<u8> {
    match magic {
        [b'H', b'L', b'D', b'E', b'A', b'D', digit @ b'2'..=b'9', b'\n'] => Some(digit - b'0'),
        _ => None,
    }
}

fn damage(stretch: &Range<usize>, kind: LetterDamageKind) -> LetterDamage {
    let bytes = stretch.len() as u64;
    LetterDamage { offset: stretch.start as u64, bytes, kind, not_kept: None }
}

/// The reason without what exceeds its limit, cut between characters.
fn cut(reason: &str) -> &str {
    let fits = reason.floor_char_boundary(REASON_BYTES_MAX);
    reason.get(..fits).unwrap_or_default()
}
