//! Files that survive: replaced whole or not at all, and a data directory with one owner.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

mod data_dir;

pub use data_dir::{DataDir, DataDirError, FORMAT, Holder};

/// Why a file could not be replaced. The old content is then still in place, unless only the last step failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot replace {path}: {step}", path = path.display())]
pub struct ReplaceError {
    /// The file.
    pub path: PathBuf,
    /// What was being done.
    pub step: &'static str,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Tells temporary files of one process apart.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Puts `bytes` in place of the file's content, atomically and durably.
///
/// Whoever reads the path, also after a crash at any moment, finds the old content whole or the new content
/// whole. When this returns, the new content survives a loss of power. `mode` are the permission bits of the
/// new file. A temporary file `.<name>.<pid>.<n>.tmp` beside it may stay after a crash; it may be
/// deleted.
///
/// # Errors
/// The step that failed and what the system said.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ReplaceError> {
    let fail = |step| move |source| ReplaceError { path: path.to_owned(), step, source };
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name");
    let name = path.file_name().ok_or_else(no_name).map_err(fail("name the temporary file"))?;
    let directory = directory_of(path);
    let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
    let temporary =
        directory.join(format!(".{}.{}.{number}.tmp", name.to_string_lossy(), std::process::id()));

    let written = write_synced(&temporary, bytes, mode).map_err(fail("write the temporary file"));
    let renamed = written.and_then(|()| rename(&temporary, path).map_err(fail("rename the temporary file")));
    if let Err(error) = renamed {
        // What is reported is the first failure; a temporary file that stays is harmless.
        fs::remove_file(&temporary).unwrap_or_default();
        return Err(error);
    }
    sync_directory(directory).map_err(fail("sync the directory"))
}

/// Makes names that were created, renamed or removed in a directory durable.
///
/// # Errors
/// The directory cannot be opened or synced.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    // `mode` above is cut by the umask, and does nothing for a file that an earlier crash left.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[expect(clippy::disallowed_methods, reason = "the file and then the directory are synced around it")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_the_new_content_and_mode_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("snapshot");
        replace(&path, b"old", 0o644).unwrap();
        replace(&path, b"new", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_names_path_and_step_and_leaves_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let occupied = directory.path().join("occupied");
        fs::create_dir(&occupied).unwrap();
        let error = replace(&occupied, b"new", 0o600).unwrap_err().to_string();
        assert!(error.contains("occupied") && error.contains("rename"), "{error}");
        assert!(occupied.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

        let missing = replace(&directory.path().join("no/such"), b"new", 0o600).unwrap_err();
        assert_eq!(missing.source.kind(), io::ErrorKind::NotFound);
    }
}
