//! The catalogue as bytes, for the file from which an edge starts while every store is down.
//!
//! # Format, version 2 (integers little endian)
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `HLCATLG` and a line feed |
//! | 8 | 2 | format version |
//! | 10 | 2 | reserved, zero |
//! | 12 | 4 | CRC-32 of everything behind byte 15 |
//! | 16 | 8 | catalogue version (signed) |
//! | 24 | 8 | length of the JSON part |
//! | 32 | 8 | number of links |
//! | 40 | | JSON: [`CatalogueData`] without its links |
//! | | | links: id, offer id, affiliate id (8 bytes each), standing (1), length of the code (1), code |
//!
//! Links are not in the JSON because there may be a million of them: 34 bytes each in here, 100 there. The file holds
//! the installation's keys: it belongs in a directory that only the service reads. A newer format is refused by its
//! number, before anything else is believed; every other deviation is damage.
//!
//! # Version 1
//!
//! The same bytes; its JSON knows no offers' rules, no domains and no closures. It is read as if there were none.
//! Version 2 was counted up so that a release which would not keep to the rules refuses the file instead.

use hopline_types::{AffiliateId, LinkId, OfferId};

use crate::data::{CatalogueData, LinkEntry, Standing};

/// The format written by this release; it reads all up to this one.
pub const FORMAT: u16 = 2;

const MAGIC: &[u8; 8] = b"HLCATLG\n";
const HEADER: usize = 40;

/// Why bytes are no catalogue for this release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Something else altogether.
    #[error("this is no catalogue snapshot: it does not begin with HLCATLG")]
    Magic,
    /// Written by a newer release.
    #[error("catalogue snapshot has format {given}, this release reads up to {FORMAT}")]
    Newer {
        /// Its format.
        given: u16,
    },
    /// Cut off or altered.
    #[error("catalogue snapshot is damaged: {reason}")]
    Damaged {
        /// What does not fit.
        reason: String,
    },
}

/// Writes the data.
///
/// # Panics
/// Never: plain data always has a JSON form.
#[must_use]
pub fn encode(data: &CatalogueData) -> Vec<u8> {
    let json = serde_json::to_vec(&without_links(data)).expect("plain data has a JSON form");
    let links = &data.links;
    let mut bytes = Vec::with_capacity(HEADER + json.len() + links.len() * 40);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0; 6]);
    bytes.extend_from_slice(&data.version.to_le_bytes());
    bytes.extend_from_slice(&length(json.len()));
    let writable = links.iter().filter(|link| link.code.len() <= 255);
    bytes.extend_from_slice(&length(writable.clone().count()));
    bytes.extend_from_slice(&json);
    for link in writable {
        for id in [link.id.get(), link.offer_id.get(), link.affiliate_id.get()] {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        bytes.push(standing_code(link.standing));
        bytes.push(u8::try_from(link.code.len()).expect("filtered"));
        bytes.extend_from_slice(link.code.as_bytes());
    }
    let crc = crc32fast::hash(&bytes[16..]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the data.
///
/// # Errors
/// Says whether the bytes are foreign, newer or damaged.
pub fn decode(bytes: &[u8]) -> Result<CatalogueData, SnapshotError> {
    if bytes.get(..8) != Some(MAGIC) {
        return Err(SnapshotError::Magic);
    }
    let mut reader = Reader { rest: &bytes[8..] };
    let format = u16::from_le_bytes(reader.take()?);
    if format > FORMAT {
        return Err(SnapshotError::Newer { given: format });
    }
    if format == 0 || reader.take::<2>()? != [0; 2] {
        return Err(damaged("its header holds impossible values"));
    }
    let crc = u32::from_le_bytes(reader.take()?);
    if crc32fast::hash(reader.rest) != crc {
        return Err(damaged("its checksum is wrong"));
    }
    let version = i64::from_le_bytes(reader.take()?);
    let json_length = reader.length()?;
    let link_count = reader.length()?;
    let json = reader.slice(json_length)?;
    let mut data: CatalogueData =
        serde_json::from_slice(json).map_err(|error| damaged(&format!("its JSON part: {error}")))?;
    if data.version != version {
        return Err(damaged("header and content name different versions"));
    }
    // 26 bytes is the least that a link takes: a wrong count reserves no memory beyond the file's size.
    data.links.reserve_exact(link_count.min(reader.rest.len() / 26 + 1));
    for _ in 0..link_count {
        data.links.push(reader.link()?);
    }
    if !reader.rest.is_empty() {
        return Err(damaged("bytes follow its end"));
    }
    Ok(data)
}

/// A copy of everything else: links are what takes room.
fn without_links(data: &CatalogueData) -> CatalogueData {
    CatalogueData {
        version: data.version,
        click_keys: data.click_keys.clone(),
        pseudonym_keys: data.pseudonym_keys.clone(),
        fallback_url: data.fallback_url.clone(),
        advertisers: data.advertisers.clone(),
        offers: data.offers.clone(),
        affiliates: data.affiliates.clone(),
        links: Vec::new(),
        domains: data.domains.clone(),
        closures: data.closures.clone(),
    }
}

fn length(count: usize) -> [u8; 8] {
    u64::try_from(count).expect("lengths fit 64 bits").to_le_bytes()
}

fn damaged(reason: &str) -> SnapshotError {
    SnapshotError::Damaged { reason: reason.to_owned() }
}

const fn standing_code(standing: Standing) -> u8 {
    match standing {
        Standing::Active => 1,
        Standing::Paused => 2,
        Standing::Pending => 3,
        Standing::Blocked => 4,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (chunk, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| damaged("it ends too early"))?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], SnapshotError> {
        let (slice, rest) = self.rest.split_at_checked(length).ok_or_else(|| damaged("it ends too early"))?;
        self.rest = rest;
        Ok(slice)
    }

    fn length(&mut self) -> Result<usize, SnapshotError> {
        usize::try_from(u64::from_le_bytes(self.take()?)).map_err(|_| damaged("a length is impossible"))
    }

    fn link(&mut self) -> Result<LinkEntry, SnapshotError> {
        let wrong = |error: &dyn std::fmt::Display| damaged(&format!("a link: {error}"));
        let id = LinkId::new(i64::from_le_bytes(self.take()?)).map_err(|error| wrong(&error))?;
        let offer_id = OfferId::new(i64::from_le_bytes(self.take()?)).map_err(|error| wrong(&error))?;
        let affiliate_id =
            AffiliateId::new(i64::from_le_bytes(self.take()?)).map_err(|error| wrong(&error))?;
        let [standing, code_length] = self.take()?;
        let standing = [Standing::Active, Standing::Paused, Standing::Pending, Standing::Blocked]
            .into_iter()
            .find(|known| standing_code(*known) == standing)
            .ok_or_else(|| wrong(&"its standing is none"))?;
        let code = self.slice(usize::from(code_length))?;
        let code = std::str::from_utf8(code).map_err(|error| wrong(&error))?.to_owned();
        Ok(LinkEntry { id, code, offer_id, affiliate_id, standing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> CatalogueData {
        let link = |number: i64, standing| LinkEntry {
            id: LinkId::new(number).unwrap(),
            code: format!("code{number}"),
            offer_id: OfferId::new(1).unwrap(),
            affiliate_id: AffiliateId::new(2).unwrap(),
            standing,
        };
        CatalogueData {
            version: 42,
            fallback_url: Some("https://network.example/".into()),
            links: vec![link(1, Standing::Active), link(2, Standing::Blocked)],
            ..CatalogueData::default()
        }
    }

    #[test]
    fn a_snapshot_reads_back_as_written() {
        assert_eq!(decode(&encode(&sample())), Ok(sample()));
        assert_eq!(decode(&encode(&CatalogueData::default())), Ok(CatalogueData::default()));
    }

    #[test]
    fn the_header_lies_where_it_is_documented() {
        let bytes = encode(&sample());
        assert_eq!(&bytes[..12], b"HLCATLG\n\x02\0\0\0");
        assert_eq!(bytes[16..24], 42_i64.to_le_bytes());
        assert_eq!(bytes[32..40], 2_u64.to_le_bytes());
        assert_eq!(bytes[12..16], crc32fast::hash(&bytes[16..]).to_le_bytes());
    }

    #[test]
    fn every_cut_and_every_altered_byte_is_noticed() {
        let bytes = encode(&sample());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 0x10;
            assert!(decode(&altered).is_err(), "altered at {at}");
        }
        assert_eq!(decode(b"something else"), Err(SnapshotError::Magic));
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number() {
        let mut bytes = encode(&sample());
        bytes[8] = 3;
        assert_eq!(decode(&bytes), Err(SnapshotError::Newer { given: 3 }));
    }

    #[test]
    fn a_file_of_format_1_is_read_as_one_without_rules_domains_and_closures() {
        let data = decode(include_bytes!("../tests/fixtures/snapshot_format_1.bin")).unwrap();
        assert_eq!(data.version, 17);
        assert_eq!(data.fallback_url.as_deref(), Some("https://network.example/"));
        let [offer] = &*data.offers else { panic!("{data:?}") };
        assert_eq!((offer.id.get(), &*offer.landing_page), (7, "https://shop.example/?s={sub1}"));
        assert_eq!(offer.rules, crate::data::OfferRules::default());
        assert_eq!((data.domains.len(), data.closures.len()), (0, 0));
        let links: Vec<_> = data.links.iter().map(|link| (&*link.code, link.standing)).collect();
        assert_eq!(links, [("abc1234", Standing::Active), ("old", Standing::Blocked)]);
        assert!(crate::Catalogue::compile(data).is_ok());
    }
}
