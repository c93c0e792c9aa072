//! Where the server is and how it is reached, out of a URL.
//!
//! `postgres://user:password@host:5432/database?sslmode=verify-full`, as libpq reads it: several hosts with commas,
//! `%2F…` for a directory of Unix sockets, `options=-c%20search_path%3Dhopline`. Two parameters are understood here:
//! `sslrootcert` (a file of authorities in PEM form) and `connections` (the most that this program opens, 3 to 200).
//!
//! | `sslmode` | means |
//! |---|---|
//! | `disable` | never TLS |
//! | `prefer`, the default | TLS where the server has it; its certificate is not checked |
//! | `require` | TLS; its certificate is not checked unless `sslrootcert` is given, and then as by `verify-full` |
//! | `verify-full` | TLS; the certificate must be the host's, by `sslrootcert` or else by the public authorities |

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Connections where the URL does not say: four that read, eight that write, one that listens.
const CONNECTIONS: usize = 13;
const CONNECTIONS_MIN: usize = 3;
const CONNECTIONS_MAX: usize = 200;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After this long without an answer from the other machine's network a connection is given up.
const UNANSWERED_MAX: Duration = Duration::from_secs(30);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// How far the server's certificate is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Whatever it shows.
    Anything,
    /// The public authorities.
    Public,
    /// The authorities in a file.
    File(PathBuf),
}

/// Where the server is and how it is reached. Its `Debug` form shows no password.
#[derive(Clone)]
pub struct PostgresOptions {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
    pub(crate) connections: usize,
}

/// Why a URL says nothing. The URL itself is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// It is another kind of address.
    #[error("the address of the control store does not begin with postgres:// or postgresql://")]
    Scheme,
    /// It says nothing about where the server is.
    #[error(
        "the address of the control store names no {what}: expected postgres://user:password@host:5432/database"
    )]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// A parameter has a value that is not understood.
    #[error("the address of the control store has {name}={given:?}, expected {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What was given.
        given: String,
        /// What would be understood.
        expected: &'static str,
    },
    /// The rest of it is not understood.
    #[error("the address of the control store is not understood")]
    Rest(#[source] tokio_postgres::Error),
}

impl FromStr for PostgresOptions {
    type Err = OptionsError;

    fn from_str(url: &str) -> Result<Self, OptionsError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OptionsError::Scheme);
        }
        let (base, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut kept = Vec::new();
        let (mut mode, mut roots, mut connections) = (None, None, CONNECTIONS);
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            match name {
                "sslmode" => mode = Some(value),
                "sslrootcert" => roots = Some(PathBuf::from(value)),
                "connections" => {
                    let number =
                        value.parse().ok().filter(|n| (CONNECTIONS_MIN..=CONNECTIONS_MAX).contains(n));
                    let refused = |given| OptionsError::Parameter {
                        name: "connections",
                        given,
                        expected: "a number from 3 to 200",
                    };
                    connections = number.ok_or_else(|| refused(value))?;
                }
                _ => kept.push(pair),
            }
        }
        let rest = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
        let mut config: Config = rest.parse().map_err(OptionsError::Rest)?;
        for (is_missing, what) in [
            (config.get_hosts().is_empty() && config.get_hostaddrs().is_empty(), "host"),
            (config.get_user().is_none(), "user"),
            (config.get_dbname().is_none_or(str::is_empty), "database"),
        ] {
            if is_missing {
                return Err(OptionsError::Missing { what });
            }
        }
        let trust = trust(&mut config, mode, roots)?;
        set_up(&mut config);
        Ok(Self { config, trust, connections })
    }
}

fn trust(config: &mut Config, mode: Option<String>, roots: Option<PathBuf>) -> Result<Trust, OptionsError> {
    let mode = mode.unwrap_or_else(|| "prefer".to_owned());
    let (asked, is_checked) = match mode.as_str() {
        "disable" => (SslMode::Disable, false),
        "prefer" => (SslMode::Prefer, false),
        "require" => (SslMode::Require, roots.is_some()),
        "verify-full" => (SslMode::Require, true),
        _ => {
            let expected = "disable, prefer, require or verify-full";
            return Err(OptionsError::Parameter { name: "sslmode", given: mode, expected });
        }
    };
    config.ssl_mode(asked);
    Ok(match (is_checked, roots) {
        (false, _) => Trust::Anything,
        (true, None) => Trust::Public,
        (true, Some(file)) => Trust::File(file),
    })
}

/// What holds for every connection, unless the URL says otherwise.
fn set_up(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("hopline");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNANSWERED_MAX);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(KEEPALIVE_IDLE);
        config.keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
}

impl PostgresOptions {
    /// Connections of reading jobs; the rest, but one that listens, is for those that write.
    pub(crate) const fn readers(&self) -> usize {
        let third = self.connections / 3;
        if third < 1 { 1 } else { third }
    }

    pub(crate) const fn writers(&self) -> usize {
        self.connections - self.readers() - 1
    }

    /// Server, database and user, for messages.
    #[must_use]
    pub fn told(&self) -> String {
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let mut hosts: Vec<String> = self.config.get_hosts().iter().map(host).collect();
        if hosts.is_empty() {
            hosts = self.config.get_hostaddrs().iter().map(ToString::to_string).collect();
        }
        let ports: Vec<String> = self.config.get_ports().iter().map(ToString::to_string).collect();
        let port = if ports.is_empty() { "5432".to_owned() } else { ports.join(",") };
        let database = self.config.get_dbname().unwrap_or_default();
        let user = self.config.get_user().unwrap_or_default();
        format!("postgres://{user}@{}:{port}/{database}", hosts.join(","))
    }
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("server", &self.told())
            .field("trust", &self.trust)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// `%2F` is `/`; what is no such form stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> PostgresOptions {
        url.parse().unwrap()
    }

    #[test]
    fn a_password_is_never_shown() {
        let options = read("postgres://app:se%20cret@db.example:5433/hopline?sslmode=require");
        let shown = format!("{options:?} {}", options.told());
        assert!(!shown.contains("cret"), "{shown}");
        assert!(shown.contains("postgres://app@db.example:5433/hopline"), "{shown}");
        for wrong in [
            "postgres://app:secret@h/d?sslmode=maybe",
            "postgres://app:secret@h/d?secret=1",
            "mysql://a:secret@h",
        ] {
            let refusal = wrong.parse::<PostgresOptions>().unwrap_err();
            let source = std::error::Error::source(&refusal).map(ToString::to_string).unwrap_or_default();
            assert!(!format!("{refusal} {refusal:?} {source}").contains("app:secret"), "{refusal:?}");
        }
    }

    #[test]
    fn what_sslmode_means() {
        for (parameters, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anything),
            ("?sslmode=disable", SslMode::Disable, Trust::Anything),
            ("?sslmode=require", SslMode::Require, Trust::Anything),
            ("?sslmode=verify-full", SslMode::Require, Trust::Public),
            (
                "?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
                SslMode::Require,
                Trust::File("/etc/ca.pem".into()),
            ),
            ("?sslmode=require&sslrootcert=/etc/ca.pem", SslMode::Require, Trust::File("/etc/ca.pem".into())),
        ] {
            let options = read(&format!("postgres://app@h/d{parameters}"));
            assert_eq!((options.config.get_ssl_mode(), options.trust), (mode, trust), "{parameters}");
        }
        let refusal = "postgres://app@h/d?sslmode=verify-ca".parse::<PostgresOptions>().unwrap_err();
        assert!(refusal.to_string().contains("verify-full"), "{refusal}");
    }

    #[test]
    fn the_parameters_of_the_server_are_passed_on() {
        let options =
            read("postgres://app@h/d?application_name=mine&options=-c%20search_path%3Dx&connections=4");
        assert_eq!(options.config.get_application_name(), Some("mine"));
        assert_eq!(options.config.get_options(), Some("-c search_path=x"));
        assert_eq!((options.readers(), options.writers()), (1, 2));
        assert_eq!(read("postgres://app@h/d").config.get_application_name(), Some("hopline"));
        assert_eq!((read("postgres://app@h/d").readers(), read("postgres://app@h/d").writers()), (4, 8));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (url, what) in
            [("postgres:///d", "host"), ("postgres://h/d", "user"), ("postgres://app@h", "database")]
        {
            let refusal = url.parse::<PostgresOptions>().unwrap_err();
            assert!(refusal.to_string().contains(what), "{url}: {refusal}");
        }
        assert!(matches!("sqlite:control.db".parse::<PostgresOptions>(), Err(OptionsError::Scheme)));
        let refusal = "postgres://app@h/d?connections=0".parse::<PostgresOptions>().unwrap_err();
        assert!(refusal.to_string().contains("3 to 200"), "{refusal}");
    }
}
