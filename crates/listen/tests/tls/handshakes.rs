use std::sync::Arc;

use hopline_listen::tls::{HandshakeError, Protocols, TlsFiles, handshake, negotiated};
use hopline_listen::{Preface, accept_proxied};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{HandshakeKind, ProtocolVersion};

use crate::harness::{
    BOTH, certificate, client_config, connected, connection, pair, shake, shown, soon, talk,
};

#[tokio::test]
async fn both_versions_of_tls_are_spoken() {
    let table = [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];
    for (version, expected) in table {
        let config = pair("first.pem", "first.key").load().unwrap();
        let (mut server, mut client) =
            connected(config, Arc::new(client_config(&[version], &[b"http/1.1"]))).await;
        assert_eq!(server.get_ref().1.protocol_version(), Some(expected));
        assert_eq!(shown(&client), certificate("first.pem"));
        talk(&mut server, &mut client).await;
    }
}

#[tokio::test]
async fn the_version_of_http_is_agreed_on() {
    let table: [(Protocols, &[&[u8]], Preface); 6] = [
        (Protocols::Http2AndHttp1, &[b"h2", b"http/1.1"], Preface::Http2),
        (Protocols::Http2AndHttp1, &[b"http/1.1", b"h2"], Preface::Http2),
        (Protocols::Http2AndHttp1, &[b"http/1.1"], Preface::Http1),
        (Protocols::Http2AndHttp1, &[], Preface::Http1),
        (Protocols::Http1, &[b"h2", b"http/1.1"], Preface::Http1),
        (Protocols::Http1, &[], Preface::Http1),
    ];
    for (protocols, offered, expected) in table {
        let config = TlsFiles { protocols, ..pair("first.pem", "first.key") }.load().unwrap();
        let (server, client) = connected(config, Arc::new(client_config(&BOTH, offered))).await;
        assert_eq!(negotiated(&server), expected, "{protocols:?} and {offered:?}");
        let agreed = client.get_ref().1.alpn_protocol();
        assert_eq!(agreed == Some(b"h2"), expected == Preface::Http2);
    }
}

#[tokio::test]
async fn a_client_that_wants_only_what_is_not_offered_is_refused_on_both_sides() {
    let config = TlsFiles { protocols: Protocols::Http1, ..pair("first.pem", "first.key") }.load().unwrap();
    let (server, client) = shake(config, Arc::new(client_config(&BOTH, &[b"h2"]))).await;
    assert!(matches!(server, Err(HandshakeError::Tls(_))), "{server:?}");
    assert!(client.is_err());
}

#[tokio::test]
async fn a_returning_client_resumes_by_its_ticket() {
    for version in BOTH {
        let config = pair("first.pem", "first.key").load().unwrap();
        let client_config = Arc::new(client_config(&[version], &[b"http/1.1"]));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (mut server, mut client) = connected(Arc::clone(&config), Arc::clone(&client_config)).await;
            // TLS 1.3 sends the tickets with the first answer.
            talk(&mut server, &mut client).await;
            assert_eq!(server.get_ref().1.handshake_kind(), Some(expected), "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_speaks_http_in_clear_text_fails_the_handshake() {
    let config = pair("first.pem", "first.key").load().unwrap();
    let (server_side, mut client_side) = connection().await;
    client_side.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let failed = handshake(config, server_side, soon()).await.unwrap_err();
    assert!(matches!(failed, HandshakeError::Tls(_)), "{failed:?}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_given_up_at_the_deadline() {
    let config = pair("first.pem", "first.key").load().unwrap();
    let (server_side, mut client_side) = connection().await;
    let late = handshake(config, server_side, Instant::now()).await.unwrap_err();
    assert!(matches!(late, HandshakeError::Late), "{late:?}");
    // The connection is gone with it.
    assert_eq!(client_side.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_during_the_handshake_is_told_apart() {
    let hello_cut: &[u8] = b"\x16\x03\x01\x02\x00\x01";
    for sent in [b"", hello_cut] {
        let config = pair("first.pem", "first.key").load().unwrap();
        let (server_side, mut client_side) = connection().await;
        client_side.write_all(sent).await.unwrap();
        drop(client_side);
        let closed = handshake(config, server_side, soon()).await.unwrap_err();
        assert!(matches!(closed, HandshakeError::Closed), "{closed:?} after {sent:?}");
    }
}

#[tokio::test]
async fn tls_begins_behind_a_proxy_header() {
    let header: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x7f\x00\x00\x01\xc3\x50\x01\xbb";
    let config = pair("first.pem", "first.key").load().unwrap();
    let (server_side, mut client_side) = connection().await;
    let serve = async {
        let proxied = accept_proxied(server_side, soon()).await.unwrap();
        assert_eq!(proxied.source, Some("203.0.113.9:50000".parse().unwrap()));
        handshake(config, proxied.stream, soon()).await.unwrap()
    };
    let connect = async {
        client_side.write_all(header).await.unwrap();
        let connector = TlsConnector::from(Arc::new(client_config(&BOTH, &[b"h2"])));
        connector.connect(ServerName::try_from("localhost").unwrap(), client_side).await.unwrap()
    };
    let (mut server, mut client) = tokio::join!(serve, connect);
    assert_eq!(negotiated(&server), Preface::Http2);
    talk(&mut server, &mut client).await;
}
