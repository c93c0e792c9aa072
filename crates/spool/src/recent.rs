//! Where the newest part of a stream begins.

use std::path::Path;

use crate::error::ReadError;
use crate::ids::{Position, RecordId};
use crate::segment::{SegmentNumber, list_segments};
use crate::storage::Storage;

/// The beginning of the oldest segment from which on the files take at most `bytes_max`; of the last segment where that
/// alone takes more. Space that is only reserved counts as well.
///
/// # Errors
/// The directory cannot be listed.
pub fn position_before_end(storage: &dyn Storage, dir: &Path, bytes_max: u64) -> Result<Position, ReadError> {
    let segments =
        list_segments(storage, dir).map_err(|source| ReadError::Io { path: dir.to_owned(), source })?;
    let mut room = bytes_max;
    let mut first = SegmentNumber::START;
    for (rank, (number, bytes)) in segments.iter().rev().enumerate() {
        match room.checked_sub(*bytes) {
            Some(rest) => room = rest,
            None if rank == 0 => room = 0,
            None => break,
        }
        first = *number;
    }
    Ok(Position { segment: first, offset: 0, next_id: RecordId::FIRST })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FsStorage;

    #[test]
    fn the_newest_segments_that_fit_are_taken_and_the_last_one_always() {
        let dir = tempfile::tempdir().unwrap();
        let first = |bytes_max| position_before_end(&FsStorage, dir.path(), bytes_max).unwrap().segment.get();
        assert_eq!(first(100), 0, "nothing is there");
        for number in 3..6_u32 {
            let name = SegmentNumber::new(number).file_name();
            std::fs::write(dir.path().join(name), [0; 100]).unwrap();
        }
        let table = [(0, 5), (99, 5), (100, 5), (199, 5), (200, 4), (300, 3), (u64::MAX, 3)];
        for (bytes_max, expected) in table {
            assert_eq!(first(bytes_max), expected, "{bytes_max} bytes");
        }
    }
}
