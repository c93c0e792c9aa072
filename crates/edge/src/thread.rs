//! What one thread owns, and what all share.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use hopline_catalogue::{Catalogue, ClickCounters};
use hopline_classify::{DatacenterNetworks, DuplicateTable, UserAgents};
use hopline_geo::PlacesFile;
use hopline_installs::AppleKeys;
use hopline_record::Click;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{Cidr, FullDisk};
use hopline_runtime::telemetry::{EdgeOutcome, LocalEdgeMetrics};
use hopline_types::UnixMillis;

use crate::agents::RecentAgents;
use crate::commit::Log;
use crate::front::Front;
use crate::lane::Pool;
use crate::memory::{Tally, ToSave};
use crate::postback::RecentEvents;

/// Read-only for all threads, but for the duplicate memory and the recent events, which are made to be shared.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) trusted_proxies: Vec<Cidr>,
    pub(crate) duplicate_window_ms: i64,
    pub(crate) cookie_attributes: String,
    pub(crate) agents: UserAgents,
    pub(crate) networks: DatacenterNetworks,
    pub(crate) honours_gpc: bool,
    /// Whose signatures make an install believed.
    pub(crate) apple_keys: AppleKeys,
    pub(crate) places: Option<Arc<PlacesFile>>,
    /// What was taken from click caps.
    pub(crate) counters: Arc<ClickCounters>,
    pub(crate) duplicates: Arc<DuplicateTable>,
    pub(crate) recent: RecentEvents,
    pub(crate) clock: Clock,
    pub(crate) front: Front,
    pub(crate) full_disk: FullDisk,
}

/// One thread's state; handlers borrow its cells only while they do not await.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    /// What this thread's clicks took from caps.
    pub(crate) tally: RefCell<Tally>,
    pub(crate) catalogue: RefCell<arc_swap::Cache<Arc<ArcSwap<Catalogue>>, Arc<Catalogue>>>,
    pub(crate) metrics: RefCell<LocalEdgeMetrics>,
    pub(crate) scratch: RefCell<Scratch>,
    /// Answers ask for the connection's end.
    pub(crate) is_draining: Cell<bool>,
    pub(crate) connections: Cell<usize>,
    /// Buffers of the lane's connections.
    pub(crate) pool: Pool,
    turn: Cell<Option<Turn>>,
}

/// The time of one turn of the event loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) at: Instant,
    pub(crate) now: UnixMillis,
}

/// Buffers that stay allocated from one click to the next.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) click: Click,
    pub(crate) decoded: Vec<u8>,
    pub(crate) passed: Vec<u8>,
    pub(crate) deep_link: String,
    pub(crate) location: Vec<u8>,
    /// The value of `Set-Cookie`, if one is set.
    pub(crate) cookie: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) agents: RecentAgents,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            click: Click::default(),
            decoded: Vec::new(),
            passed: Vec::new(),
            deep_link: String::new(),
            location: Vec::new(),
            cookie: Vec::new(),
            payload: Vec::new(),
            agents: RecentAgents::new(),
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
            &mut click.consent,
            &mut self.deep_link,
        ];
        for text in texts {
            text.clear();
        }
        click.flags = hopline_record::Flags::default();
        self.decoded.clear();
        self.passed.clear();
        self.location.clear();
        self.cookie.clear();
        self.payload.clear();
    }
}

impl Thread {
    pub(crate) fn new(
        shared: Arc<Shared>,
        log: Log,
        tally: Tally,
        catalogue: Arc<ArcSwap<Catalogue>>,
        metrics: LocalEdgeMetrics,
    ) -> Self {
        Self {
            shared,
            log,
            tally: RefCell::new(tally),
            catalogue: RefCell::new(arc_swap::Cache::new(catalogue)),
            metrics: RefCell::new(metrics),
            scratch: RefCell::new(Scratch::new()),
            is_draining: Cell::new(false),
            connections: Cell::new(0),
            pool: Pool::default(),
            turn: Cell::new(None),
        }
    }

    /// The time. From the first record of a turn to its flush the clocks are not read again, so whoever appends a record
    /// asks here for its time, without awaiting in between.
    pub(crate) fn turn(&self) -> Turn {
        if self.log.is_within_turn()
            && let Some(turn) = self.turn.get()
        {
            return turn;
        }
        let turn = Turn { at: Instant::now(), now: self.shared.clock.now() };
        self.turn.set(Some(turn));
        turn
    }

    /// The tally as it is to be saved now, if it changed.
    pub(crate) fn tally_to_save(&self) -> Option<ToSave> {
        let now = self.shared.clock.now();
        let next = self.log.next_id(now).ok()?;
        self.tally.borrow_mut().unsaved(next, now)
    }

    pub(crate) fn count(&self, outcome: EdgeOutcome, from: Instant, to: Instant) {
        self.metrics.borrow_mut().record(outcome, to.saturating_duration_since(from).as_secs_f64());
    }
}
