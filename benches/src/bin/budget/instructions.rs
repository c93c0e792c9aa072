//! Instructions per click by callgrind: those of the program itself; the kernel's are not seen.
//!
//! Valgrind knows no SHA instructions, so the software form of SHA-256 runs and is taken off; a processor with them needs
//! about a twentieth of it. The server is slow under valgrind, so more clicks share a turn of its loop than usual.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use hopline_benches::server::{Server, free_address};
use hopline_benches::{machine, pace};
use hopline_loadgen::Pace;

use crate::{CONNECTIONS, LINKS};

/// More than valgrind lets through: the connections are always busy.
const RATE: u32 = 100_000;
const WARM: u32 = 5_000;
const CLICKS: u32 = 20_000;
const SHA: &str = "sha2::sha256::soft";
/// So many of the dearest functions are named.
const NAMED: usize = 25;

pub(crate) fn measure(directory: &Path) -> Result<()> {
    if !["valgrind", "callgrind_control", "callgrind_annotate"].into_iter().all(machine::has) {
        println!("\ninstructions: valgrind is missing (Debian's package valgrind)");
        return Ok(());
    }
    let (server, out) = (start(directory)?, directory.join("callgrind.out"));
    let pace = |requests| {
        let pace = Pace { target: server.address, rate: RATE, requests, connections: CONNECTIONS };
        pace::run(None, &pace, LINKS)
    };
    pace(WARM)?;
    let pid = server.pid().to_string();
    control(&["--instr=on", &pid])?;
    pace(CLICKS)?;
    control(&["--dump", &pid])?;
    // The first dump of a run.
    let dump = out.with_extension("out.1");
    let text =
        machine::said("callgrind_annotate", &["--threshold=100", "--auto=no", &dump.to_string_lossy()]);
    print(&costs(&text.context("callgrind_annotate")?)?);
    Ok(())
}

fn start(directory: &Path) -> Result<Server> {
    let address = free_address()?;
    let mut command = Command::new("valgrind");
    let out = directory.join("callgrind.out");
    command
        .args(["--quiet", "--tool=callgrind", "--instr-atstart=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["serve", &address.to_string(), &LINKS.to_string(), "process"])
        .arg(directory.join("callgrind"))
        .stdin(Stdio::null());
    Server::start(command, address)
}

fn control(arguments: &[&str]) -> Result<()> {
    let said = machine::said("callgrind_control", arguments).context("callgrind_control")?;
    ensure!(!said.to_ascii_lowercase().contains("error"), "callgrind_control {arguments:?} said: {said}");
    Ok(())
}

/// Instructions by function, without those that it calls. Lines are such as
/// ` 1,234,567 (12.3%)  file.rs:function [program]`, one for each file whose code was put into the function.
fn costs(text: &str) -> Result<BTreeMap<String, f64>> {
    let mut functions = BTreeMap::new();
    for line in text.lines() {
        let Some((count, rest)) = line.trim().split_once(" (") else { continue };
        let (Some((_, place)), Ok(count)) = (rest.split_once(")  "), count.replace(',', "").parse::<f64>())
        else {
            continue;
        };
        if let Some((_, function)) = place.split_once(':') {
            let name = function.split(" [").next().unwrap_or(function);
            *functions.entry(name.to_owned()).or_default() += count;
        }
    }
    ensure!(!functions.is_empty(), "callgrind_annotate said: {text}");
    Ok(functions)
}

/// The crate, or the system's library, of a function.
fn owner(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&']);
    path.split_once("::").map_or("C library", |(owner, _)| owner)
}

fn print(functions: &BTreeMap<String, f64>) {
    let per_click = |count: &f64| count / f64::from(CLICKS);
    let (sha, others): (Vec<_>, Vec<_>) = functions.iter().partition(|(name, _)| name.contains(SHA));
    let sum = |some: &[(&String, &f64)]| some.iter().map(|(_, count)| per_click(count)).sum::<f64>();
    println!(
        "\ninstructions per click, `process`, first visits: {:.0}, and {:.0} of SHA-256 in software",
        sum(&others),
        sum(&sha)
    );
    let mut crates = BTreeMap::<_, f64>::new();
    for (name, count) in &others {
        *crates.entry(owner(name)).or_default() += per_click(count);
    }
    list("by crate", crates.into_iter().collect());
    list("by function", others.into_iter().map(|(name, count)| (name.as_str(), per_click(count))).collect());
}

fn list(title: &str, mut entries: Vec<(&str, f64)>) {
    entries.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    println!("{title}:");
    for (name, count) in entries.into_iter().take(NAMED) {
        println!("{count:>9.0}  {name}");
    }
}
