//! The jolt of a new catalogue of a million links: latencies at a fixed rate while one is compiled and swapped in again
//! and again, beside the same without.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::{MILLION, start};

const RATE: u32 = 2_000;
const SECONDS: u32 = 20;

pub(crate) fn measure(directory: &Path) -> Result<()> {
    println!("\n{RATE} clicks/s on a million links for {SECONDS} s, one thread; latencies in ms");
    println!("{:<42}{:>9}{:>9}{:>9}", "", "p99", "p99.9", "most");
    for (name, pause) in
        [("one catalogue", Duration::ZERO), ("a new one every second", Duration::from_secs(1))]
    {
        let spool = directory.join(format!("swap-{}", pause.as_millis()));
        let server = start(None, MILLION, 1, pause, &spool)?;
        let output = Command::new(std::env::current_exe()?)
            .args(["pace", &server.address.to_string(), &RATE.to_string()])
            .args([(RATE * SECONDS).to_string(), "32".to_owned(), MILLION.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "the open loop: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [p99, p999, most] = numbers[..] else { bail!("the open loop said: {text}") };
        println!("{name:<42}{p99:>9.3}{p999:>9.3}{most:>9.3}");
    }
    Ok(())
}
