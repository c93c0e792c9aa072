//! The least that a hyper server can do: one thread, a 302 with a fixed `Location`, nothing read, nothing kept.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves until it is killed.
pub(crate) fn serve(address: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(async {
                let served =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                // A connection that breaks is the load generator's end.
                drop(served);
            });
        }
    })
}

fn answer<B>(_: Request<B>) -> Ready<Result<Response<Empty<Bytes>>, Infallible>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("https://shop.example/landing"));
    ready(Ok(response))
}
