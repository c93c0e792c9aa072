//! Installs: their reports and what became of each, whose an ad network's campaigns are, and how measurement is read.
//!
//! | table | holds |
//! | --- | --- |
//! | `install_sources` | whose installs an ad network's campaign stands for ([`sources`]) |
//! | `install_mappings` | what an advertiser's measurement calls our fields ([`mappings`]) |
//! | `installs` | every report, each once by its key, with what became of it ([`reports`]) |
//!
//! Nothing is decided here: `books` reads reports and says what becomes of them.

pub mod mappings;
pub mod reports;
pub mod sources;
pub mod timing;
