//! What a click id says.

use hopline_types::{AffiliateId, LinkId, OfferId, UnixMillis, Verdict};

/// The highest record id that fits into a unique number: 2^40 - 1.
pub const RECORD_MAX: u64 = (1 << 40) - 1;

/// The highest time that fits into six bytes.
pub(crate) const MILLIS_MAX: u64 = (1 << 48) - 1;

/// What a click id says about its click.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClickClaims {
    /// When the edge answered the click.
    pub at: UnixMillis,
    /// The offer that was clicked.
    pub offer: OfferId,
    /// The affiliate that sent the visitor.
    pub affiliate: AffiliateId,
    /// The link that was followed; `None` for a click without a prepared link.
    pub link: Option<LinkId>,
    /// Which click it is.
    pub unique: UniqueNumber,
    /// How the click counts.
    pub verdict: Verdict,
}

impl ClickClaims {
    /// What the bytes of a click id say, unchecked: only for ids out of a log of our own, which vouches for them. None
    /// where they say nothing that an edge writes.
    #[must_use]
    pub fn of_own_record(token: &[u8; crate::TOKEN_BYTES]) -> Option<Self> {
        let signed = token.first_chunk()?;
        crate::layout::read(signed).ok()
    }
}

/// The number of one click, unique within an installation: which edge, which of its streams, which record of that
/// stream's spool. Numbers of one stream rise with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueNumber(u64);

impl UniqueNumber {
    /// Puts the parts together.
    ///
    /// # Errors
    /// Refuses a record id above [`RECORD_MAX`].
    pub const fn new(edge: u16, stream: u8, record: u64) -> Result<Self, DoesNotFit> {
        if record > RECORD_MAX {
            return Err(DoesNotFit::Record { given: record });
        }
        let [edge_high, edge_low] = edge.to_be_bytes();
        let [_, _, _, r0, r1, r2, r3, r4] = record.to_be_bytes();
        Ok(Self(u64::from_be_bytes([edge_high, edge_low, stream, r0, r1, r2, r3, r4])))
    }

    /// Reads the 64 bits back; all of them are possible.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The edge's id.
    #[must_use]
    pub const fn edge(self) -> u16 {
        let [high, low, ..] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The stream within the edge.
    #[must_use]
    pub const fn stream(self) -> u8 {
        let [_, _, stream, ..] = self.0.to_be_bytes();
        stream
    }

    /// The record's id within the stream's spool.
    #[must_use]
    pub const fn record(self) -> u64 {
        self.0 & RECORD_MAX
    }
}

impl std::fmt::Display for UniqueNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.edge(), self.stream(), self.record())
    }
}

/// A value too large (or a time before 1970) for its field in a click id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DoesNotFit {
    /// An offer id above 2^32 - 1.
    #[error("offer {given} does not fit into a click id, which holds ids up to 4294967295")]
    Offer {
        /// The id.
        given: i64,
    },
    /// An affiliate id above 2^32 - 1.
    #[error("affiliate {given} does not fit into a click id, which holds ids up to 4294967295")]
    Affiliate {
        /// The id.
        given: i64,
    },
    /// A link id above 2^32 - 1.
    #[error("link {given} does not fit into a click id, which holds ids up to 4294967295")]
    Link {
        /// The id.
        given: i64,
    },
    /// A record id above 2^40 - 1.
    #[error("record {given} does not fit into a click id, which holds record ids up to 1099511627775")]
    Record {
        /// The id.
        given: u64,
    },
    /// A time before 1970 or beyond 2^48 - 1 milliseconds.
    #[error("time {given} ms does not fit into a click id, which holds 0 to 281474976710655 ms since 1970")]
    Time {
        /// Milliseconds since the epoch.
        given: i64,
    },
}

/// Checks whether ids fit into click ids: what a catalogue does once, so that signing a click cannot fail on them.
///
/// # Errors
/// Names the first id that is too large.
pub fn fits(offer: OfferId, affiliate: AffiliateId, link: Option<LinkId>) -> Result<(), DoesNotFit> {
    offer_field(offer)?;
    affiliate_field(affiliate)?;
    link_field(link)?;
    Ok(())
}

pub(crate) fn offer_field(offer: OfferId) -> Result<u32, DoesNotFit> {
    u32::try_from(offer.get()).map_err(|_| DoesNotFit::Offer { given: offer.get() })
}

pub(crate) fn affiliate_field(affiliate: AffiliateId) -> Result<u32, DoesNotFit> {
    u32::try_from(affiliate.get()).map_err(|_| DoesNotFit::Affiliate { given: affiliate.get() })
}

pub(crate) fn link_field(link: Option<LinkId>) -> Result<u32, DoesNotFit> {
    match link {
        None => Ok(0),
        Some(link) => u32::try_from(link.get()).map_err(|_| DoesNotFit::Link { given: link.get() }),
    }
}

pub(crate) fn time_field(at: UnixMillis) -> Result<u64, DoesNotFit> {
    match u64::try_from(at.get()) {
        Ok(millis) if millis <= MILLIS_MAX => Ok(millis),
        _ => Err(DoesNotFit::Time { given: at.get() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_number_gives_its_parts_back() {
        let unique = UniqueNumber::new(0xabcd, 0xef, RECORD_MAX - 1).unwrap();
        assert_eq!(unique.bits(), 0xabcd_efff_ffff_fffe);
        assert_eq!((unique.edge(), unique.stream(), unique.record()), (0xabcd, 0xef, RECORD_MAX - 1));
        assert_eq!(UniqueNumber::from_bits(unique.bits()), unique);
        assert_eq!(UniqueNumber::new(1, 2, 3).unwrap().to_string(), "1-2-3");
    }

    #[test]
    fn a_record_id_of_more_than_forty_bits_is_refused() {
        assert_eq!(
            UniqueNumber::new(0, 0, RECORD_MAX + 1),
            Err(DoesNotFit::Record { given: RECORD_MAX + 1 })
        );
    }

    #[test]
    fn ids_of_more_than_thirty_two_bits_do_not_fit() {
        let large = i64::from(u32::MAX) + 1;
        let (offer, affiliate) = (OfferId::new(1).unwrap(), AffiliateId::new(2).unwrap());
        assert_eq!(fits(offer, affiliate, Some(LinkId::new(large - 1).unwrap())), Ok(()));
        assert_eq!(fits(offer, affiliate, None), Ok(()));
        assert_eq!(
            fits(OfferId::new(large).unwrap(), affiliate, None),
            Err(DoesNotFit::Offer { given: large })
        );
        assert_eq!(
            fits(offer, AffiliateId::new(large).unwrap(), None),
            Err(DoesNotFit::Affiliate { given: large })
        );
        assert_eq!(
            fits(offer, affiliate, Some(LinkId::new(large).unwrap())),
            Err(DoesNotFit::Link { given: large })
        );
    }
}
