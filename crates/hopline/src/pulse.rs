//! Whether the click store on a server answers, for the metrics.

use std::sync::Arc;
use std::time::Duration;

use hopline_click_store::{ClickStore, StreamId};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::IntGauge;

/// Pause between two questions.
const EVERY: Duration = Duration::from_secs(5);

/// Asks a small question until the shutdown begins.
pub(crate) async fn clicks(
    store: Arc<dyn ClickStore>,
    stream: StreamId,
    is_up: IntGauge,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut was_up = true;
    loop {
        let asked = tokio::select! {
            () = shutdown.begun() => return Ok(()),
            asked = store.progress(stream) => asked,
        };
        is_up.set(i64::from(asked.is_ok()));
        match asked {
            Ok(_) if !was_up => tracing::info!("the click store answers again"),
            Err(error) if was_up => tracing::warn!(error = chain(&error), "the click store does not answer"),
            Ok(_) | Err(_) => {}
        }
        was_up = is_up.get() == 1;
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
