//! A disk in memory that fails on demand, for the tests of this crate and of those that use it.
//!
//! It keeps what was synced apart from what was not. [`FaultStorage::cut_power`] keeps everything synced,
//! and of the rest any subset of the writes of each file, each of them whole, torn, or any subset of its
//! sectors, and a prefix or any subset of the changes of names. A failed sync leaves the unsynced writes to be seen but never durable, as Linux does.
//! Locks are those of the open handles, so that a dropped writer frees its directory.

mod disk;
mod node;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::storage::{DirEntry, DirLock, SegmentFile, Storage};
use disk::{Disk, Fault};
use node::Node;

/// What may be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Making or emptying a file.
    Create,
    /// Opening a file.
    Open,
    /// Reserving space.
    Allocate,
    /// Writing.
    Write,
    /// Reading.
    Read,
    /// Cutting a file.
    SetLen,
    /// Syncing a file.
    Sync,
    /// Syncing a directory.
    SyncDir,
    /// Renaming.
    Rename,
    /// Removing.
    Remove,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is done and the error is answered.
    Fail(io::ErrorKind),
    /// A write takes only this many bytes and says so.
    Short {
        /// Bytes taken.
        bytes: usize,
    },
    /// A write takes this many bytes, then the error is answered.
    Torn {
        /// Bytes taken.
        bytes: usize,
        /// The answer.
        kind: io::ErrorKind,
    },
}

/// A disk in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FaultStorage {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug)]
struct FaultFile {
    disk: Arc<Mutex<Disk>>,
    node: usize,
}

#[derive(Debug)]
struct FaultLock {
    _held: Arc<()>,
}

impl DirLock for FaultLock {}

impl FaultStorage {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an operation fail once, after `skip` that succeed. Faults of one operation wait for each other.
    pub fn inject(&self, operation: Operation, skip: u32, effect: Effect) {
        self.disk().faults.push(Fault { operation, path: None, skip, effect });
    }

    /// As [`FaultStorage::inject`], for operations on the open file that has this name at the time alone: so that a
    /// segment in the making, on another thread, does not meet what is meant for the one that is written.
    pub fn inject_on(&self, path: &Path, operation: Operation, skip: u32, effect: Effect) {
        self.disk().faults.push(Fault { operation, path: Some(path.to_owned()), skip, effect });
    }

    /// Forgets the faults that did not happen yet.
    pub fn clear_faults(&self) {
        self.disk().faults.clear();
    }

    /// Cuts the power: what was not synced survives in part, as the seed decides. Open handles see the disk
    /// as it is afterwards; drop them first.
    pub fn cut_power(&self, seed: u64) {
        self.disk().cut_power(seed);
    }

    /// What a power cut at this moment would leave, as a disk of its own; this one goes on, under whoever writes it.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let mut image = self.disk().clone();
        image.locks.clear();
        image.cut_power(seed);
        Self { disk: Arc::new(Mutex::new(image)) }
    }

    /// A file's content as it is seen now.
    #[must_use]
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.disk();
        disk.names.get(path).map(|node| disk.nodes[*node].content.clone())
    }

    /// Changes a file's content, durably and behind everyone's back.
    pub fn tamper(&self, path: &Path, change: impl Fn(&mut Vec<u8>)) {
        let mut disk = self.disk();
        if let Some(node) = disk.names.get(path).copied() {
            change(&mut disk.nodes[node].content);
            change(&mut disk.nodes[node].durable);
        }
    }

    /// Removes a file, durably and behind everyone's back.
    pub fn lose(&self, path: &Path) {
        let mut disk = self.disk();
        disk.names.remove(path);
        disk.durable_names.remove(path);
    }

    /// The paths of all files, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.disk().names.keys().cloned().collect()
    }

    /// How often an operation was asked for.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.disk().counts.iter().filter(|counted| **counted == operation).count() as u64
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage for FaultStorage {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let disk = self.disk();
        let inside = disk.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|(path, node)| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some(DirEntry { name, len: disk.nodes[*node].content.len() as u64 })
            })
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        let mut disk = self.disk();
        disk.fails(Operation::Create, None)?;
        let node = disk.nodes.len();
        disk.nodes.push(Node::default());
        disk.name(path, node);
        Ok(Arc::new(FaultFile { disk: Arc::clone(&self.disk), node }))
    }

    fn open(&self, path: &Path, _write: bool) -> io::Result<Arc<dyn SegmentFile>> {
        let mut disk = self.disk();
        disk.fails(Operation::Open, None)?;
        let node = *disk.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(FaultFile { disk: Arc::clone(&self.disk), node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.fails(Operation::Rename, None)?;
        disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.fails(Operation::Remove, None)?;
        disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.fails(Operation::SyncDir, None)?;
        disk.sync_dir(dir);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        let mut disk = self.disk();
        if disk.locks.get(path).and_then(Weak::upgrade).is_some() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let held = Arc::new(());
        disk.locks.insert(path.to_owned(), Arc::downgrade(&held));
        Ok(Box::new(FaultLock { _held: held }))
    }
}

impl SegmentFile for FaultFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = lock(&self.disk);
        let (taken, answer) = match disk.fault(Operation::Write, Some(self.node)) {
            None => (bytes.len(), Ok(bytes.len())),
            Some(Effect::Fail(kind)) => return Err(kind.into()),
            Some(Effect::Short { bytes: most }) => (most.min(bytes.len()), Ok(most.min(bytes.len()))),
            Some(Effect::Torn { bytes: most, kind }) => (most.min(bytes.len()), Err(kind.into())),
        };
        disk.nodes[self.node].write(place(offset), &bytes[..taken]);
        answer
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = lock(&self.disk);
        disk.fails(Operation::Read, Some(self.node))?;
        let rest = disk.nodes[self.node].content.get(place(offset)..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn file_len(&self) -> io::Result<u64> {
        Ok(lock(&self.disk).nodes[self.node].content.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        disk.fails(Operation::SetLen, Some(self.node))?;
        disk.nodes[self.node].set_len(place(len));
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        disk.fails(Operation::Allocate, Some(self.node))?;
        disk.nodes[self.node].set_len(place(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        let failed = disk.fails(Operation::Sync, Some(self.node));
        disk.nodes[self.node].sync(failed.is_ok());
        failed
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("tests use small files")
}
