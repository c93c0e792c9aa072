//! Writes black-and-white PNG pictures.
//!
//! One bit per pixel, greyscale, one `IDAT` chunk. The zlib stream inside is not compressed: it consists of stored
//! blocks of up to 65,535 bytes. A picture of 2,048 by 2,048 pixels has 526 kB.
//!
//! Sources: W3C PNG (third edition) for chunks, RFC 1950 for zlib's frame, RFC 1951 for stored blocks.

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// Bit depth 1, greyscale, deflate, adaptive filters, not interlaced.
const FORM: [u8; 5] = [1, 0, 0, 0, 0];
/// Deflate with a window of 32 KiB, no dictionary, fastest; the two bytes are a multiple of 31.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];
const STORED_BYTES_MAX: usize = 65_535;
const ADLER_MODULUS: u32 = 65_521;

/// A square picture of `size` by `size` pixels; `is_dark` tells of column and row.
pub(crate) fn square(size: u32, is_dark: impl Fn(u32, u32) -> bool) -> Vec<u8> {
    let mut lines = Vec::new();
    for row in 0..size {
        lines.push(0); // no filter
        let mut byte = 0;
        for column in 0..size {
            byte = byte << 1 | u8::from(!is_dark(column, row));
            if column % 8 == 7 {
                lines.push(byte);
                byte = 0;
            }
        }
        if !size.is_multiple_of(8) {
            lines.push(byte << (8 - size % 8));
        }
    }
    let mut file = SIGNATURE.to_vec();
    let head: Vec<u8> = [size.to_be_bytes(), size.to_be_bytes()].concat().into_iter().chain(FORM).collect();
    chunk(&mut file, *b"IHDR", &head);
    chunk(&mut file, *b"IDAT", &zlib(&lines));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).expect("pictures stay far below 4 GiB");
    let mut sum = crc32fast::Hasher::new();
    sum.update(&name);
    sum.update(content);
    file.extend(length.to_be_bytes());
    file.extend(name);
    file.extend(content);
    file.extend(sum.finalize().to_be_bytes());
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut stream = ZLIB_HEADER.to_vec();
    let mut blocks = content.chunks(STORED_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("blocks are cut to fit");
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(content).to_be_bytes());
    stream
}

fn adler32(content: &[u8]) -> u32 {
    let (mut sum, mut sums) = (1, 0);
    for byte in content {
        sum = (sum + u32::from(*byte)) % ADLER_MODULUS;
        sums = (sums + sum) % ADLER_MODULUS;
    }
    sums << 16 | sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_its_source() {
        // RFC 1950 defines it; the value for this text is the well-known one.
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32(b""), 1);
    }

    /// The chunks of a file, their checksums compared.
    fn chunks(file: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
        let mut rest = file.strip_prefix(&SIGNATURE).unwrap();
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let length = usize::try_from(u32::from_be_bytes(rest[..4].try_into().unwrap())).unwrap();
            let (name, content) = (rest[4..8].try_into().unwrap(), rest[8..8 + length].to_vec());
            let sum = u32::from_be_bytes(rest[8 + length..12 + length].try_into().unwrap());
            assert_eq!(sum, crc32fast::hash(&rest[4..8 + length]));
            chunks.push((name, content));
            rest = &rest[12 + length..];
        }
        chunks
    }

    /// What was stored, block by block.
    fn stored(stream: &[u8]) -> Vec<u8> {
        assert_eq!(u16::from_be_bytes(stream[..2].try_into().unwrap()) % 31, 0);
        let (mut rest, mut content) = (&stream[2..], Vec::new());
        loop {
            let length = u16::from_le_bytes(rest[1..3].try_into().unwrap());
            assert_eq!(!length, u16::from_le_bytes(rest[3..5].try_into().unwrap()));
            let (block, after) = rest[5..].split_at(usize::from(length));
            content.extend(block);
            let is_last = rest[0] == 1;
            rest = after;
            if is_last {
                break;
            }
        }
        assert_eq!(rest, adler32(&content).to_be_bytes());
        content
    }

    #[test]
    fn pictures_hold_their_pixels_row_by_row() {
        for size in [1, 7, 8, 9, 64, 1_500] {
            let is_dark = |column: u32, row: u32| (column * 31 + row * 17) % 5 < 2;
            let chunks = chunks(&square(size, is_dark));
            let names: Vec<_> = chunks.iter().map(|(name, _)| name).collect();
            assert_eq!(names, [b"IHDR", b"IDAT", b"IEND"]);
            let head = [&size.to_be_bytes()[..], &size.to_be_bytes(), &[1, 0, 0, 0, 0]].concat();
            assert_eq!(chunks[0].1, head);
            let lines = stored(&chunks[1].1);
            let width = usize::try_from(size).unwrap().div_ceil(8) + 1;
            assert_eq!(lines.len(), width * usize::try_from(size).unwrap());
            for (row, line) in (0..size).zip(lines.chunks(width)) {
                assert_eq!(line[0], 0, "no filter");
                for column in 0..size {
                    let byte = line[1 + usize::try_from(column / 8).unwrap()];
                    assert_eq!(byte >> (7 - column % 8) & 1 == 0, is_dark(column, row), "{column} {row}");
                }
            }
        }
    }
}
