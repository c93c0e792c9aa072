//! Geography files.

use std::io::{Seek as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hopline_geo::Places;

/// A file is refused, or gives every address a place or none: a country of two capital letters, if one.
///
/// # Panics
/// One of these does not hold, or there is no disk to put the file on.
pub fn places(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(data).expect("a small file can be written");
    file.rewind().expect("a file can be rewound");
    for (countries, networks) in [(Some(file.path()), None), (None, Some(file.path()))] {
        let Ok(places) = Places::open(countries, networks) else { continue };
        for step in (0..=u8::MAX).step_by(5) {
            let v4 = Ipv4Addr::new(step, step ^ 0x55, 7, step);
            for address in [IpAddr::from(v4), v4.to_ipv6_mapped().into(), Ipv6Addr::from([step; 16]).into()] {
                let country = places.find(address).country;
                let is_known = country.iter().all(u8::is_ascii_uppercase);
                assert!(country == [0; 2] || is_known, "{address} lies in {country:?}");
            }
        }
    }
}
