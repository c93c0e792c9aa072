//! The servers that all tests of a run share: PostgreSQL and ClickHouse, started by a program of the testkit.
//!
//! They end with this value, and with this process however it ends: their input is a pipe of ours.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::{Workspace, process};

/// Running servers.
pub(crate) struct Servers {
    child: Child,
    input: Option<ChildStdin>,
    /// Names and values by which tests find them.
    environment: Vec<(String, String)>,
}

impl Servers {
    /// Builds the program that starts them, and starts them.
    ///
    /// # Errors
    /// It cannot be built, or a server does not start.
    pub(crate) fn start(workspace: &Workspace, python: &std::path::Path) -> Result<Self> {
        let build = ["build", "--locked", "--package", "hopline-testkit", "--bin", "test-servers"];
        process::run(&mut process::cargo(&workspace.root, &build))?;
        let program = workspace.target.join("debug/test-servers");
        let mut child = Command::new(&program)
            .current_dir(&workspace.root)
            .env("HOPLINE_TEST_PYTHON", python)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut servers = Self { child, input, environment: Vec::new() };
        let mut line = String::new();
        while output.read_line(&mut line).context("reading the servers' addresses")? > 0 {
            match line.trim_end().split_once('=') {
                Some((name, value)) => servers.environment.push((name.to_owned(), value.to_owned())),
                None if line.trim_end() == "ready" => return Ok(servers),
                None => bail!("test-servers said {line:?}"),
            }
            line.clear();
        }
        bail!("the servers did not start; the reason stands above")
    }

    /// Tells a command of them.
    pub(crate) fn of(&self, command: &mut Command) {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    /// Prints how to tell a shell of them, and waits for the end of our own input.
    pub(crate) fn hold(&self) -> Result<()> {
        for (name, value) in &self.environment {
            println!("export {name}={value}");
        }
        println!("# They end when the input does (Ctrl-D).");
        std::io::stdin().read_to_end(&mut Vec::new()).context("waiting for the end of the input")?;
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.input.take());
        self.child.wait().ok();
    }
}
