//! The limits of the scheme, each in one place for both checkers.

use crate::charset::in_sepa_set;

/// Smallest payment in cents.
pub(crate) const AMOUNT_MIN: i64 = 1;
/// Largest payment in cents: 999,999,999.99 EUR.
pub(crate) const AMOUNT_MAX: i64 = 99_999_999_999;
/// Characters of an identifier.
pub(crate) const IDENTIFIER_CHARS_MAX: usize = 35;
/// Characters of a name (the schema would allow 140).
pub(crate) const NAME_CHARS_MAX: usize = 70;
/// Characters of the remittance text.
pub(crate) const REMITTANCE_CHARS_MAX: usize = 140;
/// Free lines of an address that is otherwise structured.
pub(crate) const ADDRESS_LINES_MAX: usize = 2;

/// Elements of a structured address with their length.
pub(crate) const ADDRESS_CHARS_MAX: [(&str, usize); 5] =
    [("StrtNm", 70), ("BldgNb", 16), ("PstCd", 16), ("TwnNm", 35), ("AdrLine", 70)];

/// What is wrong with an identifier.
pub(crate) fn identifier_fault(id: &str) -> Option<String> {
    let length = id.chars().count();
    if !(1..=IDENTIFIER_CHARS_MAX).contains(&length) {
        return Some(format!(
            "an identifier has 1 to {IDENTIFIER_CHARS_MAX} characters, this one has {length}"
        ));
    }
    if id.starts_with('/') || id.ends_with('/') || id.contains("//") {
        return Some(format!("an identifier neither starts nor ends with / and holds no //: {id:?}"));
    }
    None
}

/// What is wrong with the length of a text.
pub(crate) fn length_fault(text: &str, max: usize) -> Option<String> {
    let length = text.chars().count();
    (!(1..=max).contains(&length)).then(|| format!("expected 1 to {max} characters, given {length}"))
}

/// The first character outside the SEPA set.
pub(crate) fn foreign_character(text: &str) -> Option<char> {
    text.chars().find(|c| !in_sepa_set(*c))
}

/// What is wrong with a country's code.
pub(crate) fn country_fault(code: &str) -> Option<String> {
    let fits = code.len() == 2 && code.chars().all(|c| c.is_ascii_uppercase());
    (!fits).then(|| format!("a country has two capital letters (ISO 3166), given {code:?}"))
}
