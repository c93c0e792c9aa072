//! The signed bytes: where each field lies.

use hopline_types::{AffiliateId, LinkId, OfferId, UnixMillis, Verdict};

use crate::claims::{affiliate_field, link_field, offer_field, time_field};
use crate::{ClickClaims, DoesNotFit, Refused, UniqueNumber};

/// The version written and read by this crate.
pub(crate) const VERSION: u8 = 1;

/// Bytes 0 to 28: everything before the signature.
pub(crate) const SIGNED_BYTES: usize = 29;

/// Writes the fields.
pub(crate) fn write(key: u8, claims: &ClickClaims) -> Result<[u8; SIGNED_BYTES], DoesNotFit> {
    let mut bytes = [0; SIGNED_BYTES];
    let [_, _, time @ ..] = time_field(claims.at)?.to_be_bytes();
    bytes[0] = VERSION;
    bytes[1] = key;
    bytes[2..8].copy_from_slice(&time);
    bytes[8..12].copy_from_slice(&offer_field(claims.offer)?.to_be_bytes());
    bytes[12..16].copy_from_slice(&affiliate_field(claims.affiliate)?.to_be_bytes());
    bytes[16..20].copy_from_slice(&link_field(claims.link)?.to_be_bytes());
    bytes[20..28].copy_from_slice(&claims.unique.bits().to_be_bytes());
    bytes[28] = claims.verdict.code();
    Ok(bytes)
}

/// Reads the fields of bytes whose signature held.
pub(crate) fn read(bytes: &[u8; SIGNED_BYTES]) -> Result<ClickClaims, Refused> {
    let millis = i64::try_from(number(&bytes[2..8])).expect("48 bits fit into 63");
    let offer = OfferId::new(id(&bytes[8..12])).map_err(|_| Refused::Content { field: "offer" })?;
    let affiliate =
        AffiliateId::new(id(&bytes[12..16])).map_err(|_| Refused::Content { field: "affiliate" })?;
    let unique = UniqueNumber::from_bits(number(&bytes[20..28]));
    let verdict = Verdict::from_code(bytes[28]).ok_or(Refused::Content { field: "verdict" })?;
    Ok(ClickClaims {
        at: UnixMillis(millis),
        offer,
        affiliate,
        // 0 is no id, so it reads as no link.
        link: LinkId::new(id(&bytes[16..20])).ok(),
        unique,
        verdict,
    })
}

/// A big-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn id(bytes: &[u8]) -> i64 {
    i64::try_from(number(bytes)).expect("32 bits fit into 63")
}
