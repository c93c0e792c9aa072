//! What is wrong with a configuration, and where.

use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Set nowhere.
    Default,
    /// Set nowhere, made from another setting.
    Derived {
        /// That other key.
        from: &'static str,
    },
    /// The configuration file.
    File {
        /// Its name as it was given.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag {
        /// With its dashes.
        flag: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived { from } => write!(f, "default, from {from}"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The keys it is about, each with where it was set. Two when they contradict each other; none when the
    /// file is not TOML.
    pub keys: Vec<(String, Source)>,
    /// Where, when no key can be named.
    pub source: Option<Source>,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Complaint {
    pub(super) fn of_key(key: &str, source: Source, message: String) -> Self {
        Self { keys: vec![(key.to_owned(), source)], source: None, message }
    }

    pub(super) fn of_source(source: Source, message: String) -> Self {
        Self { keys: Vec::new(), source: Some(source), message }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}")?;
        }
        for (index, (key, source)) in self.keys.iter().enumerate() {
            let between = if index == 0 { "" } else { " and " };
            write!(f, "{between}{key} ({source})")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything that is wrong with a configuration, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub complaints: Vec<Complaint>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.complaints.len();
        write!(f, "the configuration has {count} {}", if count == 1 { "error" } else { "errors" })?;
        for complaint in &self.complaints {
            write!(f, "\n  {complaint}")?;
        }
        Ok(())
    }
}
