//! Bounded load on loopback that remembers every answer, and the checker that compares.
//!
//! Each connection sends clicks one after the other; each click carries a number of its own in `sub1`, so that
//! what was sent, what was answered and what is stored can be compared as sets (D-02): acknowledged minus
//! stored, stored twice, and stored but never sent must all be empty. A click whose answer did not arrive
//! whole is *open*: it may be stored or not, once at most.
//!
//! [`paced`] sends at a fixed rate and measures latency instead.
//!
//! Load goes to loopback addresses only, and ends by itself: by count, by time, or when the server is gone.

mod check;
mod paced;
mod run;

pub use check::{Difference, compare};
pub use paced::{Pace, paced};
pub use run::{Acknowledged, Load, Outcome, run};
