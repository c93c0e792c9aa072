//! Whether each part of the process is ready, and if not, why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

const STARTING: &str = "starting";
const NO_CHECK: &str = "no part of the process has registered yet";
const SHUTTING_DOWN: &str = "shutting down";

/// The checks of a process. Clones share them. Register all checks before the listener starts: a process with
/// some checks ready and others not yet registered looks ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    /// By name; none means ready, else the reason why not.
    checks: Arc<Mutex<BTreeMap<&'static str, Option<String>>>>,
}

/// One check, to be set by the part it speaks for.
#[derive(Debug, Clone)]
pub struct ReadinessHandle {
    name: &'static str,
    readiness: Readiness,
}

/// The state of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// Its name.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The state of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessReport {
    /// Whether all checks are ready.
    pub ready: bool,
    /// Each check, by name.
    pub checks: Vec<CheckState>,
}

impl ReadinessReport {
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and truth values can be written as JSON")
    }
}

impl Readiness {
    /// Without checks, and so not ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, not ready for the reason "starting". A name that is there already is taken over.
    #[must_use]
    pub fn register(&self, name: &'static str) -> ReadinessHandle {
        self.lock().insert(name, Some(STARTING.to_owned()));
        ReadinessHandle { name, readiness: self.clone() }
    }

    /// The state now. A shutdown that has begun appears as a check of its own.
    #[must_use]
    pub fn report(&self, is_shutting_down: bool) -> ReadinessReport {
        let mut checks: Vec<CheckState> =
            self.lock().iter().map(|(name, reason)| state(name, reason.clone())).collect();
        if checks.is_empty() {
            checks.push(state("process", Some(NO_CHECK.to_owned())));
        }
        if is_shutting_down {
            checks.push(state("shutdown", Some(SHUTTING_DOWN.to_owned())));
        }
        ReadinessReport { ready: checks.iter().all(|check| check.ready), checks }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<String>>> {
        // A thread that panicked while setting a check left the map whole.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadinessHandle {
    /// From now on ready.
    pub fn ready(&self) {
        self.readiness.lock().insert(self.name, None);
    }

    /// From now on not ready. The reason is shown to whoever asks: no secrets, no personal data.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.readiness.lock().insert(self.name, Some(reason.into()));
    }
}

fn state(name: &str, reason: Option<String>) -> CheckState {
    CheckState { name: name.to_owned(), ready: reason.is_none(), reason }
}
