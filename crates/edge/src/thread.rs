//! What one thread owns, and what all share.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::BytesMut;
use hopline_catalogue::Catalogue;
use hopline_classify::{DuplicateTable, UserAgents};
use hopline_record::Click;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Cidr;
use hopline_runtime::telemetry::{EdgeOutcome, LocalEdgeMetrics};
use http::{HeaderMap, HeaderValue};

use crate::agents::RecentAgents;
use crate::commit::Log;
use crate::postback::RecentEvents;

/// Read-only for all threads, but for the duplicate memory and the recent events, which are made to be shared.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) trusted_proxies: Vec<Cidr>,
    pub(crate) duplicate_window_ms: i64,
    pub(crate) cookie_attributes: String,
    pub(crate) agents: UserAgents,
    pub(crate) duplicates: Arc<DuplicateTable>,
    pub(crate) recent: RecentEvents,
    pub(crate) clock: Clock,
}

/// One thread's state; handlers borrow its cells only while they do not await.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    pub(crate) catalogue: RefCell<arc_swap::Cache<Arc<ArcSwap<Catalogue>>, Arc<Catalogue>>>,
    pub(crate) metrics: RefCell<LocalEdgeMetrics>,
    pub(crate) scratch: RefCell<Scratch>,
    /// Answers ask for the connection's end.
    pub(crate) is_draining: Cell<bool>,
    pub(crate) connections: Cell<usize>,
}

/// Size of the arena's blocks: when one is used up and still in use by answers, the next is as large.
const ARENA_BYTES: usize = 64 * 1024;

/// Buffers that stay allocated from one click to the next.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) click: Click,
    pub(crate) decoded: Vec<u8>,
    pub(crate) passed: Vec<u8>,
    pub(crate) deep_link: String,
    pub(crate) location: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) arena: BytesMut,
    pub(crate) agents: RecentAgents,
    /// The header map of an earlier request, empty but with its room, for the next answer; hyper hands an answer's map
    /// on to the connection's next request.
    pub(crate) spare: HeaderMap,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            click: Click::default(),
            decoded: Vec::new(),
            passed: Vec::new(),
            deep_link: String::new(),
            location: Vec::new(),
            payload: Vec::new(),
            arena: BytesMut::with_capacity(ARENA_BYTES),
            agents: RecentAgents::new(),
            spare: HeaderMap::new(),
        }
    }

    /// Empties what a click fills.
    pub(crate) fn clear(&mut self) {
        let click = &mut self.click;
        for text in &mut click.subs {
            text.clear();
        }
        let texts = [
            &mut click.code,
            &mut click.source,
            &mut click.landing_page,
            &mut click.creative,
            &mut click.ext,
            &mut click.email_hash,
            &mut click.referrer_host,
            &mut click.os,
            &mut click.browser,
            &mut click.language,
            &mut click.region,
            &mut click.detail,
            &mut click.deep_link,
            &mut self.deep_link,
        ];
        for text in texts {
            text.clear();
        }
        click.flags = hopline_record::Flags::default();
        self.decoded.clear();
        self.passed.clear();
        self.location.clear();
        self.payload.clear();
    }
}

/// A header value that shares the arena's memory. None where the bytes may not stand in a header, which compiled
/// templates and encoded values exclude.
pub(crate) fn from_arena(arena: &mut BytesMut) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(arena.split().freeze()).ok()
}

impl Thread {
    /// Keeps the room of a request's headers.
    pub(crate) fn keep(&self, mut headers: HeaderMap) {
        headers.clear();
        self.scratch.borrow_mut().spare = headers;
    }

    pub(crate) fn count(&self, outcome: EdgeOutcome, from: Instant, to: Instant) {
        self.metrics.borrow_mut().record(outcome, to.saturating_duration_since(from).as_secs_f64());
    }
}
