//! What an operator writes: networks and configuration files.

use std::collections::BTreeMap;

use hopline_runtime::config::{Cidr, Config, ConfigFile, Inputs, KEYS};

/// A network prints as it reads, and holds its own address.
///
/// # Panics
/// One of these does not hold.
pub fn cidr(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(network) = text.parse::<Cidr>() else { return };
    let printed = network.to_string();
    assert_eq!(printed.parse(), Ok(network), "{printed}");
    let (address, _) = printed.split_once('/').unwrap_or((&printed, ""));
    assert!(network.contains(address.parse().expect("it begins with an address")), "{printed}");
}

/// Two parts, each ended by a zero byte: a configuration file, and a value that every setting is given in the environment,
/// one after the other. It loads, or every complaint says something.
///
/// # Panics
/// One of these does not hold.
pub fn config(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (text, value) = (part(), part());
    let file = Some(ConfigFile { name: "hopline.toml".into(), text });
    load(&Inputs { file, ..Inputs::default() });
    if value.is_empty() {
        return;
    }
    let env: BTreeMap<_, _> = KEYS.iter().map(|key| (key.env_name(), value.clone())).collect();
    load(&Inputs { env, ..Inputs::default() });
}

fn load(inputs: &Inputs) {
    match Config::load(inputs) {
        Ok(config) => assert_eq!(config.listing().len(), KEYS.len()),
        Err(error) => {
            assert!(!error.complaints.is_empty());
            assert!(error.complaints.iter().all(|complaint| !complaint.to_string().is_empty()));
        }
    }
}
