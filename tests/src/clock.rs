//! A clock that a test sets, for the real binary: Debian's libfaketime between it and the system.

use std::path::PathBuf;

use hopline_testkit::Setup;

/// Days ahead of the real time, or behind it; moved while servers run.
#[derive(Debug)]
pub struct FakeClock {
    home: tempfile::TempDir,
    library: PathBuf,
}

impl FakeClock {
    /// A clock that is right.
    ///
    /// # Panics
    /// libfaketime is not installed.
    #[must_use]
    pub fn new() -> Self {
        let library = std::env::var_os("HOPLINE_TEST_FAKETIME").map(PathBuf::from).or_else(installed);
        let library = library.expect("libfaketime is installed: run the tests by `cargo xtask test`");
        let clock = Self { home: tempfile::tempdir().expect("a temporary directory can be made"), library };
        clock.set_hours(0);
        clock
    }

    /// The setup with this clock.
    ///
    /// # Panics
    /// The path of a temporary file is not text.
    #[must_use]
    pub fn of(&self, setup: Setup) -> Setup {
        let library = self.library.to_str().expect("the library's path is text");
        let file = self.file();
        setup
            .with("LD_PRELOAD", library)
            .with("FAKETIME_TIMESTAMP_FILE", file.to_str().expect("temporary paths are text"))
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    /// Steps to this many hours from the real time.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn set_hours(&self, hours: i64) {
        let new = self.home.path().join("new");
        std::fs::write(&new, format!("{hours:+}h\n")).expect("a temporary file can be written");
        #[expect(clippy::disallowed_methods, reason = "whole at every moment is all that it must be")]
        std::fs::rename(new, self.file()).expect("a temporary file can be renamed");
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("faketime")
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Where Debian puts it: `/usr/lib/{architecture}/faketime`.
fn installed() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let mut candidates =
        folders.filter_map(Result::ok).map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    candidates.find(|path| path.is_file())
}
