//! What an edge is told of the time before its start.

use hopline_click_store::{ClickStore, StreamId};
use hopline_edge::EdgeOptions;
use hopline_runtime::clock::Clock;
use hopline_types::UnixMillis;

/// Repeated clicks remembered over a restart.
const SEED_CLICKS_MAX: usize = 1 << 20;

/// Tells the edge who clicked lately, so that a restart does not turn repeated clicks into paid ones. What the stores do
/// not have yet, the edge finds in its own spool.
pub(crate) async fn seed_duplicates(options: &EdgeOptions, clicks: &dyn ClickStore, clock: &Clock) {
    let seconds = options.config.duplicate_window_seconds;
    let window = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    let since = UnixMillis(clock.now().get().saturating_sub(window));
    match clicks.recent_clicks(since, SEED_CLICKS_MAX).await {
        // They come newest first; the memory wants the newest last, so that these are the ones that stay.
        Ok(recent) => options.duplicates.seed(recent.into_iter().rev().flat_map(|click| {
            let offer = u32::try_from(click.offer.get()).ok();
            // A visitor who brought no cookie was counted under both.
            let keys = [Some(click.visitor_key), Some(click.pseudonym).filter(|key| *key != 0)];
            keys.into_iter().flatten().filter_map(move |key| Some((key, offer?, click.at)))
        })),
        Err(error) => tracing::error!(%error, "repeated clicks are not remembered over this restart"),
    }
}

/// Tells the edge how far the click store knows each stream, so that a spool that was lost begins behind it and no
/// click's number is given twice.
pub(crate) async fn known_ids(options: &mut EdgeOptions, clicks: &dyn ClickStore) {
    for stream in (0..=u8::MAX).take(options.config.thread_count().max(1)) {
        match clicks.progress(StreamId { edge: options.config.id, stream }).await {
            Ok(Some(last)) => {
                options.known_ids.insert(stream, last);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, stream, "the click store does not say how far a stream had come")
            }
        }
    }
}
