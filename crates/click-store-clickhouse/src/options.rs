//! Where the servers are, as one URL says it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The database where the URL names none.
const DATABASE: &str = "hopline";
const HTTP_PORT: u16 = 8123;
const HTTPS_PORT: u16 = 8443;
/// How long the server may work on one statement.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach ClickHouse, and in which form the tables are there.
///
/// `clickhouse://user:password@host:8123,host:8123/database?cluster=name`, or `http://`, `https://` with the same rest.
/// Parameters: `secure=1` (TLS), `ca_file=PATH` (trust these authorities instead of the public ones), `timeout=SECONDS` (of the
/// server, for one statement), `compression=lz4` (of what is sent), `cluster=NAME` (tables on all servers of the cluster),
/// `replicated=0` (a cluster whose servers are shards without replicas: every one of them is named in the URL).
#[derive(Clone, PartialEq, Eq)]
pub struct ClickHouseOptions {
    /// The servers; those behind the first stand in for it.
    pub hosts: Vec<Host>,
    /// Whether they are reached by TLS.
    pub is_secure: bool,
    /// The database.
    pub database: String,
    /// The user; the server's default one where there is none.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Password>,
    /// Authorities to trust instead of the public ones (PEM).
    pub ca_file: Option<PathBuf>,
    /// How long the server may work on one statement. The client waits longer.
    pub timeout: Duration,
    /// Whether rows are sent in LZ4: for servers at the other end of a narrow line.
    pub is_compressed: bool,
    /// The cluster that the tables lie on, if they do.
    pub cluster: Option<Cluster>,
    /// Days for which the server keeps raw clicks; none: until retention deletes them.
    pub retention_days: Option<u32>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name or address; an IPv6 address in brackets.
    pub name: String,
    /// Port of its HTTP interface.
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

/// Tables on several servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name in the servers' configuration.
    pub name: String,
    /// Whether its shards have replicas. Else the tables are made on every server that the URL names.
    pub is_replicated: bool,
}

/// A password; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes one.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for ClickHouseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClickHouseOptions({self})")
    }
}

impl fmt::Display for ClickHouseOptions {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_secure { "https://" } else { "http://" })?;
        for (place, host) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}", if place == 0 { "" } else { "," })?;
        }
        write!(f, "/{}", self.database)?;
        match &self.cluster {
            Some(cluster) => write!(f, " (cluster {})", cluster.name),
            None => Ok(()),
        }
    }
}

/// What is wrong with a URL. Never says what stands in it, for the sake of the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no address of ClickHouse: {what}; expected clickhouse://user:password@host:8123/database, several hosts with commas"
)]
pub struct OptionsError {
    what: String,
}

fn wrong<T>(what: impl Into<String>) -> Result<T, OptionsError> {
    Err(OptionsError { what: what.into() })
}

impl FromStr for ClickHouseOptions {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let Some((scheme, rest)) = text.split_once("://") else { return wrong("it has no scheme") };
        let mut is_secure = match scheme {
            "clickhouse" | "http" => false,
            "clickhouses" | "https" => true,
            _ => return wrong("its scheme is none of clickhouse, http, https"),
        };
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        let (user, password) = match credentials {
            Some(credentials) => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                (decoded("user", user)?, decoded("password", password)?)
            }
            None => (None, None),
        };
        let mut options = Self {
            hosts: Vec::new(),
            is_secure,
            database: decoded("database", path.trim_end_matches('/'))?.unwrap_or_else(|| DATABASE.to_owned()),
            user,
            password: password.map(Password),
            ca_file: None,
            timeout: TIMEOUT,
            is_compressed: false,
            cluster: None,
            retention_days: None,
        };
        let mut is_replicated = true;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "secure" => is_secure = yes_or_no("secure", &value)?,
                "ca_file" => options.ca_file = Some(PathBuf::from(value.as_ref())),
                "timeout" => options.timeout = seconds(&value)?,
                "compression" => options.is_compressed = compression(&value)?,
                "cluster" => options.cluster = Some(Cluster { name: value.into_owned(), is_replicated }),
                "replicated" => is_replicated = yes_or_no("replicated", &value)?,
                _ => return wrong(format!("there is no parameter {name:?}")),
            }
        }
        options.is_secure = is_secure;
        if let Some(cluster) = &mut options.cluster {
            cluster.is_replicated = is_replicated;
            identifier("cluster", &cluster.name)?;
        }
        identifier("database", &options.database)?;
        options.hosts = hosts.split(',').map(|host| one_host(host, is_secure)).collect::<Result<_, _>>()?;
        Ok(options)
    }
}

fn one_host(text: &str, is_secure: bool) -> Result<Host, OptionsError> {
    let port = if is_secure { HTTPS_PORT } else { HTTP_PORT };
    // The colon of a port is behind the brackets of an IPv6 address.
    let (name, port) = match text.rsplit_once(':') {
        Some((name, given)) if !given.contains(']') => match given.parse() {
            Ok(given) if given > 0 => (name, given),
            _ => return wrong("a host's port is no number from 1 to 65535"),
        },
        _ => (text, port),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return wrong("a host has no name");
    }
    Ok(Host { name: name.to_owned(), port })
}

/// Names of databases and clusters stand in statements.
fn identifier(what: &str, name: &str) -> Result<(), OptionsError> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_one = name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit());
    if is_one { Ok(()) } else { wrong(format!("the name of the {what} is not of letters, digits and _")) }
}

fn yes_or_no(what: &str, value: &str) -> Result<bool, OptionsError> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => wrong(format!("{what} is neither 0 nor 1")),
    }
}

fn seconds(value: &str) -> Result<Duration, OptionsError> {
    match value.parse() {
        Ok(seconds @ 1..=3_600) => Ok(Duration::from_secs(seconds)),
        _ => wrong("timeout is no number of seconds from 1 to 3600"),
    }
}

fn compression(value: &str) -> Result<bool, OptionsError> {
    match value {
        "lz4" => Ok(true),
        "none" => Ok(false),
        _ => wrong("compression is neither lz4 nor none"),
    }
}

/// Text with percent signs, none where it is empty.
fn decoded(what: &str, text: &str) -> Result<Option<String>, OptionsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits =
            [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        match digits {
            [Some(high), Some(low)] => {
                bytes.push(u8::try_from(high << 4 | low).expect("two digits of four bits"))
            }
            _ => return wrong(format!("the {what} has a percent sign without two digits")),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => wrong(format!("the {what} is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ClickHouseOptions {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_names_hosts_database_and_credentials() {
        let options = read("clickhouse://us%40er:p%3Aw@h1,[::1]:9000/clicks?cluster=all&timeout=5");
        assert_eq!(options.hosts.iter().map(Host::to_string).collect::<Vec<_>>(), ["h1:8123", "[::1]:9000"]);
        assert_eq!(options.user.as_deref(), Some("us@er"));
        assert_eq!(options.password.as_ref().map(Password::expose), Some("p:w"));
        assert_eq!((options.database.as_str(), options.timeout), ("clicks", Duration::from_secs(5)));
        assert_eq!(options.cluster, Some(Cluster { name: "all".into(), is_replicated: true }));
        assert!(!options.is_secure);
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let options = read("https://h");
        assert_eq!(options.hosts, [Host { name: "h".into(), port: 8443 }]);
        assert_eq!((options.database.as_str(), options.user, options.password), ("hopline", None, None));
        assert!(options.is_secure && read("clickhouse://h?secure=1").is_secure);
        let cluster = read("clickhouse://a,b/d?cluster=c&replicated=0").cluster.unwrap();
        assert!(!cluster.is_replicated);
    }

    #[test]
    fn a_wrong_url_is_refused_without_telling_its_password() {
        let given = [
            "hunter2",
            "postgres://u:hunter2@h/d",
            "clickhouse://u:hunter2@/d",
            "clickhouse://u:hunter2@h:0/d",
            "clickhouse://u:hunter2@h/d?x=1",
            "clickhouse://u:hunter2@h/d-1",
            "clickhouse://u:hunter2@h/d?cluster=a'b",
            "clickhouse://u:hunter2%@h/d",
            "clickhouse://u:hunter2@h/d?timeout=0",
            "clickhouse://u:hunter2@h,,g/d",
        ];
        for given in given {
            let error = ClickHouseOptions::from_str(given).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn options_are_shown_without_credentials() {
        let options = read("clickhouse://someone:hunter2@h/d");
        let shown = format!("{options} {options:?} {:?}", options.password);
        assert!(!shown.contains("hunter2") && !shown.contains("someone"), "{shown}");
    }
}
