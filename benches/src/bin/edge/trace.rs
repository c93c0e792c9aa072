//! System calls per request, counted by strace. It slows the server down by far, so that more requests fall into one turn
//! of an event loop than usual: calls per turn look cheaper than they are, calls per request are exact.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopline_benches::cpu::children;
use hopline_benches::server::Server;
use rustix::process::{Pid, Signal, kill_process};

use hopline_benches::wrk::Wrk;

const ATTACH: Duration = Duration::from_millis(300);

/// Calls per request by name, most frequent first, those above one in a thousand.
pub(crate) fn calls(server: &Server, wrk: &Wrk, directory: &Path) -> Result<Vec<(String, f64)>> {
    let report = directory.join("strace.txt");
    let mut strace = Command::new("strace");
    strace.args(["-c", "-f", "-q", "-o"]).arg(&report);
    for pid in children(server.pid())?.into_iter().chain([server.pid()]) {
        strace.args(["-p", &pid.to_string()]);
    }
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut strace = strace.spawn().context("strace")?;
    std::thread::park_timeout(ATTACH);
    let run = wrk.run(server.address, 1);
    let pid = Pid::from_raw(i32::try_from(strace.id())?).context("the number of a process")?;
    kill_process(pid, Signal::INT)?;
    strace.wait()?;
    let requests = run?.requests;
    let text = std::fs::read_to_string(&report)?;
    // % time, seconds, usecs/call, calls, [errors,] name
    let calls = text.lines().filter_map(|line| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let (name, count) = (words.last()?, words.get(3)?.parse::<f64>().ok()?);
        Some(((*name).to_owned(), count / requests))
    });
    let mut calls: Vec<_> = calls.filter(|(name, count)| name != "total" && *count > 0.001).collect();
    calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Ok(calls)
}
