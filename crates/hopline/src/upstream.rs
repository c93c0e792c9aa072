//! The API that an edge by itself asks: for the catalogue, and to hand reported conversions in.
//!
//! Only the address that the operator names is asked; redirects are not followed. TLS is checked against the public
//! authorities or those of `edge.upstream_ca`. The key is in no message.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hopline_record::ConversionEvent;
use hopline_runtime::config::Config;
use hopline_runtime::config::Upstream as Settings;
use hopline_ship::{Accepted, ConversionSink, SinkError};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const CATALOGUE: &str = "/internal/v1/catalogue";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For an answer whose start may take as long as the API waits for a new catalogue.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// For a catalogue to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);
const CATALOGUE_BYTES_MAX: usize = 1 << 30;
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Events handed in at once.
const EVENTS: usize = 1_000;
/// Bytes of events handed in at once; one event has 64 KiB at most.
const EVENTS_BYTES: usize = 4 << 20;

/// Why the API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It cannot be reached, or breaks off.
    #[error("edge.upstream {url} cannot be reached: {reason}")]
    Away { url: String, reason: String },
    /// It refuses the key.
    #[error(
        "edge.upstream {url} refuses edge.upstream_key: make a key with `hopline key create --role edge` there"
    )]
    Key { url: String },
    /// It answers otherwise.
    #[error("edge.upstream {url} answers {status}: {detail}")]
    Status { url: String, status: u16, detail: String },
}

/// A client of the API.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    settings: Settings,
    edge: u16,
    mark: String,
}

/// What came of asking for the catalogue.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The snapshot, where it is another than the known one.
    pub(crate) news: Option<Bytes>,
    /// The mark that was found under this edge's id.
    pub(crate) was: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Taken {
    refused: Vec<NotTaken>,
    unreadable: Vec<NotTaken>,
}

#[derive(Debug, Deserialize)]
struct NotTaken {
    id: String,
    reason: String,
}

impl Upstream {
    /// A client with the settings' key; `mark` is that of the data directory. None where no API is named.
    pub(crate) fn new(config: &Config, mark: &str) -> anyhow::Result<Option<Self>> {
        let Some(settings) = config.edge.upstream.clone() else { return Ok(None) };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(10))
            .build(connector(&settings)?);
        Ok(Some(Self { client, settings, edge: config.edge.id, mark: mark.to_owned() }))
    }

    /// The catalogue now, without a trace of who asked.
    pub(crate) async fn look(&self) -> Result<Asked, UpstreamError> {
        self.ask(self.request(Method::GET, CATALOGUE)).await
    }

    /// The catalogue, where it is another than `known`; else the API waits for one for some seconds.
    pub(crate) async fn catalogue(&self, known: Option<i64>) -> Result<Asked, UpstreamError> {
        let mut request = self
            .request(Method::GET, CATALOGUE)
            .header("hopline-edge", self.edge)
            .header("hopline-edge-instance", &self.mark);
        if let Some(version) = known {
            request = request.header(header::IF_NONE_MATCH, format!("\"v{version}\""));
        }
        self.ask(request).await
    }

    async fn ask(&self, request: hyper::http::request::Builder) -> Result<Asked, UpstreamError> {
        let (parts, body) = self.send(request, Bytes::new(), CATALOGUE_BYTES_MAX).await?;
        let was =
            parts.headers.get("hopline-edge-was").and_then(|value| value.to_str().ok()).map(str::to_owned);
        match parts.status {
            StatusCode::OK => Ok(Asked { news: Some(body), was }),
            StatusCode::NOT_MODIFIED => Ok(Asked { news: None, was }),
            status => Err(self.refused(status, &body)),
        }
    }

    /// Hands in events; those that cannot be read there.
    async fn hand_in(&self, events: &[(String, Vec<u8>)]) -> Result<Taken, UpstreamError> {
        let events: Vec<_> = events
            .iter()
            .map(|(id, record)| serde_json::json!({"id": id, "record": STANDARD.encode(record)}))
            .collect();
        let body = serde_json::json!({ "events": events }).to_string();
        let request = self
            .request(Method::POST, "/internal/v1/events")
            .header(header::CONTENT_TYPE, "application/json");
        let (parts, body) = self.send(request, body.into(), ANSWER_BYTES_MAX).await?;
        if parts.status != StatusCode::OK {
            return Err(self.refused(parts.status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| self.away(&error))
    }

    fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.settings.url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.settings.key.expose()))
    }

    async fn send(
        &self,
        request: hyper::http::request::Builder,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<(hyper::http::response::Parts, Bytes), UpstreamError> {
        // A key with signs that no header takes, or an address that is none.
        let request = request.body(Full::new(body)).map_err(|error| self.away(&error))?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.client.request(request));
        let answer = answer.await.map_err(|error| self.away(&error))?.map_err(|error| self.away(&error))?;
        let (parts, body) = answer.into_parts();
        let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect());
        let body = body.await.map_err(|error| self.away(&error))?.map_err(|error| self.away(&*error))?;
        Ok((parts, body.to_bytes()))
    }

    fn away(&self, error: &(dyn std::error::Error + 'static)) -> UpstreamError {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            source = error.source();
        }
        UpstreamError::Away { url: self.settings.url.clone(), reason }
    }

    fn refused(&self, status: StatusCode, body: &Bytes) -> UpstreamError {
        let url = self.settings.url.clone();
        if status == StatusCode::UNAUTHORIZED {
            return UpstreamError::Key { url };
        }
        let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let detail = problem.and_then(|problem| problem["detail"].as_str().map(str::to_owned));
        UpstreamError::Status {
            url,
            status: status.as_u16(),
            detail: detail.unwrap_or_else(|| "no reason given".into()),
        }
    }
}

fn connector(settings: &Settings) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let mut roots = RootCertStore::empty();
    match &settings.ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let context = || format!("edge.upstream_ca {}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(context)? {
                roots.add(certificate.with_context(context)?).with_context(context)?;
            }
            anyhow::ensure!(!roots.is_empty(), "{} holds no certificate of an authority", context());
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}

/// Events cut so that each part is taken by one request.
fn parts(events: Vec<(String, ConversionEvent)>) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut parts: Vec<Vec<(String, Vec<u8>)>> = Vec::new();
    let mut bytes = 0;
    for (id, event) in events {
        let mut record = Vec::new();
        event.encode(&mut record);
        bytes += record.len();
        match parts.last_mut() {
            Some(part) if part.len() < EVENTS && bytes <= EVENTS_BYTES => part.push((id, record)),
            _ => {
                bytes = record.len();
                parts.push(vec![(id, record)]);
            }
        }
    }
    parts
}

impl ConversionSink for Upstream {
    fn accept(&self, events: Vec<(String, ConversionEvent)>) -> Accepted<'_> {
        Box::pin(async move {
            for part in parts(events) {
                let taken = self.hand_in(&part).await;
                let taken = taken.map_err(|error| SinkError::Unavailable { source: Box::new(error) })?;
                for NotTaken { id, reason } in taken.refused {
                    tracing::warn!(
                        event = id,
                        reason,
                        "a reported conversion could not be taken in; it is kept as refused"
                    );
                }
                if let Some(NotTaken { id, reason }) = taken.unreadable.into_iter().next() {
                    return Err(SinkError::Refused { event_id: id, reason });
                }
            }
            Ok(())
        })
    }
}
