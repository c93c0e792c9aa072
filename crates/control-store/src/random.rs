//! Random text from random bytes.

/// The digits of base 62, in order of their values.
pub(crate) const BASE62: [u8; 62] = *b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes drawn at a time.
const DRAW_BYTES: usize = 32;

/// `length` characters of `0-9A-Za-z`, each with the same chance (5.95 bits each). `random` fills its argument from a
/// cryptographic source; two of 64 draws are thrown away, so a source stuck on high bytes would never end this.
pub fn base62(length: usize, random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; DRAW_BYTES];
        random(&mut bytes);
        let digits = bytes.iter().filter_map(|byte| BASE62.get(usize::from(byte >> 2)));
        text.extend(digits.take(length - text.len()).map(|digit| char::from(*digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_has_the_same_chance() {
        let mut next = 0_u8;
        let mut count_up = |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = next;
                next = next.wrapping_add(1);
            }
        };
        let text = base62(62 * 4, &mut count_up);
        for digit in BASE62 {
            assert_eq!(text.bytes().filter(|byte| *byte == digit).count(), 4, "{}", char::from(digit));
        }
    }
}
