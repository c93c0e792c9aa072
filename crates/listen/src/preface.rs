//! Which version of HTTP a clear-text client speaks, by its first bytes.
//!
//! A client that knows HTTP/2 is spoken begins with a fixed text (RFC 9113 section 3.4) that no HTTP/1 server takes
//! for a request. Whatever differs from it, at whichever byte, is HTTP/1 or nonsense; HTTP/1's reader knows which.

use std::io;

use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout_at};

use crate::prefixed::Prefixed;

/// What a client of HTTP/2 sends first.
const HTTP2: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection's first bytes say about the version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preface {
    /// Not HTTP/2: HTTP/1, or not HTTP at all.
    Http1,
    /// The whole preface of HTTP/2 is there.
    Http2,
    /// So far the bytes could become either; at most 23 of them.
    Undecided,
}

impl Preface {
    /// Judges the bytes a connection has begun with; 24 always suffice.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(HTTP2) {
            Self::Http2
        } else if HTTP2.starts_with(bytes) {
            Self::Undecided
        } else {
            Self::Http1
        }
    }
}

/// Reads ahead until the first bytes tell the version. They stay in `stream`: HTTP reads them from there.
///
/// [`Preface::Undecided`] comes back only when the deadline passed first. A connection that ends before it is decided
/// is [`Preface::Http1`], so that its reader meets the end. Dropping the future loses nothing that was read.
///
/// # Errors
/// The stream's own.
pub async fn read_preface<S: AsyncRead + Unpin>(
    stream: &mut Prefixed<S>,
    deadline: Instant,
) -> io::Result<Preface> {
    let decided = async {
        loop {
            let preface = Preface::of(stream.ahead());
            if preface != Preface::Undecided {
                return Ok(preface);
            }
            if stream.fill().await? == 0 {
                return Ok(Preface::Http1);
            }
        }
    };
    timeout_at(deadline, decided).await.unwrap_or(Ok(Preface::Undecided))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[test]
    fn the_preface_is_recognised_at_its_last_byte_and_not_before() {
        for cut in 0..HTTP2.len() {
            assert_eq!(Preface::of(&HTTP2[..cut]), Preface::Undecided, "{cut} bytes");
        }
        assert_eq!(Preface::of(HTTP2), Preface::Http2);
        let with_settings = [HTTP2.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        assert_eq!(Preface::of(&with_settings), Preface::Http2);
    }

    #[test]
    fn one_other_byte_anywhere_is_not_http_2() {
        for at in 0..HTTP2.len() {
            let mut bytes = *HTTP2;
            bytes[at] ^= 0x20;
            assert_eq!(Preface::of(&bytes), Preface::Http1, "whole, byte {at}");
            assert_eq!(Preface::of(&bytes[..=at]), Preface::Http1, "up to byte {at}");
        }
    }

    #[test]
    fn other_beginnings_are_http_1_at_their_first_difference() {
        let table: [(&[u8], Preface); 8] = [
            (b"", Preface::Undecided),
            (b"P", Preface::Undecided),
            (b"PO", Preface::Http1),
            (b"PRI", Preface::Undecided),
            (b"PROPFIND / HTTP/1.1\r\n", Preface::Http1),
            (b"PRI * HTTP/1.1\r\n\r\n", Preface::Http1),
            (b"G", Preface::Http1),
            (b"\x16\x03\x01", Preface::Http1),
        ];
        for (bytes, expected) in table {
            assert_eq!(Preface::of(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    fn soon() -> Instant {
        Instant::now() + std::time::Duration::from_secs(30)
    }

    #[tokio::test]
    async fn what_was_read_for_the_decision_is_still_there_for_http() {
        let table: [(&[u8], Preface); 3] = [
            (b"GET /c/1 HTTP/1.1\r\n\r\n", Preface::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", Preface::Http2),
            (b"PRI", Preface::Http1),
        ];
        for (sent, expected) in table {
            // One byte at a time.
            let (mut near, far) = duplex(1);
            let mut stream = Prefixed::bare(far);
            let mut received = Vec::new();
            let send = async {
                near.write_all(sent).await.unwrap();
                drop(near);
            };
            let receive = async {
                assert_eq!(read_preface(&mut stream, soon()).await.unwrap(), expected);
                stream.read_to_end(&mut received).await.unwrap();
            };
            tokio::join!(send, receive);
            assert_eq!(received, sent);
        }
    }

    #[tokio::test]
    async fn at_the_deadline_the_question_stays_open_and_no_byte_is_lost() {
        let (mut near, far) = duplex(64);
        near.write_all(b"PRI *").await.unwrap();
        let mut stream = Prefixed::bare(far);
        let passed = Instant::now();
        assert_eq!(read_preface(&mut stream, passed).await.unwrap(), Preface::Undecided);
        assert_eq!(stream.ahead(), b"PRI *");
        near.write_all(b"?").await.unwrap();
        assert_eq!(read_preface(&mut stream, passed).await.unwrap(), Preface::Http1);
    }

    #[tokio::test]
    async fn bytes_already_there_decide_without_a_read() {
        let (_near, far) = duplex(1);
        let mut stream = Prefixed::new(b"GET / HTTP/1.1\r\n".to_vec(), far);
        assert_eq!(read_preface(&mut stream, Instant::now()).await.unwrap(), Preface::Http1);
    }
}
