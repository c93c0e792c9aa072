//! Printing.

use std::path::Path;

use hopline_benches::goals::{at_least, at_most};
use hopline_benches::machine;

use crate::nginx;
use crate::open_loop::{self, Latency};
use crate::options::Options;
use crate::row::Row;
use crate::saturation::{self, Sample};

pub(crate) fn heading(options: &Options, directory: &Path) {
    let version = |program: &str, argument: &str| {
        let said = machine::said(program, &[argument]).unwrap_or_else(|| format!("{program} is missing"));
        said.lines().next().unwrap_or_default().to_owned()
    };
    println!("machine: {}", machine::describe(directory));
    println!("{}; {}", version(&nginx::program().to_string_lossy(), "-v"), version("wrk", "-v"));
    println!(
        "{} links, {} connections, {} rounds of {} s; server on core {}, load on core {}",
        options.links,
        options.connections,
        options.rounds,
        options.seconds,
        options.server_core,
        options.load_core
    );
    println!("command: cargo xtask bench edge {}", std::env::args().skip(1).collect::<Vec<_>>().join(" "));
}

pub(crate) fn saturation(samples: &[Sample]) {
    println!("\nat saturation, medians; CPU microseconds per request; ratios of CPU");
    println!(
        "{:<26}{:>7}{:>8}{:>8}{:>10}{:>9}{:>9}{:>8}{:>8}{:>9}",
        "", "user", "system", "total", "rate/s", "p50 ms", "p99 ms", "to B", "to C", "others"
    );
    let middle = |row: Row, value: fn(&Sample) -> f64| saturation::middle(samples, row, value);
    let (unit, hyper) = (middle(Row::NginxLogged, Sample::micros), middle(Row::Hyper, Sample::micros));
    for row in Row::ALL.into_iter().filter(|row| samples.iter().any(|sample| sample.row == *row)) {
        let total = middle(row, Sample::micros);
        println!(
            "{:<26}{:>7.2}{:>8.2}{total:>8.2}{:>10.0}{:>9.3}{:>9.3}{:>8.2}{:>8.2}{:>8.1}%",
            row.name(),
            middle(row, Sample::user_micros),
            middle(row, Sample::system_micros),
            middle(row, Sample::rate),
            middle(row, |sample| sample.run.p50_ms),
            middle(row, |sample| sample.run.p99_ms),
            total / unit,
            total / hyper,
            middle(row, |sample| sample.others * 100.0),
        );
    }
    println!(
        "others: share of the server's core that other processes had; above some percent, run again in calm"
    );
}

pub(crate) fn open_loop(rate: u32, latencies: &[Latency]) {
    println!("\nopen loop at {rate} clicks/s, medians, milliseconds from the time at which a click was due");
    println!(
        "{:<26}{:>9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>9}",
        "", "p50", "p99", "p99.9", "p99 to B", "p99 to C", "rate/s", "others"
    );
    let middle = |row: Row, value: fn(&Latency) -> f64| open_loop::middle(latencies, row, value);
    for row in Row::ALL.into_iter().filter(|row| latencies.iter().any(|latency| latency.row == *row)) {
        println!(
            "{:<26}{:>9.3}{:>9.3}{:>9.3}{:>10.2}{:>10.2}{:>10.0}{:>8.1}%",
            row.name(),
            middle(row, |latency| latency.paced.p50),
            middle(row, P99),
            middle(row, |latency| latency.paced.p999),
            middle(row, P99) / middle(Row::NginxLogged, P99),
            middle(row, P99) / middle(Row::Hyper, P99),
            middle(row, |latency| latency.paced.rate),
            middle(row, |latency| latency.others * 100.0),
        );
    }
}

const P99: fn(&Latency) -> f64 = |latency| latency.paced.p99;

/// What was to be reached, and whether it was; `fixed` and `half` are the two open loops.
pub(crate) fn goals(options: &Options, samples: &[Sample], fixed: &[Latency], half: &[Latency]) {
    let ratio = |row: Row, unit: Row, value: fn(&Sample) -> f64| {
        saturation::middle(samples, row, value) / saturation::middle(samples, unit, value)
    };
    let cpu = |row, unit| ratio(row, unit, Sample::micros);
    let rate = ratio(Row::Disk, Row::Process, Sample::rate);
    let p99 = |latencies: &[Latency], row, unit| {
        open_loop::middle(latencies, row, P99) / open_loop::middle(latencies, unit, P99)
    };
    println!();
    println!("{}", at_most("CPU, D to B", cpu(Row::Process, Row::NginxLogged), 0.85));
    println!("{}", at_most("CPU, D to B: the aim", cpu(Row::Process, Row::NginxLogged), 0.70));
    println!("{}", at_most("CPU, D to C", cpu(Row::Process, Row::Hyper), 1.5));
    println!("{}", at_most("CPU, E to B", cpu(Row::Disk, Row::NginxLogged), 1.35));
    println!("{}", at_least("rate at saturation, E to D", rate, 0.7));
    println!("{}", at_least("rate at saturation, E to D: the floor", rate, 0.6));
    let what = format!("p99 at {} clicks/s, D to B", options.rate);
    println!("{}", at_most(&what, p99(fixed, Row::Process, Row::NginxLogged), 1.0));
    println!("{}", at_most("p99 at half of D's rate, D to C", p99(half, Row::Process, Row::Hyper), 2.0));
}

pub(crate) fn calls(row: Row, calls: &[(String, f64)]) {
    let list: Vec<_> = calls.iter().map(|(name, count)| format!("{name} {count:.3}")).collect();
    println!("system calls per request, {}: {}", row.name(), list.join(", "));
}
