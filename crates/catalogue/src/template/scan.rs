//! Finds macros in a text.

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Stays as it is.
    Text(&'a str),
    /// The name of a macro, known or not.
    Macro(&'a str),
}

/// Openings and endings, longer before shorter.
const SPELLINGS: [(&str, &str); 4] = [("{{", "}}"), ("{$", "}"), ("[[", "]]"), ("{", "}")];

/// Cuts a text into its pieces.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = macro_at(rest) {
            rest = after;
            return Some(Piece::Macro(name));
        }
        let next = rest
            .char_indices()
            .skip(1)
            .map(|(at, _)| at)
            .find(|at| rest.get(*at..).is_some_and(|tail| macro_at(tail).is_some()))
            .unwrap_or(rest.len());
        let (text, after) = rest.split_at(next);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// The macro that begins here, and what follows it.
fn macro_at(text: &str) -> Option<(&str, &str)> {
    SPELLINGS.into_iter().find_map(|(open, close)| {
        let (name, after) = text.strip_prefix(open)?.split_once(close)?;
        let is_name = !name.is_empty() && name.len() <= 64;
        (is_name && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
            .then_some((name, after))
    })
}
