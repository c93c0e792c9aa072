//! What can go wrong, named after the operation whose caller must branch.

use std::io;
use std::path::PathBuf;

use crate::ids::{RecordId, StreamIdentity};

/// A stream that cannot be opened. Nothing was changed unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another writer, in this process or another, holds the directory.
    #[error("the spool directory {dir} is held by another writer")]
    Held {
        /// The stream's directory.
        dir: PathBuf,
    },
    /// A newer release wrote here. Nothing was touched.
    #[error("{path} has format version {found}, this release reads up to {supported}")]
    NewerVersion {
        /// The segment.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version that this release reads.
        supported: u16,
    },
    /// The directory belongs to another edge or stream. Nothing was touched.
    #[error("{path} belongs to {found}, expected {expected}")]
    OtherIdentity {
        /// The segment.
        path: PathBuf,
        /// Who wrote it.
        found: StreamIdentity,
        /// Who was expected.
        expected: StreamIdentity,
    },
    /// An option is out of its range.
    #[error("{option} is {given}, expected {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What was given.
        given: u64,
        /// What is allowed.
        expected: &'static str,
    },
    /// The stream has used up its 2^40 record ids: give the edge another id.
    #[error("the stream in {dir} has used up its record ids")]
    IdsUsedUp {
        /// The stream's directory.
        dir: PathBuf,
    },
    /// The disk refused. Recovery may have been done in part; the next open goes on with it.
    #[error("cannot open the spool in {dir}: {step}")]
    Io {
        /// The stream's directory.
        dir: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
}

/// A record that was not taken. The stream goes on; the record's id, if one is named, is used up.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The record is empty or too large, and will be next time: a dead letter.
    #[error("record {id} has {given} bytes, expected 1 to {limit}")]
    Size {
        /// The id that it would have had.
        id: RecordId,
        /// Its bytes.
        given: usize,
        /// The most that a record may have.
        limit: usize,
    },
    /// The buffer is full: flush, then try again. No id is used up.
    #[error("the buffer holds {used} of {limit} bytes: flush first")]
    BufferFull {
        /// Bytes that wait for a flush.
        used: usize,
        /// The most that may wait.
        limit: usize,
    },
    /// There is no segment to write to, and none could be made now. Tried again once a second at most.
    #[error("no segment can be made ({kind})")]
    NoSegment {
        /// The id that the record would have had, if one could be given at all.
        id: Option<RecordId>,
        /// The disk's last answer.
        kind: io::ErrorKind,
    },
    /// The stream has used up its 2^40 record ids.
    #[error("the stream has used up its record ids")]
    IdsUsedUp,
}

impl AppendError {
    /// True where space or quota is used up: freeing some helps, unlike with a broken disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::NoSegment { kind, .. } if is_full(*kind))
    }
}

/// Records that were taken but do not count as written. Their ids are used up; the segment was abandoned
/// and the next append begins another.
#[derive(Debug, thiserror::Error)]
#[error("records {first} to before {end} were not written ({step}; the disk did not take it)")]
pub struct FlushError {
    /// The first id that was lost.
    pub first: RecordId,
    /// The id after the last one lost.
    pub end: RecordId,
    /// What failed: `write` or `sync`.
    pub step: &'static str,
    /// The disk's answer.
    #[source]
    pub source: io::Error,
}

impl FlushError {
    /// True where space or quota is used up: freeing some helps, unlike with a broken disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        is_full(self.source.kind())
    }
}

/// ENOSPC and EDQUOT.
fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A stream that cannot be read on. The reader stays where it was: try again later.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A newer release wrote this segment.
    #[error("{path} has format version {found}, this release reads up to {supported}")]
    NewerVersion {
        /// The segment.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version that this release reads.
        supported: u16,
    },
    /// The disk refused.
    #[error("cannot read the spool at {path}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
}

/// A shipped mark that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// The file is there but its checksum, length or content is wrong. Reading from the start again is
    /// safe where the store deduplicates.
    #[error("the shipped mark {path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A newer release wrote it.
    #[error("{path} has format version {found}, this release reads up to {supported}")]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version that this release reads.
        supported: u16,
    },
    /// The disk refused. The mark on disk is the old or the new one, never a mixture.
    #[error("cannot access the shipped mark {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
}
