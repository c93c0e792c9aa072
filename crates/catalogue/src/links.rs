//! Links, packed: 20 bytes each, their codes in one arena, an open-addressing table of 32-bit indices over them.

use std::hash::BuildHasher;

use hopline_types::LinkId;

use crate::data::Standing;

const EMPTY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Packed {
    code_at: u32,
    id: u32,
    offer: u32,
    affiliate: u32,
    code_length: u8,
    standing: Standing,
}

/// A link as the catalogue knows it.
#[derive(Debug, Clone, Copy)]
pub struct LinkView<'a> {
    /// Its id.
    pub id: LinkId,
    /// Its code.
    pub code: &'a str,
    /// Whether it runs.
    pub standing: Standing,
}

/// What a found link refers to: places in the catalogue's lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) offer: u32,
    pub(crate) affiliate: u32,
}

/// All links.
#[derive(Debug)]
pub(crate) struct Links {
    codes: String,
    packed: Vec<Packed>,
    table: Box<[u32]>,
    hasher: foldhash::fast::FixedState,
}

impl Links {
    /// Room for `count` links; `seed` is secret, so that nobody can choose codes that collide.
    pub(crate) fn with_capacity(count: usize, seed: u64) -> Self {
        let slots = (count * 2).next_power_of_two().max(16);
        Self {
            codes: String::with_capacity(count * 8),
            packed: Vec::with_capacity(count),
            table: vec![EMPTY; slots].into_boxed_slice(),
            hasher: foldhash::fast::FixedState::with_seed(seed),
        }
    }

    /// Adds a link; false if the code is there already. `code` has at most 255 bytes, ids fit 32 bits, and there is
    /// room left: the caller has checked.
    pub(crate) fn insert(&mut self, code: &str, id: u32, standing: Standing, places: Places) -> bool {
        let Err(slot) = self.find(code.as_bytes()) else { return false };
        self.table[slot] = u32::try_from(self.packed.len()).expect("counted before");
        self.packed.push(Packed {
            code_at: u32::try_from(self.codes.len()).expect("2^32 links of 64 bytes are refused before"),
            id,
            offer: places.offer,
            affiliate: places.affiliate,
            code_length: u8::try_from(code.len()).expect("checked before"),
            standing,
        });
        self.codes.push_str(code);
        true
    }

    pub(crate) fn get(&self, code: &[u8]) -> Option<(LinkView<'_>, Places)> {
        let packed = &self.packed[self.find(code).ok()?];
        let link = LinkView {
            id: LinkId::new(i64::from(packed.id)).expect("checked at insertion"),
            code: self.code(packed),
            standing: packed.standing,
        };
        Some((link, Places { offer: packed.offer, affiliate: packed.affiliate }))
    }

    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }

    /// Bytes of memory behind all links.
    pub(crate) fn bytes(&self) -> usize {
        self.codes.capacity()
            + self.packed.capacity() * size_of::<Packed>()
            + self.table.len() * size_of::<u32>()
    }

    fn code(&self, packed: &Packed) -> &str {
        let start = usize::try_from(packed.code_at).expect("32 bits fit");
        self.codes.get(start..start + usize::from(packed.code_length)).expect("codes lie in the arena")
    }

    /// The link's place, or the slot where it would go. The table is at most half full, so probing ends.
    fn find(&self, code: &[u8]) -> Result<usize, usize> {
        let mask = self.table.len() - 1;
        let hash = self.hasher.hash_one(code);
        let mut slot = usize::try_from(hash & u64::from(u32::MAX)).expect("32 bits fit") & mask;
        loop {
            let place = self.table[slot];
            if place == EMPTY {
                return Err(slot);
            }
            let place = usize::try_from(place).expect("32 bits fit");
            if self.code(&self.packed[place]).as_bytes() == code {
                return Ok(place);
            }
            slot = (slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_takes_twenty_bytes_beside_its_code_and_index() {
        assert_eq!(size_of::<Packed>(), 20);
    }

    #[test]
    fn every_link_is_found_by_its_code_and_no_other() {
        let mut links = Links::with_capacity(10_000, 3);
        for number in 0..10_000_u32 {
            let places = Places { offer: number % 7, affiliate: number % 11 };
            assert!(links.insert(&format!("code{number}"), number + 1, Standing::Active, places));
        }
        assert!(!links.insert("code77", 1, Standing::Active, Places { offer: 0, affiliate: 0 }));
        assert_eq!(links.len(), 10_000);
        for number in 0..10_000_u32 {
            let (link, places) = links.get(format!("code{number}").as_bytes()).unwrap();
            assert_eq!(link.id.get(), i64::from(number) + 1);
            assert_eq!(link.code, format!("code{number}"));
            assert_eq!((places.offer, places.affiliate), (number % 7, number % 11));
        }
        for absent in ["", "code", "code10000", "Code1", "code1 "] {
            assert!(links.get(absent.as_bytes()).is_none(), "{absent}");
        }
    }
}
