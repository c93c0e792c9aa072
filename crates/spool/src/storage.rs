//! The disk as the spool sees it: a seam, so that tests can make it fail.

mod fs;
mod space;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use fs::FsStorage;
pub use space::disk_free_bytes;

/// A file in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name, without the directory.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Holds a directory's lock until dropped.
pub trait DirLock: Debug + Send + Sync {}

/// Directories and names. Nothing here is durable before [`Storage::sync_dir`].
pub trait Storage: Debug + Send + Sync {
    /// Makes a directory and its parents, durably; an existing one is no error.
    ///
    /// # Errors
    /// What the disk says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// The plain files of a directory, in no order.
    ///
    /// # Errors
    /// What the disk says.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Makes an empty file, or empties an existing one, for reading and writing.
    ///
    /// # Errors
    /// What the disk says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>>;

    /// Opens an existing file for reading and, where `write`, for writing.
    ///
    /// # Errors
    /// `NotFound` when it is missing, and what else the disk says.
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn SegmentFile>>;

    /// Gives a file another name in the same directory, replacing what had it.
    ///
    /// # Errors
    /// What the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory's names durable.
    ///
    /// # Errors
    /// What the disk says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the lock file at `path`.
    ///
    /// # Errors
    /// `WouldBlock` when another holds it, and what else the disk says.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>>;
}

/// One open file. Safe to use from several threads.
pub trait SegmentFile: Debug + Send + Sync {
    /// Writes at a place, perhaps fewer bytes than given.
    ///
    /// # Errors
    /// What the disk says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Reads at a place; fewer bytes than asked for, or none, at the end.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn file_len(&self) -> io::Result<u64>;

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    /// What the disk says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Lengthens the file to `len` zeros with its space reserved, where the file system can.
    ///
    /// # Errors
    /// What the disk says; never that it cannot reserve.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Makes the content (and the length) durable. After an error the content since the last success
    /// counts as lost, whatever a later call answers.
    ///
    /// # Errors
    /// What the disk says.
    fn sync_data(&self) -> io::Result<()>;

    /// Writes all bytes, going on after short writes.
    ///
    /// # Errors
    /// What the disk says, with some of the bytes perhaps written.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads until the buffer is full or the file ends; gives the bytes read.
    ///
    /// # Errors
    /// What the disk says.
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
