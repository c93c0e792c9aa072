//! What is known of an address.

/// Where an address belongs, as far as the files know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Place {
    /// ISO 3166-1 alpha-2 in capital letters, or zeros.
    pub country: [u8; 2],
    /// The first subdivision.
    pub region: Option<Region>,
    /// Number of the network (autonomous system), or 0.
    pub network: u32,
}

impl Place {
    /// The country's code; empty if it is not known.
    #[must_use]
    pub fn country(&self) -> &str {
        std::str::from_utf8(&self.country).map_or("", |code| code.trim_end_matches('\0'))
    }

    /// Fills what is missing from another file's answer.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        // A region belongs to the country that it came with.
        let (country, region) =
            if self.country == [0; 2] { (other.country, other.region) } else { (self.country, self.region) };
        Self { country, region, network: if self.network == 0 { other.network } else { self.network } }
    }
}

/// Code of a subdivision (ISO 3166-2) without the country's: one to three capital letters or digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region([u8; 3]);

impl Region {
    /// Takes a code; none if it is no such code.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let code = code.as_bytes();
        let mut region = [0; 3];
        region.get_mut(..code.len())?.copy_from_slice(code);
        (!code.is_empty() && code.iter().all(u8::is_ascii_alphanumeric))
            .then(|| Self(region.map(|byte| byte.to_ascii_uppercase())))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).map_or("", |code| code.trim_end_matches('\0'))
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_one_to_three_letters_or_digits() {
        for (code, read) in [("BY", "BY"), ("eng", "ENG"), ("9", "9"), ("75C", "75C")] {
            assert_eq!(Region::new(code).unwrap().as_str(), read);
        }
        for wrong in ["", "BAYE", "B-Y", "Ü", "\0"] {
            assert_eq!(Region::new(wrong), None, "{wrong}");
        }
    }
}
