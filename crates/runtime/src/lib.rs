//! What every role of the program needs around its own work.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | settings from file, environment and flags, each with the place it came from |
//! | [`telemetry`] | log set-up, and every metric in one table with typed handles |
//! | [`ops`] | the metrics listener: `/healthz`, `/readyz`, `/metrics` |
//! | [`lifecycle`] | how a shutdown begins, is heard, and is waited for |
//! | [`files`] | durable replacement of files; the data directory, its format and its lock |
//! | [`clock`] | the only reader of the system's clock, and a clock that tests move by hand |
//!
//! Nothing here knows clicks, conversions, money or a database. Nothing here reads the process's
//! environment or arguments: the binary collects them and passes maps.

pub mod clock;
pub mod config;
pub mod files;
pub mod lifecycle;
pub mod ops;
pub mod telemetry;
