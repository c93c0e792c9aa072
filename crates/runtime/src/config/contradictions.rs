//! Settings that are right one by one and wrong together.

use std::net::SocketAddr;

use super::Config;
use super::complaint::Complaint;
use super::layers::Layers;
use super::value::Value;

const DAY_SECONDS: u64 = 86_400;

/// Every contradiction. A key that already has a complaint of its own is left out.
pub(super) fn find(config: &Config, layers: &Layers) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut complain = |one: &str, other: &str, message: String| {
        if layers.is_broken(one) || layers.is_broken(other) {
            return;
        }
        let keys = [one, other].map(|key| (key.to_owned(), layers.get(key).source.clone()));
        found.push(Complaint { keys: keys.to_vec(), source: None, message });
    };

    let listeners = [
        ("edge.listen", config.edge.listen),
        ("api.listen", config.api.listen),
        ("metrics.listen", config.metrics.listen),
    ];
    for (index, (one, address)) in listeners.iter().enumerate() {
        for (other, second) in listeners.iter().skip(index + 1) {
            if collide(*address, *second) {
                complain(one, other, format!("{address} and {second} cannot be listened on at once"));
            }
        }
    }

    let window = config.edge.duplicate_window_seconds;
    let kept_days = u64::from(config.clicks.retention_days);
    if window > kept_days * DAY_SECONDS {
        complain(
            "edge.duplicate_window_seconds",
            "clicks.retention_days",
            format!(
                "a window of {window} seconds is longer than the {kept_days} days for which clicks are kept"
            ),
        );
    }

    let tls = ["edge.tls_certificate", "edge.tls_key"];
    if tls.iter().filter(|key| layers.get(key).value != Value::Unset).count() == 1 {
        complain(tls[0], tls[1], "TLS needs both a certificate and its key".to_owned());
    }
    let upstream = ["edge.upstream", "edge.upstream_key", "edge.upstream_ca"];
    let [is_upstream, has_key, has_ca] = upstream.map(|key| layers.get(key).value != Value::Unset);
    if is_upstream && !has_key {
        let message =
            "the API is asked with a key: make one with `hopline key create --role edge`".to_owned();
        complain(upstream[0], upstream[1], message);
    }
    if has_key && !is_upstream {
        complain(upstream[0], upstream[1], "there is a key, but no address to send it to".to_owned());
    }
    if has_ca && !is_upstream {
        complain(upstream[0], upstream[2], "there are authorities, but no address to check".to_owned());
    }
    let (share, shares) = (config.edge.cap_share, config.edge.cap_shares);
    if share > shares {
        let message = format!("there is no share {share} where caps are cut into {shares}");
        complain("edge.cap_share", "edge.cap_shares", message);
    }
    if config.edge.proxy_protocol && config.edge.trusted_proxies.is_empty() {
        let message = "nobody is trusted to send a PROXY protocol header".to_owned();
        complain("edge.proxy_protocol", "edge.trusted_proxies", message);
    }
    found
}

/// Whether the second of two listeners would find the address taken.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_ip = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_ip
}
