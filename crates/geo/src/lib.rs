//! From an address to country, region and network, out of the operator's database files.
//!
//! The files are MaxMind DB files (`.mmdb`), read whole into memory. Which keys a record uses is found out record by
//! record, so that files of several makers serve:
//!
//! | what | keys, the first that fits |
//! | --- | --- |
//! | country | `country_code`, `country` (two letters), `country.iso_code`, `registered_country.iso_code` |
//! | region | `subdivisions[0].iso_code`, `region_code`, `region` (up to three letters or digits) |
//! | network | `autonomous_system_number`, `asn` (a number, or text such as `AS64496`) |
//!
//! [`Places`] is what was read; [`PlacesFile`] holds it for the threads that answer and reads it again when a file was
//! replaced. Nothing here has a thread: whoever owns the [`PlacesFile`] calls [`PlacesFile::check`] now and then.
//!
//! # What it costs
//!
//! At opening the whole tree is walked once and each distinct record decoded once. Looking up walks the tree and takes
//! one step in a hash table: no allocation, no lock. Measured in release on a busy machine with a country file of 7.8 MB
//! for both address families: opened in 0.12 s, 8 MiB of memory, 110 to 170 ns of processor time for an IPv4 address
//! and 70 ns for an IPv6 address, all at random. During a reload the old and the new file are both in memory.
//!
//! # What it refuses
//!
//! A file that cannot be read, is no such database, whose tree or records are broken anywhere, or in which no record
//! names what the file is for. A reload that fails keeps what was read before. Never a panic, whatever the bytes.
//!
//! # What it does not know
//!
//! Addresses of private networks, of the machine itself and the like have no place, whatever a file says. An IPv6
//! address that carries an IPv4 address (`::ffff:a.b.c.d`) is looked up as that one. Ranges kept for documentation are
//! looked up as any other.

mod database;
mod place;
mod places;
mod record;
mod watched;

pub use database::{GeoError, Reason};
pub use place::{Place, Region};
pub use places::Places;
pub use watched::PlacesFile;
