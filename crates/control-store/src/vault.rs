//! Bank data at rest (P-42): sealed with a key that is not in the store.
//!
//! # Format
//! A sealed text is `hl1.{key}.{base64}`: the key's id, and, in URL-safe base64 without padding, 16 bytes salt, 12 bytes nonce, the
//! ciphertext and 16 bytes tag of AES-256-GCM. Each text has a key of its own, HKDF-SHA-256 of the named key with the
//! salt, so that no number of texts wears a key out. The place that a text belongs to (such as `affiliate:7`) is
//! authenticated with it: a text that was copied into another row does not open.
//!
//! # Keys
//! A key is 32 bytes; its id is the first eight hexadecimal digits of SHA-256 over `hopline sealing key` and the key. A list of
//! keys is text: one in base64 per line, or separated by commas; what follows `#` is left out. The last one seals, all open.
//! So a key is changed by adding one behind, sealing everything anew, and then taking the old one out.
//!
//! # Failure
//! A text whose key is missing is told apart from one that was altered. A vault asks its source for the keys before it seals, and
//! before it says that one is missing, so a running server learns of a key that was added.

use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::{Database, ErrorKind, Job, JobFuture, Listener, Lock, Mode, Row, Scope, StoreError, Tx, Value};

const FORMAT: &str = "hl1";
const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const ID_CHARS: usize = 8;

/// Why a list of keys cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the keys for bank data: expected 32 bytes in base64")]
pub struct KeysError {
    /// The line, from 1; the key is not told.
    pub line: usize,
}

/// Keys; the last one seals.
#[derive(Clone, Default)]
pub struct SealingKeys(Vec<(String, [u8; KEY_BYTES])>);

impl SealingKeys {
    /// Reads a list of keys.
    ///
    /// # Errors
    /// A line that is no key.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            for given in line.split(',').map(str::trim).filter(|given| !given.is_empty()) {
                let bytes = STANDARD.decode(given).ok();
                let key: Option<[u8; KEY_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
                let key = key.ok_or(KeysError { line: index + 1 })?;
                keys.push((id_of(&key), key));
            }
        }
        Ok(Self(keys))
    }

    /// A new key as a line of such a list.
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> String {
        let mut key = [0; KEY_BYTES];
        random(&mut key);
        STANDARD.encode(key)
    }

    /// The id of the key that seals; none where there is no key.
    #[must_use]
    pub fn active(&self) -> Option<&str> {
        self.0.last().map(|(id, _)| id.as_str())
    }

    /// The ids of all keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }

    fn find(&self, id: &str) -> Option<&[u8; KEY_BYTES]> {
        self.0.iter().find(|(of, _)| of == id).map(|(_, key)| key)
    }
}

fn id_of(key: &[u8; KEY_BYTES]) -> String {
    let digest: [u8; 32] =
        Sha256::new().chain_update(b"hopline sealing key").chain_update(key).finalize().into();
    hex(&digest).chars().take(ID_CHARS).collect()
}

/// Shows ids alone.
impl std::fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Where a vault has its keys from: called at the start, before each sealing, and when a key is missing.
pub type KeySource = Box<dyn Fn() -> Result<SealingKeys, String> + Send + Sync>;
/// Fills bytes from a cryptographic source.
pub type Randomness = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// Seals and opens.
pub struct Vault {
    keys: RwLock<SealingKeys>,
    source: KeySource,
    random: Randomness,
}

impl Vault {
    /// A vault with the keys of a source.
    ///
    /// # Errors
    /// What the source says.
    pub fn open_from(source: KeySource, random: Randomness) -> Result<Self, String> {
        let keys = RwLock::new(source()?);
        Ok(Self { keys, source, random })
    }

    /// A vault with these keys.
    #[must_use]
    pub fn new(keys: SealingKeys, random: Randomness) -> Self {
        let again = keys.clone();
        Self { keys: RwLock::new(keys), source: Box::new(move || Ok(again.clone())), random }
    }

    /// The keys that are known now.
    #[must_use]
    pub fn keys(&self) -> SealingKeys {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Asks the source for the keys again.
    ///
    /// # Errors
    /// What the source says; the keys stay as they are then.
    pub fn reload(&self) -> Result<(), String> {
        let keys = (self.source)()?;
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Seals a text for a place.
    ///
    /// # Errors
    /// `Unavailable` where there is no key.
    pub fn seal(&self, place: &str, text: &str) -> Result<String, StoreError> {
        // A new key may have been added by another process; where the source is away the known ones serve.
        self.reload().ok();
        let keys = self.keys();
        let (id, key) = keys.0.last().ok_or_else(no_key)?;
        let mut salt_and_nonce = [0; SALT_BYTES + NONCE_LEN];
        (self.random)(&mut salt_and_nonce);
        let (salt, nonce) = salt_and_nonce.split_at(SALT_BYTES);
        let mut bytes = text.as_bytes().to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken(place))?;
        let cipher = cipher(key, salt).ok_or_else(|| broken(place))?;
        cipher.seal_in_place_append_tag(nonce, Aad::from(place), &mut bytes).map_err(|_| broken(place))?;
        let whole = [salt_and_nonce.as_slice(), &bytes].concat();
        Ok(format!("{FORMAT}.{id}.{}", URL_SAFE_NO_PAD.encode(whole)))
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    /// `Unavailable` where the key is missing, `Broken` where the text was altered or belongs to another place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<String, StoreError> {
        let (id, body) = parts(sealed).ok_or_else(|| broken(place))?;
        let mut found = self.keys().find(id).copied();
        if found.is_none() && self.reload().is_ok() {
            found = self.keys().find(id).copied();
        }
        let key = found.ok_or_else(|| {
            let detail =
                format!("the bank data of {place} is sealed with key {id}, which this process does not have");
            StoreError::new(ErrorKind::Unavailable, detail)
        })?;
        let whole = URL_SAFE_NO_PAD.decode(body).map_err(|_| broken(place))?;
        let (salt, rest) = whole.split_at_checked(SALT_BYTES).ok_or_else(|| broken(place))?;
        let (nonce, bytes) = rest.split_at_checked(NONCE_LEN).ok_or_else(|| broken(place))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken(place))?;
        let mut bytes = bytes.to_vec();
        let cipher = cipher(&key, salt).ok_or_else(|| broken(place))?;
        let opened = cipher.open_in_place(nonce, Aad::from(place), &mut bytes).map_err(|_| broken(place))?;
        String::from_utf8(opened.to_vec()).map_err(|_| broken(place))
    }
}

/// The id of the key that sealed a text.
pub(crate) fn key_of(sealed: &str) -> Option<&str> {
    parts(sealed).map(|(id, _)| id)
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(FORMAT)?.strip_prefix('.')?.split_once('.')
}

fn cipher(key: &[u8; KEY_BYTES], salt: &[u8]) -> Option<LessSafeKey> {
    let secret = Salt::new(HKDF_SHA256, salt).extract(key);
    let derived = secret.expand(&[b"hopline bank data"], &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(derived)))
}

fn broken(place: &str) -> StoreError {
    let detail =
        format!("the bank data of {place} cannot be opened: it was altered, or belongs to another place");
    StoreError::new(ErrorKind::Broken, detail)
}

pub(crate) fn no_key() -> StoreError {
    StoreError::new(ErrorKind::Unavailable, "there is no key for bank data (payouts.bank_data_keys)")
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys()).finish_non_exhaustive()
    }
}

/// A store whose transactions can seal and open bank data. `D` is what holds the store, such as `Arc<dyn Database>`.
#[derive(Debug, Clone)]
pub struct Guarded<D> {
    database: D,
    vault: Arc<Vault>,
}

impl<D> Guarded<D> {
    /// The store with a vault.
    #[must_use]
    pub const fn new(database: D, vault: Arc<Vault>) -> Self {
        Self { database, vault }
    }
}

impl<D> Database for Guarded<D>
where
    D: std::ops::Deref + std::fmt::Debug + Send + Sync,
    D::Target: Database,
{
    fn run(&self, mode: Mode, mut job: Job) -> JobFuture<'_> {
        let vault = Arc::clone(&self.vault);
        self.database.run(mode, Box::new(move |tx| job(&mut GuardedTx { tx, vault: &vault })))
    }

    fn listen(&self, listener: Listener) {
        self.database.listen(listener);
    }
}

struct GuardedTx<'a> {
    tx: &'a mut dyn Tx,
    vault: &'a Vault,
}

impl Tx for GuardedTx<'_> {
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.tx.query(sql, values)
    }

    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        self.tx.execute(sql, values)
    }

    fn query_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.tx.query_many(sql, rows)
    }

    fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        self.tx.lock(lock)
    }

    fn narrow(&mut self, scope: Scope) -> Result<(), StoreError> {
        self.tx.narrow(scope)
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        self.tx.execute_many(sql, rows)
    }

    fn first(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        self.tx.first(sql, values)
    }

    fn one(&mut self, sql: &'static str, values: &[Value]) -> Result<Row, StoreError> {
        self.tx.one(sql, values)
    }

    fn vault(&self) -> Option<&Vault> {
        Some(self.vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(seeds: &[u8]) -> Vault {
        let lines: Vec<String> = seeds.iter().map(|seed| STANDARD.encode([*seed; 32])).collect();
        let keys = SealingKeys::parse(&lines.join("\n")).unwrap();
        Vault::new(keys, Box::new(|bytes| bytes.fill(9)))
    }

    #[test]
    fn p_42_what_was_sealed_opens_in_its_place_only() {
        let sealed = vault(&[1]).seal("affiliate:7", "DE89370400440532013000").unwrap();
        assert!(!sealed.contains("DE89") && !sealed.contains("3000"));
        assert_eq!(vault(&[1]).open("affiliate:7", &sealed).unwrap(), "DE89370400440532013000");
        let moved = vault(&[1]).open("affiliate:8", &sealed).unwrap_err();
        assert_eq!(moved.kind, ErrorKind::Broken);
        for at in [sealed.len() - 1, 20, 30] {
            let mut altered: Vec<u8> = sealed.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(vault(&[1]).open("affiliate:7", &altered).is_err(), "{at}");
        }
    }

    #[test]
    fn p_42_the_last_key_seals_and_all_open() {
        let old = vault(&[1]).seal("affiliate:7", "text").unwrap();
        let both = vault(&[1, 2]);
        assert_eq!(both.open("affiliate:7", &old).unwrap(), "text");
        let new = both.seal("affiliate:7", "text").unwrap();
        assert_ne!(key_of(&old), key_of(&new));
        let missing = vault(&[2]).open("affiliate:7", &old).unwrap_err();
        assert_eq!(missing.kind, ErrorKind::Unavailable);
        assert!(missing.detail.contains(key_of(&old).unwrap()), "{missing}");
        assert_eq!(vault(&[]).seal("affiliate:7", "text").unwrap_err().kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_list_of_keys_is_lines_or_commas_and_a_wrong_one_is_named_by_its_line() {
        let (one, two) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let keys = SealingKeys::parse(&format!("# keys\n\n{one} # old\n{two}\n")).unwrap();
        assert_eq!(keys.ids().count(), 2);
        assert_eq!(keys.active(), SealingKeys::parse(&format!("{one},{two}")).unwrap().active());
        let refused = SealingKeys::parse(&format!("{one}\nabc")).unwrap_err();
        assert_eq!(refused, KeysError { line: 2 });
        assert!(!format!("{keys:?}").contains(&one));
    }

    #[test]
    fn a_vault_learns_of_a_key_that_was_added() {
        let sealed = vault(&[1, 2]).seal("affiliate:7", "text").unwrap();
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let source: KeySource = Box::new(move || {
            let count = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(vault(if count == 0 { &[1] } else { &[1, 2] }).keys())
        });
        let learning = Vault::open_from(source, Box::new(|bytes| bytes.fill(9))).unwrap();
        assert_eq!(learning.open("affiliate:7", &sealed).unwrap(), "text");
    }
}
