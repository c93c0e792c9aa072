//! Values of settings: from text to type, and from type to what is shown.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::cidr::Cidr;
use super::keys::Kind;

/// Text that prints as `***` everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that uses it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The address of a store; prints without passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreAddress(String);

impl StoreAddress {
    /// Takes an address.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self(address.into())
    }

    /// The address with its password, for the one place that connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for StoreAddress {
    /// What stands between a colon and the last `@` is hidden, also where a password holds signs that it should not; so are
    /// parameters whose names sound like secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        if !scheme.is_empty() {
            write!(f, "{scheme}://")?;
        }
        let rest = match rest.rsplit_once('@') {
            None => rest,
            Some((credentials, rest)) => {
                match credentials.split_once(':') {
                    Some((user, _)) => write!(f, "{user}:***@")?,
                    None => write!(f, "{credentials}@")?,
                }
                rest
            }
        };
        let (base, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        f.write_str(base)?;
        for (place, parameter) in parameters.split('&').filter(|parameter| !parameter.is_empty()).enumerate()
        {
            f.write_str(if place == 0 { "?" } else { "&" })?;
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let is_secret = ["pass", "secret", "token"].iter().any(|word| name.to_lowercase().contains(word));
            match (is_secret, value) {
                (_, "") => f.write_str(name)?,
                (true, _) => write!(f, "{name}=***")?,
                (false, _) => write!(f, "{name}={value}")?,
            }
        }
        Ok(())
    }
}

/// A value that fits its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Unset,
    Text(String),
    Secret(Secret),
    Store(StoreAddress),
    Path(PathBuf),
    Address(SocketAddr),
    Count(u64),
    Switch(bool),
    Cidrs(Vec<Cidr>),
}

impl Value {
    /// As `config check` shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Unset => "(not set)".into(),
            Self::Text(text) => text.clone(),
            Self::Secret(secret) => secret.to_string(),
            Self::Store(address) => address.to_string(),
            Self::Path(path) => path.display().to_string(),
            Self::Address(address) => address.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Switch(on) => on.to_string(),
            Self::Cidrs(cidrs) => cidrs.iter().map(Cidr::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

/// Reads a value written as text. The error says what was given and what was expected.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    let given = text.trim();
    let wrong = || format!("{given:?} is not {}", kind.expected());
    match kind {
        Kind::Path if given.is_empty() => Err(wrong()),
        Kind::Path => Ok(Value::Path(PathBuf::from(given))),
        Kind::Address => given.parse().map(Value::Address).map_err(|_| wrong()),
        Kind::Text(max) => match given.chars().count() {
            0 => Err(wrong()),
            count if count > usize::from(max) => {
                Err(format!("{count} characters given, at most {max} allowed"))
            }
            _ if given.chars().any(char::is_control) => Err(format!("{given:?} holds a control character")),
            _ => Ok(Value::Text(given.to_owned())),
        },
        Kind::Secret if given.is_empty() => Err("is empty".into()),
        Kind::Secret => Ok(Value::Secret(Secret::new(given))),
        Kind::Count(min, max) => match given.parse::<u64>() {
            Ok(count) if (min..=max).contains(&count) => Ok(Value::Count(count)),
            Ok(_) | Err(_) => Err(wrong()),
        },
        Kind::Switch => given.parse().map(Value::Switch).map_err(|_| wrong()),
        Kind::Choice(words) if words.contains(&given) => Ok(Value::Text(given.to_owned())),
        Kind::Choice(_) => Err(wrong()),
        Kind::Store(word, _) if given == word => Ok(Value::Text(given.to_owned())),
        Kind::Store(_, schemes) => match given.split_once("://") {
            Some((scheme, rest)) if schemes.contains(&scheme) && !rest.is_empty() => {
                Ok(Value::Store(StoreAddress::new(given)))
            }
            _ => Err(unsupported_store(given, kind)),
        },
        Kind::BaseUrl => base_url(given).ok_or_else(wrong),
        Kind::Url => web_address(given).map(|_| Value::Text(given.to_owned())).ok_or_else(wrong),
        Kind::Cidrs => cidrs(given.split(',').map(str::trim).filter(|part| !part.is_empty())),
        // Its parser counts bytes wrongly behind a blank and panics within a longer character.
        Kind::LogFilter if !given.is_ascii() => Err(wrong()),
        Kind::LogFilter => match tracing_subscriber::EnvFilter::try_new(given) {
            Ok(_) if !given.is_empty() => Ok(Value::Text(given.to_owned())),
            Ok(_) | Err(_) => Err(wrong()),
        },
        Kind::Country if given.len() == 2 && given.bytes().all(|b| b.is_ascii_uppercase()) => {
            Ok(Value::Text(given.to_owned()))
        }
        Kind::Country => Err(wrong()),
    }
}

/// Reads networks, naming the first that is none.
pub(super) fn cidrs<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Value, String> {
    parts
        .map(|part| part.parse::<Cidr>().map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()
        .map(Value::Cidrs)
}

fn web_address(text: &str) -> Option<url::Url> {
    let address = url::Url::parse(text).ok()?;
    let is_web = matches!(address.scheme(), "http" | "https") && address.has_host();
    let is_plain = address.username().is_empty() && address.password().is_none();
    (is_web && is_plain).then_some(address)
}

/// Kept without the slash at its end, so that a path can be put behind it.
fn base_url(text: &str) -> Option<Value> {
    let address = web_address(text)?;
    let plain = address.query().is_none() && address.fragment().is_none();
    plain.then(|| Value::Text(address.as_str().trim_end_matches('/').to_owned()))
}

/// Names only the scheme of what was given: the rest may hold a password.
fn unsupported_store(given: &str, kind: Kind) -> String {
    let expected = kind.expected();
    match given.split_once(':') {
        Some((scheme, _)) => format!("{scheme}:… is no store; expected {expected}"),
        None if given.contains('@') => format!("this is no store; expected {expected}"),
        None => format!("{given:?} is no store; expected {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars_in_every_form() {
        let value = Value::Secret(Secret::new("hunter2"));
        let all = format!("{value:?} {} {}", value.shown(), Secret::new("hunter2"));
        assert!(!all.contains("hunter2"), "{all}");
        assert_eq!(Secret::new("hunter2").expose(), "hunter2");
    }

    #[test]
    fn a_refused_store_shows_what_is_expected_and_no_password() {
        let kind = Kind::Store("sqlite", &["postgres"]);
        for bad in
            ["mysql://hopline:hunter2@db/hopline", "postgres:hopline:hunter2@db", "hunter2@db", "postgres://"]
        {
            let error = parse(kind, bad).unwrap_err();
            assert!(error.contains("expected sqlite or postgres://"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_address_of_a_store_is_shown_without_its_password() {
        for (given, shown) in [
            (
                "postgres://app:hunter2@db:5432/hopline?sslmode=require",
                "postgres://app:***@db:5432/hopline?sslmode=require",
            ),
            ("postgres://app:hun/t@er:2@db/hopline", "postgres://app:***@db/hopline"),
            ("postgres://app@db/hopline", "postgres://app@db/hopline"),
            (
                "clickhouse://a:8123,b:8123/hopline?password=hunter2&timeout=9",
                "clickhouse://a:8123,b:8123/hopline?password=***&timeout=9",
            ),
            ("http://db", "http://db"),
        ] {
            let value = parse(Kind::Store("x", &["postgres", "clickhouse", "http"]), given).unwrap();
            assert_eq!(value.shown(), shown);
            assert!(!format!("{value:?}").contains("hun"), "{value:?}");
            assert!(matches!(value, Value::Store(address) if address.expose() == given));
        }
    }

    #[test]
    fn base_addresses_lose_their_last_slash_and_may_not_have_a_query() {
        let read = |text| parse(Kind::BaseUrl, text);
        assert_eq!(read("https://go.example/"), Ok(Value::Text("https://go.example".into())));
        assert_eq!(read("http://127.0.0.1:8080"), Ok(Value::Text("http://127.0.0.1:8080".into())));
        for bad in ["go.example", "ftp://go.example", "https://go.example/?a=b", "https://u:p@go.example", ""]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_outside_their_bounds_are_refused_with_the_bounds() {
        let error = parse(Kind::Count(1, 5), "6").unwrap_err();
        assert_eq!(error, "\"6\" is not a whole number from 1 to 5");
        for bad in ["-1", "1.5", "", "1e3", "0"] {
            assert!(parse(Kind::Count(1, 5), bad).is_err(), "{bad}");
        }
        assert!(parse(Kind::LogFilter, "hopline=notalevel").is_err());
        assert!(parse(Kind::LogFilter, ",\ng\u{fffd}=").is_err());
        assert!(parse(Kind::Country, "de").is_err());
        assert!(parse(Kind::Text(3), "abcd").is_err());
        assert!(parse(Kind::Switch, "yes").is_err());
    }
}
