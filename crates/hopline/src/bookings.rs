//! What reaches the books from outside the worker: reported conversions of the spool, and settlements that somebody asks for.

use std::sync::Arc;

use hopline_api::SettledClicks;
use hopline_books::{Intake, intake_events};
use hopline_control_store::{Database, DatabaseExt as _};
use hopline_record::ConversionEvent;
use hopline_runtime::clock::Clock;
use hopline_ship::{Accepted, ConversionSink, SinkError};
use hopline_types::HOUR_MS;
use hopline_worker::WorkerOptions;
use tokio::sync::Notify;

/// Conversion events of the spool become conversions in the control store.
#[derive(Debug)]
pub(crate) struct IntoBooks {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) clock: Clock,
    pub(crate) wake_worker: Arc<Notify>,
}

impl ConversionSink for IntoBooks {
    fn accept(&self, events: Vec<(String, ConversionEvent)>) -> Accepted<'_> {
        Box::pin(async move {
            let now = self.clock.now();
            let outcomes = self
                .database
                .book(move |tx| intake_events(tx, &events, now))
                .await
                .map_err(|error| SinkError::Unavailable { source: Box::new(error) })?;
            for outcome in outcomes {
                if let Intake::Refused { errors, .. } = outcome {
                    tracing::warn!(
                        ?errors,
                        "a reported conversion could not be taken in; it is kept as refused"
                    );
                }
            }
            self.wake_worker.notify_one();
            Ok(())
        })
    }
}

/// Settles paid clicks when the API asks for it.
pub(crate) fn settlement(options: &WorkerOptions) -> hopline_api::SettleClicks {
    let (database, clicks, clock) =
        (Arc::clone(&options.database), Arc::clone(&options.click_store), options.clock.clone());
    let metrics = options.metrics.clone();
    let wake = Arc::clone(&options.wake);
    Arc::new(move |until| {
        let (database, clicks, clock) = (Arc::clone(&database), Arc::clone(&clicks), clock.clone());
        let (metrics, wake) = (metrics.clone(), Arc::clone(&wake));
        Box::pin(async move {
            // Settlements book differences, so the running hour can be settled as far as it has come.
            let is_now = until.hour() == clock.now().hour();
            let until = if is_now { until.hour().plus(HOUR_MS) } else { until };
            let settled = hopline_worker::settle_now(&*database, &*clicks, &clock, &metrics, until)
                .await
                .map_err(|error| {
                    tracing::error!(%error, "paid clicks were not settled");
                    hopline_api::Problem::unavailable("paid clicks cannot be settled at the moment")
                })?;
            wake.notify_one();
            Ok(SettledClicks { conversions: settled.conversions, clicks: settled.clicks })
        })
    })
}
