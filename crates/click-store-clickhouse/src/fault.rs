//! Errors on their way out.

use std::time::Duration;

use hopline_click_store::ClickStoreError;

/// Codes of answers that no repetition changes: somebody must act, on the tables, the rights or the settings.
const FINAL: &[u32] = &[
    6, 10, 16, 27, 33, 36, 38, 41, 42, 43, 44, 46, 47, 48, 50, 53, 57, 60, 62, 63, 69, 70, 73, 81, 115, 117,
    122, 130, 131, 164, 192, 193, 194, 349, 469, 497, 516,
];
/// Codes of servers that cannot serve, though another may: read-only tables, no keeper, no network, going down.
const ELSEWHERE: &[u32] = &[3, 198, 209, 210, 225, 236, 242, 279, 285, 286, 319, 425, 439, 999, 1001];
/// Codes that say that what was sent cannot be read or does not fit a column.
const BAD_DATA: &[u32] = &[6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 469, 691];

/// What went wrong inside a call; the call says what it was doing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server answered that it could not.
    Server { host: String, code: Option<u32>, message: String },
    /// No answer came, or none that can be read.
    Network { host: String, source: clickhouse::error::Error },
    /// No answer came in time. What was asked may yet be done.
    TimedOut { host: String, after: Duration },
    /// What is stored cannot be what was written.
    Corrupt(String),
    /// Already says everything.
    Said(ClickStoreError),
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{host} answers: {message}")]
    Server { host: String, message: String },
    #[error("no answer from {host}")]
    Network {
        host: String,
        #[source]
        source: clickhouse::error::Error,
    },
    #[error("no answer from {host} within {} s", after.as_secs())]
    TimedOut { host: String, after: Duration },
}

impl Fault {
    /// The server's code, if it gave one.
    pub(crate) const fn code(&self) -> Option<u32> {
        match self {
            Self::Server { code, .. } => *code,
            Self::Network { .. } | Self::TimedOut { .. } | Self::Corrupt(_) | Self::Said(_) => None,
        }
    }

    /// Whether another server may do better.
    pub(crate) fn is_of_host(&self) -> bool {
        match self {
            Self::Network { .. } | Self::TimedOut { .. } => true,
            // Without a code it is a proxy that answers.
            Self::Server { code, .. } => code.is_none_or(|code| ELSEWHERE.contains(&code)),
            Self::Corrupt(_) | Self::Said(_) => false,
        }
    }

    /// Whether the server says that it is what was sent that is wrong.
    pub(crate) fn is_bad_data(&self) -> bool {
        self.code().is_some_and(|code| BAD_DATA.contains(&code))
    }

    /// Whether the same can succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Server { code, .. } => code.is_none_or(|code| !FINAL.contains(&code)),
            Self::Network { .. } | Self::TimedOut { .. } => true,
            Self::Corrupt(_) => false,
            Self::Said(error) => error.is_retryable(),
        }
    }

    pub(crate) fn while_doing(self, doing: &'static str) -> ClickStoreError {
        let retryable = self.is_retryable();
        let source = match self {
            Self::Said(error) => return error,
            Self::Corrupt(what) => what.into(),
            Self::Server { host, message, .. } => Cause::Server { host, message }.into(),
            Self::Network { host, source } => Cause::Network { host, source }.into(),
            Self::TimedOut { host, after } => Cause::TimedOut { host, after }.into(),
        };
        ClickStoreError::Failed { doing, retryable, source }
    }
}

impl From<ClickStoreError> for Fault {
    fn from(error: ClickStoreError) -> Self {
        Self::Said(error)
    }
}

/// The number in `Code: 60. DB::Exception: …`.
pub(crate) fn code_of(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("Code: ")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: Option<u32>) -> Fault {
        Fault::Server { host: "h:1".into(), code, message: "x".into() }
    }

    #[test]
    fn what_can_pass_is_told_from_what_cannot() {
        // Too many parts, memory, time, read-only table, a proxy's answer.
        for code in [Some(252), Some(241), Some(159), Some(242), None] {
            assert!(server(code).is_retryable(), "{code:?}");
        }
        // Syntax, table, column, rights, password.
        for code in [62, 60, 47, 497, 516] {
            assert!(!server(Some(code)).is_retryable(), "{code}");
        }
        assert!(server(Some(242)).is_of_host() && !server(Some(241)).is_of_host());
    }

    #[test]
    fn the_code_is_read_from_the_answer() {
        assert_eq!(code_of("Code: 60. DB::Exception: Unknown table"), Some(60));
        assert_eq!(code_of("Code: 516"), Some(516));
        assert_eq!(code_of("502 Bad Gateway"), None);
    }
}
