//! What pages need to work.

use std::sync::Arc;

use hopline_api::Services;

/// What the portal works on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PortalState {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    services: Services,
    is_https: bool,
}

impl PortalState {
    /// A portal over the API's services. `base_url` is where people find it (`api.base_url`): it decides whether
    /// cookies are for https only.
    #[must_use]
    pub fn new(services: Services, base_url: &str) -> Self {
        let is_https = base_url.trim_start().to_ascii_lowercase().starts_with("https://");
        Self { shared: Arc::new(Shared { services, is_https }) }
    }

    pub(crate) fn services(&self) -> &Services {
        &self.shared.services
    }

    pub(crate) fn is_https(&self) -> bool {
        self.shared.is_https
    }
}
