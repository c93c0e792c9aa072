//! Measurements side by side, as ratios; each is a program in `src/bin`. `README.md` tells how to run and read them.

pub mod broom;
pub mod calm;
pub mod clicks;
pub mod cpu;
pub mod goals;
pub mod machine;
pub mod pace;
pub mod server;
pub mod subject;
pub mod summary;
pub mod wrk;
