//! Syncing away from the writer's thread.

use std::io;
use std::sync::Arc;

use hopline_fault::{Point, point};

use crate::storage::SegmentFile;
use crate::tail::TailPoint;

/// Files to sync, and how far the stream is durable afterwards.
#[derive(Debug, Clone)]
pub struct SyncHandle {
    /// Of segments that were left meanwhile, oldest first.
    pub(super) earlier: Vec<Arc<dyn SegmentFile>>,
    pub(super) last: Arc<dyn SegmentFile>,
    pub(super) covers: Covers,
}

/// What a sync makes durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covers {
    pub(super) at: TailPoint,
    pub(super) end_id: u64,
    /// Rises with every failed sync: an outcome from before one says nothing about what came after.
    pub(super) epoch: u64,
}

impl SyncHandle {
    /// Syncs the files, oldest first, one fdatasync each; one file but where segments changed. Blocks; may
    /// run on any thread.
    #[must_use]
    pub fn sync(self) -> SyncOutcome {
        let result = point(Point::SpoolSyncBefore)
            .and_then(|()| self.earlier.iter().chain([&self.last]).try_for_each(|file| file.sync_data()))
            .and_then(|()| point(Point::SpoolSyncAfter));
        SyncOutcome { result, covers: self.covers }
    }
}

/// The result of a sync, to be given to [`SpoolWriter::publish_synced`](crate::SpoolWriter::publish_synced).
#[derive(Debug)]
pub struct SyncOutcome {
    pub(super) result: io::Result<()>,
    pub(super) covers: Covers,
}
