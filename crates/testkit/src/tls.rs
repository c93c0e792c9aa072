//! TLS before a server that speaks none.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const CERTIFICATE: &[u8] = include_bytes!("tls/localhost.pem");
const KEY: &[u8] = include_bytes!("tls/localhost.key");
const STRANGER: &[u8] = include_bytes!("tls/stranger.pem");
/// What a PostgreSQL client sends first to ask for TLS: a length of 8 and the code 1234.5679.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// How clients begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// With TLS at once, as for https.
    Tls,
    /// With PostgreSQL's question for it; without the question they are not served.
    Postgres,
}

/// A port that takes TLS with a certificate for `localhost` and `127.0.0.1`, and hands on what is inside; it ends when it goes
/// out of scope.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    server: JoinHandle<()>,
    files: tempfile::TempDir,
}

impl TlsFront {
    /// Stands before the server at `target`.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start(target: &str, opening: Opening) -> anyhow::Result<Self> {
        let target: SocketAddr = target.parse().with_context(|| format!("{target} is no address"))?;
        let files = tempfile::tempdir().context("a place for certificates")?;
        std::fs::write(files.path().join("ca.pem"), CERTIFICATE).context("writing the authority")?;
        std::fs::write(files.path().join("stranger.pem"), STRANGER).context("writing another one")?;
        let certificates = CertificateDer::pem_slice_iter(CERTIFICATE).collect::<Result<Vec<_>, _>>()?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, PrivateKeyDer::from_pem_slice(KEY)?)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for TLS")?;
        let address = listener.local_addr().context("the port for TLS")?;
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // Clients that do not trust the certificate go away in the middle.
                tokio::spawn(async move { connection(client, target, &acceptor, opening).await.ok() });
            }
        });
        Ok(Self { address, server, files })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// A file with the authority that its certificate is checked by.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    /// A file with an authority that has nothing to do with it.
    #[must_use]
    pub fn stranger(&self) -> PathBuf {
        self.files.path().join("stranger.pem")
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn connection(
    mut client: TcpStream,
    target: SocketAddr,
    acceptor: &TlsAcceptor,
    opening: Opening,
) -> anyhow::Result<()> {
    if opening == Opening::Postgres {
        let mut asked = [0; 8];
        client.read_exact(&mut asked).await?;
        anyhow::ensure!(asked == SSL_REQUEST, "a client without TLS");
        client.write_all(b"S").await?;
    }
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
