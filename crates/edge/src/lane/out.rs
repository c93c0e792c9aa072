//! Answers as bytes: the same fields and values as the responses of [`crate::answer`] have when hyper sends them.

use hopline_types::UnixMillis;

use crate::reply::{GIF, NOT_FOUND, ROBOTS, Reply, UNAVAILABLE};

/// Length of a date as HTTP writes it.
pub(super) const DATE_BYTES: usize = 29;

/// Everything up to the date.
macro_rules! head {
    ($status:literal, $more:literal) => {
        concat!("HTTP/1.1 ", $status, "\r\ncache-control: no-store\r\n", $more, "date: ").as_bytes()
    };
}

const REDIRECT: &[u8] = head!("302 Found", "referrer-policy: strict-origin-when-cross-origin\r\n");
const IMAGE: &[u8] = head!("200 OK", "content-type: image/gif\r\ncontent-length: 43\r\n");
const LATER: &[u8] = head!("503 Service Unavailable", "");
const MISSING: &[u8] =
    head!("404 Not Found", "content-type: text/plain; charset=utf-8\r\ncontent-length: 10\r\n");
const CRAWLERS: &[u8] = head!("200 OK", "content-type: text/plain; charset=utf-8\r\ncontent-length: 26\r\n");
const REFUSED: &[u8] = head!(
    "503 Service Unavailable",
    "content-type: text/plain; charset=utf-8\r\ncontent-length: 34\r\nretry-after: 1\r\n"
);
/// Behind the date where there is no body; `HEAD` is told no length then, as hyper has it.
const EMPTY: &[u8] = b"\r\ncontent-length: 0";

/// Appends an answer; `date` as [`DateText`] gives it.
pub(super) fn write(
    out: &mut Vec<u8>,
    reply: Reply<'_>,
    is_head: bool,
    closes: bool,
    date: &[u8; DATE_BYTES],
) {
    let (head, body): (&[u8], &[u8]) = match reply {
        Reply::Redirect { .. } => (REDIRECT, b""),
        Reply::Image => (IMAGE, GIF),
        Reply::Later => (LATER, b""),
        Reply::NotFound => (MISSING, NOT_FOUND.as_bytes()),
        Reply::Robots => (CRAWLERS, ROBOTS.as_bytes()),
        // Never on the lane: what a script asks for goes to hyper.
        Reply::Json(_) => (MISSING, NOT_FOUND.as_bytes()),
        Reply::Unavailable => (REFUSED, UNAVAILABLE.as_bytes()),
    };
    out.extend_from_slice(head);
    out.extend_from_slice(date);
    if body.is_empty() && !is_head {
        out.extend_from_slice(EMPTY);
    }
    if let Reply::Redirect { location, cookie } = reply {
        out.extend_from_slice(b"\r\nlocation: ");
        out.extend_from_slice(location);
        if !cookie.is_empty() {
            out.extend_from_slice(b"\r\nset-cookie: ");
            out.extend_from_slice(cookie);
        }
    }
    if closes {
        out.extend_from_slice(b"\r\nconnection: close");
    }
    out.extend_from_slice(b"\r\n\r\n");
    if !is_head {
        out.extend_from_slice(body);
    }
}

/// The date of the last answers, written once a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DateText {
    second: i64,
    text: [u8; DATE_BYTES],
}

impl DateText {
    /// A time as HTTP writes it (RFC 9110 section 5.6.7).
    pub(super) fn at(&mut self, now: UnixMillis) -> &mut [u8; DATE_BYTES] {
        if self.second != now.seconds() || self.text[0] == 0 {
            *self = Self { second: now.seconds(), text: date(now) };
        }
        &mut self.text
    }
}

fn date(now: UnixMillis) -> [u8; DATE_BYTES] {
    // A clock beyond the year 9999 still gives a well-formed date.
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    if let Ok(time) = jiff::Timestamp::from_second(now.seconds())
        && let Ok(printed) = printer.timestamp_to_rfc9110_string(&time)
        && let Ok(printed) = printed.as_bytes().try_into()
    {
        text = printed;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_words_that_are_spelt_out_are_those_of_the_bodies() {
        let replies = [Reply::Image, Reply::Later, Reply::NotFound, Reply::Robots, Reply::Unavailable];
        for reply in replies {
            let mut out = Vec::new();
            write(&mut out, reply, false, false, b"Thu, 01 Jan 1970 00:00:00 GMT");
            let end = out.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            let head = std::str::from_utf8(&out[..end]).unwrap();
            assert!(
                format!("{head}\r\n").contains(&format!("content-length: {}\r\n", out.len() - end - 4)),
                "{head}"
            );
            assert!(head.starts_with(&format!("HTTP/1.1 {} ", reply.status())), "{head}");
        }
    }

    #[test]
    fn a_date_is_written_as_http_wants_it_and_changes_with_the_second() {
        let mut date = DateText::default();
        assert_eq!(date.at(UnixMillis(784_111_777_999)), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date.at(UnixMillis(784_111_778_000)), b"Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(date.at(UnixMillis(i64::MAX)), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(DateText::default().at(UnixMillis(5)), b"Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
