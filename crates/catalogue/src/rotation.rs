//! Which landing page a visitor sees.
//!
//! A page that the link names (`lp`) is taken if it is active, also with weight 0. Everybody else is dealt out among
//! the pages by weighted rendezvous hashing: every page gets a score from the hash of (visitor, offer, page), and
//! the best score wins. So a visitor sees the same page at every edge and every time, without anything being kept;
//! a page's share is its weight's share; and a page that comes, goes or changes its weight moves only visitors to it or
//! away from it, never between two others. (C. Schindelhauer, G. Schomaker: Weighted Distributed Hash Tables, SPAA
//! 2005, the logarithmic method: `-ln(u) / weight`, the smallest wins.)
//!
//! The logarithm is computed from additions, multiplications and divisions of IEEE doubles alone, which give the same
//! bits on every machine; a system's own `ln` need not.

use hopline_types::{LandingPageId, OfferId};

use crate::Template;

/// Where a visitor lands.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Its id; none is the offer's own page.
    pub id: Option<LandingPageId>,
    /// The URL.
    pub template: &'a Template,
    /// The link names a page that the offer does not have or that is not active; another was taken.
    pub named_unknown: bool,
}

/// A landing page beside the offer's own, active.
#[derive(Debug)]
pub(crate) struct OtherPage {
    pub(crate) id: LandingPageId,
    pub(crate) weight: u32,
    pub(crate) template: Template,
}

/// An offer's landing pages beside its own.
#[derive(Debug)]
pub(crate) struct Pages {
    offer: OfferId,
    own_weight: u32,
    /// Active ones, ascending by id.
    others: Box<[OtherPage]>,
    /// All pages have the same weight, which is not 0: then the largest hash has the best score.
    is_even: bool,
}

impl Pages {
    pub(crate) fn new(offer: OfferId, own_weight: u32, mut others: Vec<OtherPage>) -> Self {
        others.sort_unstable_by_key(|page| page.id);
        let is_even = own_weight > 0 && others.iter().all(|page| page.weight == own_weight);
        Self { offer, own_weight, others: others.into(), is_even }
    }

    /// Hosts of the active pages beside the offer's own.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|page| page.template.host())
    }

    pub(crate) fn choose<'a>(
        &'a self,
        own: &'a Template,
        named: Option<LandingPageId>,
        visitor: u64,
    ) -> Page<'a> {
        let page = named.and_then(|id| {
            self.others.binary_search_by_key(&id, |page| page.id).ok().map(|place| &self.others[place])
        });
        let named_unknown = named.is_some() && page.is_none();
        match page.or_else(|| self.deal(visitor)) {
            Some(page) => Page { id: Some(page.id), template: &page.template, named_unknown },
            None => Page { id: None, template: own, named_unknown },
        }
    }

    /// The visitor's page; none is the offer's own, also where all weights are 0.
    fn deal(&self, visitor: u64) -> Option<&OtherPage> {
        // Nothing to deal: no other page takes part.
        if self.others.iter().all(|page| page.weight == 0) {
            return None;
        }
        let seed = mix(mix(visitor) ^ number(self.offer.get()));
        if self.is_even {
            return self.deal_evenly(seed);
        }
        let mut best = (score(seed, 0, self.own_weight), None);
        for page in &self.others {
            let score = score(seed, number(page.id.get()), page.weight);
            if score < best.0 {
                best = (score, Some(page));
            }
        }
        best.1
    }

    /// The same where all weights are, without a logarithm: it rises with the hash's upper bits.
    fn deal_evenly(&self, seed: u64) -> Option<&OtherPage> {
        let upper = |page| mix(seed ^ page) >> (64 - MANTISSA_BITS);
        let mut best = (upper(0), None);
        for page in &self.others {
            let upper = upper(number(page.id.get()));
            if upper > best.0 {
                best = (upper, Some(page));
            }
        }
        best.1
    }
}

fn number(id: i64) -> u64 {
    u64::try_from(id).expect("ids are positive")
}

/// The smallest wins; weight 0 never does.
fn score(seed: u64, page: u64, weight: u32) -> f64 {
    if weight == 0 { f64::INFINITY } else { -ln(unit(mix(seed ^ page))) / f64::from(weight) }
}

/// The finishing function of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)
/// behind its increment: every input bit changes every output bit with probability one half.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

const MANTISSA_BITS: u32 = 52;
const ONE: u64 = 1.0_f64.to_bits();

/// The hash's upper bits as a number between 0 and 1, both excluded.
fn unit(hash: u64) -> f64 {
    let from_one_to_two = f64::from_bits(ONE | hash >> (64 - MANTISSA_BITS));
    from_one_to_two - (1.0 - f64::EPSILON / 2.0)
}

/// The natural logarithm of a normal number between 0 and 1, to about 13 digits: the exponent's part and the series
/// of the inverse hyperbolic tangent, ln m = 2 (s + s³/3 + s⁵/5 + …) with s = (m - 1) / (m + 1).
fn ln(value: f64) -> f64 {
    let bits = value.to_bits();
    let exponent = i32::try_from(bits >> MANTISSA_BITS).expect("11 bits, the sign is plus") - 1023;
    let mantissa = f64::from_bits(bits & ((1 << MANTISSA_BITS) - 1) | ONE);
    // Around 1 the series is shortest: |s| is at most 0.172.
    let (mantissa, exponent) = if mantissa > std::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0]
        .into_iter()
        .fold(1.0 / 17.0, |sum, divisor| sum * square + 1.0 / divisor);
    2.0 * s * (series * square + 1.0) + f64::from(exponent) * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests;
