//! The program as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::Backing;
use crate::http::Http;

/// The binary under test: `HOPLINE_BIN`, else the one beside the running test.
///
/// # Panics
/// When there is none; says how to build it.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("HOPLINE_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("a running program has a path");
    let beside =
        test.ancestors().skip(1).map(|folder| folder.join("hopline")).find(|candidate| candidate.is_file());
    beside.expect("no hopline binary beside the tests: run `cargo build -p hopline` first")
}

/// A call of the binary on a data directory.
#[must_use]
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--data-dir").arg(data_dir).env_clear();
    for kept in ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.env("HOPLINE_LOG", "warn");
    command
}

/// How to start a [`Hopline`], and over which stores.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// `HOPLINE_<SECTION>_<KEY>` values besides the free ports.
    pub environment: Vec<(String, String)>,
    /// The stores.
    pub backing: Backing,
    /// Of edge, worker and api those that serve; without it all of them.
    pub roles: Option<String>,
}

impl Setup {
    /// Over these stores.
    #[must_use]
    pub fn over(backing: Backing) -> Self {
        Self { backing, ..Self::default() }
    }

    /// With one more setting, of which the newest counts; also the stores' addresses can be replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Serving only these roles, such as `edge` or `worker,api`.
    #[must_use]
    pub fn roles(mut self, roles: &str) -> Self {
        self.roles = Some(roles.to_owned());
        self
    }

    /// A call of the binary on a data directory, with these settings.
    #[must_use]
    pub fn command(&self, data_dir: &Path, arguments: &[&str]) -> Command {
        let mut command = command(data_dir, arguments);
        command.envs(self.backing.environment());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running server.
#[derive(Debug)]
pub struct Hopline {
    child: Child,
    /// Base address of the edge; empty without that role.
    pub edge: String,
    /// Base address of API and portal; empty without that role, and while the stores are down.
    pub api: String,
    /// Base address of health and metrics.
    pub metrics: String,
}

impl Hopline {
    /// Runs `hopline init` on the directory.
    ///
    /// # Errors
    /// The program failed; its words are in the error.
    pub fn init(data_dir: &Path, setup: &Setup) -> anyhow::Result<()> {
        let output = setup.command(data_dir, &["init"]).output().context("starting the binary")?;
        anyhow::ensure!(
            output.status.success(),
            "hopline init failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Creates an API key and gives back the text printed once.
    ///
    /// # Errors
    /// The program failed; its words are in the error.
    pub fn key(
        data_dir: &Path,
        setup: &Setup,
        role_arguments: &[&str],
        name: &str,
    ) -> anyhow::Result<String> {
        let mut arguments = vec!["key", "create", "--name", name];
        arguments.extend_from_slice(role_arguments);
        let output = setup.command(data_dir, &arguments).output().context("starting the binary")?;
        anyhow::ensure!(
            output.status.success(),
            "hopline key create failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout).context("the key is text")?.trim().to_owned())
    }

    /// Starts the server and waits until it says that it serves.
    ///
    /// # Errors
    /// It ended instead; its words are in the error.
    pub fn serve(data_dir: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let mut arguments = vec!["serve"];
        arguments.extend(setup.roles.iter().flat_map(|roles| ["--role", roles]));
        let mut command = setup.command(data_dir, &arguments);
        command
            .env("HOPLINE_EDGE_LISTEN", "127.0.0.1:0")
            .env("HOPLINE_API_LISTEN", "127.0.0.1:0")
            .env("HOPLINE_METRICS_LISTEN", "127.0.0.1:0");
        for (name, value) in &setup.environment {
            command.env(name, value);
        }
        let log = data_dir.join("server.log");
        let log_file =
            std::fs::OpenOptions::new().create(true).append(true).open(&log).context("opening the log")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .context("starting the binary")?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("reading the ready line")?;
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        };
        match field("metrics") {
            Some(metrics) => {
                let [edge, api] = ["edge", "api"].map(|name| field(name).unwrap_or_default());
                Ok(Self { child, edge, api, metrics })
            }
            None => {
                child.kill().ok();
                child.wait().ok();
                let words = std::fs::read_to_string(&log).unwrap_or_default();
                anyhow::bail!("the server did not start (it printed {line:?}): {words}")
            }
        }
    }

    /// A client of the API listener.
    #[must_use]
    pub fn api(&self) -> Http {
        Http::new(&self.api)
    }

    /// A client of the edge.
    #[must_use]
    pub fn edge(&self) -> Http {
        Http::new(&self.edge)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, at once.
    ///
    /// # Errors
    /// The process could not be signalled or awaited.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("kill -9")?;
        self.child.wait().context("waiting for the killed server")?;
        Ok(())
    }

    /// SIGTERM, and the end that follows; true where it ended without an error.
    ///
    /// # Errors
    /// The process could not be signalled or awaited.
    pub fn terminate(&mut self) -> anyhow::Result<bool> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("SIGTERM")?;
        Ok(self.child.wait().context("waiting for the server to end")?.success())
    }
}

impl Drop for Hopline {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
