//! kill -9 at random moments, again and again (D-03).

use std::sync::Arc;
use std::time::Duration;

use hopline_testkit::{Backing, Setup};

use crate::{Installation, Random, Report};

/// Longest time from a start that serves to its kill.
const SERVES_MICROS: u64 = 500_000;
/// Longest time from a start to a kill that may come before it serves.
const STARTS_MICROS: u64 = 80_000;

/// What became of it.
#[derive(Debug)]
pub struct Kills {
    /// Clicks that were redirected.
    pub redirected: usize,
    /// Orders that were accepted.
    pub orders: usize,
    /// Answers that were neither a redirect nor none, as text.
    pub refused: String,
    /// What the stores hold, against what clients were told.
    pub report: Report,
}

/// `HOPLINE_SEED`, else one of the moment; printed, so that a run can be repeated.
///
/// # Panics
/// `HOPLINE_SEED` is no number.
#[must_use]
#[expect(clippy::print_stdout, reason = "a failing test shows what it printed")]
pub fn seed() -> u64 {
    let seed = match std::env::var("HOPLINE_SEED") {
        Ok(text) => text.parse().expect("HOPLINE_SEED is a number"),
        Err(_) => {
            let elapsed = std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
            u64::from(std::process::id()) << 32 ^ u64::from(elapsed.subsec_nanos())
        }
    };
    println!("HOPLINE_SEED={seed} repeats this run");
    seed
}

/// Kills a server under load this many times, every fourth time while it starts, then compares.
///
/// Segments are as small as they may be, so that kills also meet changes of segments, and shipped ones are deleted at
/// once. Stores in files live in the same process, so they are killed with it.
///
/// # Panics
/// The program does not start, or the load cannot be run.
pub async fn kill_again_and_again(cycles: u64, seed: u64, backing: Backing) -> Kills {
    let setup = Setup::over(backing)
        .with("HOPLINE_SPOOL_SEGMENT_BYTES", "65536")
        .with("HOPLINE_SPOOL_RETAIN_SECONDS", "0")
        .with("HOPLINE_EDGE_THREADS", "2");
    let mut installation = Installation::new(setup).await;
    let mut random = Random::new(seed);
    for cycle in 0..cycles {
        let micros = random.below(SERVES_MICROS);
        if cycle % 4 == 3 {
            installation.kill_at_the_start(Duration::from_micros(micros % STARTS_MICROS)).await;
            continue;
        }
        let mut server = installation.serve().expect("the server starts after a kill");
        if cycle % 4 == 0 {
            installation.story(&server, 20, 2).await;
        }
        let load = tokio::spawn(installation.load(&server, u64::MAX, &Arc::default()));
        tokio::time::sleep(Duration::from_micros(micros)).await;
        server.kill().expect("the server can be killed");
        let outcome = load.await.expect("the load goes on").expect("the load runs");
        installation.note(outcome);
    }
    Kills {
        redirected: installation.redirected(),
        orders: installation.orders(),
        refused: format!("{:?}", installation.refused()),
        report: installation.check().await,
    }
}
