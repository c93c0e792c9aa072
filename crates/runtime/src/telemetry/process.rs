//! Figures of the process, read from `/proc` whenever metrics are asked for.
//!
//! A figure that cannot be read is left out of that answer.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge};

use super::metrics::opts;
use super::table::Metric;

/// Linux counts CPU time towards user space in hundredths of a second on every architecture it still supports.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) struct ProcessCollector {
    descriptions: Vec<Desc>,
}

impl ProcessCollector {
    pub(super) fn new() -> Self {
        let metrics =
            [gauge(Metric::ProcessResidentBytes, 0.0), counter(0.0), gauge(Metric::ProcessOpenFds, 0.0)];
        Self { descriptions: metrics.iter().flat_map(|metric| metric.desc()).cloned().collect() }
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let resident = resident_bytes().map(|bytes| gauge(Metric::ProcessResidentBytes, bytes));
        let cpu = cpu_seconds().map(counter);
        let files = open_files().map(|count| gauge(Metric::ProcessOpenFds, count));
        [resident, cpu, files].into_iter().flatten().flat_map(|metric| metric.collect()).collect()
    }
}

fn gauge(metric: Metric, value: f64) -> Box<dyn Collector> {
    let gauge = Gauge::with_opts(opts(metric)).expect("names in the table are well-formed");
    gauge.set(value);
    Box::new(gauge)
}

fn counter(value: f64) -> Box<dyn Collector> {
    let counter =
        Counter::with_opts(opts(Metric::ProcessCpuSeconds)).expect("names in the table are well-formed");
    counter.inc_by(value);
    Box::new(counter)
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// User and system time: fields 14 and 15 of `stat`. The second field, the program's name in parentheses, may
/// hold blanks, so counting begins behind its end.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // The listing itself holds one descriptor.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}
