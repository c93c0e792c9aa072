//! Clients that come through every front.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hopline_listen::tls::{Protocols, Reloader, TlsFiles};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::*;

/// The PROXY protocol's settings, for clients that are trusted proxies.
pub(crate) const PROXIED: [(&str, &str); 2] =
    [("edge.trusted_proxies", "127.0.0.1/32, 10.0.0.0/8"), ("edge.proxy_protocol", "true")];
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What a client of HTTP/2 begins with, and empty settings.
pub(crate) const HTTP2_BEGINS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn fixture(name: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("tests/fixtures").join(name)
}

pub(crate) fn certificate(pair: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(&format!("{pair}.pem"))).unwrap()
}

/// A certificate and its key in a folder of their own.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn with(pair: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.install(pair);
        folder
    }

    /// Puts other files in the place of those that are there.
    pub(crate) fn install(&self, pair: &str) {
        for kind in ["pem", "key"] {
            let bytes = std::fs::read(fixture(&format!("{pair}.{kind}"))).unwrap();
            hopline_runtime::files::replace(&self.0.path().join(format!("tls.{kind}")), &bytes, 0o600)
                .unwrap();
        }
    }

    pub(crate) fn open(&self, protocols: Protocols) -> Arc<Reloader> {
        let (certificate, key) = (self.0.path().join("tls.pem"), self.0.path().join("tls.key"));
        Arc::new(Reloader::open(TlsFiles { certificate, key, protocols }).unwrap())
    }
}

/// An edge with TLS, both versions of HTTP, and these settings.
pub(crate) fn with_tls(flags: &[(&str, &str)]) -> Edge {
    let folder = Folder::with("first");
    Edge::with(flags, |options| options.tls = Some(folder.open(Protocols::Http2AndHttp1)))
}

/// A PROXY header from this address to one of the same family.
pub(crate) fn header_from(source: &str) -> Vec<u8> {
    let source: SocketAddr = source.parse().unwrap();
    let (family, addresses) = match source.ip() {
        IpAddr::V4(ip) => (0x11, [ip.octets(), [127, 0, 0, 1]].concat()),
        IpAddr::V6(ip) => (0x21, [ip.octets(), ip.octets()].concat()),
    };
    let block = [addresses, source.port().to_be_bytes().to_vec(), vec![0, 80]].concat();
    header(0x21, family, &block)
}

/// The header of a balancer's own connection.
pub(crate) fn local_header() -> Vec<u8> {
    header(0x20, 0, b"")
}

pub(crate) fn header(version_and_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[version_and_command, family], &length, block].concat()
}

/// A connection that has sent this much.
pub(crate) fn connection(edge: &Edge, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(edge.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(sent).unwrap();
    stream
}

fn tls_config(alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for pair in ["first", "second"] {
        roots.add(certificate(pair)).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

pub(crate) type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

/// HTTP/1.1 over TLS, on a connection that may have sent a PROXY header.
pub(crate) fn tls_client(stream: TcpStream) -> TlsClient {
    let connection = ClientConnection::new(tls_config(&["http/1.1"]), name()).unwrap();
    Client::over(StreamOwned::new(connection, stream))
}

/// The pair whose certificate the client was shown.
pub(crate) fn shown(client: &TlsClient) -> &'static str {
    let shown = &client.stream().conn.peer_certificates().unwrap()[0];
    ["first", "second"].into_iter().find(|pair| certificate(pair) == *shown).unwrap()
}

/// A client of HTTP/2 that reads, answers pings and takes its leave by itself.
pub(crate) struct Http2 {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
}

impl Http2 {
    /// In clear text, without asking.
    pub(crate) fn clear(stream: TcpStream) -> Self {
        let runtime = runtime();
        let stream = runtime.block_on(async { of_tokio(stream) });
        Self::over(runtime, stream)
    }

    /// Over TLS; HTTP/2 must be agreed on.
    pub(crate) fn tls(stream: TcpStream) -> Self {
        let runtime = runtime();
        let connector = TlsConnector::from(tls_config(&["h2", "http/1.1"]));
        let connect = async { connector.connect(name(), of_tokio(stream)).await.unwrap() };
        let stream = runtime.block_on(connect);
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        Self::over(runtime, stream)
    }

    fn over(runtime: Runtime, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let sender = runtime.block_on(async {
            let io = TokioIo::new(stream);
            let (sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let answer = self.begin(method, path, headers, body);
        self.runtime.block_on(answer).unwrap()
    }

    /// Sends, and gives a handle to the answer; none where the connection ends before it.
    pub(crate) fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> tokio::task::JoinHandle<Option<Answer>> {
        let mut request = http::Request::builder().method(method).uri(format!("http://edge.example{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let answer = self.sender.send_request(request);
        self.runtime.spawn(async {
            let (head, body) =
                tokio::time::timeout(Duration::from_secs(20), answer).await.ok()?.ok()?.into_parts();
            let headers = head.headers.iter();
            Some(Answer {
                status: head.status.as_u16(),
                headers: headers
                    .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
                    .collect(),
                body: body.collect().await.ok()?.to_bytes().into(),
            })
        })
    }

    pub(crate) fn wait(&self, answer: tokio::task::JoinHandle<Option<Answer>>) -> Option<Answer> {
        self.runtime.block_on(answer).unwrap()
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn of_tokio(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}
