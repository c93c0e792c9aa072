//! Files with secrets in them.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates an empty file that only its owner can read (secrets and bank accounts go into it); SQLite gives its side
/// files the same rights.
///
/// # Errors
/// `AlreadyExists` where there is one; whatever the system says.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
