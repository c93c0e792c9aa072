//! How far a stream has been shipped.

use std::io;
use std::path::Path;

use crate::error::MarkError;
use crate::format::{FORMAT_VERSION, put, take};
use crate::ids::{Position, RecordId};
use crate::segment::{SegmentNumber, write_durably};
use crate::storage::{FsStorage, Storage};

const FILE_NAME: &str = "shipped";
const BYTES: usize = 48;
const MAGIC: [u8; 8] = *b"HLSHIPD\n";

/// How far a stream has been shipped, kept in the file `shipped` beside its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedMark {
    /// Everything before this place is in the store.
    pub shipped: Position,
    /// The id after the last record of the batch that is under way, if one is: the batch goes from
    /// `shipped` to before this id and is cut the same way after a crash.
    pub planned: Option<RecordId>,
}

impl ShippedMark {
    /// Reads the mark of the stream in `dir`; `None` when nothing was ever shipped.
    ///
    /// # Errors
    /// A damaged or newer mark, or a disk that refuses.
    pub fn load(dir: &Path) -> Result<Option<Self>, MarkError> {
        Self::load_in(&FsStorage, dir)
    }

    /// Writes the mark durably: the old one or the new one is there after any crash.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn store(&self, dir: &Path) -> Result<(), MarkError> {
        self.store_in(&FsStorage, dir)
    }

    /// As [`ShippedMark::load`], on a given storage.
    ///
    /// # Errors
    /// As [`ShippedMark::load`].
    pub fn load_in(storage: &dyn Storage, dir: &Path) -> Result<Option<Self>, MarkError> {
        let path = dir.join(FILE_NAME);
        let failed = |source| MarkError::Io { path: path.clone(), source };
        let file = match storage.open(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = [0; BYTES];
        let read = file.read_full_at(&mut bytes, 0).map_err(failed)?;
        let is_intact = read == BYTES
            && take(&bytes, 0) == MAGIC
            && crc32fast::hash(&bytes[..44]) == u32::from_le_bytes(take(&bytes, 44));
        if !is_intact {
            return Err(MarkError::Damaged { path });
        }
        let version = u16::from_le_bytes(take(&bytes, 8));
        if version > FORMAT_VERSION {
            return Err(MarkError::NewerVersion { path, found: version, supported: FORMAT_VERSION });
        }
        Self::from_fields(&bytes).map(Some).ok_or(MarkError::Damaged { path })
    }

    /// As [`ShippedMark::store`], on a given storage.
    ///
    /// # Errors
    /// As [`ShippedMark::store`].
    pub fn store_in(&self, storage: &dyn Storage, dir: &Path) -> Result<(), MarkError> {
        let path = dir.join(FILE_NAME);
        let bytes = self.encode();
        match write_durably(storage, &path, |file| file.write_all_at(&bytes, 0)) {
            Ok(_) => Ok(()),
            Err(source) => Err(MarkError::Io { path, source }),
        }
    }

    fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 12, &self.shipped.segment.get().to_le_bytes());
        put(&mut bytes, 16, &self.shipped.offset.to_le_bytes());
        put(&mut bytes, 24, &self.shipped.next_id.get().to_le_bytes());
        put(&mut bytes, 32, &self.planned.map_or(0, RecordId::get).to_le_bytes());
        let sum = crc32fast::hash(&bytes[..44]);
        put(&mut bytes, 44, &sum.to_le_bytes());
        bytes
    }

    fn from_fields(bytes: &[u8; BYTES]) -> Option<Self> {
        let shipped = Position {
            segment: SegmentNumber(u32::from_le_bytes(take(bytes, 12))),
            offset: u32::from_le_bytes(take(bytes, 16)),
            next_id: RecordId::new(u64::from_le_bytes(take(bytes, 24))).ok()?,
        };
        let planned = match u64::from_le_bytes(take(bytes, 32)) {
            0 => None,
            id => Some(RecordId::new(id).ok()?),
        };
        Some(Self { shipped, planned })
    }
}
