//! Noticing another edge with the same `edge.id`.
//!
//! Click ids are made of the edge's number: two edges with one number would give the same id to two clicks. Each edge has a
//! mark in its data directory and puts it under its number in the control store, itself or through the API, again and again.
//! Who finds another's mark although its own was there before shares the number with an edge that lives. Of two, the one
//! that came later says that it is not ready; both write it to the log. A machine that takes over a number for good finds the
//! old mark once and nothing after.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use hopline_control_store::{Database, DatabaseExt as _, base62, leases};
use hopline_runtime::files::{self, DataDir};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::ops::ReadinessHandle;
use hopline_runtime::telemetry::IntCounter;

use crate::stores;

const FILE: &str = "instance.mark";
const CHARS: usize = 16;
/// Pause between two announcements to the control store.
const EVERY: Duration = Duration::from_secs(5);
/// After so many announcements in a row without another's mark the other is gone.
const QUIET: u32 = 12;

/// The mark of this data directory, which one process holds at a time; made where there is none.
pub(crate) fn of(data_dir: &DataDir) -> anyhow::Result<String> {
    let path = data_dir.join(FILE);
    if let Ok(mark) = std::fs::read_to_string(&path) {
        let mark = mark.trim();
        if mark.len() == CHARS && mark.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(mark.to_owned());
        }
    }
    let mark = base62(CHARS, &mut stores::random);
    files::replace(&path, mark.as_bytes(), 0o600)?;
    Ok(mark)
}

/// What was found under this edge's number. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct EdgeMark {
    edge: u16,
    mark: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ready: ReadinessHandle,
    conflicts: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    /// Whether our own mark was put there before.
    is_put: bool,
    /// Whether another's mark was there first.
    is_later: bool,
    /// Announcements since another's mark was found, where one was.
    quiet: Option<u32>,
}

impl EdgeMark {
    pub(crate) fn new(edge: u16, mark: String, ready: ReadinessHandle, conflicts: IntCounter) -> Self {
        ready.ready();
        Self { edge, mark, shared: Arc::new(Shared { state: Mutex::default(), ready, conflicts }) }
    }

    /// The mark itself.
    pub(crate) fn text(&self) -> &str {
        &self.mark
    }

    /// Takes in what was found when our own mark was put.
    pub(crate) fn found(&self, was: Option<&str>) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = was.is_some_and(|was| was != self.mark);
        if !std::mem::replace(&mut state.is_put, true) {
            state.is_later = is_other;
            return;
        }
        if is_other {
            self.shared.conflicts.inc();
            if state.quiet.is_none() {
                tracing::error!(
                    edge.id = self.edge,
                    "another edge uses the same edge.id: click ids would be given twice; give one of them another number and an empty spool"
                );
            }
            state.quiet = Some(0);
            if state.is_later {
                let reason = format!("another edge uses edge.id {} and was there first", self.edge);
                self.shared.ready.not_ready(reason);
            }
        } else if let Some(quiet) = &mut state.quiet {
            *quiet += 1;
            if *quiet >= QUIET {
                state.quiet = None;
                tracing::info!(edge.id = self.edge, "the other edge with the same edge.id is gone");
                self.shared.ready.ready();
            }
        }
    }

    /// Announces this edge to the control store until the shutdown begins.
    pub(crate) async fn announce(
        self,
        database: Arc<dyn Database>,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        loop {
            let (name, mark) = (hopline_api::edge_lease(self.edge), self.mark.clone());
            match database.book(move |tx| leases::announce(tx, &name, &mark)).await {
                Ok(was) => self.found(was.as_deref()),
                Err(error) => tracing::debug!(%error, "this edge could not be announced"),
            }
            tokio::select! {
                () = shutdown.begun() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hopline_runtime::ops::Readiness;
    use hopline_runtime::telemetry::Metrics;

    use super::*;

    fn edge(mark: &str) -> (EdgeMark, Readiness) {
        let readiness = Readiness::new();
        let conflicts = Metrics::new().stores.edge_id_conflicts;
        (EdgeMark::new(7, mark.to_owned(), readiness.register("edge id"), conflicts), readiness)
    }

    #[test]
    fn of_two_edges_with_one_number_both_count_it_and_the_later_one_is_not_ready() {
        let ((first, first_ready), (later, later_ready)) = (edge("a"), edge("b"));
        first.found(None);
        later.found(Some("a"));
        assert!(later_ready.report(false).ready, "a machine that takes a number over finds the old mark");
        first.found(Some("b"));
        later.found(Some("a"));
        assert!(first_ready.report(false).ready);
        let report = later_ready.report(false);
        assert!(!report.ready && format!("{report:?}").contains("edge.id 7"), "{report:?}");
        assert_eq!((first.shared.conflicts.get(), later.shared.conflicts.get()), (1, 1));
    }

    #[test]
    fn an_edge_is_ready_again_when_the_other_is_gone() {
        let (later, ready) = edge("b");
        later.found(Some("a"));
        later.found(Some("a"));
        assert!(!ready.report(false).ready);
        for _ in 0..QUIET {
            later.found(Some("b"));
        }
        assert!(ready.report(false).ready);
    }
}
