//! A living example network: seeded through the API, visited through the edge.
//!
//! Nothing here takes a short cut: advertisers, offers, affiliates and links are created with an operator's
//! key over `/v1`, visitors click, prefetch, are bots, buy and send things back through the same HTTP endpoints
//! that real ones use, on this program's own loopback listeners. A second run finds what the first created
//! and continues.

mod client;
mod network;
mod visitors;

use std::future::Future;
use std::time::{Duration, Instant};

pub use client::{Client, ClientError};
pub use network::{Network, Offer};

/// A country database for the example network: see `data/README.md` for its source and why an operator wants a better one.
pub const COUNTRIES: &[u8] = include_bytes!("../data/countries.mmdb");
/// Visits of a first run, before the trickle.
const FIRST_VISITS: usize = 1_500;
/// Visits of a later run, before the trickle.
const NEXT_VISITS: usize = 100;
/// Visitors at the same time.
const VISITORS_AT_ONCE: usize = 16;

/// What the example network needs to know of the program it lives in.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Client of the API with an operator's key.
    pub api: Client,
    /// Client of the edge.
    pub edge: Client,
}

/// What stands after seeding, for the text that is printed.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// The network.
    pub network: Network,
    /// Visits made and what came of them.
    pub tally: visitors::Tally,
    /// Whether an earlier run's network was found.
    pub continued: bool,
    /// A postback that can be pasted, with a real click id.
    pub example_postback: String,
    /// How long it took.
    pub elapsed: Duration,
}

pub use visitors::Tally;

impl Demo {
    /// Creates the network, or finds it, and sends the first visitors. `progress` is told of every step.
    ///
    /// # Errors
    /// An endpoint refused or did not answer; the error names it.
    pub async fn seed(&self, progress: &mut impl FnMut(&str)) -> Result<Seeded, ClientError> {
        let begun = Instant::now();
        let (network, continued) = match Network::find(&self.api).await? {
            Some(found) => {
                progress(&format!("found the network of an earlier run: {}", found.summary()));
                (found, true)
            }
            None => {
                let created = Network::create(&self.api, progress).await?;
                (created, false)
            }
        };
        visitors::wait_for_links(&self.edge, &network).await?;
        let visits = if continued { NEXT_VISITS } else { FIRST_VISITS };
        let tally = visitors::visit(self, &network, visits, VISITORS_AT_ONCE, progress).await?;
        let example_postback = visitors::example_postback(&self.edge, &network).await?;
        Ok(Seeded { network, tally, continued, example_postback, elapsed: begun.elapsed() })
    }

    /// Keeps a trickle of visitors going until `stop` is done. An endpoint that does not answer is tried again.
    pub async fn trickle(&self, network: &Network, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let pause = Duration::from_millis(200 + u64::from(rand::random::<u16>() % 800));
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
            if let Err(error) = visitors::visit(self, network, 1, 1, &mut |_| {}).await {
                tracing::debug!(%error, "a visitor was not served");
            }
        }
    }
}
