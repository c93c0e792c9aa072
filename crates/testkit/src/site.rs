//! A web site of the test's own: a shop, a publisher's page, or a stand-in for the edge. It remembers what was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Path, without query.
    pub path: String,
    /// Query, empty where there is none.
    pub query: String,
    /// Header fields.
    pub headers: http::HeaderMap,
}

impl Seen {
    /// A header field's text, empty where absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A query parameter's value as it was sent, if there is one.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What a site answers.
#[derive(Debug, Clone)]
pub struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Page {
    /// An answer of this type.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// A page of HTML.
    #[must_use]
    pub fn html(body: &str) -> Self {
        Self::new(200, "text/html; charset=utf-8", format!("<!doctype html><meta charset=utf-8>{body}"))
    }

    /// With one more header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running site on a free port; it ends when it goes out of scope.
#[derive(Debug)]
pub struct Site {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

impl Site {
    /// Starts it; `answer` is asked for every request.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start(answer: impl Fn(&Seen) -> Page + Send + Sync + 'static) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("a port for the site")?;
        let port = listener.local_addr().context("the site's port")?.port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = tokio::spawn(serve(listener, Arc::new(answer), Arc::clone(&seen)));
        Ok(Self { port, seen, server })
    }

    /// The origin of the site under this host name.
    #[must_use]
    pub fn origin(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }

    /// What was asked of this path so far, oldest first.
    #[must_use]
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|request| request.path == path).cloned().collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve<F>(listener: tokio::net::TcpListener, answer: Arc<F>, seen: Arc<Mutex<Vec<Seen>>>)
where
    F: Fn(&Seen) -> Page + Send + Sync + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let request = Seen {
                    method: request.method().as_str().to_owned(),
                    path: request.uri().path().to_owned(),
                    query: request.uri().query().unwrap_or_default().to_owned(),
                    headers: request.headers().clone(),
                };
                let page = answer(&request);
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                async move { Ok::<_, Infallible>(response(page)) }
            });
            // A browser that hangs up is no failure of the site.
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

fn response(page: Page) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::builder().status(page.status);
    for (name, value) in &page.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(page.body))).expect("a test's page has well-formed header fields")
}
