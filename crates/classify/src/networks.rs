//! Data-centre networks: which autonomous systems hold machines, and what follows for a click from there.
//!
//! The list is data, `lists/datacenter_networks.txt`; an operator may name another one. `hosting` decides alone,
//! `suspect` only together with another sign ([`judge_network`]).

const LIST: &str = include_str!("lists/datacenter_networks.txt");

/// What comes out of a listed network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// Machines.
    Hosting,
    /// Machines, and people through a VPN, a relay or an office's filter.
    Suspect,
}

/// What else a request shows that makes a suspect network's click a machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkSigns {
    /// A navigation without a person's gesture ([`crate::Signals::lacks_gesture`]).
    pub no_gesture: bool,
    /// No `Accept-Language`, which every browser sends.
    pub no_language: bool,
}

impl NetworkSigns {
    /// The signs of a request.
    #[must_use]
    pub fn of(signals: &crate::Signals<'_>) -> Self {
        Self {
            no_gesture: signals.lacks_gesture(),
            no_language: signals.accept_language.trim_ascii().is_empty(),
        }
    }
}

/// Whether a click from a network of this kind is invalid (datacenter).
#[must_use]
pub const fn judge_network(kind: NetworkKind, signs: NetworkSigns) -> bool {
    match kind {
        NetworkKind::Hosting => true,
        NetworkKind::Suspect => signs.no_gesture || signs.no_language,
    }
}

/// Why a list of networks cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkListError {
    /// A line has another form.
    #[error(
        "line {number} of the list of networks is {text:?}, expected hosting or suspect, a number from 1 to 4294967295, a name"
    )]
    Line {
        /// Its number, from 1.
        number: usize,
        /// Its text.
        text: String,
    },
    /// A network is listed twice.
    #[error("line {number} of the list of networks names {network}, which an earlier line names as well")]
    Twice {
        /// The later line's number, from 1.
        number: usize,
        /// The network.
        network: u32,
    },
}

/// The list, sorted for search: eight bytes a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatacenterNetworks {
    networks: Box<[(u32, NetworkKind)]>,
}

impl DatacenterNetworks {
    /// The list that this release carries.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn built_in() -> Self {
        Self::from_list(LIST).expect("the built-in list is well-formed")
    }

    /// Reads a list in the form that the built-in one explains in its head. The name may be left out.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn from_list(list: &str) -> Result<Self, NetworkListError> {
        let mut networks: Vec<(u32, NetworkKind)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (number, line) in (1..).zip(list.lines()) {
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (network, kind) =
                read_line(text).ok_or_else(|| NetworkListError::Line { number, text: text.to_owned() })?;
            if !seen.insert(network) {
                return Err(NetworkListError::Twice { number, network });
            }
            networks.push((network, kind));
        }
        networks.sort_unstable_by_key(|(network, _)| *network);
        Ok(Self { networks: networks.into() })
    }

    /// What is known of a network; none if it is not listed. 0 stands for an unknown network and is never listed.
    #[must_use]
    pub fn judge(&self, network: u32) -> Option<NetworkKind> {
        let at = self.networks.binary_search_by_key(&network, |(listed, _)| *listed).ok()?;
        self.networks.get(at).map(|(_, kind)| *kind)
    }

    /// How many networks are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether none is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }
}

fn read_line(line: &str) -> Option<(u32, NetworkKind)> {
    let mut words = line.split_ascii_whitespace();
    let kind = match words.next()? {
        "hosting" => NetworkKind::Hosting,
        "suspect" => NetworkKind::Suspect,
        _ => return None,
    };
    let number = words.next()?.parse().ok().filter(|number| *number > 0)?;
    Some((number, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signals;

    // C-03, C-13
    #[test]
    fn c_13_rented_servers_are_machines_and_vpn_exits_only_suspect() {
        let networks = DatacenterNetworks::built_in();
        assert!(networks.len() > 100);
        assert_eq!(networks.judge(16509), Some(NetworkKind::Hosting));
        assert_eq!(networks.judge(24940), Some(NetworkKind::Hosting));
        assert_eq!(networks.judge(9009), Some(NetworkKind::Suspect));
        // Deutsche Telekom, and no network at all.
        assert_eq!(networks.judge(3320), None);
        assert_eq!(networks.judge(0), None);
    }

    #[test]
    fn every_line_of_the_built_in_list_has_a_name_and_a_reason() {
        for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, reason) = line.split_once("; ").unwrap_or_default();
            assert!(name.split(' ').count() > 2 && !reason.is_empty(), "{line}");
        }
    }

    // C-13
    #[test]
    fn c_13_a_suspect_network_decides_only_together_with_another_sign() {
        let table = [
            (NetworkKind::Hosting, false, false, true),
            (NetworkKind::Suspect, false, false, false),
            (NetworkKind::Suspect, true, false, true),
            (NetworkKind::Suspect, false, true, true),
        ];
        for (kind, no_gesture, no_language, invalid) in table {
            assert_eq!(judge_network(kind, NetworkSigns { no_gesture, no_language }), invalid, "{kind:?}");
        }
    }

    #[test]
    fn the_signs_come_from_the_headers() {
        let mut signals = Signals::default();
        assert_eq!(NetworkSigns::of(&signals), NetworkSigns { no_gesture: false, no_language: true });
        signals.note("accept-language", b"de-DE,de;q=0.9");
        assert_eq!(NetworkSigns::of(&signals), NetworkSigns::default());
        signals.note("sec-fetch-dest", b"document");
        signals.note("sec-fetch-mode", b"navigate");
        assert_eq!(NetworkSigns::of(&signals), NetworkSigns { no_gesture: true, no_language: false });
    }

    #[test]
    fn an_operators_list_takes_the_place_of_the_built_in_one() {
        let networks =
            DatacenterNetworks::from_list("# own\nsuspect 64500\n\nhosting 64496 Example\n").unwrap();
        assert_eq!(networks.judge(64496), Some(NetworkKind::Hosting));
        assert_eq!(networks.judge(64500), Some(NetworkKind::Suspect));
        assert_eq!(networks.judge(16509), None);
        assert!(DatacenterNetworks::from_list("").unwrap().is_empty());
    }

    #[test]
    fn a_wrong_line_is_named() {
        for wrong in ["cloud 1 x", "hosting", "hosting AS1 x", "hosting 0 x", "hosting 4294967296 x"] {
            let error = DatacenterNetworks::from_list(&format!("hosting 1 a\n{wrong}\n")).unwrap_err();
            assert_eq!(error, NetworkListError::Line { number: 2, text: wrong.to_owned() });
        }
        let error = DatacenterNetworks::from_list("hosting 1 a\nsuspect 1 b").unwrap_err();
        assert_eq!(error, NetworkListError::Twice { number: 2, network: 1 });
    }
}
