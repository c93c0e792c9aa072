//! Reading JSON that may be wrong in many places, and naming all of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The path of the field, such as `touches[2].at`.
    pub field: String,
    /// What is wrong and what would be accepted.
    pub message: String,
}

/// A value of the expected JSON type, or something else.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, bound = "T: DeserializeOwned")]
pub(crate) enum Loose<T> {
    Right(T),
    Wrong(IgnoredAny),
}

/// Members that the form does not know.
pub(crate) type Unknown = BTreeMap<String, IgnoredAny>;

/// What a JSON type is called in messages.
pub(crate) trait Expected {
    const NAME: &'static str;
}

impl Expected for String {
    const NAME: &'static str = "a text";
}
impl Expected for i64 {
    const NAME: &'static str = "a whole number";
}
impl Expected for bool {
    const NAME: &'static str = "true or false";
}
impl<T> Expected for Vec<T> {
    const NAME: &'static str = "a list";
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl ToString) {
        self.0.push(FieldError { field: field.into(), message: message.to_string() });
    }

    pub(crate) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    /// The value, if it has the expected type; missing is fine.
    pub(crate) fn optional<'a, T: Expected>(
        &mut self,
        path: &str,
        value: Option<&'a Loose<T>>,
    ) -> Option<&'a T> {
        match value {
            None => None,
            Some(Loose::Right(value)) => Some(value),
            Some(Loose::Wrong(_)) => {
                self.add(path, format_args!("is not {}", T::NAME));
                None
            }
        }
    }

    /// The value; missing is wrong.
    pub(crate) fn required<'a, T: Expected>(
        &mut self,
        path: &str,
        value: Option<&'a Loose<T>>,
    ) -> Option<&'a T> {
        if value.is_none() {
            self.add(path, format_args!("is missing: expected {}", T::NAME));
        }
        self.optional(path, value)
    }

    /// What `read` makes of a value; its complaint is listed.
    pub(crate) fn read<T, E: ToString>(&mut self, path: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(path, error)).ok()
    }

    /// Lists members that the form does not know.
    pub(crate) fn unknown(&mut self, path: &str, members: &Unknown) {
        for name in members.keys() {
            let field = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.add(field, "is not known here");
        }
    }
}
