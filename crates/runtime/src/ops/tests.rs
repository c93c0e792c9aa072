use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

fn ops() -> Ops {
    Ops { metrics: Metrics::new(), readiness: Readiness::new(), shutdown: Shutdown::new() }
}

async fn get(ops: &Ops, path: &str) -> (u16, String) {
    let response = respond(&Method::GET, path, ops);
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn readyz_lists_each_check_with_its_reason() {
    let ops = ops();
    let nothing = r#"{"ready":false,"checks":[{"name":"process","ready":false,"reason":"no part of the process has registered yet"}]}"#;
    assert_eq!(get(&ops, "/readyz").await, (503, nothing.into()));

    let catalogue = ops.readiness.register("catalogue");
    let spool = ops.readiness.register("spool");
    spool.ready();
    let starting = r#"{"ready":false,"checks":[{"name":"catalogue","ready":false,"reason":"starting"},{"name":"spool","ready":true}]}"#;
    assert_eq!(get(&ops, "/readyz").await, (503, starting.into()));

    catalogue.ready();
    let ready =
        r#"{"ready":true,"checks":[{"name":"catalogue","ready":true},{"name":"spool","ready":true}]}"#;
    assert_eq!(get(&ops, "/readyz").await, (200, ready.into()));

    spool.not_ready("the disk is full");
    let (status, body) = get(&ops, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#"{"name":"spool","ready":false,"reason":"the disk is full"}"#), "{body}");
}

#[tokio::test]
async fn a_begun_shutdown_is_not_ready_but_alive() {
    let ops = ops();
    ops.readiness.register("edge").ready();
    ops.shutdown.begin();
    let (status, body) = get(&ops, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""reason":"shutting down""#), "{body}");
    assert_eq!(get(&ops, "/healthz").await, (200, "alive\n".into()));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let ops = ops();
    assert_eq!(get(&ops, "/").await.0, 404);
    let posted = respond(&Method::POST, "/metrics", &ops);
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.headers().get(ALLOW).unwrap(), "GET, HEAD");
}

#[tokio::test]
async fn metrics_are_served_over_http_until_told_to_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ops = ops();
    ops.metrics.ship.rows.inc_by(42);
    let stop = Shutdown::new();
    let server = tokio::spawn({
        let stop = stop.clone();
        async move { serve(listener, ops, stop.begun()).await }
    });

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("\nhopline_ship_rows_total 42\n"), "{answer}");

    stop.begin();
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
