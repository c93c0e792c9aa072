//! The text of an API key.
//!
//! | part | characters | content |
//! |---|---|---|
//! | prefix | 6 | `hl_op_`, `hl_fi_`, `hl_ad_` or `hl_af_`: operator, finance, advertiser, affiliate; `hl_ed_`: an edge |
//! | body | 22 to 64 (22 are made) | random base 62: 130 bits in 22 characters |
//! | checksum | 6 | CRC-32 (IEEE) of the body, base 62, most significant digit first, padded with `0` |
//!
//! The digits are `0-9A-Za-z`. The checksum finds typing errors and lets scanners of leaked secrets drop false hits
//! without asking anybody; it proves nothing.

use hopline_types::Role;

use crate::base62;
use crate::random::BASE62;

const BODY_CHARS: usize = 22;
const BODY_CHARS_MAX: usize = 64;
const CHECKSUM_CHARS: usize = 6;
/// What a key of an edge begins with.
const EDGE_PREFIX: &str = "hl_ed_";

/// The text of an API key; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

/// Why a text cannot be an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// It begins with no prefix of ours.
    #[error("an API key begins with hl_op_, hl_fi_, hl_ad_ or hl_af_")]
    Prefix,
    /// It does not begin as a key of an edge does.
    #[error("the key of an edge begins with hl_ed_")]
    EdgePrefix,
    /// It is too short or too long.
    #[error("an API key has 28 to 70 characters after its prefix, this one has {0}")]
    Length(usize),
    /// It has a character that keys do not have.
    #[error("an API key is made of 0-9 A-Z a-z after its prefix, this one has another character")]
    Character,
    /// It was mistyped or cut.
    #[error("the checksum of the API key is wrong: it was mistyped")]
    Checksum,
}

impl KeyText {
    /// A new key for a role.
    pub fn generate(role: Role, random: &mut dyn FnMut(&mut [u8])) -> Self {
        Self::with(prefix(role), random)
    }

    /// A new key for an edge ([`crate::edge_keys`]).
    pub fn for_edge(random: &mut dyn FnMut(&mut [u8])) -> Self {
        Self::with(EDGE_PREFIX, random)
    }

    fn with(prefix: &str, random: &mut dyn FnMut(&mut [u8])) -> Self {
        let body = base62(BODY_CHARS, random);
        let checksum = checksum(&body);
        Self(format!("{prefix}{body}{checksum}"))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

const fn prefix(role: Role) -> &'static str {
    match role {
        Role::Operator => "hl_op_",
        Role::Finance => "hl_fi_",
        Role::Advertiser => "hl_ad_",
        Role::Affiliate => "hl_af_",
    }
}

/// Whether a text can be an API key, found out without a store; gives back the role it claims (the store decides).
///
/// # Errors
/// Says what is wrong, without repeating the text.
pub fn looks_like_key(text: &str) -> Result<Role, KeyTextError> {
    let claimed =
        Role::ALL.iter().find_map(|role| text.strip_prefix(prefix(*role)).map(|rest| (*role, rest)));
    let (role, rest) = claimed.ok_or(KeyTextError::Prefix)?;
    check(rest)?;
    Ok(role)
}

/// Whether a text can be the key of an edge, found out without a store.
///
/// # Errors
/// Says what is wrong, without repeating the text.
pub fn looks_like_edge_key(text: &str) -> Result<(), KeyTextError> {
    check(text.strip_prefix(EDGE_PREFIX).ok_or(KeyTextError::EdgePrefix)?)
}

/// Checks body and checksum.
fn check(rest: &str) -> Result<(), KeyTextError> {
    if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(KeyTextError::Character);
    }
    let allowed = BODY_CHARS + CHECKSUM_CHARS..=BODY_CHARS_MAX + CHECKSUM_CHARS;
    if !allowed.contains(&rest.len()) {
        return Err(KeyTextError::Length(rest.len()));
    }
    let (body, given) = rest.split_at(rest.len() - CHECKSUM_CHARS);
    if checksum(body) == given { Ok(()) } else { Err(KeyTextError::Checksum) }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(rest % 62).expect("a digit of base 62 fits");
        *digit = BASE62[value];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that never repeats itself within a test.
    fn counter() -> impl FnMut(&mut [u8]) {
        let mut next = 7_u8;
        move |bytes| {
            for byte in bytes {
                next = next.wrapping_mul(5).wrapping_add(3);
                *byte = next;
            }
        }
    }

    // S-03
    #[test]
    fn checksums_equal_those_of_an_independent_implementation() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../fixtures/api_key_checksum.json")).unwrap();
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 11);
        for case in cases {
            let body = case["body"].as_str().unwrap();
            assert_eq!(checksum(body), case["checksum"].as_str().unwrap(), "{body}");
            let rest = case["token"].as_str().unwrap().strip_prefix(case["prefix"].as_str().unwrap());
            assert_eq!(check(rest.unwrap()), Ok(()), "{body}");
        }
        let rejected = fixture["reject_cases"].as_array().unwrap();
        assert_eq!(rejected.len(), 4);
        for case in rejected {
            let rest = case["token"].as_str().unwrap().strip_prefix("afk_").unwrap();
            assert_eq!(check(rest), Err(KeyTextError::Checksum), "{rest}");
        }
    }

    // S-03
    #[test]
    fn a_made_key_names_its_role_and_hides_in_debug_output() {
        let mut random = counter();
        for role in Role::ALL {
            let key = KeyText::generate(*role, &mut random);
            assert_eq!(key.as_str().len(), 34);
            assert_eq!(looks_like_key(key.as_str()), Ok(*role));
            assert_eq!(format!("{key:?}"), "***");
        }
    }

    // S-03
    #[test]
    fn keys_of_edges_are_told_from_api_keys() {
        let key = KeyText::for_edge(&mut counter());
        assert_eq!(looks_like_edge_key(key.as_str()), Ok(()));
        assert_eq!(looks_like_key(key.as_str()), Err(KeyTextError::Prefix));
        let other = KeyText::generate(Role::Operator, &mut counter());
        assert_eq!(looks_like_edge_key(other.as_str()), Err(KeyTextError::EdgePrefix));
        assert_eq!(looks_like_edge_key(&format!("{}x", key.as_str())), Err(KeyTextError::Checksum));
    }

    // S-03
    #[test]
    fn texts_that_cannot_be_keys_are_refused_with_the_reason() {
        let key = KeyText::generate(Role::Operator, &mut counter());
        let rest = key.as_str().strip_prefix("hl_op_").unwrap();
        for (text, refusal) in [
            (String::new(), KeyTextError::Prefix),
            (format!("hl_xx_{rest}"), KeyTextError::Prefix),
            ("hl_op_".to_owned(), KeyTextError::Length(0)),
            (format!("hl_op_{}", "0".repeat(71)), KeyTextError::Length(71)),
            (
                format!("hl_op_{}", rest.replace(|c: char| c.is_ascii_uppercase(), "ß")),
                KeyTextError::Character,
            ),
            (format!("hl_op_{rest} "), KeyTextError::Character),
            (format!("hl_op_0{rest}"), KeyTextError::Checksum),
        ] {
            assert_eq!(looks_like_key(&text), Err(refusal), "{text}");
        }
    }
}
