//! The extensions behind the addresses: skipped, but they must fill the header, and a checksum must hold.

use super::crc32c::Crc32c;
use super::error::ProxyError;

/// PP2_TYPE_CRC32C
const CHECKSUM: u8 = 3;

/// Checks the extensions of a whole header, which begin at `start`.
pub(super) fn check(header: &[u8], start: usize) -> Result<(), ProxyError> {
    let mut at = start;
    let mut is_summed = false;
    while at < header.len() {
        let rest = header.get(at..).unwrap_or_default();
        let (kind, value) = first(rest).ok_or(ProxyError::ExtensionCut { at })?;
        let value_at = at + 3;
        if kind == CHECKSUM {
            let stated = value.try_into().map(u32::from_be_bytes);
            let (Ok(stated), false) = (stated, is_summed) else {
                return Err(ProxyError::ChecksumForm { at });
            };
            is_summed = true;
            verify(header, value_at, stated)?;
        }
        at = value_at + value.len();
    }
    Ok(())
}

/// Type and value of the extension that `rest` begins with, if it is all there.
fn first(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (&[kind, high, low], values) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    Some((kind, values.get(..length)?))
}

/// The sum goes over the whole header with zeros in its own place.
fn verify(header: &[u8], sum_at: usize, stated: u32) -> Result<(), ProxyError> {
    let mut sum = Crc32c::default();
    sum.update(header.get(..sum_at).unwrap_or_default());
    sum.update(&[0; 4]);
    sum.update(header.get(sum_at + 4..).unwrap_or_default());
    let computed = sum.finish();
    if computed == stated { Ok(()) } else { Err(ProxyError::Checksum { stated, computed }) }
}
