use std::time::Duration;

use super::*;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn inputs(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Inputs {
    let file = Some(ConfigFile { name: "hopline.toml".into(), text: file.into() });
    Inputs { file, env: map(env), flags: map(flags) }
}

fn complaints(inputs: &Inputs) -> Vec<String> {
    let error = Config::load(inputs).expect_err("must be refused");
    error.complaints.iter().map(Complaint::to_string).collect()
}

fn row(config: &Config, key: &str) -> (String, String) {
    let row = config.listing().iter().find(|row| row.key == key).unwrap();
    (row.value.clone(), row.source.to_string())
}

fn shows(config: &Config, key: &str, value: &str, source: &str) {
    assert_eq!(row(config, key), (value.to_owned(), source.to_owned()), "{key}");
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = Config::defaults();
    assert_eq!(config.edge.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.api.listen, "127.0.0.1:8081".parse().unwrap());
    assert_eq!(config.metrics.listen, "127.0.0.1:9090".parse().unwrap());
    assert_eq!(config.data_dir, std::path::Path::new("./hopline-data"));
    assert_eq!(config.edge.durability, Durability::Process);
    assert_eq!(config.edge.base_url, "http://127.0.0.1:8080");
    assert!(config.edge.trusted_proxies.is_empty());
    assert!(config.edge.geoip.is_none() && config.edge.fallback_url.is_none());
    assert!(config.edge.thread_count() >= 1);
    assert!(config.payouts.four_eyes);
    assert_eq!(config.worker.ppc_grace, Duration::from_secs(300));
    shows(&config, "edge.listen", "127.0.0.1:8080", "default");
    shows(&config, "edge.base_url", "http://127.0.0.1:8080", "default, from edge.listen");
    assert_eq!(config.listing().len(), KEYS.len());
}

#[test]
fn a_later_layer_wins_and_each_value_remembers_its_source() {
    let file = "data_dir = \"from-file\"\nlog = \"warn\"\n\n[edge]\nlisten = \"127.0.0.1:1000\"\nthreads = 0x10\nid = 3\n";
    let env = [("HOPLINE_DATA_DIR", "from-env"), ("HOPLINE_EDGE_ID", " 4 "), ("PATH", "/bin")];
    let flags = [("data_dir", "from-flag")];
    let config = Config::load(&inputs(file, &env, &flags)).unwrap();
    shows(&config, "data_dir", "from-flag", "flag --data-dir");
    shows(&config, "edge.id", "4", "environment HOPLINE_EDGE_ID");
    shows(&config, "edge.listen", "127.0.0.1:1000", "hopline.toml:5");
    shows(&config, "edge.threads", "16", "hopline.toml:6");
    shows(&config, "log", "warn", "hopline.toml:2");
    shows(&config, "api.listen", "127.0.0.1:8081", "default");
    shows(&config, "edge.base_url", "http://127.0.0.1:1000", "default, from edge.listen");
    assert_eq!((config.edge.id, config.edge.threads), (4, 16));
}

#[test]
fn every_kind_of_value_can_be_given_in_file_and_environment() {
    let file = r#"
        log_format = "json"
        edge.durability = "disk"
        edge.trusted_proxies = ["10.0.0.0/8", "2001:db8::/32"]
        edge.fallback_url = "https://shop.example/?c={click_id}"
        payouts.four_eyes = false
        payouts.debtor_country = "DE"
    "#;
    let from_file = Config::load(&inputs(file, &[], &[])).unwrap();
    let env = [
        ("HOPLINE_LOG_FORMAT", "json"),
        ("HOPLINE_EDGE_DURABILITY", "disk"),
        ("HOPLINE_EDGE_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32"),
        ("HOPLINE_EDGE_FALLBACK_URL", "https://shop.example/?c={click_id}"),
        ("HOPLINE_PAYOUTS_FOUR_EYES", "false"),
        ("HOPLINE_PAYOUTS_DEBTOR_COUNTRY", "DE"),
    ];
    let from_env = Config::load(&inputs("", &env, &[])).unwrap();
    for config in [&from_file, &from_env] {
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.edge.durability, Durability::Disk);
        assert!(
            config.edge.trusted_proxies.iter().any(|network| network.contains("10.9.9.9".parse().unwrap()))
        );
        assert_eq!(config.edge.fallback_url.as_deref(), Some("https://shop.example/?c={click_id}"));
        assert!(!config.payouts.four_eyes);
        assert_eq!(config.payouts.debtor_country.as_deref(), Some("DE"));
    }
    let values = |config: &Config| config.listing().iter().map(|row| row.value.clone()).collect::<Vec<_>>();
    assert_eq!(values(&from_file), values(&from_env));
}

#[test]
fn an_unknown_key_is_refused_in_each_source_and_its_place_is_named() {
    let file = "[edge]\nlisten = \"127.0.0.1:1\"\nlisen = \"127.0.0.1:2\"\n[colour]\nred = 1\n";
    let found = complaints(&inputs(file, &[("HOPLINE_EDGE_LISEN", "x")], &[("edge.lisen", "x")]));
    let expected = [
        "edge.lisen (hopline.toml:3): unknown key; did you mean edge.listen?",
        "colour (hopline.toml:4): unknown section",
        "HOPLINE_EDGE_LISEN (environment HOPLINE_EDGE_LISEN): unknown environment variable; did you mean HOPLINE_EDGE_LISTEN?",
        "edge.lisen (flag --edge.lisen): unknown key; did you mean edge.listen?",
    ];
    assert_eq!(found, expected);
}

#[test]
fn all_complaints_come_at_once_in_the_order_of_the_layers() {
    let file = "log = 5\n[edge]\nthreads = \"4\"\nlisten = \"here\"\ntrusted_proxies = [\n  \"10.0.0.0/8\",\n  \"10.0.0.1/8\",\n  7,\n]\n[payouts]\nfour_eyes = \"yes\"\n[worker]\ntick_ms = -1\n";
    let found = complaints(&inputs(file, &[("HOPLINE_EDGE_ID", "0")], &[("ship.batch_records", "many")]));
    assert_eq!(found.len(), 9, "{found:#?}");
    for (line, (start, part)) in found.iter().zip([
        ("log (hopline.toml:1)", "not an integer"),
        ("edge.threads (hopline.toml:3)", "not a string"),
        ("edge.listen (hopline.toml:4)", "\"here\" is not an IP address"),
        ("edge.trusted_proxies (hopline.toml:7)", "the network is 10.0.0.0/8"),
        ("edge.trusted_proxies (hopline.toml:8)", "not an integer"),
        ("payouts.four_eyes (hopline.toml:11)", "not a string"),
        ("worker.tick_ms (hopline.toml:13)", "\"-1\" is not a whole number from 1 to 60000"),
        ("edge.id (environment HOPLINE_EDGE_ID)", "from 1 to 32767"),
        ("ship.batch_records (flag --ship-batch-records)", "\"many\" is not"),
    ]) {
        assert!(line.starts_with(start) && line.contains(part), "{line} / {start} / {part}");
    }
}

#[test]
fn a_wrong_value_is_refused_also_where_a_later_layer_covers_it() {
    let found = complaints(&inputs("edge.id = 0", &[], &[("edge.id", "7")]));
    assert!(matches!(found.as_slice(), [one] if one.starts_with("edge.id (hopline.toml:1)")), "{found:?}");
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_the_line_and_other_layers_are_still_read() {
    let found = complaints(&inputs("log = \"info\"\n\nedge = = 3\n", &[("HOPLINE_NO", "x")], &[]));
    assert!(found.iter().any(|line| line.starts_with("hopline.toml:3: ")), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("HOPLINE_NO ")), "{found:?}");
}

#[test]
fn a_key_given_twice_in_the_file_is_refused() {
    let found = complaints(&inputs("log = \"info\"\nlog = \"warn\"\n", &[], &[]));
    assert!(matches!(found.as_slice(), [one] if one.starts_with("hopline.toml:2: ")), "{found:?}");
}

#[test]
fn two_listeners_on_one_address_are_a_contradiction_that_names_both() {
    let found =
        complaints(&inputs("edge.listen = \"127.0.0.1:8081\"", &[], &[("metrics.listen", "0.0.0.0:8081")]));
    assert_eq!(
        found,
        [
            "edge.listen (hopline.toml:1) and api.listen (default): 127.0.0.1:8081 and 127.0.0.1:8081 cannot be listened on at once",
            "edge.listen (hopline.toml:1) and metrics.listen (flag --metrics-listen): 127.0.0.1:8081 and 0.0.0.0:8081 cannot be listened on at once",
            "api.listen (default) and metrics.listen (flag --metrics-listen): 127.0.0.1:8081 and 0.0.0.0:8081 cannot be listened on at once",
        ]
    );
    let free_ports =
        [("edge.listen", "127.0.0.1:0"), ("api.listen", "127.0.0.1:0"), ("metrics.listen", "127.0.0.1:0")];
    assert!(Config::load(&inputs("", &[], &free_ports)).is_ok());
    let other_ips = [("edge.listen", "127.0.0.1:80"), ("api.listen", "127.0.0.2:80")];
    assert!(Config::load(&inputs("", &[], &other_ips)).is_ok());
}

#[test]
fn a_duplicate_window_longer_than_clicks_are_kept_is_a_contradiction() {
    let file = "edge.duplicate_window_seconds = 86401\nclicks.retention_days = 1\n";
    let found = complaints(&inputs(file, &[], &[]));
    assert!(
        matches!(found.as_slice(), [one] if one.starts_with(
            "edge.duplicate_window_seconds (hopline.toml:1) and clicks.retention_days (hopline.toml:2): ")),
        "{found:?}"
    );
}

#[test]
fn settings_that_need_one_another_are_asked_for_together() {
    let file =
        "edge.tls_key = \"key.pem\"\nedge.cap_share = 3\nedge.cap_shares = 2\nedge.proxy_protocol = true\n";
    let found = complaints(&inputs(file, &[], &[])).join("\n");
    for part in [
        "edge.tls_certificate (default) and edge.tls_key (hopline.toml:1): TLS needs both",
        "edge.cap_share (hopline.toml:2) and edge.cap_shares (hopline.toml:3): there is no share 3",
        "edge.proxy_protocol (hopline.toml:4) and edge.trusted_proxies (default): nobody",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let whole =
        Config::load(&inputs("edge.tls_key = \"k\"\nedge.tls_certificate = \"c\"", &[], &[])).unwrap();
    assert_eq!(whole.edge.tls.map(|paths| paths.certificate), Some("c".into()));
}

#[test]
fn servers_are_named_by_their_address_and_no_password_is_shown() {
    let env = [
        ("HOPLINE_STORE_URL", "postgres://u:hunter2@db/x"),
        ("HOPLINE_CLICKS_URL", "https://u:hunter2@ch"),
        ("HOPLINE_EDGE_UPSTREAM", "https://api.example"),
        ("HOPLINE_EDGE_UPSTREAM_KEY", "hunter2"),
    ];
    let config = Config::load(&inputs("", &env, &[])).unwrap();
    shows(&config, "store.url", "postgres://u:***@db/x", "environment HOPLINE_STORE_URL");
    shows(&config, "clicks.url", "https://u:***@ch", "environment HOPLINE_CLICKS_URL");
    shows(&config, "edge.upstream_key", "***", "environment HOPLINE_EDGE_UPSTREAM_KEY");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let StoreUrl::Postgres(address) = &config.store.url else { panic!("{:?}", config.store.url) };
    assert_eq!(address.expose(), "postgres://u:hunter2@db/x");
    assert!(matches!(config.clicks.url, ClicksUrl::ClickHouse(_)));
    assert_eq!(config.edge.upstream.map(|upstream| upstream.url).as_deref(), Some("https://api.example"));
}

#[test]
fn addresses_that_are_no_stores_are_refused_and_their_passwords_not_shown() {
    let env =
        [("HOPLINE_STORE_URL", "mysql://u:hunter2@db/x"), ("HOPLINE_CLICKS_URL", "postgres://u:hunter2@ch")];
    let found = complaints(&inputs("", &env, &[])).join("\n");
    assert!(found.contains("expected sqlite or") && found.contains("expected embedded or"), "{found}");
    assert!(!found.contains("hunter2"), "{found}");
}

#[test]
fn servers_are_given_larger_batches_unless_something_else_is_said() {
    let servers = "store.url = \"postgres://u@db/x\"\nclicks.url = \"clickhouse://ch\"\n";
    let config = Config::load(&inputs(servers, &[], &[("ship.interval_ms", "300")])).unwrap();
    assert_eq!((config.ship.batch_records, config.ship.interval), (100_000, Duration::from_millis(300)));
    shows(&config, "ship.batch_records", "100000", "default, from clicks.url");
    shows(&config, "worker.tick_ms", "1000", "default, from store.url");
    let local = Config::defaults();
    assert_eq!((local.ship.batch_records, local.ship.interval), (10_000, Duration::from_millis(200)));
    shows(&local, "ship.batch_records", "10000", "default");
}

#[test]
fn an_upstream_without_its_key_is_a_contradiction_and_so_is_a_key_without_upstream() {
    let found = complaints(&inputs("edge.upstream = \"https://api.example\"", &[], &[])).join("\n");
    assert!(found.contains("hopline key create --role edge"), "{found}");
    let found = complaints(&inputs("edge.upstream_key = \"k\"\nedge.upstream_ca = \"ca.pem\"", &[], &[]));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn empty_text_takes_an_optional_setting_back_and_is_wrong_for_others() {
    let file = "edge.geoip = \"/var/lib/geo.mmdb\"";
    let config = Config::load(&inputs(file, &[("HOPLINE_EDGE_GEOIP", "")], &[])).unwrap();
    assert!(config.edge.geoip.is_none());
    shows(&config, "edge.geoip", "(not set)", "environment HOPLINE_EDGE_GEOIP");
    assert_eq!(complaints(&inputs("", &[("HOPLINE_DATA_DIR", ""), ("HOPLINE_LOG", "")], &[])).len(), 2);
}

#[test]
fn links_start_with_the_bound_address_unless_another_was_set() {
    let bound = "127.0.0.1:45678".parse().unwrap();
    let config = Config::load(&inputs("", &[], &[("edge.listen", "127.0.0.1:0")])).unwrap();
    assert_eq!(config.edge.base_url_at(bound), "http://127.0.0.1:45678");
    assert_eq!(config.edge.base_url_at("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
    let tls = "edge.tls_certificate = \"c\"\nedge.tls_key = \"k\"\n";
    let config = Config::load(&inputs(tls, &[], &[])).unwrap();
    assert_eq!(config.edge.base_url_at(bound), "https://127.0.0.1:45678");
    let config = Config::load(&inputs("edge.base_url = \"https://go.example/\"", &[], &[])).unwrap();
    assert_eq!(config.edge.base_url_at(bound), "https://go.example");
    assert_eq!(config.api.base_url_at(bound), "http://127.0.0.1:45678");
}
