//! CPU time as the operating system accounts it.
//!
//! A process's user and system time come from `/proc/PID/stat`, in ticks of 10 ms, which Linux scales to the time that
//! the scheduler counted in nanoseconds; only the split between user and system is sampled. Network interrupts of
//! loopback run in the sender's context and count as its system time where the kernel does not account them apart.

use std::ops::{Add, Sub};

use anyhow::{Context as _, Result};

/// Fixed for what Linux shows to programs, whatever its own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CpuTime {
    /// In the program itself.
    pub user: f64,
    /// In the kernel, for it.
    pub system: f64,
}

impl CpuTime {
    /// Both.
    #[must_use]
    pub fn total(self) -> f64 {
        self.user + self.system
    }

    /// What a process with all its threads and its direct children have used so far.
    ///
    /// # Errors
    /// The process is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let mut sum = one(pid)?;
        for child in children(pid)? {
            sum = sum + one(child)?;
        }
        Ok(sum)
    }

    /// What a process with all its threads has used so far, without its children.
    ///
    /// # Errors
    /// The process is gone.
    pub fn alone(pid: u32) -> Result<Self> {
        one(pid)
    }
}

impl Add for CpuTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

impl Sub for CpuTime {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { user: self.user - other.user, system: self.system - other.system }
    }
}

fn one(pid: u32) -> Result<CpuTime> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name stands in parentheses and may hold anything; user and system time are fields 14 and 15.
    let (_, rest) = text.rsplit_once(')').with_context(|| path.clone())?;
    let mut fields = rest.split_ascii_whitespace().skip(11).map(str::parse::<f64>);
    let mut ticks = || fields.next().and_then(Result::ok).with_context(|| path.clone());
    Ok(CpuTime { user: ticks()? / TICKS_PER_SECOND, system: ticks()? / TICKS_PER_SECOND })
}

/// The processes that a process has started and not lost.
///
/// # Errors
/// The process is gone.
pub fn children(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    Ok(text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}

/// Seconds for which a core was busy since the start of the machine, for whomever.
///
/// # Errors
/// There is no such core.
pub fn core_busy(core: usize) -> Result<f64> {
    let text = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let name = format!("cpu{core}");
    let line = text.lines().find(|line| line.split(' ').next() == Some(&name));
    let line = line.with_context(|| format!("no {name} in /proc/stat"))?;
    let ticks: Vec<f64> =
        line.split_ascii_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let busy = |(place, ticks): (usize, &f64)| if matches!(place, 3 | 4) { 0.0 } else { *ticks };
    Ok(ticks.iter().enumerate().take(8).map(busy).sum::<f64>() / TICKS_PER_SECOND)
}
