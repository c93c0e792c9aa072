//! The listener: it answers over TCP and drains when it ends.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::harness::World;

#[tokio::test]
async fn a_request_under_way_is_answered_when_the_listener_ends() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    let router = world.router.clone();
    let running = tokio::spawn(async move { hopline_api::run(listener, router, stopping.notified()).await });

    let body = r#"{"name":"Acme","currency":"EUR"}"#;
    let head = format!(
        "POST /v1/advertisers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        world.operator,
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A first answered request shows that the connection is being served before the end begins.
    stream.write_all(b"GET /docs HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = vec![0; 15];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(first, b"HTTP/1.1 200 OK");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The key's last use shows that the request has begun.
    let seen = async || {
        let keys = world.get("/v1/keys").await.expect(200);
        !keys["items"][0]["last_used_at"].is_null()
    };
    assert!(seen().await);
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answered = Vec::new();
    let created = world.services.catalogue_changed.notified();
    created.await;
    stop.notify_one();
    stream.read_to_end(&mut answered).await.unwrap();
    running.await.unwrap();
    let text = String::from_utf8_lossy(&answered);
    assert!(text.contains("HTTP/1.1 201 Created"), "{text}");
    let audited = world.get("/v1/audit_log").await.expect(200);
    assert_eq!(audited["items"][0]["origin"], "127.0.0.0/24");
}
