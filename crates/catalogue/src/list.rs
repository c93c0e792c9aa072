//! Lists of what is wanted or not.

/// A compiled [`crate::data::Matching`].
#[derive(Debug)]
pub(crate) enum List<T> {
    Any,
    Only(Box<[T]>),
    Not(Box<[T]>),
}

impl<T> List<T> {
    /// Whether a value fits; none is what is not known, and on no list.
    pub(crate) fn admits<V>(&self, value: Option<V>, is_listed: impl FnOnce(&[T], V) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Only(listed) => value.is_some_and(|value| is_listed(listed, value)),
            Self::Not(listed) => !value.is_some_and(|value| is_listed(listed, value)),
        }
    }
}
