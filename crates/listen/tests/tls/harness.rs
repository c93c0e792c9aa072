//! A server and a client on one connection over 127.0.0.1.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hopline_listen::tls::{HandshakeError, Protocols, ServerConfig, TlsFiles, TlsStream, handshake};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_rustls::{TlsConnector, client};

pub(crate) const BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("tests/fixtures").join(name)
}

pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).unwrap()
}

pub(crate) fn pair(certificate: &str, key: &str) -> TlsFiles {
    TlsFiles { certificate: fixture(certificate), key: fixture(key), protocols: Protocols::Http2AndHttp1 }
}

/// A certificate and a key to be replaced.
pub(crate) struct Folder {
    folder: TempDir,
    clock: SystemTime,
}

impl Folder {
    /// With the first pair in it.
    pub(crate) fn new() -> Self {
        let mut folder = Self { folder: TempDir::new().unwrap(), clock: SystemTime::UNIX_EPOCH };
        folder.install("first");
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("tls.pem"),
            key: self.path("tls.key"),
            protocols: Protocols::Http2AndHttp1,
        }
    }

    pub(crate) fn install(&mut self, pair: &str) {
        for kind in ["pem", "key"] {
            let bytes = fs::read(fixture(&format!("{pair}.{kind}"))).unwrap();
            self.write(&format!("tls.{kind}"), &bytes);
        }
    }

    /// Writes in place. Each time is another to the file system too, however quickly the test runs.
    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
        self.clock += Duration::from_secs(1);
        File::options().write(true).open(self.path(name)).unwrap().set_modified(self.clock).unwrap();
    }
}

/// Trusts both fixtures' certificates.
pub(crate) fn client_config(versions: &[&'static SupportedProtocolVersion], alpn: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for name in ["first.pem", "second.pem"] {
        roots.add(certificate(name)).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// Both ends of one connection, the server's first.
pub(crate) async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, connected) = tokio::join!(listener.accept(), TcpStream::connect(address));
    (accepted.unwrap().0, connected.unwrap())
}

/// What the server's and the client's handshake came to.
pub(crate) type Outcome =
    (Result<TlsStream<TcpStream>, HandshakeError>, std::io::Result<client::TlsStream<TcpStream>>);

pub(crate) async fn shake(config: Arc<ServerConfig>, client: Arc<ClientConfig>) -> Outcome {
    let (server_side, client_side) = connection().await;
    let name = ServerName::try_from("localhost").unwrap();
    tokio::join!(
        handshake(config, server_side, soon()),
        TlsConnector::from(client).connect(name, client_side)
    )
}

/// Both ends of a new TLS connection, the server's first.
pub(crate) async fn connected(
    config: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
) -> (TlsStream<TcpStream>, client::TlsStream<TcpStream>) {
    let (server, client) = shake(config, client).await;
    (server.unwrap(), client.unwrap())
}

/// The certificate that the client was shown.
pub(crate) fn shown(client: &client::TlsStream<TcpStream>) -> CertificateDer<'static> {
    client.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Sends a few bytes each way.
pub(crate) async fn talk<Server, Client>(server: &mut Server, client: &mut Client)
where
    Server: AsyncRead + AsyncWrite + Unpin,
    Client: AsyncRead + AsyncWrite + Unpin,
{
    let mut room = [0; 8];
    client.write_all(b"question").await.unwrap();
    server.read_exact(&mut room).await.unwrap();
    assert_eq!(&room, b"question");
    server.write_all(b"response").await.unwrap();
    client.read_exact(&mut room).await.unwrap();
    assert_eq!(&room, b"response");
}
