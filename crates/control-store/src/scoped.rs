//! A store as one caller sees it.

use crate::{Database, Job, JobFuture, Listener, Mode, Scope};

/// A store whose jobs are narrowed to a scope before they do anything (S-10): the second wall, for statements that forget
/// to bind it. Stores without such a wall run the jobs as they are.
#[derive(Debug, Clone, Copy)]
pub struct Scoped<'a> {
    database: &'a dyn Database,
    scope: Scope,
}

impl<'a> Scoped<'a> {
    /// The store as `scope` sees it.
    #[must_use]
    pub fn new(database: &'a dyn Database, scope: Scope) -> Self {
        Self { database, scope }
    }
}

impl Database for Scoped<'_> {
    fn run(&self, mode: Mode, mut job: Job) -> JobFuture<'_> {
        let scope = self.scope;
        let narrowed: Job = Box::new(move |tx| {
            tx.narrow(scope)?;
            job(tx)
        });
        self.database.run(mode, narrowed)
    }

    fn listen(&self, listener: Listener) {
        self.database.listen(listener);
    }
}
