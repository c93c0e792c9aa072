//! The load generator at saturation: Debian's wrk, one thread, its clicks made by a script.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::server::pinned;
use crate::{clicks, subject};
use anyhow::{Context as _, Result, ensure};

/// Its script and the codes that it reads.
#[derive(Debug)]
pub struct Wrk {
    core: usize,
    connections: usize,
    script: PathBuf,
    codes: PathBuf,
}

/// One run as wrk saw it.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Answers.
    pub requests: f64,
    /// How long it took.
    pub seconds: f64,
    /// Median latency.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
}

const BEFORE: &str = r#"
local codes, number = {}, 0
function init(arguments)
  for code in io.lines(arguments[1]) do codes[#codes + 1] = code end
end
function request()
  number = number + 1
  local a = number * 519001 % 1660944384
  local from = string.format("%d.%d.%d.%d\r\n\r\n", a / 16777216 + 1, a / 65536 % 256, a / 256 % 256, a % 256)
  return "GET /" .. codes[number * 7919 % #codes + 1] .. "?sub1=n" .. number .. heads[number % #heads + 1] .. from
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
"#;

impl Wrk {
    /// Writes its script and the codes of all links into a directory.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn new(core: usize, connections: usize, links: u32, directory: &Path) -> Result<Self> {
        let (script, codes) = (directory.join("clicks.lua"), directory.join("codes.txt"));
        let mut text = String::from("local heads = {\n");
        for head in clicks::HEADS {
            // Rust's quoting of these heads is Lua's too: \r, \n and \" only.
            writeln!(text, "  {head:?},").expect("a string takes all");
        }
        text.push_str("}\n");
        text.push_str(BEFORE);
        std::fs::write(&script, text)?;
        let lines: String = (0..links).flat_map(|link| [subject::code(link), "\n".into()]).collect();
        std::fs::write(&codes, lines)?;
        Ok(Self { core, connections, script, codes })
    }

    /// Loads a server for some seconds.
    ///
    /// # Errors
    /// wrk is missing, or an answer is no redirect.
    pub fn run(&self, target: SocketAddr, seconds: u64) -> Result<Run> {
        let output = pinned(self.core, "wrk")
            .args(["-t1", &format!("-c{}", self.connections), &format!("-d{seconds}s"), "--latency", "-s"])
            .arg(&self.script)
            .arg(format!("http://{target}/"))
            .arg("--")
            .arg(&self.codes)
            .stdin(Stdio::null())
            .output()
            .context("wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let line =
            line.with_context(|| format!("wrk said: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
        let numbers: Vec<f64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        let [requests, micros, errors, p50, p99] = numbers[..] else {
            anyhow::bail!("wrk said: {line}");
        };
        ensure!(errors == 0.0, "{errors} of {requests} requests to {target} failed");
        Ok(Run { requests, seconds: micros / 1e6, p50_ms: p50 / 1e3, p99_ms: p99 / 1e3 })
    }
}
