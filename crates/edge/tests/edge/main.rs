//! The edge over real loopback HTTP, with its spool read back.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod clicks;
#[expect(clippy::unwrap_used, reason = "helpers of one test program")]
mod front;
#[expect(clippy::unwrap_used, reason = "helpers of one test program")]
mod full_disk;
mod installs;
mod lane;
mod lifecycle;
mod memory;
mod postbacks;
mod power;
mod rules;
#[expect(unreachable_pub, reason = "helpers of one test program")]
mod support;
