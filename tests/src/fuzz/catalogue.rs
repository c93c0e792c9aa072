//! Catalogue snapshots.

use hopline_catalogue::{Catalogue, snapshot};

/// Least bytes that a link takes in a file.
const LINK_BYTES_MIN: usize = 26;

/// What is read reserves no more than the file's size justifies, reads back the same when it is written, and compiles or
/// is refused. With any file, and with one whose checksum holds.
///
/// # Panics
/// One of these does not hold.
pub fn catalogue(data: &[u8]) {
    check(data);
    let mut mended = data.to_vec();
    if let Some((head, behind)) = mended.split_at_mut_checked(16) {
        head[12..].copy_from_slice(&crc32fast::hash(behind).to_le_bytes());
        check(&mended);
    }
}

fn check(file: &[u8]) {
    let Ok(data) = snapshot::decode(file) else { return };
    let links_max = file.len() / LINK_BYTES_MIN + 1;
    assert!(data.links.capacity() <= links_max, "{} links reserved", data.links.capacity());
    assert_eq!(snapshot::decode(&snapshot::encode(&data)).as_ref(), Ok(&data));
    if let Err(problems) = Catalogue::compile(data) {
        assert!(!problems.is_empty(), "a catalogue is refused without a reason");
    }
}
