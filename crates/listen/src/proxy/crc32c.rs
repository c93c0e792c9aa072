//! CRC-32C (Castagnoli), RFC 3720 appendix B.4; another polynomial than the spool's CRC-32.
//!
//! A table of 256 entries, a byte per step: headers have about a hundred bytes.

/// The polynomial 0x1EDC6F41, lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    let mut byte = 0;
    while at < table.len() {
        let mut sum: u32 = byte;
        let mut bits = 0;
        while bits < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bits += 1;
        }
        table[at] = sum;
        at += 1;
        byte += 1;
    }
    table
}

/// A sum over bytes that come in pieces.
#[derive(Debug)]
pub(super) struct Crc32c {
    inverted: u32,
}

impl Default for Crc32c {
    fn default() -> Self {
        Self { inverted: u32::MAX }
    }
}

impl Crc32c {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [lowest, ..] = self.inverted.to_le_bytes();
            self.inverted = (self.inverted >> 8) ^ TABLE[usize::from(lowest ^ byte)];
        }
    }

    pub(super) const fn finish(&self) -> u32 {
        !self.inverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> u32 {
        let mut sum = Crc32c::default();
        sum.update(bytes);
        sum.finish()
    }

    #[test]
    fn the_sums_are_those_of_rfc_3720() {
        let upwards: Vec<u8> = (0..32).collect();
        let downwards: Vec<u8> = (0..32).rev().collect();
        let table: [(&[u8], u32); 6] = [
            (b"", 0),
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&upwards, 0x46dd_794e),
            (&downwards, 0x113f_db5c),
        ];
        for (bytes, expected) in table {
            assert_eq!(sum(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn pieces_sum_like_the_whole() {
        let bytes = b"PROXY protocol";
        for cut in 0..=bytes.len() {
            let mut pieces = Crc32c::default();
            pieces.update(&bytes[..cut]);
            pieces.update(&bytes[cut..]);
            assert_eq!(pieces.finish(), sum(bytes));
        }
    }
}
