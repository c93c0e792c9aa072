//! The load generator at a fixed rate: a measuring program once more, as a child on a core of its own.
//!
//! Clicks leave when they are due, whatever the server does; latency counts from that time.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use hopline_loadgen::{Pace, paced};

use crate::{clicks, server};

/// What a child found; latencies in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Paced {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub most: f64,
    /// Answers a second: less than was asked for where generator or server did not keep up.
    pub rate: f64,
}

impl fmt::Display for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} {}", self.p50, self.p99, self.p999, self.most, self.rate)
    }
}

/// Has clicks on `links` links sent by this program's `pace`, pinned to a core if one is named.
///
/// # Errors
/// The child fails: the server is gone, or an answer is no redirect.
pub fn run(core: Option<usize>, pace: &Pace, links: u32) -> Result<Paced> {
    let own = std::env::current_exe()?;
    let mut command = core.map_or_else(|| Command::new(&own), |core| server::pinned(core, &own));
    let output = command
        .args(["pace", &pace.target.to_string(), &pace.rate.to_string(), &pace.requests.to_string()])
        .args([pace.connections.to_string(), links.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the load at a fixed rate: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [p50, p99, p999, most, rate] = numbers[..] else { bail!("the load at a fixed rate said: {text}") };
    Ok(Paced { p50, p99, p999, most, rate })
}

/// The child's part: sends the clicks; its program prints what this gives.
///
/// # Errors
/// A word is not what it should be, or the sending fails.
pub fn child(words: &[&str]) -> Result<Paced> {
    let [target, rate, requests, connections, links] = words else {
        bail!("expected target, rate, clicks, connections and links, given {words:?}");
    };
    let pace = Pace {
        target: target.parse()?,
        rate: rate.parse()?,
        requests: requests.parse()?,
        connections: connections.parse()?,
    };
    let links = links.parse()?;
    let begun = Instant::now();
    let mut latencies = paced(&pace, |number, out| clicks::write(number, links, out))?;
    let rate = f64::from(pace.requests) / begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |per_mille: usize| {
        let place = (latencies.len() * per_mille / 1000).min(latencies.len().saturating_sub(1));
        latencies.get(place).map_or(f64::NAN, Duration::as_secs_f64) * 1e3
    };
    Ok(Paced { p50: at(500), p99: at(990), p999: at(999), most: at(1000), rate })
}
