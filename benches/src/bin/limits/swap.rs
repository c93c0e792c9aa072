//! The jolt of a new catalogue of a million links: latencies at a fixed rate while one is compiled and swapped in again
//! and again, beside the same without. The whole server has one core, so what compiles takes turns with what answers.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopline_benches::goals::at_most;
use hopline_benches::pace::{self, Paced};
use hopline_benches::summary::median;
use hopline_loadgen::Pace;

use crate::{MILLION, start};

const RATE: u32 = 2_000;
const ROUNDS: usize = 7;
const SECONDS: u32 = 6;
const CONNECTIONS: usize = 32;
const SERVER_CORE: &str = "0";
const LOAD_CORE: usize = 1;
const GOAL_MS: f64 = 5.0;

pub(crate) fn measure(directory: &Path) -> Result<()> {
    println!(
        "\n{RATE} clicks/s on a million links, one thread, one core; {ROUNDS} rounds of {SECONDS} s in turn; ms"
    );
    let pauses = [Duration::ZERO, crate::SWAP_PAUSE];
    let mut kept = Vec::new();
    for pause in pauses {
        let spool = directory.join(format!("swap-{}", pause.as_millis()));
        kept.push((start(Some(SERVER_CORE), MILLION, 1, pause, &spool)?, Vec::new()));
    }
    // Both servers are there all the time; the one that compiles would disturb the other: it sleeps meanwhile.
    for _ in 0..ROUNDS {
        for (server, rounds) in &mut kept {
            server.wake()?;
            let (target, requests) = (server.address, RATE * SECONDS);
            let pace = Pace { target, rate: RATE, requests, connections: CONNECTIONS };
            rounds.push(pace::run(Some(LOAD_CORE), &pace, MILLION)?);
            server.sleep()?;
        }
    }
    println!("{:<30}{:>9}{:>9}{:>9}{:>9}", "", "p50", "p99", "p99.9", "most");
    let mut longest = Vec::new();
    for (name, (_, rounds)) in ["one catalogue", "a new one again and again"].iter().zip(&kept) {
        let middle = |value: fn(&Paced) -> f64| median(rounds.iter().map(value));
        let most = middle(|paced| paced.most);
        longest.push(most);
        println!(
            "{name:<30}{:>9.3}{:>9.3}{:>9.3}{most:>9.3}",
            middle(|paced| paced.p50),
            middle(|paced| paced.p99),
            middle(|paced| paced.p999),
        );
    }
    let [without, with] = longest[..] else { return Ok(()) };
    // Then others are to blame, and nothing is known of the swaps.
    let is_calm = without <= GOAL_MS;
    if !is_calm {
        println!("without swaps {without:.1} ms already: other processes disturb; run again in calm");
    }
    let with = if is_calm { with } else { f64::NAN };
    println!("{}", at_most("ms, the longest with swaps, median of rounds", with, GOAL_MS));
    Ok(())
}
