//! The short name of a tracking link.

use serde::{Deserialize, Serialize};

/// Why a text cannot be a link's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkCodeError {
    /// Too short or too long.
    #[error("a link code has 3 to 64 characters, this one has {0}")]
    Length(usize),
    /// A character outside the alphabet.
    #[error("a link code is made of A-Z a-z 0-9 _ and -, this one has {0:?}")]
    Character(char),
    /// A path that the edge itself answers.
    #[error("{0:?} is a name that the edge itself uses")]
    Reserved(String),
}

/// A link's code: the path of `GET /{code}`. 3 to 64 characters of `[A-Za-z0-9_-]`, none of the edge's own names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkCode(String);

/// First path segments that the edge answers itself (compared without regard to case).
pub(crate) const RESERVED: [&str; 17] = [
    "c",
    "i",
    "installs",
    "postback",
    "pixel",
    "pixel.gif",
    "t",
    "t.js",
    "healthz",
    "readyz",
    "metrics",
    "robots.txt",
    "favicon.ico",
    "v1",
    "docs",
    "static",
    "click",
];

impl LinkCode {
    /// Checks a code.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, LinkCodeError> {
        let text = text.into();
        let length = text.chars().count();
        if !(3..=64).contains(&length) {
            return Err(LinkCodeError::Length(length));
        }
        if let Some(other) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_' || *c == '-')) {
            return Err(LinkCodeError::Character(other));
        }
        if RESERVED.iter().any(|name| name.eq_ignore_ascii_case(&text)) {
            return Err(LinkCodeError::Reserved(text));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LinkCode {
    type Error = LinkCodeError;
    fn try_from(text: String) -> Result<Self, LinkCodeError> {
        Self::new(text)
    }
}

impl From<LinkCode> for String {
    fn from(code: LinkCode) -> String {
        code.0
    }
}

impl std::fmt::Display for LinkCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_the_edge_uses_itself_are_refused_in_any_case() {
        assert_eq!(LinkCode::new("PostBack"), Err(LinkCodeError::Reserved("PostBack".into())));
        assert!(LinkCode::new("postback2").is_ok());
    }

    #[test]
    fn codes_outside_length_or_alphabet_are_refused() {
        assert_eq!(LinkCode::new("ab"), Err(LinkCodeError::Length(2)));
        assert_eq!(LinkCode::new("a".repeat(65)), Err(LinkCodeError::Length(65)));
        assert_eq!(LinkCode::new("a/b"), Err(LinkCodeError::Character('/')));
        assert_eq!(LinkCode::new("straße"), Err(LinkCodeError::Character('ß')));
        assert!(LinkCode::new("a".repeat(64)).is_ok());
    }
}
