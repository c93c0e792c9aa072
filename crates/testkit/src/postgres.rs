//! A real PostgreSQL (15 or later, Debian's package `postgresql`) and fresh databases on it.
//!
//! All tests of a run share one server: the one that `HOPLINE_TEST_POSTGRES` names (`cargo xtask test` starts it), else one
//! that the test process starts for itself. [`postgres`] gives a database of the test's own on it. Faults need a
//! [`PostgresServer`] of the test's own, which can be killed, restarted and made read-only.
//!
//! `fsync` is on and the text order is not that of bytes, as on a real server. The role that owns a database is no superuser
//! and does not bypass row-level security. The server does not outlive who started it: a shell beside it waits for the end of
//! its input. As root it runs as the user `postgres`, for it refuses to run as root.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use anyhow::Context as _;

use crate::ports;

/// Names the shared server, as an administrator reaches it.
pub const POSTGRES_VARIABLE: &str = "HOPLINE_TEST_POSTGRES";
/// Starts the server and ends it with its parent.
const SERVE: &str = include_str!("postgres/serve.sh");
/// Ports to try before giving up.
const TRIES: usize = 5;
/// Where Debian puts a version's programs: `{version}/bin`.
const DEBIAN: &str = "/usr/lib/postgresql";
const PASSWORD: &str = "secret";

/// A fresh, empty database on the server that all tests share; deleted when it goes out of scope.
///
/// # Panics
/// There is no PostgreSQL; says what to do.
#[must_use]
pub fn postgres() -> PostgresDatabase {
    let admin = shared().unwrap_or_else(|error| {
        panic!(
            "no PostgreSQL for this test: {error} (`cargo xtask test` installs and starts what tests need)"
        )
    });
    PostgresDatabase::create(&admin, true)
        .unwrap_or_else(|error| panic!("no database for this test: {error:#}"))
}

/// The address of the shared server, which this process starts where no other did.
fn shared() -> Result<String, String> {
    static SHARED: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
    if let Ok(address) = std::env::var(POSTGRES_VARIABLE) {
        return Ok(address);
    }
    let server = SHARED.get_or_init(|| PostgresServer::start().map_err(|error| format!("{error:#}")));
    server.as_ref().map(PostgresServer::admin_url).map_err(Clone::clone)
}

/// A database of a test's own, owned by a role without special rights.
#[derive(Debug)]
pub struct PostgresDatabase {
    name: String,
    /// Of the server's own database `postgres`.
    server: String,
    is_dropped_at_the_end: bool,
}

impl PostgresDatabase {
    fn create(server: &str, is_dropped_at_the_end: bool) -> anyhow::Result<Self> {
        let name = ports::unique_name();
        psql(server, &format!("CREATE DATABASE {name} OWNER hopline"))?;
        Ok(Self { name, server: server.to_owned(), is_dropped_at_the_end })
    }

    /// Its address for the role that owns it: no superuser, no `BYPASSRLS`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as("hopline", PASSWORD)
    }

    /// Its address for the server's superuser.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.url_as("postgres", PASSWORD)
    }

    /// Its address with other credentials.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("postgres://{user}:{password}@{}/{}", self.address(), self.name)
    }

    /// Its address by way of another port, such as a [`crate::Cutter`]'s.
    #[must_use]
    pub fn url_at(&self, address: &str) -> String {
        format!("postgres://hopline:{PASSWORD}@{address}/{}", self.name)
    }

    /// `127.0.0.1:port` of the server.
    #[must_use]
    pub fn address(&self) -> &str {
        host(&self.server)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements as the superuser; rows as lines, columns between `|`.
    ///
    /// # Errors
    /// The server refuses; its words are in the error.
    pub fn query(&self, sql: &str) -> anyhow::Result<String> {
        psql(&self.admin_url(), sql)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if self.is_dropped_at_the_end {
            // Nobody waits for it: it makes the server write everything out.
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            psql_command(&self.server, &sql).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok();
        }
    }
}

/// A server of a test's own; it ends with its data when it goes out of scope.
#[derive(Debug)]
pub struct PostgresServer {
    folder: tempfile::TempDir,
    port: u16,
    /// The shell beside the server, and the server's process id; none while it is down.
    running: Option<(Child, u32)>,
}

impl PostgresServer {
    /// Makes an empty one and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start; its words are in the error.
    pub fn start() -> anyhow::Result<Self> {
        let mut tries = 0;
        let server = loop {
            let mut server = Self { folder: folder()?, port: ports::free(), running: None };
            tries += 1;
            match server.start_again() {
                Ok(()) => break server,
                // Another process may have taken the port in between.
                Err(_) if tries < TRIES => {}
                Err(error) => return Err(error),
            }
        };
        psql(
            &server.admin_url(),
            &format!("CREATE ROLE hopline LOGIN PASSWORD '{PASSWORD}' NOSUPERUSER NOCREATEDB NOBYPASSRLS"),
        )?;
        Ok(server)
    }

    /// Starts it again on the same data and port, after [`PostgresServer::kill`] or [`PostgresServer::stop`].
    ///
    /// # Errors
    /// It does not start; its words are in the error.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let bin = programs()?;
        let mut command = as_server_user("sh");
        command.args(["-c", SERVE, "serve.sh"]).arg(&bin).arg(folder).arg(self.port.to_string());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        // In a group of its own it lives to see the end of its input when a terminal or a runner stops the test's group.
        command.process_group(0).current_dir("/");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting PostgreSQL")?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).context("waiting for PostgreSQL")?;
        let Some(pid) = line.strip_prefix("ready ").and_then(|pid| pid.trim().parse().ok()) else {
            child.wait().ok();
            let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
            anyhow::bail!("PostgreSQL of {} does not start: {log}", bin.display());
        };
        self.running = Some((child, pid));
        Ok(())
    }

    /// kill -9, at once: a crash.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let (child, pid) = self.running.take().context("PostgreSQL is not running")?;
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.context("PostgreSQL has no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).context("kill -9")?;
        end(child, true);
        Ok(())
    }

    /// Stops it in order, cutting off its clients; the data stays.
    ///
    /// # Errors
    /// It is not running.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let (child, _) = self.running.take().context("PostgreSQL is not running")?;
        end(child, true);
        Ok(())
    }

    /// Sets one of its settings for all sessions, also those that are open.
    ///
    /// # Errors
    /// The server refuses.
    pub fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        // Statements of one call would be one transaction, in which ALTER SYSTEM is refused.
        psql(&self.admin_url(), &format!("ALTER SYSTEM SET {name} = '{value}'"))?;
        psql(&self.admin_url(), "SELECT pg_reload_conf()")?;
        Ok(())
    }

    /// A fresh, empty database.
    ///
    /// # Errors
    /// The server refuses.
    pub fn database(&self) -> anyhow::Result<PostgresDatabase> {
        PostgresDatabase::create(&self.admin_url(), false)
    }

    /// Its address for the superuser.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some((child, _)) = self.running.take() {
            end(child, false);
        }
    }
}

/// Ends the shell beside a server, and so the server.
fn end(mut child: Child, keep: bool) {
    let mut stdin = child.stdin.take();
    if keep && let Some(stdin) = &mut stdin {
        stdin.write_all(b"keep\n").ok();
    }
    drop(stdin);
    child.wait().ok();
}

/// A folder for a server's files that its user owns.
fn folder() -> anyhow::Result<tempfile::TempDir> {
    let folder =
        tempfile::Builder::new().prefix("hopline-postgres-").tempdir().context("a temporary folder")?;
    if let Some(user) = server_user() {
        let id = |what: &str| -> anyhow::Result<u32> {
            let output = Command::new("id").args([what, user]).output().context("asking for a user's id")?;
            let text = String::from_utf8_lossy(&output.stdout);
            text.trim().parse().with_context(|| format!("there is no user {user}"))
        };
        std::os::unix::fs::chown(folder.path(), Some(id("-u")?), Some(id("-g")?))
            .with_context(|| format!("giving {} to {user}", folder.path().display()))?;
    }
    Ok(folder)
}

/// Who runs the server where we are root.
fn server_user() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let is_there =
        |user: &str| Command::new("id").arg(user).output().is_ok_and(|output| output.status.success());
    ["postgres", "nobody"].into_iter().find(|user| is_there(user))
}

fn as_server_user(program: &str) -> Command {
    let Some(user) = server_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups", "--", program]);
    command
}

/// The folder of PostgreSQL's programs.
fn programs() -> anyhow::Result<PathBuf> {
    let debian = std::fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
    let versions =
        debian.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    let newest = versions.filter(|(version, _)| *version >= 15).max().map(|(_, path)| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = newest.into_iter().chain(std::env::split_paths(&path));
    let has_it =
        |folder: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file());
    folders
        .find(has_it)
        .context("PostgreSQL 15 or later is not installed (on Debian: apt-get install postgresql)")
}

fn psql(url: &str, sql: &str) -> anyhow::Result<String> {
    let output = psql_command(url, sql).output().context("starting psql")?;
    anyhow::ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn psql_command(url: &str, sql: &str) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program =
        PROGRAM.get_or_init(|| programs().map_or_else(|_| "psql".into(), |folder| folder.join("psql")));
    let mut command = Command::new(program);
    command
        .args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set", "ON_ERROR_STOP=1"])
        .args(["--dbname", url, "--command", sql])
        .env("PGCONNECT_TIMEOUT", "10")
        .stdin(Stdio::null());
    command
}

/// `host:port` of a URL with credentials and path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
