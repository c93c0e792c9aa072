//! How many conversions a second are decided and booked with full ledger, on PostgreSQL beside SQLite, by one, two and four
//! workers.
//!
//! `cargo xtask bench attribution` runs all, `cargo xtask bench attribution sqlite` only that store, `--conversions 50000`
//! more than 20,000 at a time, `--statements` tells where the time goes; `benches/README.md` says how to read it.
//!
//! # Newest results
//!
//! 2026-11-23, AMD EPYC with 2 cores, nothing else running, `attribution postgres --statements --rounds 2`:
//!
//! | workers | booked/s | own CPU, us | server's CPU, us |
//! |---|---|---|---|
//! | 1 | 2,864 | 96 | 238 |
//! | 2 | 5,879 | 79 | 204 |
//! | 4 | 5,680 | 82 | 212 |
//!
//! Two cores are full with two workers: 283 us of CPU for one conversion are 7,000/s at the most. A quarter of the server's time is
//! `ledger_entries` and its indexes.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod network;
mod store;
mod timed;
mod workers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Arg, ArgAction, Command, value_parser};
use hopline_benches::cpu::{CpuTime, core_busy};
use hopline_benches::goals::at_least;
use hopline_benches::machine;
use hopline_benches::summary::median;
use network::Network;
use store::Store;
use timed::Log;

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STORES: [&str; 2] = ["sqlite", "postgres"];
const WORKERS: [usize; 3] = [1, 2, 4];
/// As the worker has it.
const BATCH: &str = "400";
/// What PostgreSQL must take, whoever many work.
const GOAL: f64 = 5_000.0;

/// What to measure.
#[derive(Debug)]
struct Options {
    stores: Vec<String>,
    /// Booked in every measurement.
    conversions: usize,
    /// Measurements of each number of workers.
    rounds: usize,
    /// Conversions of one transaction.
    batch: u32,
    /// Tell the time of each statement.
    statements: bool,
}

impl Options {
    fn read() -> Self {
        let number = |name, default: &'static str, help| {
            let number = Arg::new(name).long(name).default_value(default).help(help);
            number.value_parser(value_parser!(usize))
        };
        let matches = Command::new("attribution")
            .about("How many conversions a second are decided and booked")
            .arg(Arg::new("stores").num_args(0..).value_parser(STORES).help("Only these"))
            .arg(number("conversions", "20000", "Booked in every measurement"))
            .arg(number("rounds", "3", "Measurements of each number of workers"))
            .arg(number("batch", BATCH, "Conversions of one transaction"))
            .arg(
                Arg::new("statements")
                    .long("statements")
                    .action(ArgAction::SetTrue)
                    .help("Tell the time of each"),
            )
            .get_matches();
        let number = |name: &str| *matches.get_one::<usize>(name).expect("it has a default");
        let named: Vec<String> =
            matches.get_many("stores").map(|named| named.cloned().collect()).unwrap_or_default();
        Self {
            stores: if named.is_empty() { STORES.map(str::to_owned).to_vec() } else { named },
            conversions: number("conversions"),
            rounds: number("rounds"),
            batch: u32::try_from(number("batch")).unwrap_or(u32::MAX),
            statements: matches.get_flag("statements"),
        }
    }
}

fn main() -> Result<()> {
    let options = Options::read();
    let directory = tempfile::Builder::new().prefix("hopline-bench-").tempdir()?;
    println!("machine: {}", machine::describe(directory.path()));
    println!(
        "{} conversions at a time, up to {} in a transaction, medians of {} rounds; {} advertisers, {} offers, {} affiliates",
        options.conversions,
        options.batch,
        options.rounds,
        network::ADVERTISERS,
        network::OFFERS,
        network::AFFILIATES
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for name in &options.stores {
        let store = match name.as_str() {
            "sqlite" => store::sqlite(directory.path())?,
            "postgres" => store::postgres()?,
            other => bail!("no store {other:?}: expected sqlite, postgres"),
        };
        runtime.block_on(measure(name, store, &options))?;
    }
    Ok(())
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Run {
    per_second: f64,
    /// Microseconds of CPU per conversion in this process.
    own_us: f64,
    /// The same of the store's server, if it has one.
    server_us: f64,
    /// Share of the machine that others used.
    others: f64,
    statements: f64,
    /// Milliseconds for which the end of the ledger was waited for, per batch.
    waited_ms: f64,
    /// Milliseconds from having the end of the ledger to the commit's end, per batch.
    held_ms: f64,
}

async fn measure(name: &str, store: Store, options: &Options) -> Result<()> {
    let network = Network::create(&store).await?;
    println!(
        "\n{name:<12}{:>10}{:>10}{:>11}{:>9}{:>12}{:>9}{:>9}{:>9}",
        "booked/s", "own us", "server us", "others", "statements", "lock ms", "held ms", "taken/s"
    );
    let mut rates = Vec::new();
    let mut log = Log::default();
    for workers in WORKERS {
        let (mut runs, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            taken.push(take_in(&network, &store, options).await?);
            runs.push(run(&network, &store, workers, options, &mut log).await?);
        }
        let middle = |value: fn(&Run) -> f64| median(runs.iter().map(value));
        rates.push(middle(|run| run.per_second));
        println!(
            "{:<12}{:>10.0}{:>10.0}{:>11.0}{:>8.0}%{:>12.1}{:>9.1}{:>9.1}{:>9.0}",
            format!("{workers} workers"),
            middle(|run| run.per_second),
            middle(|run| run.own_us),
            middle(|run| run.server_us),
            middle(|run| run.others) * 100.0,
            middle(|run| run.statements),
            middle(|run| run.waited_ms),
            middle(|run| run.held_ms),
            median(taken)
        );
    }
    if options.statements {
        print!("{log}");
    }
    let booked = network.verify(&store).await?;
    println!("the books are sound: {booked} transactions, every conversion decided once");
    let most = rates.iter().copied().fold(f64::NAN, f64::max);
    if name == "postgres" {
        println!("{}", at_least("conversions/s booked on PostgreSQL", most, GOAL));
        let rise = rates.get(1).zip(rates.first()).map_or(f64::NAN, |(two, one)| two / one);
        println!("{}", at_least("two workers to one on PostgreSQL", rise, 1.0));
    }
    Ok(())
}

/// Conversions taken in a second.
async fn take_in(network: &Network, store: &Store, options: &Options) -> Result<f64> {
    let begun = Instant::now();
    network.report(store, options.conversions).await?;
    Ok(per_second(options.conversions, begun.elapsed()))
}

async fn run(
    network: &Network,
    store: &Store,
    workers: usize,
    options: &Options,
    log: &mut Log,
) -> Result<Run> {
    let server_cpu = || store.server.map_or(Ok(CpuTime::default()), CpuTime::of);
    let (own, server, busy) = (CpuTime::of(std::process::id())?, server_cpu()?, all_busy()?);
    let begun = Instant::now();
    let work = workers::work(network, store, workers, options.batch).await?;
    let elapsed = begun.elapsed();
    let (own, server) = (CpuTime::of(std::process::id())? - own, server_cpu()? - server);
    let others = all_busy()? - busy - own.total() - server.total();
    ensure!(
        work.decided == options.conversions,
        "{} of {} conversions were decided",
        work.decided,
        options.conversions
    );
    let many = count(options.conversions);
    let batches = count(work.batches);
    let statements: u64 = work.log.statements.values().map(|statement| statement.calls).sum();
    let run = Run {
        per_second: per_second(options.conversions, elapsed),
        own_us: own.total() * 1e6 / many,
        server_us: server.total() * 1e6 / many,
        others: others.max(0.0) / elapsed.as_secs_f64() / count(cores()?),
        statements: count(usize::try_from(statements)?) / batches,
        waited_ms: work.log.waited.as_secs_f64() * 1e3 / batches,
        held_ms: work.log.held.as_secs_f64() * 1e3 / batches,
    };
    log.add(&work.log);
    Ok(run)
}

fn cores() -> Result<usize> {
    Ok(std::thread::available_parallelism().context("cores")?.get())
}

fn all_busy() -> Result<f64> {
    (0..cores()?).map(core_busy).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a measurement fit 52 bits")]
const fn count(number: usize) -> f64 {
    number as f64
}

fn per_second(number: usize, elapsed: Duration) -> f64 {
    count(number) / elapsed.as_secs_f64()
}

/// Statements by their text.
type Statements = BTreeMap<&'static str, timed::Statement>;
