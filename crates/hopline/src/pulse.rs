//! Whether stores on servers answer: for the metrics, and for whoever asks whether a process without edge is ready. An edge
//! serves without its stores, and is to be asked on.

use std::sync::Arc;
use std::time::Duration;

use hopline_click_store::{ClickStore, StreamId};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::ops::ReadinessHandle;
use hopline_runtime::telemetry::IntGauge;

/// Pause between two questions.
const EVERY: Duration = Duration::from_secs(5);

/// Where it is shown whether a store answers.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) gauge: IntGauge,
    /// None with the role edge.
    pub(crate) ready: Option<ReadinessHandle>,
}

impl Shown {
    pub(crate) fn set(&self, is_up: bool) {
        self.gauge.set(i64::from(is_up));
        match &self.ready {
            Some(ready) if is_up => ready.ready(),
            Some(ready) => ready.not_ready("does not answer"),
            None => {}
        }
    }
}

/// Asks a small question until the shutdown begins.
pub(crate) async fn clicks(
    store: Arc<dyn ClickStore>,
    stream: StreamId,
    shown: Shown,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut was_up = true;
    loop {
        let asked = tokio::select! {
            () = shutdown.begun() => return Ok(()),
            asked = store.progress(stream) => asked,
        };
        let is_up = asked.is_ok();
        shown.set(is_up);
        match asked {
            Ok(_) if !was_up => tracing::info!("the click store answers again"),
            Err(error) if was_up => tracing::warn!(error = chain(&error), "the click store does not answer"),
            Ok(_) | Err(_) => {}
        }
        was_up = is_up;
        tokio::select! {
            () = shutdown.begun() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
