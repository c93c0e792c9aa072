//! Passwords: Argon2id with 19 MiB, two passes, one lane (S-04).

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

/// The least characters of a password.
const CHARS_MIN: usize = 8;
/// The most bytes of a password; longer ones are refused, never cut.
const BYTES_MAX: usize = 1024;
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("has {0} characters, at least {CHARS_MIN} are needed")]
    Short(usize),
    /// Too long.
    #[error("has {0} bytes, at most {BYTES_MAX} are allowed")]
    Long(usize),
    /// The hash function failed.
    #[error("cannot be hashed")]
    Hash,
}

/// What a password turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verified {
    /// Wrong, or there is nobody whose it could be.
    No,
    /// Right.
    Yes,
    /// Right, but hashed with other parameters than today's.
    Outdated,
}

/// Compared with where there is no user, so that the time tells nothing.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody's password").expect("a fixed password can be hashed"));

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Checks the length of a new password.
///
/// # Errors
/// Says which limit it breaks.
pub fn check_password(password: &str) -> Result<(), PasswordError> {
    let chars = password.chars().count();
    if chars < CHARS_MIN {
        return Err(PasswordError::Short(chars));
    }
    if password.len() > BYTES_MAX {
        return Err(PasswordError::Long(password.len()));
    }
    Ok(())
}

/// A password's hash as PHC string. Takes tens of milliseconds and 19 MiB: not for a serving thread.
///
/// # Errors
/// The password's length is wrong, or the hash function failed.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    check_password(password)?;
    let hash = hasher().hash_password(password.as_bytes()).map_err(|_| PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Compares a password with a hash; with nobody's where there is none.
pub(super) fn verify(password: &str, hash: Option<&str>) -> Verified {
    let is_known = hash.is_some();
    let Ok(hash) = PasswordHash::new(hash.unwrap_or(&NOBODY)) else { return Verified::No };
    // Bytes beyond the limit are not worth hashing: no stored password has them.
    let password = if password.len() > BYTES_MAX { "" } else { password };
    let agrees = hasher().verify_password(password.as_bytes(), &hash).is_ok();
    if !(agrees && is_known) {
        return Verified::No;
    }
    let current = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$");
    if hash.to_string().starts_with(&current) { Verified::Yes } else { Verified::Outdated }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S-04
    #[test]
    fn a_hash_is_argon2id_with_the_stated_cost_and_verifies_only_its_password() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(verify("correct horse", Some(&hash)), Verified::Yes);
        assert_eq!(verify("correct horsf", Some(&hash)), Verified::No);
        assert_eq!(verify("nobody's password", None), Verified::No);
        assert_ne!(hash, hash_password("correct horse").unwrap());
    }

    // S-04
    #[test]
    fn a_hash_with_other_parameters_verifies_and_is_told_to_be_outdated() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = weak.hash_password(b"correct horse").unwrap().to_string();
        assert_eq!(verify("correct horse", Some(&hash)), Verified::Outdated);
        assert_eq!(verify("wrong horse", Some(&hash)), Verified::No);
    }

    // S-04
    #[test]
    fn lengths_are_limited_and_nothing_is_cut() {
        assert_eq!(check_password("short"), Err(PasswordError::Short(5)));
        assert_eq!(check_password(&"x".repeat(1025)), Err(PasswordError::Long(1025)));
        let long = hash_password(&"x".repeat(1024)).unwrap();
        assert_eq!(verify(&"x".repeat(1024), Some(&long)), Verified::Yes);
        assert_eq!(verify(&"x".repeat(1023), Some(&long)), Verified::No);
    }
}
