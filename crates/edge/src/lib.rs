//! The redirect server: answers from memory, writes before it answers.
//!
//! [`run`] starts one thread per core, each with a single-threaded runtime, a listener of its own on the shared address
//! (`SO_REUSEPORT`), and a spool stream of its own. A request is answered from the catalogue snapshot alone; no store is
//! asked, so every store may be down.
//!
//! # Routes
//!
//! | request | answer |
//! | --- | --- |
//! | `GET`, `HEAD /{code}`, `/c?offer=&aff=` | 302 to landing page, deep link or fallback; 404; 503 to a prefetch |
//! | `GET`, `HEAD /i/{code}` | 1x1 GIF, logged as impression |
//! | `GET /c.json?offer=&aff=` | for a shop's script: the click id, or why there is none, as JSON; no cookie |
//! | `GET`, `POST /postback` | 202 once durable, else a problem document |
//! | `POST /installs/skadnetwork`, `/installs/adattributionkit`, and Apple's own paths under `/.well-known/` | 200 once durable |
//! | `GET`, `POST /installs/play`, `/installs/measurement` | 202 or 200 once durable, else a problem document |
//! | `GET /pixel.gif` | 1x1 GIF whatever comes; errors in `X-Hopline-Error` |
//! | `GET`, `HEAD /t.js`, `/.well-known/gpc.json` | the script for shops; that `Sec-GPC` is honoured |
//! | `GET`, `HEAD /robots.txt` | nothing may be crawled |
//! | other methods on these | 405 with `Allow` |
//! | anything else | 404, or the page of the domain that was asked |
//!
//! # The way of a click, and its budget
//!
//! Where the settings say so, a trusted proxy's connection begins with a PROXY header, and every connection with TLS
//! ([`front`](self)). Then, or else at once, it is in the lane ([`lane`](self)): heads are parsed in place, answers put together as bytes, without hyper. The first
//! request that is not a plain `GET` or `HEAD` (a body, HTTP/1.0, HTTP/2, `/postback`, `/pixel.gif`, anything malformed) hands the
//! connection over to hyper for the rest of its life; all ways call the same code and give the same answers.
//!
//! One parse and one pass over the header fields; one probe for the link; one pass over the query; one comparison with
//! a user agent read lately, else one automaton and one SHA-256 over it; one cache line of the duplicate memory and one
//! HMAC to sign, for a visitor without cookie two of each; the record into the spool's buffer; one `write` per turn of
//! the event loop for all records of it ([`commit`](self)); then the answer. Requests that came together are answered by one
//! `write`.
//!
//! - System calls per click at load: one `read`, one `write` to the socket, a share of `epoll_wait` and of one `write`
//!   to the spool.
//! - Locks shared between cores: none. Shared memory that is written: the duplicate memory's one word; the counters once
//!   a second. Clocks: both read once per turn, for its first record.
//! - Allocations per click: none after warm-up. Buffers stay with the thread; a connection holds one only while a request
//!   is under way. A deep link adds the parsed URL; a user agent that is new takes a place.
//! - Instructions of a first visit by callgrind, behind a trusted proxy, without SHA-256 (four blocks) and the kernel:
//!   15,100 with geography, targeting, rotation and caps on. The head takes 2,900 of them, the click 8,200, the event loop 2,900.
//!   Through hyper a click took 30,000.
//! - Metrics: two thread-local counters; no label is looked up.
//!
//! # Limits
//!
//! Request head 16 KiB and 15 to 19 seconds (idle connections too); postback body 64 KiB and 10 seconds; `sub1` to
//! `sub10`, `source`, `lp`, `creative`, `ext`, `email_hash` 256 bytes each, longer is cut between characters and flagged;
//! deep link 2048 bytes and 4096 once escaped, a longer one is not followed; a client that does not read its answers is
//! not read either, and cut after 30 seconds; PROXY header and TLS handshake together 15 seconds; over HTTP/2 100 requests
//! at once; open connections as configured, shared evenly among threads, further ones wait in the backlog.
//!
//! # Query parameters
//!
//! `+` is a space; `%` with two hexadecimal digits is a byte, any other `%` stands for itself; bytes that are no UTF-8
//! become U+FFFD in what is stored. Of a parameter given twice the first that is not empty counts. Unknown parameters are handed to the
//! landing page as they were sent, where the offer says so.
//!
//! # Failure
//!
//! A record that cannot be written refuses its request with 503 and `Retry-After`, counted as `unavailable`; a visitor is
//! never sent on unrecorded. The one exception is the operator's: with `edge.full_disk = redirect` a click whose record
//! finds no room (space or quota used up, not a broken disk) is redirected all the same, counted as `unrecorded`, and
//! taken from no cap and no duplicate memory; where there is no segment to number it in, its click id is empty.
//! Impressions, scripts and conversions are refused in either case. With `relaxed` an answer does not know that its
//! record is lost. A panic in a handler ends its connection only; one in the task that writes the spool, or in
//! the thread that syncs it, begins the shutdown, because no answer could leave any more. A click whose sender hangs up
//! before its answer is recorded all the same.
//!
//! # Shutdown
//!
//! Connections in the backlog are taken for 50 ms, then the listener closes; for half a second every answer says
//! `Connection: close`; then idle connections are closed and the others get up to ten seconds to finish; the spool is
//! flushed and synced last.

mod address;
mod agents;
mod answer;
mod aside;
mod click;
mod commit;
mod connection;
mod consent;
mod cookie;
mod field;
mod front;
mod lane;
mod memory;
mod postback;
mod pressure;
mod query;
mod referrer;
mod reply;
mod route;
mod run;
mod script;
mod service;
mod sweep;
#[doc(hidden)]
pub mod testing;
mod thread;

pub use run::{EdgeError, EdgeHandle, EdgeOptions, Stream, run};
