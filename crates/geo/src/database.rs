//! One database file, checked whole when it is opened.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;
use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use crate::Place;
use crate::record::Record;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the geography file {file}", file = file.display())]
pub struct GeoError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub reason: Reason,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] std::io::Error),
    /// It is a directory, a pipe or the like.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is no MaxMind DB file, or is cut off or damaged.
    #[error("it is not a MaxMind DB file, or is damaged")]
    Damaged(#[source] MaxMindDbError),
    /// Its tree leads round in circles, or leads to the same place too often.
    #[error("its tree of {nodes} nodes has more than {leaves_max} ends")]
    Tangled {
        /// Nodes that it says it has.
        nodes: u32,
        /// Ends that so many nodes can have.
        leaves_max: usize,
    },
    /// Records lie beyond the first 4 GiB.
    #[error("it is larger than 4 GiB")]
    TooLarge,
    /// It is some other database.
    #[error("no record in it names a {wanted} (its type is {kind:?})")]
    Lacks {
        /// `country` or `network`.
        wanted: &'static str,
        /// The type that it says it has.
        kind: String,
    },
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Countries,
    Networks,
}

/// The file's bytes, and its distinct records decoded, by their offset.
pub(crate) struct Database {
    reader: Reader<Vec<u8>>,
    knows_v6: bool,
    places: HashMap<u32, Place, FixedState>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("type", &self.reader.metadata().database_type)
            .field("build_epoch", &self.reader.metadata().build_epoch)
            .field("places", &self.places.len())
            .finish_non_exhaustive()
    }
}

impl Database {
    pub(crate) fn open(file: &Path) -> Result<Self, GeoError> {
        let fail = |reason| GeoError { file: file.to_owned(), reason };
        let is_file = std::fs::metadata(file).map_err(|source| fail(Reason::Read(source)))?.is_file();
        if !is_file {
            return Err(fail(Reason::NotAFile));
        }
        let bytes = std::fs::read(file).map_err(|source| fail(Reason::Read(source)))?;
        Self::from_bytes(bytes).map_err(fail)
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, Reason> {
        let reader = Reader::from_source(bytes).map_err(Reason::Damaged)?;
        let metadata = reader.metadata();
        let (nodes, knows_v6) = (metadata.node_count, metadata.ip_version == 6);
        // A tree of n nodes has n + 1 ends; the IPv4 part may be reached by a handful of ways (mapped, 6to4, Teredo).
        let leaves_max = usize::try_from(nodes).map_err(|_| Reason::TooLarge)?.saturating_mul(8).max(1024);
        let mut places = HashMap::default();
        // All ends, also those that say nothing: what is passed over in silence could not be counted.
        let options = WithinOptions::default().include_aliased_networks().include_networks_without_data();
        for (leaf, network) in reader.networks(options).map_err(Reason::Damaged)?.enumerate() {
            if leaf >= leaves_max {
                return Err(Reason::Tangled { nodes, leaves_max });
            }
            let network = network.map_err(Reason::Damaged)?;
            let Some(offset) = network.offset() else { continue };
            let offset = u32::try_from(offset).map_err(|_| Reason::TooLarge)?;
            if let std::collections::hash_map::Entry::Vacant(entry) = places.entry(offset) {
                let record: Option<Record<'_>> = network.decode().map_err(Reason::Damaged)?;
                entry.insert(record.unwrap_or_default().place());
            }
        }
        places.shrink_to_fit();
        Ok(Self { reader, knows_v6, places })
    }

    /// Whether any record names what the file is for.
    pub(crate) fn serves(&self, purpose: Purpose) -> Result<(), Reason> {
        let (wanted, found) = match purpose {
            Purpose::Countries => ("country", self.places.values().any(|place| place.country != [0; 2])),
            Purpose::Networks => ("network", self.places.values().any(|place| place.network != 0)),
        };
        if found {
            return Ok(());
        }
        Err(Reason::Lacks { wanted, kind: self.reader.metadata().database_type.clone() })
    }

    /// Walks the tree; allocates nothing.
    pub(crate) fn find(&self, address: IpAddr) -> Place {
        if address.is_ipv6() && !self.knows_v6 {
            return Place::default();
        }
        // Every end of the tree was seen at opening: an error cannot occur, and would mean that nothing is known.
        let offset = self.reader.lookup(address).ok().and_then(|found| found.offset());
        let place = offset.and_then(|offset| self.places.get(&u32::try_from(offset).ok()?));
        place.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    const FIXTURES: [&[u8]; 3] = [
        include_bytes!("../tests/fixtures/city.mmdb"),
        include_bytes!("../tests/fixtures/asn.mmdb"),
        include_bytes!("../tests/fixtures/flat-ipv4.mmdb"),
    ];

    /// Two bits a node, whatever the node: enough to come to every part of a small file.
    fn look_everywhere(database: &Database) {
        for step in 0..=u8::MAX {
            let _v4 = database.find(Ipv4Addr::new(step, step ^ 0x55, 7, step).into());
            let _v6 = database.find(Ipv6Addr::from([step ^ 0x20; 16]).into());
        }
    }

    /// A file of 24-bit records with the given nodes and one record, `{}`.
    fn database(nodes: &[[u8; 6]], ip_version: u8) -> Vec<u8> {
        let mut bytes = nodes.concat();
        bytes.extend([0; 16]);
        bytes.push(0xe0);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.push(0xe9);
        let mut put = |key: &str, value: &[u8]| {
            bytes.push(0x40 | u8::try_from(key.len()).unwrap());
            bytes.extend(key.as_bytes());
            bytes.extend(value);
        };
        let count = u8::try_from(nodes.len()).unwrap();
        put("node_count", &[0xc1, count]);
        put("record_size", &[0xa1, 24]);
        put("ip_version", &[0xa1, ip_version]);
        put("database_type", b"\x41x");
        put("languages", &[0x00, 0x04]);
        put("binary_format_major_version", &[0xa1, 2]);
        put("binary_format_minor_version", &[0xa0]);
        put("build_epoch", &[0x01, 0x02, 1]);
        put("description", &[0xe0]);
        bytes
    }

    #[test]
    fn a_tree_in_circles_is_refused() {
        let error = Database::from_bytes(database(&[[0; 6]], 6)).unwrap_err();
        assert!(matches!(error, Reason::Damaged(_)), "{error:?}");
    }

    // Each node leads to the next one twice: without a bound the walk would take 2^100 steps.
    #[test]
    fn a_tree_whose_parts_are_reached_too_often_is_refused() {
        let nodes: Vec<[u8; 6]> = (1..=100).map(|next| [0, 0, next, 0, 0, next]).collect();
        let error = Database::from_bytes(database(&nodes, 6)).unwrap_err();
        assert!(matches!(error, Reason::Tangled { nodes: 100, leaves_max: 1024 }), "{error:?}");
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused_or_answers_but_never_panics() {
        for fixture in FIXTURES {
            Database::from_bytes(fixture.to_vec()).unwrap();
            for length in 0..fixture.len() {
                if let Ok(database) = Database::from_bytes(fixture[..length].to_vec()) {
                    look_everywhere(&database);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_file_with_flipped_bits_is_refused_or_answers_but_never_panics(
            fixture in 0..FIXTURES.len(),
            flips in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6),
        ) {
            let mut bytes = FIXTURES[fixture].to_vec();
            for (at, bits) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            if let Ok(database) = Database::from_bytes(bytes) {
                look_everywhere(&database);
            }
        }

        #[test]
        fn bytes_that_are_no_database_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Database::from_bytes(bytes).is_err());
        }
    }
}
