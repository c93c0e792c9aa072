//! The edge over real loopback HTTP, with its spool read back.

mod clicks;
mod lane;
mod lifecycle;
mod postbacks;
mod power;
#[expect(unreachable_pub, clippy::unwrap_used, reason = "helpers of one test program")]
mod support;
