//! Group commit: records of one turn of the event loop are written together, then all their answers leave.
//!
//! A handler appends its record to the writer's buffer and awaits [`Commit`]. The first append of a turn wakes the
//! flusher, a task of the same thread; the runtime puts it behind the connections that are ready already, so it runs
//! after them: one `write` for all, then all waiters are woken. What an answer waits for depends on the setting:
//!
//! | durability | an answer waits for | flushed |
//! | --- | --- | --- |
//! | `process` | the write | once a turn |
//! | `disk` | the write and an fdatasync on the stream's own second thread ([`crate::aside`]); the next group gathers meanwhile | once a turn or sync |
//! | `relaxed` | nothing | 5 ms after the first record that waits, and when the buffer is full |
//!
//! Failure: if a write or sync fails, every waiter of its group gets [`NotWritten`] and answers 503; no redirect leaves
//! for a click that was not written, unless the disk is full and the settings let clicks pass then. With `relaxed` such
//! records are lost and logged. If the thread that syncs dies, its group is lost, and the flusher ends, which ends the
//! edge.
//!
//! Per turn: one of a few groups that are used again, no allocation after warm-up unless waiters outlive the next turns.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hopline_clickid::UniqueNumber;
use hopline_record::Kind;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::FullDisk;
use hopline_spool::{
    AppendError, Durability, FlushError, Preparer, RecordId, SpoolWriter, StreamIdentity, SyncHandle,
    SyncOutcome,
};
use hopline_types::UnixMillis;

use crate::aside::Aside;

/// Longest delay of a write with `relaxed`.
const RELAXED_DELAY: Duration = Duration::from_millis(5);

/// One group gathers and one is synced, while the waiters of the one before are on their way.
const RECENT_MAX: usize = 4;

/// After a failed try to make the next segment.
const PREPARE_PAUSE: Duration = Duration::from_secs(1);

/// The record does not count as written; the request is to be refused, or [let pass](NotWritten::lets_pass).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotWritten {
    /// Space or quota is used up.
    DiskFull,
    /// Anything else.
    Failed,
}

impl NotWritten {
    /// Whether a prepared answer with this status leaves all the same: only who is sent on is, never who is told that
    /// something was recorded.
    pub(crate) const fn lets_pass(self, setting: FullDisk, status: u16) -> bool {
        matches!((self, setting, status), (Self::DiskFull, FullDisk::Redirect, 302))
    }

    const fn of(is_disk_full: bool) -> Self {
        if is_disk_full { Self::DiskFull } else { Self::Failed }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Written(Instant),
    Lost(NotWritten),
}

#[derive(Debug)]
struct Group {
    state: Cell<State>,
    waiters: RefCell<Vec<Waker>>,
}

impl Group {
    fn new() -> Rc<Self> {
        Rc::new(Self { state: Cell::new(State::Waiting), waiters: RefCell::new(Vec::new()) })
    }

    fn finish(&self, state: State) {
        self.state.set(state);
        for waker in self.waiters.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}

/// Completes when the record counts as written, with the time at which it did.
#[derive(Debug)]
pub(crate) struct Commit {
    /// None: nothing to wait for.
    group: Option<Rc<Group>>,
    is_registered: bool,
}

impl Future for Commit {
    type Output = Result<Instant, NotWritten>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(group) = &self.group else { return Poll::Ready(Ok(Instant::now())) };
        match group.state.get() {
            State::Written(at) => return Poll::Ready(Ok(at)),
            State::Lost(why) => return Poll::Ready(Err(why)),
            State::Waiting => (),
        }
        // A connection is one task for life, so its first waker stays good.
        if !self.is_registered {
            group.waiters.borrow_mut().push(context.waker().clone());
            self.is_registered = true;
        }
        Poll::Pending
    }
}

/// The spool of one thread.
#[derive(Debug)]
pub(crate) struct Log {
    identity: StreamIdentity,
    durability: Durability,
    writer: RefCell<SpoolWriter>,
    preparer: Preparer,
    is_preparing: Rc<Cell<bool>>,
    group: RefCell<Rc<Group>>,
    /// Groups that were taken lately, to serve again.
    recent: RefCell<Vec<Rc<Group>>>,
    is_due: Cell<bool>,
    flusher: RefCell<Option<Waker>>,
    /// With `disk`: syncs.
    syncer: Option<Aside<SyncHandle, SyncOutcome>>,
}

/// The thread that syncs is gone: nothing can be answered any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncerDied;

impl Log {
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn new(
        identity: StreamIdentity,
        durability: Durability,
        writer: SpoolWriter,
    ) -> io::Result<Self> {
        let preparer = writer.preparer();
        let syncer = match durability {
            Durability::Disk => Some(Aside::start(format!("sync-{}", identity.stream), SyncHandle::sync)?),
            Durability::Process | Durability::Relaxed => None,
        };
        Ok(Self {
            identity,
            durability,
            writer: RefCell::new(writer),
            preparer,
            is_preparing: Rc::new(Cell::new(false)),
            group: RefCell::new(Group::new()),
            recent: RefCell::new(Vec::with_capacity(RECENT_MAX)),
            is_due: Cell::new(false),
            flusher: RefCell::new(None),
            syncer,
        })
    }

    /// Whether a record was appended in this turn of the event loop already. Always false where a turn can last.
    pub(crate) fn is_within_turn(&self) -> bool {
        self.durability == Durability::Process && self.is_due.get()
    }

    /// The number that the next [`Log::append`] of this thread gives its record.
    pub(crate) fn next_number(&self, now: UnixMillis) -> Result<UniqueNumber, NotWritten> {
        let id = self.next_id(now)?;
        UniqueNumber::new(self.identity.edge, self.identity.stream, id.get()).map_err(|_| NotWritten::Failed)
    }

    /// The id of the next record.
    pub(crate) fn next_id(&self, now: UnixMillis) -> Result<RecordId, NotWritten> {
        let mut writer = self.writer.borrow_mut();
        let id = match writer.next_id(now) {
            Err(AppendError::BufferFull { .. }) => {
                self.make_room(&mut writer)?;
                writer.next_id(now)
            }
            other => other,
        };
        id.map_err(|error| refused(&error))
    }

    /// Takes a record; it counts as written when the commit completes.
    pub(crate) fn append(&self, now: UnixMillis, kind: Kind, payload: &[u8]) -> Result<Commit, NotWritten> {
        let mut writer = self.writer.borrow_mut();
        let appended = match writer.append(now, kind.code(), payload) {
            Err(AppendError::BufferFull { .. }) => {
                // Where that fails, what waited is lost and there is room too. The id of this record is given out
                // already: it is used up here, taken or not.
                self.make_room(&mut writer).unwrap_or_default();
                writer.append(now, kind.code(), payload)
            }
            other => other,
        };
        appended.map_err(|error| refused(&error))?;
        drop(writer);
        if !self.is_due.replace(true)
            && let Some(flusher) = &*self.flusher.borrow()
        {
            flusher.wake_by_ref();
        }
        let group = match self.durability {
            Durability::Relaxed => None,
            Durability::Process | Durability::Disk => Some(Rc::clone(&self.group.borrow())),
        };
        Ok(Commit { group, is_registered: false })
    }

    /// Writes group after group until it is dropped, or can sync no more. `after` is called after each.
    pub(crate) async fn flush_forever(&self, clock: &Clock, after: impl Fn()) -> SyncerDied {
        loop {
            self.due().await;
            if self.durability == Durability::Relaxed {
                tokio::time::sleep(RELAXED_DELAY).await;
            }
            if let Err(died) = self.flush_once().await {
                return died;
            }
            self.prepare(clock);
            after();
        }
    }

    /// Writes what waits, syncs, and answers every waiter: the last act of a thread.
    pub(crate) fn finish(&self) -> Result<(), FlushError> {
        let group = self.take_group();
        let mut writer = self.writer.borrow_mut();
        let outcome = writer.flush(self.durability).and_then(|_| writer.sync()).map(|_| ());
        group.finish(match &outcome {
            Ok(()) => State::Written(Instant::now()),
            Err(error) => State::Lost(NotWritten::of(error.is_disk_full())),
        });
        outcome
    }

    async fn due(&self) {
        poll_fn(|context| {
            if self.is_due.replace(false) {
                return Poll::Ready(());
            }
            *self.flusher.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    async fn flush_once(&self) -> Result<(), SyncerDied> {
        let group = self.take_group();
        let flushed = self.writer.borrow_mut().flush(self.durability);
        let state = match (flushed, &self.syncer) {
            (Err(error), _) => Ok(lost(&error)),
            (Ok(_), Some(syncer)) => self.sync(syncer).await,
            (Ok(_), None) => Ok(State::Written(Instant::now())),
        };
        let state = state.map(|state| match hopline_fault::point(hopline_fault::Point::EdgeAnswerBefore) {
            Ok(()) => state,
            Err(_) => State::Lost(NotWritten::Failed),
        });
        group.finish(*state.as_ref().unwrap_or(&State::Lost(NotWritten::Failed)));
        state.map(|_| ())
    }

    async fn sync(&self, syncer: &Aside<SyncHandle, SyncOutcome>) -> Result<State, SyncerDied> {
        let handle = self.writer.borrow().sync_handle();
        let Some(handle) = handle else { return Ok(State::Written(Instant::now())) };
        let Some(outcome) = syncer.run(handle).await else {
            tracing::error!("the thread that syncs the spool died");
            self.take_group().finish(State::Lost(NotWritten::Failed));
            return Err(SyncerDied);
        };
        let published = self.writer.borrow_mut().publish_synced(outcome);
        match published {
            Ok(_) => Ok(State::Written(Instant::now())),
            Err(error) => {
                // Records that gathered meanwhile lay in the buffer and are lost with the rest.
                let lost = lost(&error);
                self.take_group().finish(lost);
                Ok(lost)
            }
        }
    }

    /// The buffer is full within one turn: write early.
    #[cold]
    fn make_room(&self, writer: &mut SpoolWriter) -> Result<(), NotWritten> {
        match writer.flush(self.durability) {
            // The group goes on waiting for the sync, which covers what was written now.
            Ok(_) if self.durability == Durability::Disk => Ok(()),
            Ok(_) => {
                self.take_group().finish(State::Written(Instant::now()));
                Ok(())
            }
            Err(error) => {
                self.take_group().finish(lost(&error));
                Err(NotWritten::of(error.is_disk_full()))
            }
        }
    }

    /// The group of the records so far; later records get another.
    fn take_group(&self) -> Rc<Group> {
        let mut recent = self.recent.borrow_mut();
        // The waiters of the last group but one have mostly gone, and it can serve again.
        let free = recent.iter().position(|group| Rc::strong_count(group) == 1);
        let next = free.map_or_else(Group::new, |place| recent.swap_remove(place));
        next.state.set(State::Waiting);
        let taken = self.group.replace(next);
        if recent.len() < RECENT_MAX {
            recent.push(Rc::clone(&taken));
        }
        taken
    }

    /// Makes the next segment ahead of time, away from this thread.
    fn prepare(&self, clock: &Clock) {
        if !self.preparer.is_needed() || self.is_preparing.replace(true) {
            return;
        }
        let (preparer, is_preparing, now) =
            (self.preparer.clone(), Rc::clone(&self.is_preparing), clock.now());
        tokio::task::spawn_local(async move {
            let outcome = tokio::task::spawn_blocking(move || preparer.prepare_next(now)).await;
            if let Ok(Err(error)) = outcome {
                tracing::warn!(%error, "the next spool segment could not be made ahead of time");
                tokio::time::sleep(PREPARE_PAUSE).await;
            }
            is_preparing.set(false);
        });
    }
}

#[cold]
fn refused(error: &AppendError) -> NotWritten {
    tracing::error!(%error, "the spool takes no record");
    NotWritten::of(error.is_disk_full())
}

#[cold]
fn lost(error: &FlushError) -> State {
    tracing::error!(%error, source = %error.source, "records were not written");
    State::Lost(NotWritten::of(error.is_disk_full()))
}
