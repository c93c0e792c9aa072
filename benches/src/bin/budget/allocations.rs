//! Heap allocations per click: the server runs with a counting allocator and tells its counts when it is asked.
//!
//! All threads of the process are counted: the edge's, the one that makes segments ahead, the one that saves what was
//! taken from caps. Some allocations happen once a second or once in five, whatever comes; so each row also says how many
//! there were in the same time without any click.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopline_benches::goals::at_most;
use hopline_benches::pace;
use hopline_benches::server::{Server, free_address};
use hopline_loadgen::Pace;

use crate::{ALLOCATOR, CONNECTIONS, LINKS};

const RATE: u32 = 10_000;
const SECONDS: u32 = 5;
const GOAL: f64 = 0.01;

/// The server's part: answers every line on its input with its number of allocations, those that only grow one among
/// them.
pub(crate) fn tell() {
    let (mut input, mut line) = (std::io::stdin().lock(), String::new());
    while input.read_line(&mut line).is_ok_and(|length| length > 0) {
        line.clear();
        let stats = ALLOCATOR.stats();
        println!("{}", stats.allocations + stats.reallocations);
    }
}

pub(crate) fn measure(directory: &Path) -> Result<()> {
    println!(
        "\nheap allocations per click, whole process, {} clicks at {RATE}/s after as many to warm up",
        RATE * SECONDS
    );
    let process = per_click("process", directory)?;
    let disk = per_click("disk", directory)?;
    println!("{}", at_most("heap allocations per click, `process`", process, GOAL));
    println!("{}", at_most("heap allocations per click, `disk`", disk, GOAL));
    Ok(())
}

fn per_click(durability: &str, directory: &Path) -> Result<f64> {
    let mut asked = start(durability, &directory.join(durability))?;
    let (target, requests) = (asked.server.address, RATE * SECONDS);
    let pace = Pace { target, rate: RATE, requests, connections: CONNECTIONS };
    pace::run(None, &pace, LINKS)?;
    // The first answer may allocate.
    asked.count()?;
    let begun = asked.count()?;
    std::thread::park_timeout(Duration::from_secs(u64::from(SECONDS)));
    let idle = asked.count()?;
    pace::run(None, &pace, LINKS)?;
    let (without, with) = (idle - begun, asked.count()? - idle);
    let each = with / f64::from(requests);
    println!(
        "{durability:<10}{each:>9.4} per click: {with} allocations, {without} in {SECONDS} idle seconds"
    );
    Ok(each)
}

/// A server that can be asked.
struct Asked {
    server: Server,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

fn start(durability: &str, spool: &Path) -> Result<Asked> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", &address.to_string(), &LINKS.to_string(), durability]).arg(spool);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = Server::start(command, address)?;
    let (questions, answers) = server.pipes().context("the server has no pipes")?;
    Ok(Asked { server, questions, answers: BufReader::new(answers) })
}

impl Asked {
    fn count(&mut self) -> Result<f64> {
        self.questions.write_all(b"\n")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.trim().parse().with_context(|| format!("the server said {line:?}"))
    }
}
