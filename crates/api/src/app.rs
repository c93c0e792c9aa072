//! What the API needs to work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hopline_click_store::ClickStore;
use hopline_control_store::{Database, Scope, Scoped};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::PayoutsConfig;
use hopline_types::UnixMillis;
use tokio::sync::Notify;

use crate::cursor::CursorKey;
use crate::problem::Problem;
use crate::sign_in::SignIn;

/// Settles paid clicks up to a time, now. Whoever wires the roles together supplies it.
pub type SettleClicks = Arc<dyn Fn(UnixMillis) -> SettleFuture + Send + Sync>;
/// What [`SettleClicks`] gives back.
pub type SettleFuture = Pin<Box<dyn Future<Output = Result<SettledClicks, Problem>> + Send>>;

/// What a settlement of clicks has booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub struct SettledClicks {
    /// Conversions written: one per goal, affiliate and hour with clicks not settled before.
    pub conversions: u64,
    /// Clicks in them.
    pub clicks: u64,
}

/// What the API works on. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// Accounts, conversions, books.
    pub database: Arc<dyn Database>,
    /// Clicks and reports.
    pub click_store: Arc<dyn ClickStore>,
    /// The time.
    pub clock: Clock,
    /// Settings.
    pub settings: Settings,
    /// Woken when conversions wait for their decision.
    pub wake_worker: Arc<Notify>,
    /// Woken when edges must know something new.
    pub catalogue_changed: Arc<Notify>,
    /// Settles paid clicks on demand.
    pub settle_clicks: SettleClicks,
    /// Sign-in and sessions; the portal uses the same value.
    pub sign_in: SignIn,
}

impl Services {
    /// The store as somebody with this scope sees it. Whatever is done for a credential goes through here (S-10).
    #[must_use]
    pub fn database_for(&self, scope: Scope) -> Scoped<'_> {
        Scoped::new(self.database.as_ref(), scope)
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Settings of the API.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where links point to, without a slash at the end.
    pub edge_base_url: String,
    /// `[payouts]`.
    pub payouts: PayoutsConfig,
}

/// State shared by all handlers.
pub(crate) struct App {
    pub(crate) services: Services,
    pub(crate) cursor_key: CursorKey,
}

impl App {
    pub(crate) fn new(services: Services) -> Self {
        Self { services, cursor_key: CursorKey::new(rand::random()) }
    }
}

/// Fills bytes from a cryptographic source.
pub(crate) fn random(bytes: &mut [u8]) {
    use rand::Rng as _;
    rand::rng().fill_bytes(bytes);
}
