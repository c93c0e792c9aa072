//! How long it takes from a redirect until the click is in a report, and from an accepted order until its conversion is, at
//! rest and under load, on the embedded stores and on PostgreSQL with ClickHouse.
//!
//! `cargo build --release && cargo xtask bench visible` measures the real program, one process with all roles and its
//! usual settings; `--rate 5000` sends that many clicks a second beside, for `--seconds 20`. Times are those that somebody sees who
//! asks `/v1/reports` again and again, so they hold the report's own time too.
//!
//! # Newest results
//!
//! 2026-11-23, AMD EPYC with 2 cores, nothing else running, seconds, median and most:
//!
//! | | click | conversion |
//! |---|---|---|
//! | SQLite and embedded, at rest | 0.05, 0.05 | 0.27, 0.28 |
//! | the same, 5,000 clicks/s beside | 0.07, 0.11 | 0.07, 0.12 |
//! | PostgreSQL and ClickHouse, at rest | 1.02, 1.05 | 1.16, 1.21 |
//! | the same, 5,000 clicks/s beside | 1.02, 1.25 | 1.48, 1.60 |
//!
//! The second is the age at which a batch for ClickHouse is sent.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod probe;

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Arg, Command, value_parser};
use hopline_benches::goals::at_most;
use hopline_benches::{machine, summary::median};
use hopline_loadgen::{Pace, paced};
use hopline_testkit::{Backing, ClickHouseServer, PostgresServer};

use crate::probe::{Probe, Seen};

/// Seconds from redirect or acceptance to a report (contract, section 9).
const GOAL: f64 = 5.0;

struct Options {
    rate: u32,
    seconds: u32,
    rounds: usize,
}

impl Options {
    fn read() -> Self {
        let number = |name, default: &'static str, help| {
            Arg::new(name).long(name).default_value(default).value_parser(value_parser!(u32)).help(help)
        };
        let matches = Command::new("visible")
            .about("Time from redirect and from acceptance to the report")
            .arg(number("rate", "5000", "clicks a second beside"))
            .arg(number("seconds", "20", "how long"))
            .arg(number("rounds", "10", "clicks and orders looked for at rest"))
            .get_matches();
        let get = |name: &str| matches.get_one::<u32>(name).copied().unwrap_or_default();
        Self {
            rate: get("rate").max(1),
            seconds: get("seconds").max(1),
            rounds: usize::try_from(get("rounds")).unwrap_or(1).max(1),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::read();
    println!("machine: {}", machine::describe(&std::env::temp_dir()));
    println!("command: cargo xtask bench visible --rate {} --seconds {}\n", options.rate, options.seconds);
    println!("seconds until a report shows it: median and most");
    println!("{:<34}{:>10}{:>10}{:>12}{:>12}", "", "click", "most", "conversion", "most");
    let mut worst = measure("SQLite and embedded", Backing::Embedded, &options).await?;
    let (postgres, clickhouse) = (PostgresServer::start()?, ClickHouseServer::start()?);
    let servers = Backing::on(&postgres, &clickhouse)?;
    worst = worst.max(measure("PostgreSQL and ClickHouse", servers, &options).await?);
    println!("\n{}", at_most("seconds until a report shows a click or conversion", worst, GOAL));
    Ok(())
}

/// Both tables' rows for these stores; gives the longest time.
async fn measure(name: &str, backing: Backing, options: &Options) -> Result<f64> {
    let mut probe = Probe::start(backing).await?;
    let mut rest = Vec::new();
    for _ in 0..options.rounds {
        rest.push(probe.look().await?);
    }
    let mut worst = row(&format!("{name}, at rest"), &rest);
    let pace = Pace {
        target: probe.edge()?,
        rate: options.rate,
        requests: options.rate * options.seconds,
        connections: 32,
    };
    let path = probe.crowd_path().to_owned();
    let load = tokio::task::spawn_blocking(move || {
        paced(&pace, |number, out| {
            out.extend_from_slice(
                format!("GET {path}?sub1=n{number} HTTP/1.1\r\nHost: go.example\r\n").as_bytes(),
            );
            out.extend_from_slice(
                b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\r\n",
            );
        })
    });
    let mut loaded = Vec::new();
    while !load.is_finished() {
        loaded.push(probe.look().await?);
    }
    let latencies = load.await.context("the load")??;
    let sent = latencies.len();
    worst = worst.max(row(&format!("{name}, {} clicks/s", options.rate), &loaded));
    let waited = probe.until_all(sent).await?;
    println!("{:<34}{waited:>10.2} s after the last of {sent} clicks all were there", "");
    Ok(worst)
}

fn row(name: &str, seen: &[Seen]) -> f64 {
    let most = |of: fn(&Seen) -> Duration| seen.iter().map(|one| of(one).as_secs_f64()).fold(0.0, f64::max);
    let middle = |of: fn(&Seen) -> Duration| median(seen.iter().map(|one| of(one).as_secs_f64()));
    let (click, conversion) = (most(|one| one.click), most(|one| one.conversion));
    println!(
        "{name:<34}{:>10.2}{click:>10.2}{:>12.2}{conversion:>12.2}",
        middle(|one| one.click),
        middle(|one| one.conversion)
    );
    click.max(conversion)
}
