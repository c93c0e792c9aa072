//! Waking the streams.

use std::sync::Arc;

use tokio::sync::watch;

/// A bell: ringing it makes every stream be looked at. Clones share it; it works across runtimes and threads.
#[derive(Debug, Clone)]
pub struct Wake {
    rung: Arc<watch::Sender<()>>,
}

impl Default for Wake {
    fn default() -> Self {
        Self { rung: Arc::new(watch::Sender::new(())) }
    }
}

impl Wake {
    /// One that has not rung.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rings. Does not wait; a stream that is busy hears it afterwards.
    pub fn ring(&self) {
        self.rung.send_replace(());
    }

    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.rung.subscribe()
    }
}
