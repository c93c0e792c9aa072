//! Why a certificate and its key cannot be used.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem;

/// Why a certificate and its key cannot be used; names the file to look at.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is longer than any certificate chain.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes are read.
        limit: u64,
    },
    /// The file's PEM form is broken.
    #[error("{} is not in PEM form: {fault}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is broken.
        fault: PemFault,
    },
    /// There is no `CERTIFICATE` section.
    #[error("{} contains no certificate (no PEM section CERTIFICATE)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no section with a private key.
    #[error("{} contains no private key (no PEM section PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key needs a password, and nobody is there to give it.
    #[error("the private key in {} is encrypted; it must be stored without a password", path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key's section is no key, or one of a kind that is not supported.
    #[error("the private key in {} is neither RSA, ECDSA (P-256, P-384) nor Ed25519", path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The first certificate is no certificate.
    #[error("the first certificate in {} cannot be used", path.display())]
    UnusableCertificate {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// Certificate and key are not a pair.
    #[error(
        "the private key in {} does not belong to the first certificate in {}",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// TLS itself cannot be set up, for want of randomness.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
}

/// What is broken in a PEM file. Tells no content: it could be the key's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// A section begins and the file ends.
    #[error("a section has no END line")]
    NoEnd,
    /// A BEGIN line is broken.
    #[error("a BEGIN line does not end in five dashes")]
    Begin,
    /// The content is not Base64.
    #[error("a section is not Base64")]
    Base64,
    /// Something else.
    #[error("a section cannot be read")]
    Other,
}

impl From<&pem::Error> for PemFault {
    fn from(error: &pem::Error) -> Self {
        match error {
            pem::Error::MissingSectionEnd { .. } => Self::NoEnd,
            pem::Error::IllegalSectionStart { .. } => Self::Begin,
            pem::Error::Base64Decode(_) => Self::Base64,
            _ => Self::Other,
        }
    }
}
