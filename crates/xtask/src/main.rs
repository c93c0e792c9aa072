//! Tasks of the repository: `cargo xtask test` sets up what the tests need and passes them, `cargo xtask bench` runs a
//! measurement, `cargo xtask soak` kills the server again and again, `cargo xtask servers` runs what single tests share.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is for its user")]

mod apt;
mod bench;
mod browser;
mod faketime;
mod papers;
mod postgres;
mod process;
mod python;
mod servers;
mod soak;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

const HELP: &str = "\
cargo xtask test          set up what the tests need, then check and test the workspace
cargo xtask bench         list the measurements
cargo xtask bench NAME    run one, in release; further arguments are handed on
cargo xtask soak          kill the server 200 times under load and compare (--cycles N, --seed N); then keep ClickHouse away
                          for five million clicks (--away-clicks N)
cargo xtask servers       run PostgreSQL and ClickHouse for tests started by hand, until the input ends
cargo xtask help          this page

Environment:
  HOPLINE_TOOLS_DIR       where the tests' tools are kept; default: tools in cargo's target directory
  CARGO_TARGET_DIR        cargo's target directory; default: target
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test"] => Workspace::find().and_then(|workspace| test::run(&workspace)),
        ["bench"] => Workspace::find().and_then(|workspace| bench::list(&workspace)),
        ["bench", name, rest @ ..] => {
            Workspace::find().and_then(|workspace| bench::run(&workspace, name, rest))
        }
        ["soak", rest @ ..] => Workspace::find().and_then(|workspace| soak::run(&workspace, rest)),
        ["servers"] => Workspace::find().and_then(|workspace| test::hold_servers(&workspace)),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("xtask: expected test, bench, soak, servers or help, given {words:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where things are.
struct Workspace {
    root: PathBuf,
    target: PathBuf,
    tools: PathBuf,
}

impl Workspace {
    /// From what cargo says when it runs this program.
    fn find() -> Result<Self> {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").context("call it as `cargo xtask`")?;
        let root =
            Path::new(&own).ancestors().nth(2).context("xtask lies two directories deep")?.to_path_buf();
        // Relative settings count from the caller's directory; what is started from here runs in the root.
        let setting = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| {
                std::path::absolute(&value).with_context(|| format!("{name} = {}", value.display()))
            })
        };
        let target = setting("CARGO_TARGET_DIR").unwrap_or_else(|| Ok(root.join("target")))?;
        let tools = setting("HOPLINE_TOOLS_DIR").unwrap_or_else(|| Ok(target.join("tools")))?;
        Ok(Self { root, target, tools })
    }
}
