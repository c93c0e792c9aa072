//! A certificate chain and its key, from two files to what rustls serves.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use super::error::{PemFault, TlsError};

/// Most bytes of a certificate or key file; a long chain has ten thousand.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How the PEM forms of encrypted keys are told: PKCS #8's own section, and a header in the older ones (RFC 1421).
const ENCRYPTED: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// The versions of HTTP that ALPN offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// `http/1.1` alone.
    Http1,
    /// `h2`, or `http/1.1` where the client has no `h2`.
    Http2AndHttp1,
}

impl Protocols {
    /// The most wanted first.
    fn names(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2AndHttp1 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}

/// Where a certificate chain and its key lie, and what is offered with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain in PEM form, the server's own certificate first.
    pub certificate: PathBuf,
    /// The key of the first certificate in PEM form.
    pub key: PathBuf,
    /// What ALPN offers.
    pub protocols: Protocols,
}

impl TlsFiles {
    /// Reads both files and makes of them what new connections are served with.
    ///
    /// # Errors
    /// A file that cannot be read or is not what it should be, or two that do not belong together.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = chain(&self.certificate)?;
        let key = key(&self.key)?;
        let provider = Arc::new(ring::default_provider());
        let pair = self.pair(chain, key, &provider)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = self.protocols.names();
        config.ticketer = ring::Ticketer::new().map_err(TlsError::Setup)?;
        // Threads would share it under a lock, and tickets do without.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Arc::new(config))
    }

    fn pair(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|source| TlsError::UnusableKey { path: self.key.clone(), source })?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) => Ok(pair),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(TlsError::Mismatch { certificate: self.certificate.clone(), key: self.key.clone() })
            }
            Err(source) => Err(TlsError::UnusableCertificate { path: self.certificate.clone(), source }),
        }
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| not_pem(path, PemFault::from(&error)))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path)?;
    if ENCRYPTED.iter().any(|mark| pem.windows(mark.len()).any(|window| window == *mark)) {
        return Err(TlsError::EncryptedKey { path: path.to_owned() });
    }
    match PrivateKeyDer::pem_slice_iter(&pem).next() {
        Some(key) => key.map_err(|error| not_pem(path, PemFault::from(&error))),
        None => Err(TlsError::NoKey { path: path.to_owned() }),
    }
}

fn not_pem(path: &Path, fault: PemFault) -> TlsError {
    TlsError::NotPem { path: path.to_owned(), fault }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let count = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(count).is_ok_and(|count| count <= FILE_BYTES_MAX) {
        Ok(bytes)
    } else {
        Err(TlsError::TooLarge { path: path.to_owned(), limit: FILE_BYTES_MAX })
    }
}
