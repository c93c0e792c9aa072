//! The seam to transactional stores: executor, statements, conformance suite.
//!
//! A store is a [`Database`]: it runs a *job* (a closure over [`Tx`]) inside one transaction, reading or
//! writing. A job is synchronous and repeatable: a store may run it again from the start after a conflict, so
//! a job must have no effect but through its `Tx`. Statements are written once, in the modules of this
//! crate, in the SQL that SQLite and PostgreSQL share: `$1` parameters, `ON CONFLICT`, `RETURNING`, row value
//! comparisons, `CAST(sum(x) AS BIGINT)`. Values cross the seam as [`Value`]s: 64-bit integers (also for
//! booleans, 0 and 1, and times, UTC milliseconds), text (also for JSON and decimals) and bytes.
//!
//! What this crate will not do: decide. Attribution, terms and ledger rules are pure crates; `books` combines
//! them with the statements here. Only the binary and tests name a concrete store.
//!
//! # Resources
//!
//! One module per table or small group of tables. Their functions take an open [`Tx`], so that callers put
//! several into one transaction; the time is an argument (`now`), and so is randomness (a closure that fills
//! bytes from a cryptographic source). Reads on behalf of somebody take a [`Scope`], which is bound into the
//! statement (S-10): another tenant's object is not found. Whatever edges must know raises the catalogue's
//! version in the same transaction.
//!
//! # Conformance
//!
//! [`conformance`] is the suite that every store passes.

pub mod advertisers;
pub mod affiliates;
pub mod approval_rules;
pub mod audit_log;
pub mod bank_data;
pub mod bonuses;
pub mod caps;
pub mod catalogue;
pub mod click_keys;
pub mod commissions;
pub mod conformance;
pub mod conversions;
pub mod coupons;
pub mod customers;
pub mod domains;
pub mod edge_keys;
pub mod facts;
pub mod findings;
pub mod groups;
pub mod idempotency;
pub mod installs;
pub mod judgements;
pub mod keys;
pub mod landing_pages;
pub mod leases;
pub mod ledger;
pub mod links;
pub mod marks;
pub mod offers;
pub mod payouts;
pub mod periods;
pub mod qualifications;
pub mod rates;
pub mod reconsiderations;
pub mod sessions;
pub mod settlements;
pub mod signals;
pub mod users;

mod digest;
mod executor;
mod page;
mod random;
mod scope;
mod scoped;
mod vault;

pub use digest::sha256_hex;
pub use executor::{
    Database, DatabaseExt, ErrorKind, Job, JobFuture, Listener, Lock, Mode, Row, StoreError, Topic, Tx, Value,
};
pub use keys::KeyText;
pub use page::Page;
pub use random::base62;
pub use scope::{Actor, Scope};
pub use scoped::Scoped;
pub use vault::{Guarded, KeySource, KeysError, Randomness, SealingKeys, Vault};
