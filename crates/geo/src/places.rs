//! Countries from one file, networks from another, or both from one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use crate::database::{Database, GeoError, Purpose};
use crate::place::Place;

/// What the operator's files know; a copy shares them.
#[derive(Debug, Clone, Default)]
pub struct Places {
    countries: Option<Arc<Database>>,
    /// None as well where one file serves both.
    networks: Option<Arc<Database>>,
}

impl Places {
    /// Reads the files that are named. Both may be the same one; without any, no address has a place.
    ///
    /// # Errors
    /// The first file that cannot be used, and why.
    pub fn open(countries: Option<&Path>, networks: Option<&Path>) -> Result<Self, GeoError> {
        let mut places = Self::default();
        if let Some(file) = countries {
            places = places.with_countries(file, networks == Some(file))?;
        }
        if let Some(file) = networks.filter(|file| countries != Some(file)) {
            places = places.with_networks(file)?;
        }
        Ok(places)
    }

    /// These with another file of countries, and of networks as well if it is for both.
    pub(crate) fn with_countries(&self, file: &Path, is_for_both: bool) -> Result<Self, GeoError> {
        let database = Database::open(file)?;
        let fail = |reason| GeoError { file: file.to_owned(), reason };
        database.serves(Purpose::Countries).map_err(fail)?;
        if is_for_both {
            database.serves(Purpose::Networks).map_err(fail)?;
        }
        Ok(Self { countries: Some(Arc::new(database)), networks: self.networks.clone() })
    }

    /// These with another file of networks.
    pub(crate) fn with_networks(&self, file: &Path) -> Result<Self, GeoError> {
        let database = Database::open(file)?;
        database.serves(Purpose::Networks).map_err(|reason| GeoError { file: file.to_owned(), reason })?;
        Ok(Self { countries: self.countries.clone(), networks: Some(Arc::new(database)) })
    }

    /// Where an address belongs; allocates nothing and never waits.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        if is_special(address) {
            return Place::default();
        }
        let ask = |database: &Option<Arc<Database>>| {
            database.as_ref().map_or_else(Place::default, |database| database.find(address))
        };
        let place = ask(&self.countries);
        if self.networks.is_none() { place } else { place.or(ask(&self.networks)) }
    }
}

/// Whether an address belongs to no place: unspecified, this machine's, a private network's, a link's, a carrier's own,
/// a group's.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_special_v4(v4),
        IpAddr::V6(v6) => !is_global_unicast(v6),
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_carriers_own = first == 100 && (64..128).contains(&second);
    first == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || is_carriers_own
        // Groups, the reserved rest, and everybody.
        || first >= 224
}

/// 2000::/3 is all that is given out.
fn is_global_unicast(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xe000 == 0x2000
}
