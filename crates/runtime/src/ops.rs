//! The listener for operators: `/healthz`, `/readyz`, `/metrics`.
//!
//! It runs beside all roles and outlives them in a shutdown, so that the end can be watched. `/healthz` answers
//! 200 while the process lives. `/readyz` answers 200 when every registered check is ready, else 503; its JSON
//! lists each check with the reason. A begun shutdown makes it 503, so that a load balancer looks elsewhere.
//!
//! Limits: 64 connections, further ones are closed at once; 5 s to send a request's head.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::lifecycle::Shutdown;
use crate::telemetry::Metrics;

mod readiness;

pub use readiness::{CheckState, Readiness, ReadinessHandle, ReadinessReport};

const CONNECTIONS_MAX: usize = 64;
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed accept, mostly for want of descriptors, trying again at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the listener shows.
#[derive(Debug, Clone)]
pub struct Ops {
    /// Metrics of the process.
    pub metrics: Metrics,
    /// Checks of the roles.
    pub readiness: Readiness,
    /// Shown as not ready once it has begun; it does not stop the listener.
    pub shutdown: Shutdown,
}

/// Answers until `stop` completes; open connections are then dropped.
pub async fn serve(listener: TcpListener, ops: Ops, stop: impl Future<Output = ()>) {
    let ops = Arc::new(ops);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "metrics listener cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let ops = Arc::clone(&ops);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, &ops);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "connection to the metrics listener broke");
            }
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, ops: &Ops) -> Response<Full<Bytes>> {
    respond(request.method(), request.uri().path(), ops)
}

fn respond(method: &Method, path: &str, ops: &Ops) -> Response<Full<Bytes>> {
    let is_known = matches!(path, "/healthz" | "/readyz" | "/metrics");
    if !is_known {
        return text(StatusCode::NOT_FOUND, "not found; try /healthz, /readyz, /metrics\n");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => {
            let report = ops.readiness.report(ops.shutdown.is_begun());
            let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            body(status, "application/json", report.to_json())
        }
        _ => body(StatusCode::OK, METRICS_TYPE, ops.metrics.render()),
    }
}

fn text(status: StatusCode, message: &'static str) -> Response<Full<Bytes>> {
    body(status, "text/plain; charset=utf-8", message.to_owned())
}

fn body(status: StatusCode, content_type: &'static str, content: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(content)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
