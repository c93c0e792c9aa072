//! The spool through its public face, on a disk in memory that fails on demand and on the real one.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "spool/failures.rs"]
mod failures;
#[path = "spool/harness.rs"]
mod harness;
#[path = "spool/model.rs"]
mod model;
#[path = "spool/prefill.rs"]
mod prefill;
#[path = "spool/reading.rs"]
mod reading;
#[path = "spool/real_disk.rs"]
mod real_disk;
#[path = "spool/recovery.rs"]
mod recovery;
#[path = "spool/writing.rs"]
mod writing;
