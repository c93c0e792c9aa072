//! The real ClickHouse engine as server processes, and fresh databases on them.
//!
//! The Python package chdb-core holds the engine with its own listeners; `tests/tools/clickhouse_endpoint.py` starts it and
//! says what it cannot do. All tests of a run share one server: the one that `HOPLINE_TEST_CLICKHOUSE` names (`cargo xtask
//! test` starts it), else one that the test process starts for itself, with the Python that `HOPLINE_TEST_PYTHON` names or
//! that `cargo xtask` has installed. [`clickhouse`] gives a database of the test's own on it. Faults need a
//! [`ClickHouseServer`] of the test's own, which can be killed, paused, restarted, configured, and set up as a cluster.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

use crate::ports;

/// Names the shared server: `http://127.0.0.1:port`.
pub const CLICKHOUSE_VARIABLE: &str = "HOPLINE_TEST_CLICKHOUSE";
const SCRIPT: &str = include_str!("../../../tests/tools/clickhouse_endpoint.py");
/// Ports to try before giving up.
const TRIES: usize = 5;
/// The user that databases are given out for, who may do everything.
const USER: &str = "hopline";
const PASSWORD: &str = "secret";
/// The longest that a statement of a test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fresh, empty database on the server that all tests share; deleted when it goes out of scope.
///
/// # Panics
/// There is no ClickHouse; says what to do.
#[must_use]
pub fn clickhouse() -> ClickHouseDatabase {
    let address = shared().unwrap_or_else(|error| {
        panic!(
            "no ClickHouse for this test: {error} (`cargo xtask test` installs and starts what tests need)"
        )
    });
    ClickHouseDatabase::create(&address, true)
        .unwrap_or_else(|error| panic!("no database for this test: {error:#}"))
}

/// `host:port` of the shared server, which this process starts where no other did.
fn shared() -> Result<String, String> {
    static SHARED: OnceLock<Result<ClickHouseServer, String>> = OnceLock::new();
    if let Ok(url) = std::env::var(CLICKHOUSE_VARIABLE) {
        return Ok(url.trim_start_matches("http://").trim_end_matches('/').to_owned());
    }
    let server = SHARED.get_or_init(|| ClickHouseServer::start().map_err(|error| format!("{error:#}")));
    server.as_ref().map(ClickHouseServer::address).map_err(Clone::clone)
}

/// A database of a test's own.
#[derive(Debug)]
pub struct ClickHouseDatabase {
    name: String,
    address: String,
    is_dropped_at_the_end: bool,
}

impl ClickHouseDatabase {
    fn create(address: &str, is_dropped_at_the_end: bool) -> anyhow::Result<Self> {
        let name = ports::unique_name();
        ask(address, "default", &format!("CREATE DATABASE {name}"))?;
        Ok(Self { name, address: address.to_owned(), is_dropped_at_the_end })
    }

    /// Its address, with credentials: `http://hopline:secret@127.0.0.1:port/name`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(USER, PASSWORD)
    }

    /// Its address with other credentials. There is also the user `reader` with the same password, who may only read.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}/{}", self.address, self.name)
    }

    /// Its address by way of another port, such as a [`crate::Cutter`]'s.
    #[must_use]
    pub fn url_at(&self, address: &str) -> String {
        format!("http://{USER}:{PASSWORD}@{address}/{}", self.name)
    }

    /// `127.0.0.1:port` of the server's HTTP interface.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs one statement in it; rows as lines, columns between tabs.
    ///
    /// # Errors
    /// The server refuses or is not there; its words are in the error.
    pub fn query(&self, sql: &str) -> anyhow::Result<String> {
        ask(&self.address, &self.name, sql)
    }
}

impl Drop for ClickHouseDatabase {
    fn drop(&mut self) {
        if self.is_dropped_at_the_end {
            ask(&self.address, "default", &format!("DROP DATABASE IF EXISTS {} SYNC", self.name)).ok();
        }
    }
}

/// What a [`ClickHouseServer`] is configured with besides its ports.
#[derive(Debug, Clone, Default)]
pub struct ClickHouseConfig {
    /// Parts of the server's configuration, as they stand within `<clickhouse>`.
    pub fragments: Vec<String>,
    /// The whole of users, profiles and quotas instead of the script's own; `default` without a password must be there.
    pub users: Option<String>,
}

/// A server of a test's own; it ends with its data when it goes out of scope.
#[derive(Debug)]
pub struct ClickHouseServer {
    folder: tempfile::TempDir,
    http: u16,
    tcp: u16,
    running: Option<Child>,
}

impl ClickHouseServer {
    /// Starts an empty one.
    ///
    /// # Errors
    /// The engine is not installed, or does not start; its words are in the error.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&ClickHouseConfig::default())
    }

    /// Starts an empty one that is configured like this.
    ///
    /// # Errors
    /// The engine is not installed, or does not start; its words are in the error.
    pub fn start_with(config: &ClickHouseConfig) -> anyhow::Result<Self> {
        let mut tries = 0;
        loop {
            let mut server = Self::prepared(config)?;
            tries += 1;
            match server.start_again() {
                Ok(()) => return Ok(server),
                // Another process may have taken a port in between.
                Err(_) if tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts this many servers as the shards of one cluster of this name, without replicas. Each knows all of them under
    /// `remote_servers`.
    ///
    /// # Errors
    /// The engine is not installed, or does not start; its words are in the error.
    pub fn cluster(name: &str, shards: usize, config: &ClickHouseConfig) -> anyhow::Result<Vec<Self>> {
        let mut servers = (0..shards).map(|_| Self::prepared(config)).collect::<anyhow::Result<Vec<_>>>()?;
        let shard = |server: &Self| {
            format!(
                "<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host>\
                 <port>{}</port><user>{USER}</user><password>{PASSWORD}</password></replica></shard>",
                server.tcp
            )
        };
        let all: String = servers.iter().map(shard).collect();
        for (place, server) in servers.iter().enumerate() {
            let text = format!(
                "<remote_servers><{name}>{all}</{name}></remote_servers>\
                 <macros><shard>{place}</shard><replica>0</replica></macros>"
            );
            std::fs::write(server.folder.path().join("cluster.xml"), text).context("writing the cluster")?;
        }
        for server in &mut servers {
            server.start_again()?;
        }
        Ok(servers)
    }

    /// Has files and ports, and does not run yet.
    fn prepared(config: &ClickHouseConfig) -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("hopline-clickhouse-").tempdir().context("a temporary folder")?;
        let server = Self { folder, http: ports::free(), tcp: ports::free(), running: None };
        server.configure(config)?;
        Ok(server)
    }

    /// Replaces the configuration; it counts from the next start.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn configure(&self, config: &ClickHouseConfig) -> anyhow::Result<()> {
        let folder = self.folder.path();
        std::fs::write(folder.join("extra.xml"), config.fragments.concat())
            .context("writing the configuration")?;
        match &config.users {
            Some(users) => std::fs::write(folder.join("users.xml"), users).context("writing the users"),
            None => Ok(()),
        }
    }

    /// Starts it again on the same data and ports, after [`ClickHouseServer::kill`] or [`ClickHouseServer::stop`].
    ///
    /// # Errors
    /// It does not start; its words are in the error.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let log = folder.join("server.log");
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(&log).context("a log")?;
        let script = folder.join("endpoint.py");
        std::fs::write(&script, SCRIPT).context("writing the program that serves")?;
        let mut command = Command::new(python()?);
        command.arg(script).arg("--data").arg(folder);
        command.args(["--http", &self.http.to_string(), "--tcp", &self.tcp.to_string()]);
        for name in ["extra.xml", "cluster.xml"] {
            if folder.join(name).exists() {
                command.arg("--config").arg(folder.join(name));
            }
        }
        if folder.join("users.xml").exists() {
            command.arg("--users").arg(folder.join("users.xml"));
        }
        // The engine signals its whole group when it is told to shut down.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file);
        let mut child = command.spawn().context("starting ClickHouse")?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).context("waiting for ClickHouse")?;
        if !line.starts_with("ready ") {
            child.kill().ok();
            child.wait().ok();
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            anyhow::bail!("ClickHouse does not start: {words}");
        }
        self.running = Some(child);
        Ok(())
    }

    /// kill -9, at once: a crash.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.running.take().context("ClickHouse is not running")?;
        child.kill().context("kill -9")?;
        child.wait().context("waiting for the killed server")?;
        Ok(())
    }

    /// Ends it in order; the data stays.
    ///
    /// # Errors
    /// It is not running.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let mut child = self.running.take().context("ClickHouse is not running")?;
        // Waiting closes the child's input, which would end it with its data.
        let stdin = child.stdin.take();
        child.wait().context("waiting for the server to end")?;
        drop(stdin);
        Ok(())
    }

    /// Stops its process where it stands: connections are accepted, and nothing answers.
    ///
    /// # Errors
    /// It is not running.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`ClickHouseServer::pause`].
    ///
    /// # Errors
    /// It is not running.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let child = self.running.as_ref().context("ClickHouse is not running")?;
        rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).context("a signal")
    }

    /// A fresh, empty database.
    ///
    /// # Errors
    /// The server refuses.
    pub fn database(&self) -> anyhow::Result<ClickHouseDatabase> {
        ClickHouseDatabase::create(&self.address(), false)
    }

    /// `127.0.0.1:port` of its HTTP interface.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// Port of its native interface.
    #[must_use]
    pub const fn tcp_port(&self) -> u16 {
        self.tcp
    }

    /// Runs one statement, in the database `default`; rows as lines, columns between tabs.
    ///
    /// # Errors
    /// The server refuses or is not there; its words are in the error.
    pub fn query(&self, sql: &str) -> anyhow::Result<String> {
        ask(&self.address(), "default", sql)
    }
}

impl Drop for ClickHouseServer {
    fn drop(&mut self) {
        // Its data goes with it, so nothing is lost by an end that takes no time.
        self.kill().ok();
    }
}

/// The Python that has the engine.
fn python() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("HOPLINE_TEST_PYTHON") {
        return Ok(PathBuf::from(path));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let program = std::env::current_exe().unwrap_or_default();
    let folders = target.iter().map(PathBuf::as_path).chain(program.ancestors());
    let mut candidates = folders.map(|folder| folder.join("tools/python/bin/python"));
    candidates.find(|path| path.exists()).context("the tests' Python is not installed")
}

/// One statement over HTTP, as the user that needs no password.
fn ask(address: &str, database: &str, sql: &str) -> anyhow::Result<String> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("reaching ClickHouse at {address}"))?;
    stream.set_read_timeout(Some(PATIENCE)).context("a time limit")?;
    let head = format!("POST /?database={database} HTTP/1.0\r\nContent-Length: {}\r\n\r\n", sql.len());
    stream.write_all(head.as_bytes()).context("asking ClickHouse")?;
    stream.write_all(sql.as_bytes()).context("asking ClickHouse")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("reading ClickHouse's answer")?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("ClickHouse gave no answer")?;
    let is_good = head.split_whitespace().nth(1) == Some("200");
    anyhow::ensure!(is_good, "{sql}: {}", body.trim());
    Ok(body.trim_end().to_owned())
}
