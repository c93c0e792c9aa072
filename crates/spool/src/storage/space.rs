//! How much room the disk has.

use std::io;
use std::path::Path;

/// Bytes that the file system of `path` has left for us; what is kept for the superuser does not count.
///
/// # Errors
/// What the disk says.
pub fn disk_free_bytes(path: &Path) -> io::Result<u64> {
    let figures = rustix::fs::statvfs(path)?;
    Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_the_tests_has_some_room_and_a_missing_place_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let free = disk_free_bytes(home.path()).unwrap();
        assert!((1_000_000..1 << 60).contains(&free), "{free}");
        let missing = disk_free_bytes(&home.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
