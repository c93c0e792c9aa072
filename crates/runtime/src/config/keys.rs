//! The one table of settings. Parser, command-line flags, help, listing and reference page all come from it.

/// One setting: its name, what it takes, what it is when nobody sets it, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// `section.key`, or a bare key at the top of the file.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What holds when it is set nowhere.
    pub default: DefaultValue,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
}

/// What a setting is when it is set nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// This value, written as in the environment.
    Is(&'static str),
    /// Nothing: the setting is optional.
    Unset,
    /// `http://` and the address of the named key.
    UrlOf(&'static str),
    /// One value where the named store lies in the data directory, another where it is a server.
    ByStore {
        /// Key of the store.
        key: &'static str,
        /// In the data directory.
        local: &'static str,
        /// On a server.
        server: &'static str,
    },
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A path of the file system.
    Path,
    /// An IP address with a port.
    Address,
    /// Text of at most so many characters.
    Text(u16),
    /// Text that is never shown.
    Secret,
    /// A whole number within bounds, both included.
    Count(u64, u64),
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The address of this installation as others reach it: http or https, host, no query.
    BaseUrl,
    /// An http or https address; macros in braces are allowed.
    Url,
    /// Networks in CIDR notation: a list in the file, separated by commas elsewhere.
    Cidrs,
    /// Which store to use: this word for the one in the data directory, or an address with one of these schemes. What is
    /// given is shown without its password, and not at all where it is refused.
    Store(&'static str, &'static [&'static str]),
    /// A log filter such as `info,hopline_edge=debug`.
    LogFilter,
    /// Two capital letters of ISO 3166-1.
    Country,
}

impl Kind {
    /// What a value must look like, for help and complaints.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Path => "a path".into(),
            Self::Address => "an IP address with port, like 127.0.0.1:8080".into(),
            Self::Text(max) => format!("text of at most {max} characters"),
            Self::Secret => "text (never shown)".into(),
            Self::Count(min, max) => format!("a whole number from {min} to {max}"),
            Self::Switch => "true or false".into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Store(word, schemes) => {
                let forms: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://…")).collect();
                format!("{word} or {}", forms.join(", "))
            }
            Self::BaseUrl => "an http or https address without query, like https://go.example.com".into(),
            Self::Url => "an http or https address".into(),
            Self::Cidrs => "networks like 10.0.0.0/8, 2001:db8::/32".into(),
            Self::LogFilter => "a log filter like info,hopline_edge=debug".into(),
            Self::Country => "two capital letters like DE".into(),
        }
    }
}

impl KeySpec {
    /// Its environment variable: `edge.listen` is `HOPLINE_EDGE_LISTEN`.
    #[must_use]
    pub fn env_name(&self) -> String {
        format!("{ENV_PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Its command-line flag: `edge.listen` is `--edge-listen`, `data_dir` is `--data-dir`.
    #[must_use]
    pub fn flag_name(&self) -> String {
        format!("--{}", self.name.replace(['.', '_'], "-"))
    }

    /// The default as people read it.
    #[must_use]
    pub fn default_shown(&self) -> String {
        match self.default {
            DefaultValue::Is("") => "(empty)".into(),
            DefaultValue::Is(value) => value.into(),
            DefaultValue::Unset => "(not set)".into(),
            DefaultValue::UrlOf(key) => format!("http://<{key}>"),
            DefaultValue::ByStore { key, local, server } => {
                format!("{local}; {server} where {key} names a server")
            }
        }
    }
}

/// What every environment variable of the program starts with.
pub const ENV_PREFIX: &str = "HOPLINE_";

const fn key(name: &'static str, kind: Kind, default: DefaultValue, doc: &'static str) -> KeySpec {
    KeySpec { name, kind, default, doc }
}

use DefaultValue::{ByStore, Is, Unset, UrlOf};

/// The control store in the data directory.
pub(super) const LOCAL_STORE: &str = "sqlite";
/// The click store in the data directory.
pub(super) const LOCAL_CLICKS: &str = "embedded";

const DAYS: Kind = Kind::Count(1, 3_650);

/// Every setting, in the order of the reference page.
pub const KEYS: &[KeySpec] = &[
    key(
        "data_dir",
        Kind::Path,
        Is("./hopline-data"),
        "Directory of everything this process keeps; created with mode 0700.",
    ),
    key("log", Kind::LogFilter, Is("info"), "Which log lines are written to standard error."),
    key(
        "log_format",
        Kind::Choice(&["text", "json"]),
        Is("text"),
        "Form of the log lines: for people, or one JSON object per line.",
    ),
    key(
        "edge.listen",
        Kind::Address,
        Is("127.0.0.1:8080"),
        "Where the edge answers tracking links and postbacks. Port 0 takes a free one.",
    ),
    key(
        "edge.threads",
        Kind::Count(0, 1_024),
        Is("0"),
        "Threads of the edge, each with its own event loop and spool; 0 is one per core.",
    ),
    key(
        "edge.base_url",
        Kind::BaseUrl,
        UrlOf("edge.listen"),
        "Address of the edge as visitors reach it; tracking links start with it.",
    ),
    key(
        "edge.id",
        Kind::Count(1, 32_767),
        Is("1"),
        "Number of this edge; each edge of an installation needs its own.",
    ),
    key(
        "edge.durability",
        Kind::Choice(&["process", "disk", "relaxed"]),
        Is("process"),
        "What a click has survived when its answer leaves: process = the end of the process, disk = the loss of power, relaxed = nothing yet, written within a bounded delay.",
    ),
    key(
        "edge.geoip",
        Kind::Path,
        Unset,
        "Country or city database in mmdb format, read again when it is replaced; without it no click has a country.",
    ),
    key(
        "edge.geoip_networks",
        Kind::Path,
        Unset,
        "Database of autonomous systems in mmdb format; with it clicks from data centres are told apart.",
    ),
    key(
        "edge.datacenters",
        Kind::Path,
        Unset,
        "List of data-centre networks that takes the place of the built-in one; deploy/CLASSIFICATION.md gives its form.",
    ),
    key(
        "edge.trusted_proxies",
        Kind::Cidrs,
        Is(""),
        "Networks whose forwarding headers are believed; by default none.",
    ),
    key(
        "edge.fallback_url",
        Kind::Url,
        Unset,
        "Where visitors go whose link does not fit them and whose offer names no fallback; without it they get 404.",
    ),
    key(
        "edge.duplicate_window_seconds",
        Kind::Count(1, 31_536_000),
        Is("86400"),
        "Within this time a visitor's further clicks on one offer count as duplicates.",
    ),
    key(
        "edge.cookie_days",
        Kind::Count(1, 400),
        Is("395"),
        "Life of the visitor cookie. Browsers cut at 400 days.",
    ),
    key(
        "edge.full_disk",
        Kind::Choice(&["refuse", "redirect"]),
        Is("refuse"),
        "What a click gets that cannot be written because the disk is full: refuse = 503, redirect = sent on without a record, which is counted.",
    ),
    key(
        "edge.honour_gpc",
        Kind::Switch,
        Is("true"),
        "Whether Sec-GPC is said to be honoured at /.well-known/gpc.json; it is recorded with every click in either case.",
    ),
    key(
        "edge.apple_development_postbacks",
        Kind::Switch,
        Is("false"),
        "Whether AdAttributionKit postbacks signed with Apple's development keys are taken: kept as tests, never counted.",
    ),
    key(
        "edge.cap_share",
        Kind::Count(1, 32_767),
        Is("1"),
        "Which share of the click caps this edge takes, of edge.cap_shares; each edge needs another.",
    ),
    key(
        "edge.cap_shares",
        Kind::Count(1, 32_767),
        Is("1"),
        "Into how many shares click caps are cut: the number of edges that serve one installation.",
    ),
    key(
        "edge.proxy_protocol",
        Kind::Switch,
        Is("false"),
        "Whether connections from edge.trusted_proxies begin with a PROXY protocol header (version 2).",
    ),
    key(
        "edge.http2",
        Kind::Switch,
        Is("true"),
        "Whether HTTP/2 is spoken: in clear text where a client begins with it, with TLS where both agree.",
    ),
    key(
        "edge.tls_certificate",
        Kind::Path,
        Unset,
        "Certificate chain in PEM form; with it the edge speaks TLS. Read again when it is replaced.",
    ),
    key("edge.tls_key", Kind::Path, Unset, "Private key of edge.tls_certificate in PEM form."),
    key(
        "edge.max_connections",
        Kind::Count(1, 1_000_000),
        Is("10000"),
        "Open connections of the edge over all threads; further ones wait in the system's queue.",
    ),
    key(
        "edge.upstream",
        Kind::BaseUrl,
        Unset,
        "Address of an API of this installation. An edge that runs by itself asks it for the catalogue and hands it reported conversions, and needs no access to the control store.",
    ),
    key(
        "edge.upstream_key",
        Kind::Secret,
        Unset,
        "Key for edge.upstream, made by `hopline key create --role edge`.",
    ),
    key(
        "edge.upstream_ca",
        Kind::Path,
        Unset,
        "Authorities (PEM) that edge.upstream's certificate is checked against instead of the public ones.",
    ),
    key(
        "edge.catalogue_file",
        Kind::Path,
        Unset,
        "Catalogue snapshot that the edge takes instead of asking a store or edge.upstream; read again when it is replaced.",
    ),
    key(
        "api.listen",
        Kind::Address,
        Is("127.0.0.1:8081"),
        "Where API and portal answer. Port 0 takes a free one.",
    ),
    key("api.base_url", Kind::BaseUrl, UrlOf("api.listen"), "Address of API and portal as people reach it."),
    key(
        "metrics.listen",
        Kind::Address,
        Is("127.0.0.1:9090"),
        "Where /healthz, /readyz and /metrics answer. Port 0 takes a free one.",
    ),
    key(
        "store.url",
        Kind::Store(LOCAL_STORE, &["postgres", "postgresql"]),
        Is(LOCAL_STORE),
        "Store of accounts, conversions and ledger: sqlite, in the data directory, or postgres://user:password@host:5432/database.",
    ),
    key(
        "clicks.url",
        Kind::Store(LOCAL_CLICKS, &["clickhouse", "clickhouses", "http", "https"]),
        Is(LOCAL_CLICKS),
        "Store of clicks: embedded, in the data directory, or clickhouse://user:password@host:8123/database (its HTTP interface).",
    ),
    key("clicks.retention_days", DAYS, Is("395"), "How long raw clicks are kept."),
    key(
        "spool.segment_bytes",
        Kind::Count(65_536, 1_073_741_824),
        Is("67108864"),
        "Size at which a spool file is closed and the next begun.",
    ),
    key(
        "spool.retain_seconds",
        Kind::Count(0, 2_592_000),
        Is("600"),
        "How long a spool file stays after all of it was shipped. Below 30, a click cap may take a few clicks too many after a kill: what was taken is counted out of these files.",
    ),
    key(
        "ship.batch_records",
        Kind::Count(1, 1_000_000),
        ByStore { key: "clicks.url", local: "10000", server: "100000" },
        "Most records in one batch to the click store.",
    ),
    key(
        "ship.interval_ms",
        Kind::Count(1, 60_000),
        ByStore { key: "clicks.url", local: "200", server: "1000" },
        "Pause between two looks at the spool, and between two batches that are not full where the click store is a server.",
    ),
    key(
        "worker.tick_ms",
        Kind::Count(1, 60_000),
        ByStore { key: "store.url", local: "200", server: "1000" },
        "Pause between two looks for work. A server tells of new work by itself.",
    ),
    key(
        "worker.ppc_grace_seconds",
        Kind::Count(0, 86_400),
        Is("300"),
        "How long after its end an hour's clicks are settled, so that late ones are in.",
    ),
    key(
        "payouts.four_eyes",
        Kind::Switch,
        Is("true"),
        "Whether a payout batch needs another person's approval than its creator's.",
    ),
    key("payouts.debtor_name", Kind::Text(70), Unset, "Name on the account that pays; bank files need it."),
    key("payouts.debtor_iban", Kind::Text(42), Unset, "IBAN of the account that pays; bank files need it."),
    key("payouts.debtor_bic", Kind::Text(11), Unset, "BIC of the account that pays."),
    key("payouts.debtor_country", Kind::Country, Unset, "Country of the payer's postal address."),
    key("payouts.debtor_town", Kind::Text(35), Unset, "Town of the payer's postal address."),
    key(
        "payouts.nacha_destination",
        Kind::Text(9),
        Unset,
        "Routing number of the bank that ACH files go to; they need it.",
    ),
    key("payouts.nacha_destination_name", Kind::Text(23), Unset, "Name of that bank; ACH files need it."),
    key(
        "payouts.nacha_origin",
        Kind::Text(10),
        Unset,
        "Who sends ACH files, ten characters as the bank says; without it a blank and payouts.nacha_originating_bank.",
    ),
    key(
        "payouts.nacha_origin_name",
        Kind::Text(23),
        Unset,
        "Name of who sends ACH files; without it payouts.nacha_company_name.",
    ),
    key(
        "payouts.nacha_originating_bank",
        Kind::Text(9),
        Unset,
        "Routing number of the bank that originates ACH entries; without it payouts.nacha_destination.",
    ),
    key(
        "payouts.nacha_company_name",
        Kind::Text(16),
        Unset,
        "Name of the payer as payees read it; ACH files need it.",
    ),
    key(
        "payouts.nacha_company_id",
        Kind::Text(10),
        Unset,
        "Number of the payer at its bank; ACH files need it.",
    ),
    key(
        "payouts.nacha_description",
        Kind::Text(10),
        Unset,
        "Purpose of ACH entries as payees read it; without it PAYOUT.",
    ),
    key(
        "payouts.paypal_decimal_mark",
        Kind::Choice(&["point", "comma"]),
        Is("point"),
        "How PayPal reads amounts, which is a setting of the account there.",
    ),
    key(
        "payouts.wise_source_currency",
        Kind::Text(3),
        Unset,
        "Currency of the Wise balance that pays; without it the batch's own.",
    ),
    key(
        "payouts.wise_columns",
        Kind::Text(500),
        Unset,
        "Columns of the Wise template in use, separated by commas; without it those of deploy/PAYOUTS.md.",
    ),
    key(
        "payouts.bank_data_keys",
        Kind::Secret,
        Unset,
        "Keys that bank data is sealed with, in base64, separated by commas; the last one seals. It takes the place of payouts.bank_data_key_file.",
    ),
    key(
        "payouts.bank_data_key_file",
        Kind::Path,
        Unset,
        "File of these keys, one in each line; without it bank-data.keys in the data directory, which is made where no key was ever used.",
    ),
];

/// The setting of that name.
#[must_use]
pub(super) fn find(name: &str) -> Option<&'static KeySpec> {
    KEYS.iter().find(|spec| spec.name == name)
}

/// The known name that is nearest to a mistyped one, if any is near.
#[must_use]
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let (distance, spec) =
        KEYS.iter().map(|spec| (edits(name, spec.name), spec)).min_by_key(|pair| pair.0)?;
    (distance <= 2.max(name.len() / 5)).then_some(spec.name)
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let change = diagonal + usize::from(a != *b);
            diagonal = *cell;
            *cell = change.min(before + 1).min(diagonal + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_flags_and_environment_variables_are_unique() {
        let names: BTreeSet<_> = KEYS.iter().map(|spec| spec.name).collect();
        let flags: BTreeSet<_> = KEYS.iter().map(KeySpec::flag_name).collect();
        let variables: BTreeSet<_> = KEYS.iter().map(KeySpec::env_name).collect();
        assert_eq!((names.len(), flags.len(), variables.len()), (KEYS.len(), KEYS.len(), KEYS.len()));
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbour_and_a_foreign_one_none() {
        assert_eq!(nearest("edge.lisen"), Some("edge.listen"));
        assert_eq!(nearest("datadir"), Some("data_dir"));
        assert_eq!(nearest("wholly.different.thing"), None);
    }

    #[test]
    fn edits_are_counted() {
        for (left, right, count) in [("", "", 0), ("a", "", 1), ("abc", "abd", 1), ("kitten", "sitting", 3)] {
            assert_eq!(edits(left, right), count, "{left} {right}");
        }
    }
}
