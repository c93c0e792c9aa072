//! CPU per click with more links, and with more threads.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hopline_benches::broom::sweeping;
use hopline_benches::calm::undisturbed;
use hopline_benches::cpu::{CpuTime, core_busy};
use hopline_benches::goals::at_most;
use hopline_benches::machine;
use hopline_benches::server::Server;
use hopline_benches::summary::median;
use hopline_benches::wrk::Wrk;

use crate::{MILLION, start};

const ROUNDS: usize = 5;
const SECONDS: u64 = 3;
const CONNECTIONS: usize = 64;

/// What counts as flat.
const GROWTH_MAX: f64 = 1.15;

/// A server with the load and the directory that belong to it.
struct Step {
    name: String,
    server: Server,
    wrk: Wrk,
    spool: PathBuf,
    /// Where only the server runs, and others can be told from it.
    own_core: Option<usize>,
}

/// One step in one round.
#[derive(Clone, Copy)]
struct Cost {
    micros: f64,
    rate: f64,
    others: f64,
}

pub(crate) fn measure(directory: &Path) -> Result<()> {
    ensure!(machine::has("wrk"), "wrk is missing: install Debian's package wrk");
    println!("\nCPU per click at saturation, server on core 0, load on core 1, medians of {ROUNDS} rounds");
    let mut steps = Vec::new();
    for links in [1_000, 10_000, 100_000, MILLION] {
        let own = directory.join(format!("scale-{links}"));
        std::fs::create_dir_all(&own)?;
        let (wrk, spool) = (Wrk::new(1, CONNECTIONS, links, &own)?, own.join("spool"));
        let server = start(Some("0"), links, 1, Duration::ZERO, &spool)?;
        steps.push(Step { name: format!("{links} links"), server, wrk, spool, own_core: Some(0) });
    }
    let growth = curve(&steps)?;
    println!("{}", at_most("CPU per click, 1,000,000 links to 1,000", growth, GROWTH_MAX));
    drop(steps);

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\nCPU per click at saturation with more threads, a core each; load on the last core");
    let own = directory.join("threads");
    std::fs::create_dir_all(&own)?;
    let mut steps = Vec::new();
    for threads in 1..=cores {
        let (wrk, spool) =
            (Wrk::new(cores - 1, CONNECTIONS, 1_000, &own)?, own.join(format!("spool-{threads}")));
        let server = start(Some(&format!("0-{}", threads - 1)), 1_000, threads, Duration::ZERO, &spool)?;
        steps.push(Step { name: format!("{threads} threads"), server, wrk, spool, own_core: None });
    }
    let growth = curve(&steps)?;
    println!("{}", at_most("CPU per click, all cores to one", growth, GROWTH_MAX));
    Ok(())
}

/// Prints the steps' costs; gives the last one's ratio to the first one's.
fn curve(steps: &[Step]) -> Result<f64> {
    println!("{:<16}{:>10}{:>12}{:>10}{:>9}", "", "us", "to first", "rate/s", "others");
    let costs = rounds(steps)?;
    let middle = |costs: &[Cost], value: fn(&Cost) -> f64| median(costs.iter().map(value));
    let first = costs.first().map_or(f64::NAN, |costs| middle(costs, |cost| cost.micros));
    let mut ratio = f64::NAN;
    for (step, costs) in steps.iter().zip(&costs) {
        let micros = middle(costs, |cost| cost.micros);
        let others = middle(costs, |cost| cost.others);
        ratio = micros / first;
        println!(
            "{:<16}{micros:>10.2}{ratio:>12.2}{:>10.0}{:>9}",
            step.name,
            middle(costs, |cost| cost.rate),
            if others.is_nan() { "-".to_owned() } else { format!("{:.1}%", others * 100.0) }
        );
    }
    Ok(ratio)
}

/// All steps in turn, after a round to warm up.
fn rounds(steps: &[Step]) -> Result<Vec<Vec<Cost>>> {
    let mut costs = vec![Vec::new(); steps.len()];
    for step in steps {
        step.wrk.run(step.server.address, 1)?;
    }
    for _ in 0..ROUNDS {
        for (step, costs) in steps.iter().zip(&mut costs) {
            costs.push(sweeping(&step.spool, || undisturbed(|| cost(step), |cost| cost.others.max(0.0)))?);
        }
    }
    Ok(costs)
}

fn cost(step: &Step) -> Result<Cost> {
    let busy = || step.own_core.map_or(Ok(0.0), core_busy);
    let (cpu, busy_before, begun) = (CpuTime::of(step.server.pid())?, busy()?, Instant::now());
    let run = step.wrk.run(step.server.address, SECONDS)?;
    let cpu = CpuTime::of(step.server.pid())? - cpu;
    // The load generator reads its codes first: longer than the run itself.
    let elapsed = begun.elapsed().as_secs_f64();
    // Not a number where the load shares the server's cores.
    let others =
        step.own_core.map_or(Ok(f64::NAN), |_| busy()).map(|busy| busy - busy_before - cpu.total())?;
    let (micros, rate) = (cpu.total() / run.requests * 1e6, run.requests / run.seconds);
    Ok(Cost { micros, rate, others: others / elapsed })
}
