//! Configuration with provenance.
//!
//! Settings come from four layers, later wins: defaults, a TOML file, environment variables
//! `HOPLINE_<SECTION>_<KEY>`, flags. The binary collects file, environment and flags and passes them in as
//! [`Inputs`]; nothing here looks at the process. One table ([`KEYS`]) yields parser, flags, help, listing and
//! reference page.
//!
//! On failure nothing is half applied: [`Config::load`] gives either a whole configuration or every complaint
//! at once, each with its key and its place (file and line, variable, flag). Refused are unknown keys in the
//! file, unknown variables that start with `HOPLINE_`, values of the wrong type or out of bounds in any layer
//! (also one that a later layer covers), and settings that contradict each other. Empty text takes an optional
//! setting back to "not set".
//!
//! A container platform that injects variables of its own, such as `HOPLINE_SERVICE_HOST` for a service named
//! `hopline`, must be told not to.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

mod cidr;
mod complaint;
mod contradictions;
mod keys;
mod layers;
mod reference;
mod sections;
mod value;

pub use cidr::{Cidr, CidrError};
pub use complaint::{Complaint, ConfigError, Source};
pub use keys::{DefaultValue, ENV_PREFIX, KEYS, KeySpec, Kind};
pub use reference::{help, reference_page};
pub use sections::{
    ApiConfig, ClicksConfig, ClicksUrl, Config, Durability, EdgeConfig, FullDisk, LogConfig, LogFormat,
    MetricsConfig, PayoutsConfig, ShipConfig, SpoolConfig, StoreConfig, StoreUrl, TlsPaths, Upstream,
    WorkerConfig,
};
pub use value::{Secret, StoreAddress};

/// What the binary collected.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The configuration file, if there is one.
    pub file: Option<ConfigFile>,
    /// The environment. Variables that do not start with `HOPLINE_` are passed over.
    pub env: BTreeMap<String, String>,
    /// Flags by the name of their key (`data_dir`, `edge.listen`).
    pub flags: BTreeMap<String, String>,
}

/// A configuration file that was read.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Its name as complaints shall show it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// One line of `hopline config check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingRow {
    /// The key.
    pub key: &'static str,
    /// The value in force; secrets as `***`.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// Every complaint at once, each with its key and place.
    pub fn load(inputs: &Inputs) -> Result<Self, ConfigError> {
        let mut layers = layers::Layers::read(inputs);
        let config = Self::from_layers(&layers);
        let contradictions = contradictions::find(&config, &layers);
        layers.complaints.extend(contradictions);
        if layers.complaints.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { complaints: layers.complaints })
        }
    }

    /// The configuration when nothing is set anywhere.
    #[must_use]
    pub fn defaults() -> Self {
        Self::load(&Inputs::default()).expect("the defaults fit each other")
    }

    /// Every setting as loaded, with its value and source, in the order of [`KEYS`].
    #[must_use]
    pub fn listing(&self) -> &[ListingRow] {
        &self.listing
    }
}

/// The address under which a listener is reached from this machine.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests;
