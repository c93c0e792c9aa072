//! Printing.

use std::path::Path;

use hopline_benches::machine;
use hopline_benches::summary::median;

use crate::nginx;
use crate::open_loop::Latency;
use crate::options::Options;
use crate::row::Row;
use crate::saturation::Sample;

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
    let middle = |row: Row, value: fn(&Sample) -> f64| {
        median(samples.iter().filter(|sample| sample.row == row).map(value))
    };
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
            middle(row, |sample| sample.others / sample.run.seconds * 100.0),
        );
    }
    println!(
        "others: share of the server's core that other processes had; above some percent, run again in calm"
    );
}

pub(crate) fn open_loop(rate: u32, latencies: &[Latency]) {
    println!("\nopen loop at {rate} clicks/s, medians, milliseconds from the time at which a click was due");
    println!("{:<26}{:>9}{:>9}{:>9}{:>12}{:>9}", "", "p50", "p99", "p99.9", "p99 to B", "others");
    let middle = |row: Row, value: fn(&Latency) -> f64| {
        median(latencies.iter().filter(|latency| latency.row == row).map(value))
    };
    for row in Row::ALL.into_iter().filter(|row| latencies.iter().any(|latency| latency.row == *row)) {
        println!(
            "{:<26}{:>9.3}{:>9.3}{:>9.3}{:>12.2}{:>8.1}%",
            row.name(),
            middle(row, |latency| latency.p50),
            middle(row, |latency| latency.p99),
            middle(row, |latency| latency.p999),
            middle(row, |latency| latency.p99) / middle(Row::NginxLogged, |latency| latency.p99),
            middle(row, |latency| latency.others * 100.0),
        );
    }
}

pub(crate) fn calls(row: Row, calls: &[(String, f64)]) {
    let list: Vec<_> = calls.iter().map(|(name, count)| format!("{name} {count:.3}")).collect();
    println!("system calls per request, {}: {}", row.name(), list.join(", "));
}
