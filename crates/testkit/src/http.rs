//! A small HTTP client that never follows redirects and keeps what it was told.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header fields.
    pub headers: http::HeaderMap,
    /// Body bytes.
    pub body: Bytes,
}

impl Answer {
    /// A header field's text, empty where absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none; says what came instead.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in a {} answer: {}", self.status, self.text()))
    }

    /// The body as JSON of an answer with this status.
    ///
    /// # Panics
    /// When the status is another; says what came instead.
    #[must_use]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "answer was {}: {}", self.status, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

/// The client, with or without an API key.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    key: Option<String>,
}

impl Http {
    /// A client of the server at `base`, such as `http://127.0.0.1:8081`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: base.to_owned(), key: None }
    }

    /// The same client with this API key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// Sends a request with the given header fields and body.
    ///
    /// # Errors
    /// The connection failed or broke.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = http::Request::builder().method(method).uri(&url);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).context("building the request")?;
        let answer = self.client.request(request).await.with_context(|| format!("{method} {url}"))?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.with_context(|| format!("{method} {url}: reading"))?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// GET.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new()).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// GET as a browser asks when a person clicks.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn click(&self, path: &str) -> Answer {
        self.send("GET", path, &BROWSER, Vec::new()).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// POST of a JSON value.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body, &[]).await
    }

    /// Any method with a JSON value and further header fields.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn json(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut fields = vec![("content-type", "application/json")];
        fields.extend_from_slice(headers);
        let bytes = serde_json::to_vec(body).expect("a JSON value serialises");
        self.send(method, path, &fields, bytes).await.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

/// What a browser sends when a person follows a link on another site.
pub const BROWSER: [(&str, &str); 6] = [
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    ),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-user", "?1"),
    ("accept-language", "en-GB,en;q=0.8"),
];
