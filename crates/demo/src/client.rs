//! A small HTTP client for this program's own listeners.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A request that did not go as it should.
#[derive(Debug)]
pub struct ClientError {
    /// Method and address.
    pub request: String,
    /// What happened instead.
    pub detail: String,
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.request, self.detail)
    }
}

impl std::error::Error for ClientError {}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Location`, empty where absent.
    pub location: String,
    /// `name=value` of the first cookie set, empty where none.
    pub cookie: String,
    /// Body bytes.
    pub body: Bytes,
}

/// A client of one listener, with or without an API key.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    key: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the listener at `base`, such as `http://127.0.0.1:8081`.
    #[must_use]
    pub fn new(base: &str, key: Option<&str>) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Self { pool, base: base.trim_end_matches('/').to_owned(), key: key.map(str::to_owned) }
    }

    /// The listener's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The connection failed or broke.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let url = format!("{}{path}", self.base);
        let failed = |detail: String| ClientError { request: format!("{method} {url}"), detail };
        let mut request = http::Request::builder().method(method).uri(&url);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let bytes = match body {
            None => Bytes::new(),
            Some(value) => {
                request = request.header("content-type", "application/json");
                Bytes::from(value.to_string())
            }
        };
        let request = request.body(Full::new(bytes)).map_err(|error| failed(error.to_string()))?;
        let answer = self.pool.request(request).await.map_err(|error| failed(error.to_string()))?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
        let text = |name| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let cookie = text(http::header::SET_COOKIE).split(';').next().unwrap_or_default().to_owned();
        Ok(Answer { status: parts.status.as_u16(), location: text(http::header::LOCATION), cookie, body })
    }

    async fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let answer = self.send(method, path, &[], body).await?;
        let failed = |detail: String| ClientError { request: format!("{method} {path}"), detail };
        if !(200..300).contains(&answer.status) {
            let words = String::from_utf8_lossy(&answer.body);
            return Err(failed(format!("answered {}: {words}", answer.status)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| failed(format!("answered no JSON: {error}")))
    }

    /// GET of JSON.
    ///
    /// # Errors
    /// The connection failed, or the answer is no success or no JSON.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json("GET", path, None).await
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// The connection failed, or the answer is no success or no JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json("POST", path, Some(body)).await
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// See [`Client::get`].
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, ClientError> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}?limit=100{cursor}")).await?;
            items.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }
}
