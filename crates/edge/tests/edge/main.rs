//! The edge over real loopback HTTP, with its spool read back.

mod clicks;
mod lifecycle;
mod postbacks;
#[expect(unreachable_pub, clippy::unwrap_used, reason = "helpers of one test program")]
mod support;
