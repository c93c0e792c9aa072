//! The files as they are now: read again when they were replaced.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

use crate::database::GeoError;
use crate::place::Place;
use crate::places::Places;

/// Files that may be replaced while they are used. Replace them by renaming: one that is written in place may be seen
/// half, and is then refused until it changes again.
#[derive(Debug)]
pub struct PlacesFile {
    countries: Option<PathBuf>,
    networks: Option<PathBuf>,
    last: Mutex<Stamps>,
    current: ArcSwap<Places>,
}

impl PlacesFile {
    /// Reads the files that are named, as [`Places::open`] does.
    ///
    /// # Errors
    /// The first file that cannot be used, and why.
    pub fn open(countries: Option<&Path>, networks: Option<&Path>) -> Result<Self, GeoError> {
        // Looked at before they are read: what changes meanwhile is read again.
        let last =
            Stamps { countries: countries.and_then(Stamp::of), networks: networks.and_then(Stamp::of) };
        Ok(Self {
            countries: countries.map(Path::to_owned),
            networks: networks.map(Path::to_owned),
            last: Mutex::new(last),
            current: ArcSwap::from_pointee(Places::open(countries, networks)?),
        })
    }

    /// What the files said when they were read last.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<Places>> {
        self.current.load()
    }

    /// As [`Places::find`], by what was read last.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Place {
        self.current.load().find(address)
    }

    /// Reads the files that have changed since they were read last; tells whether there was one. Reads from the disk, so
    /// call it where waiting harms nobody.
    ///
    /// # Errors
    /// A changed file that cannot be used: what it said before stays in force. It is not complained of again until it
    /// changes again. Should the other file have changed as well, the next call reads that one.
    pub fn check(&self) -> Result<bool, GeoError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_for_both = self.countries == self.networks;
        let mut any = false;
        if let Some(file) = &self.countries
            && changed(&mut last.countries, file)
        {
            let places = self.current.load().with_countries(file, is_for_both)?;
            self.current.store(Arc::new(places));
            any = true;
        }
        if let Some(file) = &self.networks
            && !is_for_both
            && changed(&mut last.networks, file)
        {
            let places = self.current.load().with_networks(file)?;
            self.current.store(Arc::new(places));
            any = true;
        }
        Ok(any)
    }
}

#[derive(Debug)]
struct Stamps {
    countries: Option<Stamp>,
    networks: Option<Stamp>,
}

/// What tells one content of a path from the next: file, length, time of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// None if there is no such file.
    fn of(file: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

fn changed(last: &mut Option<Stamp>, file: &Path) -> bool {
    let now = Stamp::of(file);
    let before = std::mem::replace(last, now);
    before != now
}
