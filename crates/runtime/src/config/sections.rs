//! The typed configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::ListingRow;
use super::cidr::Cidr;
use super::complaint::Source;
use super::keys::KEYS;
use super::layers::Layers;
use super::value::{Secret, StoreAddress, Value};

/// Everything that is configured. What each setting does stands in [`KEYS`].
#[derive(Debug, Clone)]
pub struct Config {
    /// `data_dir`.
    pub data_dir: PathBuf,
    /// `log` and `log_format`.
    pub log: LogConfig,
    /// `[edge]`.
    pub edge: EdgeConfig,
    /// `[api]`.
    pub api: ApiConfig,
    /// `[metrics]`.
    pub metrics: MetricsConfig,
    /// `[store]`.
    pub store: StoreConfig,
    /// `[clicks]`.
    pub clicks: ClicksConfig,
    /// `[spool]`.
    pub spool: SpoolConfig,
    /// `[ship]`.
    pub ship: ShipConfig,
    /// `[worker]`.
    pub worker: WorkerConfig,
    /// `[payouts]`.
    pub payouts: PayoutsConfig,
    pub(super) listing: Vec<ListingRow>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// A filter such as `info,hopline_edge=debug`; known to be well-formed.
    pub filter: String,
    /// Form of the lines.
    pub format: LogFormat,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What a click has survived when its answer leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process: written before the answer.
    Process,
    /// The loss of power: written and synced before the answer.
    Disk,
    /// Nothing yet: written within a bounded delay.
    Relaxed,
}

/// `[edge]`.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Number of threads; 0 is one per core, see [`EdgeConfig::thread_count`].
    pub threads: usize,
    /// Address as visitors reach it, without a slash at the end.
    pub base_url: String,
    /// Whether `base_url` was set, not made from `listen`.
    pub base_url_is_set: bool,
    /// Number of this edge.
    pub id: u16,
    /// When a click counts as written.
    pub durability: Durability,
    /// Country database.
    pub geoip: Option<PathBuf>,
    /// Database of autonomous systems.
    pub geoip_networks: Option<PathBuf>,
    /// List of data-centre networks in place of the built-in one.
    pub datacenters: Option<PathBuf>,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// The network's fallback address.
    pub fallback_url: Option<String>,
    /// Seconds within which a visitor's further clicks are duplicates.
    pub duplicate_window_seconds: u64,
    /// Life of the visitor cookie in days.
    pub cookie_days: u32,
    /// What a click gets when the disk is full.
    pub full_disk: FullDisk,
    /// Whether `Sec-GPC` is said to be honoured.
    pub honour_gpc: bool,
    /// Whether postbacks of Apple's development keys are taken.
    pub apple_development_postbacks: bool,
    /// Which share of the click caps this edge takes: from 1 to `cap_shares`.
    pub cap_share: u16,
    /// Into how many shares click caps are cut.
    pub cap_shares: u16,
    /// Whether trusted proxies send a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
    /// Certificate chain and private key, if TLS is spoken.
    pub tls: Option<TlsPaths>,
    /// Open connections over all threads.
    pub max_connections: usize,
    /// The API that an edge by itself asks for its catalogue.
    pub upstream: Option<Upstream>,
    /// Catalogue snapshot in place of a store's or the API's.
    pub catalogue_file: Option<PathBuf>,
}

/// The API that an edge by itself asks for its catalogue, and hands reported conversions to.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The edge's key.
    pub key: Secret,
    /// Authorities to check its certificate against instead of the public ones (PEM).
    pub ca: Option<PathBuf>,
}

/// What a click gets that cannot be written because the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullDisk {
    /// 503: no visitor is sent on unrecorded.
    Refuse,
    /// Sent on without a record, which is counted.
    Redirect,
}

/// Where certificate chain and private key lie, both in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPaths {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl EdgeConfig {
    /// The address to build links with, once the listener is bound: what was set, else the bound address.
    /// Matters when `listen` asks for port 0.
    #[must_use]
    pub fn base_url_at(&self, bound: SocketAddr) -> String {
        if self.base_url_is_set {
            return self.base_url.clone();
        }
        let url = super::url_of(bound);
        if self.tls.is_some() { url.replacen("http://", "https://", 1) } else { url }
    }

    /// How many threads to start; one per core where 0 is configured.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// `[api]`.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Address as people reach it, without a slash at the end.
    pub base_url: String,
    /// Whether `base_url` was set, not made from `listen`.
    pub base_url_is_set: bool,
}

impl ApiConfig {
    /// Like [`EdgeConfig::base_url_at`].
    #[must_use]
    pub fn base_url_at(&self, bound: SocketAddr) -> String {
        if self.base_url_is_set { self.base_url.clone() } else { super::url_of(bound) }
    }
}

/// `[metrics]`.
#[derive(Debug, Clone)]
pub struct MetricsConfig {
    /// Where it listens.
    pub listen: SocketAddr,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Which control store.
    pub url: StoreUrl,
}

/// Which control store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// SQLite in the data directory.
    Sqlite,
    /// A PostgreSQL server.
    Postgres(StoreAddress),
}

/// `[clicks]`.
#[derive(Debug, Clone)]
pub struct ClicksConfig {
    /// Which click store.
    pub url: ClicksUrl,
    /// Days for which raw clicks are kept.
    pub retention_days: u32,
}

/// Which click store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClicksUrl {
    /// The embedded one in the data directory.
    Embedded,
    /// ClickHouse servers.
    ClickHouse(StoreAddress),
}

/// `[spool]`.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    /// Size at which a segment is closed.
    pub segment_bytes: u64,
    /// How long a shipped segment stays.
    pub retain: Duration,
}

/// `[ship]`.
#[derive(Debug, Clone)]
pub struct ShipConfig {
    /// Most records in a batch.
    pub batch_records: usize,
    /// Pause between two looks at the spool.
    pub interval: Duration,
}

/// `[worker]`.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Pause between two looks for work.
    pub tick: Duration,
    /// How long after its end an hour's clicks are settled.
    pub ppc_grace: Duration,
}

/// `[payouts]`.
#[derive(Debug, Clone)]
pub struct PayoutsConfig {
    /// Whether a batch needs another person's approval.
    pub four_eyes: bool,
    /// Name on the account that pays.
    pub debtor_name: Option<String>,
    /// Its IBAN, as written; whoever writes a bank file checks it.
    pub debtor_iban: Option<String>,
    /// Its BIC.
    pub debtor_bic: Option<String>,
    /// Country of the payer's postal address.
    pub debtor_country: Option<String>,
    /// Town of the payer's postal address.
    pub debtor_town: Option<String>,
    /// Routing number of the bank that ACH files go to.
    pub nacha_destination: Option<String>,
    /// Its name.
    pub nacha_destination_name: Option<String>,
    /// Who sends ACH files.
    pub nacha_origin: Option<String>,
    /// Its name.
    pub nacha_origin_name: Option<String>,
    /// Routing number of the bank that originates ACH entries.
    pub nacha_originating_bank: Option<String>,
    /// Name of the payer as payees read it.
    pub nacha_company_name: Option<String>,
    /// Number of the payer at its bank.
    pub nacha_company_id: Option<String>,
    /// Purpose of ACH entries.
    pub nacha_description: Option<String>,
    /// `point` or `comma`.
    pub paypal_decimal_mark: String,
    /// Currency of the Wise balance that pays.
    pub wise_source_currency: Option<String>,
    /// Columns of the Wise template in use.
    pub wise_columns: Option<String>,
    /// Keys that bank data is sealed with.
    pub bank_data_keys: Option<Secret>,
    /// File of these keys.
    pub bank_data_key_file: Option<PathBuf>,
}

impl Config {
    pub(super) fn from_layers(layers: &Layers) -> Self {
        let read = Reader { layers };
        Self {
            data_dir: read.path("data_dir").expect("data_dir has a default"),
            log: LogConfig {
                filter: read.text("log"),
                format: if read.text("log_format") == "json" { LogFormat::Json } else { LogFormat::Text },
            },
            edge: read.edge(),
            api: ApiConfig {
                listen: read.address("api.listen"),
                base_url: read.text("api.base_url"),
                base_url_is_set: read.is_set("api.base_url"),
            },
            metrics: MetricsConfig { listen: read.address("metrics.listen") },
            store: StoreConfig { url: read.store("store.url").map_or(StoreUrl::Sqlite, StoreUrl::Postgres) },
            clicks: ClicksConfig {
                url: read.store("clicks.url").map_or(ClicksUrl::Embedded, ClicksUrl::ClickHouse),
                retention_days: read.count("clicks.retention_days"),
            },
            spool: SpoolConfig {
                segment_bytes: read.count("spool.segment_bytes"),
                retain: Duration::from_secs(read.count("spool.retain_seconds")),
            },
            ship: ShipConfig {
                batch_records: read.count("ship.batch_records"),
                interval: Duration::from_millis(read.count("ship.interval_ms")),
            },
            worker: WorkerConfig {
                tick: Duration::from_millis(read.count("worker.tick_ms")),
                ppc_grace: Duration::from_secs(read.count("worker.ppc_grace_seconds")),
            },
            payouts: PayoutsConfig {
                four_eyes: read.switch("payouts.four_eyes"),
                debtor_name: read.optional_text("payouts.debtor_name"),
                debtor_iban: read.optional_text("payouts.debtor_iban"),
                debtor_bic: read.optional_text("payouts.debtor_bic"),
                debtor_country: read.optional_text("payouts.debtor_country"),
                debtor_town: read.optional_text("payouts.debtor_town"),
                nacha_destination: read.optional_text("payouts.nacha_destination"),
                nacha_destination_name: read.optional_text("payouts.nacha_destination_name"),
                nacha_origin: read.optional_text("payouts.nacha_origin"),
                nacha_origin_name: read.optional_text("payouts.nacha_origin_name"),
                nacha_originating_bank: read.optional_text("payouts.nacha_originating_bank"),
                nacha_company_name: read.optional_text("payouts.nacha_company_name"),
                nacha_company_id: read.optional_text("payouts.nacha_company_id"),
                nacha_description: read.optional_text("payouts.nacha_description"),
                paypal_decimal_mark: read.text("payouts.paypal_decimal_mark"),
                wise_source_currency: read.optional_text("payouts.wise_source_currency"),
                wise_columns: read.optional_text("payouts.wise_columns"),
                bank_data_keys: read.secret("payouts.bank_data_keys"),
                bank_data_key_file: read.path("payouts.bank_data_key_file"),
            },
            listing: read.listing(),
        }
    }
}

/// Takes values out of the layers by the type their kind promises. A mismatch is a mistake in the table, which
/// `Config::defaults` shows at once.
struct Reader<'a> {
    layers: &'a Layers,
}

impl Reader<'_> {
    fn edge(&self) -> EdgeConfig {
        EdgeConfig {
            listen: self.address("edge.listen"),
            threads: self.count("edge.threads"),
            base_url: self.text("edge.base_url"),
            base_url_is_set: self.is_set("edge.base_url"),
            id: self.count("edge.id"),
            durability: match self.text("edge.durability").as_str() {
                "disk" => Durability::Disk,
                "relaxed" => Durability::Relaxed,
                _ => Durability::Process,
            },
            geoip: self.path("edge.geoip"),
            geoip_networks: self.path("edge.geoip_networks"),
            datacenters: self.path("edge.datacenters"),
            trusted_proxies: match self.value("edge.trusted_proxies") {
                Value::Cidrs(networks) => networks.clone(),
                other => mismatch("edge.trusted_proxies", other),
            },
            fallback_url: self.optional_text("edge.fallback_url"),
            duplicate_window_seconds: self.count("edge.duplicate_window_seconds"),
            cookie_days: self.count("edge.cookie_days"),
            full_disk: match self.text("edge.full_disk").as_str() {
                "redirect" => FullDisk::Redirect,
                _ => FullDisk::Refuse,
            },
            honour_gpc: self.switch("edge.honour_gpc"),
            apple_development_postbacks: self.switch("edge.apple_development_postbacks"),
            cap_share: self.count("edge.cap_share"),
            cap_shares: self.count("edge.cap_shares"),
            proxy_protocol: self.switch("edge.proxy_protocol"),
            http2: self.switch("edge.http2"),
            tls: self
                .path("edge.tls_certificate")
                .zip(self.path("edge.tls_key"))
                .map(|(certificate, key)| TlsPaths { certificate, key }),
            max_connections: self.count("edge.max_connections"),
            upstream: self
                .optional_text("edge.upstream")
                .zip(self.secret("edge.upstream_key"))
                .map(|(url, key)| Upstream { url, key, ca: self.path("edge.upstream_ca") }),
            catalogue_file: self.path("edge.catalogue_file"),
        }
    }

    /// The address of a server; none where the store is in the data directory.
    fn store(&self, name: &str) -> Option<StoreAddress> {
        match self.value(name) {
            Value::Text(_) => None,
            Value::Store(address) => Some(address.clone()),
            other => mismatch(name, other),
        }
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        match self.value(name) {
            Value::Unset => None,
            Value::Secret(secret) => Some(secret.clone()),
            other => mismatch(name, other),
        }
    }

    fn value(&self, name: &str) -> &Value {
        &self.layers.get(name).value
    }

    fn is_set(&self, name: &str) -> bool {
        !matches!(self.layers.get(name).source, Source::Default | Source::Derived { .. })
    }

    fn optional_text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Value::Unset => None,
            Value::Text(text) => Some(text.clone()),
            other => mismatch(name, other),
        }
    }

    fn text(&self, name: &str) -> String {
        self.optional_text(name).unwrap_or_else(|| mismatch(name, &Value::Unset))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        match self.value(name) {
            Value::Unset => None,
            Value::Path(path) => Some(path.clone()),
            other => mismatch(name, other),
        }
    }

    fn address(&self, name: &str) -> SocketAddr {
        match self.value(name) {
            Value::Address(address) => *address,
            other => mismatch(name, other),
        }
    }

    fn count<T: TryFrom<u64>>(&self, name: &str) -> T {
        match self.value(name) {
            Value::Count(count) => T::try_from(*count).unwrap_or_else(|_| mismatch(name, self.value(name))),
            other => mismatch(name, other),
        }
    }

    fn switch(&self, name: &str) -> bool {
        match self.value(name) {
            Value::Switch(on) => *on,
            other => mismatch(name, other),
        }
    }

    fn listing(&self) -> Vec<ListingRow> {
        let row = |name| {
            let resolved = self.layers.get(name);
            ListingRow { key: name, value: resolved.value.shown(), source: resolved.source.clone() }
        };
        KEYS.iter().map(|spec| row(spec.name)).collect()
    }
}

#[cold]
fn mismatch(name: &str, value: &Value) -> ! {
    panic!("the table of settings promises another type for {name} than {value:?}")
}
