//! What shipping spooled clicks to ClickHouse costs: Hopline's own CPU per click, the server's beside it, by size of the batches, and
//! the typed insert of the crate `clickhouse` over the same clicks.
//!
//! `cargo xtask bench shipping` runs all; `--clicks 2000000` ships more than 1,000,000 at a time. A row is one run of the real
//! shipper over a spool that was written before: reading and checking segments, hashing, turning records into columns, sending, marking. Own
//! CPU is this process's alone, all threads, user and kernel, so that the server may take as long as it likes.
//!
//! # Newest results
//!
//! 2026-11-23, AMD EPYC with 2 cores, nothing else running, the server a process beside, 1,000,000 clicks of 156 bytes:
//!
//! | batches of | own CPU per click | clicks per second of it | server's CPU per click | rows/s |
//! | --- | --- | --- | --- | --- |
//! | 10,000 | 1.29 us | 775,000 | 23.1 us | 57,000 |
//! | 100,000 | 0.77 us | 1,299,000 (goal 1,000,000) | 6.0 us | 185,000 |
//! | 500,000 | 0.99 us | 1,010,000 | 4.2 us | 175,000 |
//! | 100,000 by the crate's typed insert | 0.95 us | 1,053,000 | 9.3 us | 123,000 |
//!
//! The typed insert is given rows that are there already; shipping reads, checks and hashes segments besides.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod engine;
mod spool;
mod typed;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Arg, Command, value_parser};
use hopline_benches::cpu::CpuTime;
use hopline_benches::goals::at_least;
use hopline_benches::machine;
use hopline_benches::summary::median;
use hopline_click_store::ClickStore;
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use hopline_record::ConversionEvent;
use hopline_runtime::clock::Clock;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_ship::{Accepted, ConversionSink, ShipLimits, ShipOptions, Wake};

use crate::engine::Engine;

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCHES: [usize; 3] = [10_000, 100_000, 500_000];
/// Clicks per second of own CPU.
const GOAL: f64 = 1_000_000.0;
const BYTES: usize = 1 << 30;
/// By table; in a block a click has as many bytes as `clicks` uncompressed.
const ON_DISK: &str = "SELECT arrayStringConcat(groupArray(concat(table, ' ', toString(bytes), ' of ', toString(whole))), ', ') \
    FROM (SELECT table, round(sum(data_compressed_bytes) / (SELECT count() FROM shipped.clicks), 1) AS bytes, \
    round(sum(data_uncompressed_bytes) / (SELECT count() FROM shipped.clicks), 1) AS whole FROM system.parts \
    WHERE database = 'shipped' AND active GROUP BY table ORDER BY table)";
/// Between two looks whether all is shipped.
const LOOK: Duration = Duration::from_millis(20);

/// Takes no conversions: there are none.
#[derive(Debug)]
struct Nobody;

impl ConversionSink for Nobody {
    fn accept(&self, _events: Vec<(String, ConversionEvent)>) -> Accepted<'_> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Run {
    clicks: f64,
    seconds: f64,
    own: CpuTime,
    engine: CpuTime,
}

impl Run {
    fn own_us(&self) -> f64 {
        self.own.total() * 1e6 / self.clicks
    }

    fn engine_us(&self) -> f64 {
        self.engine.total() * 1e6 / self.clicks
    }
}

fn main() -> Result<()> {
    let number = |name, default: &'static str, help| {
        Arg::new(name).long(name).default_value(default).help(help).value_parser(value_parser!(u64))
    };
    let matches = Command::new("shipping")
        .about("What shipping clicks to ClickHouse costs")
        .arg(number("clicks", "1000000", "Shipped in every run"))
        .arg(number("rounds", "3", "Runs of each size"))
        .arg(Arg::new("url").long("url").help("A server that is there, instead of one started here"))
        .arg(Arg::new("pid").long("pid").value_parser(value_parser!(u32)).help("Its process"))
        .get_matches();
    let number = |name: &str| *matches.get_one::<u64>(name).expect("it has a default");
    let (clicks, rounds) = (number("clicks"), number("rounds"));
    let directory = tempfile::Builder::new().prefix("hopline-bench-").tempdir()?;
    println!("machine: {}", machine::describe(directory.path()));
    let engine = match (matches.get_one::<String>("url"), matches.get_one::<u32>("pid")) {
        (Some(url), Some(pid)) => Engine::there(url, *pid),
        _ => Engine::start()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let clicks_text = clicks.to_string();
    println!(
        "{clicks_text} clicks of first visits at a time, medians of {rounds} rounds; us are microseconds of CPU per click"
    );
    println!(
        "\n{:<28}{:>10}{:>10}{:>10}{:>14}{:>12}{:>10}",
        "", "own us", "user", "kernel", "clicks/CPU s", "engine us", "rows/s"
    );
    let (mut best, mut record_bytes) = (f64::MAX, 0);
    for batch in BATCHES {
        let runs = (0..rounds).map(|_| {
            let spool = directory.path().join("spool");
            record_bytes = spool::write(&spool, clicks)? / clicks;
            let run = runtime.block_on(ship(&engine, &spool, clicks, batch))?;
            std::fs::remove_dir_all(&spool)?;
            Ok(run)
        });
        let runs = runs.collect::<Result<Vec<_>>>()?;
        let own = show(&format!("shipped, {batch} a batch"), &runs);
        best = best.min(own);
    }
    println!("\non disk, bytes of a click: {}", runtime.block_on(engine.ask(ON_DISK))?);
    let runs = (0..rounds).map(|_| runtime.block_on(typed::run(&engine, clicks)));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    let own = show("typed insert, 100000 a batch", &runs);
    println!("\na record has {record_bytes} bytes");
    println!("the typed insert takes {:.1} times the own CPU of shipping", own / best);
    println!("{}", at_least("clicks per second of own CPU", 1e6 / best, GOAL));
    Ok(())
}

fn show(name: &str, runs: &[Run]) -> f64 {
    let middle = |value: fn(&Run) -> f64| median(runs.iter().map(value));
    let own = middle(Run::own_us);
    println!(
        "{name:<28}{own:>10.3}{:>10.3}{:>10.3}{:>14.0}{:>12.2}{:>10.0}",
        middle(|run| run.own.user * 1e6 / run.clicks),
        middle(|run| run.own.system * 1e6 / run.clicks),
        1e6 / own,
        middle(Run::engine_us),
        middle(|run| run.clicks / run.seconds),
    );
    own
}

async fn ship(engine: &Engine, spool: &std::path::Path, clicks: u64, batch: usize) -> Result<Run> {
    let options: ClickHouseOptions = engine.database("shipped").parse()?;
    engine.forget("shipped").await?;
    let store = Arc::new(ClickHouseClickStore::open(&options).await?);
    let metrics = Metrics::new();
    let shutdown = Shutdown::new();
    let ship = ShipOptions {
        streams: Vec::new(),
        spool_dir: spool.to_owned(),
        clicks: Arc::clone(&store) as Arc<dyn ClickStore>,
        conversions: Arc::new(Nobody),
        limits: ShipLimits {
            batch_records: batch,
            batch_bytes: BYTES,
            retain: Duration::from_secs(3_600),
            ..ShipLimits::for_server()
        },
        wake: Wake::new(),
        shutdown: shutdown.clone(),
        ship_metrics: metrics.ship.clone(),
        spool_metrics: metrics.spool.clone(),
        clock: Clock::System,
    };
    let measured = engine.measure(clicks).await?;
    let shipping = tokio::spawn(hopline_ship::run(ship));
    while metrics.ship.rows.get() < clicks && !shipping.is_finished() {
        tokio::time::sleep(LOOK).await;
    }
    let run = measured.end()?;
    shutdown.begin();
    shipping.await??;
    let stored: u64 = engine.ask("SELECT count() FROM shipped.clicks").await?.parse()?;
    ensure!(stored == clicks, "{stored} rows are stored");
    let failures = metrics.ship.failures.get();
    if failures > 0 {
        println!("({failures} tries failed; what they took is in the figures)");
    }
    Ok(run)
}
