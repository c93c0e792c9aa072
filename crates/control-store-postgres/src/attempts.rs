//! Running a job: attempts, and what ends them.
//!
//! | mode | transaction |
//! |---|---|
//! | `Read` | `REPEATABLE READ READ ONLY`; ended after the answer has been given |
//! | `Write` | `SERIALIZABLE` |
//! | `Book` | `READ COMMITTED`, with the locks that the job takes |
//!
//! A job is run again from the start when
//!
//! - another transaction was in its way (40001, 40P01): after a growing pause of random length. A job that took locks in
//!   its first attempt, and every job from the third attempt on, gets its locks, the audit log's and the ledger's *before*
//!   its transaction begins: so it sees what the last holder has committed, and a worker that books without pause cannot
//!   keep it out. Given up after [`ATTEMPTS_MAX`] attempts;
//! - a unique key was taken: once, since somebody else may have taken it after the job had looked for it;
//! - the connection was lost before the commit was sent, or cannot be made, for up to [`PATIENCE`].
//!
//! **Cut off between commit and answer**: the transaction's id was asked for at its beginning. On another connection the
//! server says what became of it (`pg_xact_status`): committed is success, aborted means that nothing is stored and the
//! job runs again; where it still goes on the old connection's process is ended. Only where the server cannot be asked
//! within [`PATIENCE_FOR_FATE`], or does not know any more, the outcome is unknown and the job fails saying so.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use hopline_control_store::{ErrorKind, Job, Lock, Mode, StoreError};
use hopline_fault::{Point, point};

use crate::error::{Fault, Remedy};
use crate::locks;
use crate::session::{Backend, Line, first_text};
use crate::sets::Sets;
use crate::transaction::{Ran, run_job};

/// How often a job is run whose transaction others are in the way of.
pub(crate) const ATTEMPTS_MAX: u32 = 50;
/// How long a job waits for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server is asked for what became of a transaction.
pub(crate) const PATIENCE_FOR_FATE: Duration = Duration::from_secs(30);
/// The pause between two attempts to connect.
const PAUSE_TO_CONNECT: Duration = Duration::from_millis(200);
/// The longest pause before an attempt after a conflict.
const PAUSE_MAX_MICROS: u64 = 50_000;
/// After this long a transaction whose connection is gone is ended.
const ENDED_AFTER: Duration = Duration::from_secs(1);

/// What becomes of an attempt.
enum Attempt {
    Done(Result<(), StoreError>),
    Again(Fault),
}

/// What became of a transaction.
enum Fate {
    Committed,
    Aborted,
    Unknown(String),
}

/// What is remembered between attempts.
struct History {
    begun: Instant,
    conflicts: u32,
    looked_again: bool,
    /// What earlier attempts have locked.
    locks: Vec<Lock>,
}

/// Runs a job to its end.
pub(crate) fn run(line: &mut Line, sets: &Sets, mode: Mode, job: &mut Job) -> Result<(), StoreError> {
    let mut history = History { begun: Instant::now(), conflicts: 0, looked_again: false, locks: Vec::new() };
    loop {
        let fault = match attempt(line, sets, mode, job, &mut history) {
            Attempt::Done(outcome) => return outcome,
            Attempt::Again(fault) => fault,
        };
        match fault.remedy {
            Remedy::Again if history.conflicts + 1 < ATTEMPTS_MAX => {
                history.conflicts += 1;
                line.wait(pause(history.conflicts));
            }
            Remedy::Look if !history.looked_again => history.looked_again = true,
            Remedy::Reconnect if history.begun.elapsed() < PATIENCE => {
                tracing::debug!(error = %fault.error, "a job is run again on another connection");
                line.hang_up();
                line.wait(PAUSE_TO_CONNECT);
            }
            Remedy::Reconnect => {
                line.hang_up();
                return Err(fault.error);
            }
            Remedy::Again | Remedy::Look | Remedy::None => return Err(fault.error),
        }
    }
}

/// From half of it to all of a pause that doubles, up to 50 ms.
fn pause(conflicts: u32) -> Duration {
    let longest = (500_u64 << conflicts.min(10)).min(PAUSE_MAX_MICROS);
    // Each hasher of this kind begins with other random numbers.
    let random = RandomState::new().build_hasher().finish();
    Duration::from_micros(longest / 2 + random % (longest / 2))
}

fn attempt(line: &mut Line, sets: &Sets, mode: Mode, job: &mut Job, history: &mut History) -> Attempt {
    let begun = match begin(line, mode, history) {
        Ok(begun) => begun,
        Err(fault) => return Attempt::Again(fault),
    };
    let (runtime, session) = match line.current() {
        Ok(parts) => parts,
        Err(fault) => return Attempt::Again(fault),
    };
    let Ran { outcome, fault, locks } = run_job(runtime, session, sets, mode, job);
    history.locks = locks;
    let end = match (outcome, fault) {
        // Whatever the job makes of it: it is to be run again.
        (_, Some(fault))
            if fault.remedy != Remedy::None && !(fault.remedy == Remedy::Look && history.looked_again) =>
        {
            Attempt::Again(fault)
        }
        (Err(own), _) => Attempt::Done(Err(own)),
        (Ok(true), Some(fault)) => Attempt::Done(Err(fault.error)),
        (Ok(false), _) => Attempt::Done(Ok(())),
        (Ok(true), None) if mode == Mode::Read => Attempt::Done(Ok(())),
        (Ok(true), None) => return commit(line, &begun),
    };
    if mode == Mode::Read && matches!(end, Attempt::Done(_)) {
        // Ended once the answer is given.
        session.is_reading = true;
        return end;
    }
    roll_back(line, &begun);
    end
}

/// What a transaction was begun with.
struct Begun {
    /// Its id, where it writes.
    xid: String,
    backend: Backend,
    /// Whether locks are held beyond the transaction's end.
    holds_locks: bool,
}

fn begin(line: &mut Line, mode: Mode, history: &History) -> Result<Begun, Fault> {
    let (runtime, session) = line.session()?;
    let planned = runtime.block_on(session.plan_anew());
    planned.map_err(|failure| Fault::of(&failure))?;
    let backend = session.backend.clone();
    let client = &session.client;
    let keys = keys_before(mode, history);
    let begun = runtime.block_on(async {
        for key in &keys {
            let sql = format!("SELECT pg_advisory_lock({key})");
            client.batch_execute(&sql).await.map_err(|failure| Fault::of(&failure))?;
        }
        let begin = match mode {
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Mode::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT pg_current_xact_id()",
            Mode::Book => "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_current_xact_id()",
        };
        let rows = client.simple_query(begin).await.map_err(|failure| Fault::of_begin(&failure))?;
        Ok(first_text(&rows, 0).unwrap_or_default().to_owned())
    });
    match begun {
        Ok(xid) => Ok(Begun { xid, backend, holds_locks: !keys.is_empty() }),
        Err(fault) => {
            // A half-begun transaction, or locks that are held.
            line.hang_up();
            Err(fault)
        }
    }
}

/// The locks to take before the transaction begins.
fn keys_before(mode: Mode, history: &History) -> Vec<i64> {
    let is_early = history.conflicts == 1 && history.locks.is_empty();
    if mode != Mode::Write || history.conflicts == 0 || is_early {
        return Vec::new();
    }
    let mut locks = history.locks.clone();
    locks.extend([Lock::AuditLog, Lock::Ledger]);
    locks::keys(&locks)
}

fn commit(line: &mut Line, begun: &Begun) -> Attempt {
    if let Err(error) = passed(Point::ControlCommitBefore) {
        roll_back(line, begun);
        return Attempt::Done(Err(error));
    }
    let (runtime, session) = match line.current() {
        Ok(parts) => parts,
        Err(fault) => return Attempt::Again(fault),
    };
    let committed = runtime.block_on(session.client.batch_execute("COMMIT"));
    let fault = match &committed {
        Ok(()) => {
            release(line, begun);
            return Attempt::Done(passed(Point::ControlCommitAfter));
        }
        Err(failure) => Fault::of(failure),
    };
    if fault.remedy != Remedy::Reconnect {
        // Refused, and so rolled back.
        release(line, begun);
        return if fault.remedy == Remedy::Again {
            Attempt::Again(fault)
        } else {
            Attempt::Done(Err(fault.error))
        };
    }
    line.hang_up();
    match fate(line, begun) {
        Fate::Committed => Attempt::Done(Ok(())),
        Fate::Aborted => Attempt::Again(fault),
        Fate::Unknown(why) => {
            let detail =
                format!("it is not known whether the transaction was committed: {why}; {}", fault.error);
            tracing::error!(transaction = begun.xid, detail, "the outcome of a transaction is unknown");
            Attempt::Done(Err(StoreError::new(ErrorKind::Unavailable, detail)))
        }
    }
}

fn passed(at: Point) -> Result<(), StoreError> {
    point(at).map_err(|error| StoreError::new(ErrorKind::Unavailable, error.to_string()))
}

/// Whatever fails here: a connection that cannot roll back is given up, and then the server does.
fn roll_back(line: &mut Line, begun: &Begun) {
    let rolled_back = line
        .current()
        .map(|(runtime, session)| runtime.block_on(session.client.batch_execute("ROLLBACK")).is_ok())
        .unwrap_or(false);
    if rolled_back { release(line, begun) } else { line.hang_up() }
}

fn release(line: &mut Line, begun: &Begun) {
    if !begun.holds_locks {
        return;
    }
    let sql = "SELECT pg_advisory_unlock_all()";
    let is_released = line
        .current()
        .map(|(runtime, session)| runtime.block_on(session.client.batch_execute(sql)).is_ok())
        .unwrap_or(false);
    if !is_released {
        line.hang_up();
    }
}

/// Asks the server what became of a transaction whose connection was lost.
fn fate(line: &mut Line, begun: &Begun) -> Fate {
    let since = Instant::now();
    let mut last = "the server cannot be reached".to_owned();
    if begun.xid.is_empty() || !begun.xid.bytes().all(|byte| byte.is_ascii_digit()) {
        return Fate::Unknown("it had no id".to_owned());
    }
    let ask = format!("SELECT pg_xact_status('{}')", begun.xid);
    while since.elapsed() < PATIENCE_FOR_FATE {
        match line.session() {
            Err(fault) => last = fault.error.detail,
            Ok((runtime, session)) => match runtime.block_on(session.client.simple_query(&ask)) {
                Err(failure) => {
                    last = crate::error::told(&failure);
                    line.hang_up();
                }
                Ok(rows) => match first_text(&rows, 0) {
                    Some("committed") => return Fate::Committed,
                    Some("aborted") => return Fate::Aborted,
                    Some("in progress") => {
                        last = "it still goes on".to_owned();
                        if since.elapsed() > ENDED_AFTER {
                            end(line, &begun.backend);
                        }
                    }
                    _ => return Fate::Unknown("the server does not know any more".to_owned()),
                },
            },
        }
        line.wait(PAUSE_TO_CONNECT / 4);
    }
    Fate::Unknown(last)
}

/// Ends the server's process of a connection that is gone here.
fn end(line: &mut Line, backend: &Backend) {
    let Backend { pid, started } = backend;
    if pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) || started.contains('\'') {
        return;
    }
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {pid} \
         AND to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS.US TZH:TZM') = '{started}'"
    );
    let Ok((runtime, session)) = line.session() else { return };
    if let Err(failure) = runtime.block_on(session.client.batch_execute(&sql)) {
        tracing::warn!(error = crate::error::told(&failure), "cannot end the process of a lost connection");
    }
}
