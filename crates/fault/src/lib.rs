//! Named places in the program at which tests abort, fail or delay it (D-04).
//!
//! ```
//! use hopline_fault::{Point, point};
//! fn store(rows: &[u8]) -> std::io::Result<usize> {
//!     point(Point::ShipInsertBefore)?;
//!     let stored = rows.len();
//!     point(Point::ShipInsertAfter)?;
//!     Ok(stored)
//! }
//! assert_eq!(store(b"abc").unwrap(), 3);
//! ```
//!
//! A [`Point`] is a step of the program that can be lost, fail or take long; a [`Switch`] is a promise that can be
//! broken on purpose, so that a checker shows that it would notice. Both are closed lists: a test walks [`POINTS`]
//! and fails where one was never reached.
//!
//! # Builds
//!
//! Active with debug assertions alone. In a release build every call is `Ok(())` or `false` known to the compiler,
//! nothing is read from the environment, and [`VARIABLES`] is empty, so that the program refuses the variables as
//! unknown settings.
//!
//! # The plan
//!
//! `HOPLINE_FAULTS` holds rules, with `;` between them: `ship.insert.after=abort@3;spool.sync.before=error@2-5`.
//!
//! | part | is |
//! | --- | --- |
//! | name | of a point ([`Point::name`]) or switch ([`Switch::name`]) |
//! | `=abort` | the process ends at once, as by kill -9 |
//! | `=error` | the step fails with an I/O error of no special kind |
//! | `=full` | the step fails as on a full disk |
//! | `=delay:50` | the step takes 50 ms longer; blocks the thread |
//! | `=off` | for switches only: the promise is broken |
//! | `@3`, `@2-5`, `@2-` | at the third time; at the second to the fifth; from the second on; without it: every time |
//!
//! Times are counted for each point over the whole process, from 1. Of several rules for one point, delays come
//! first. A plan that cannot be read ends the process with a panic at the first point.
//!
//! `HOPLINE_FAULTS_LOG` names a file to which every rule that acts appends a line before it does:
//! `ship.insert.after abort 3`.

mod armed;
mod plan;
mod points;

use std::io;

pub use points::{POINTS, Point, SWITCHES, Switch};

/// The environment variables that this crate reads; none in a release build.
pub const VARIABLES: &[&str] = if cfg!(debug_assertions) { &[PLAN_VARIABLE, LOG_VARIABLE] } else { &[] };

const PLAN_VARIABLE: &str = "HOPLINE_FAULTS";
const LOG_VARIABLE: &str = "HOPLINE_FAULTS_LOG";

/// What a point answers where the plan makes it fail: the inner error of the [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("injected at {}", .point.name())]
pub struct Injected {
    /// Where.
    pub point: Point,
}

/// Passes a point: nothing happens unless the plan says so.
///
/// # Errors
/// The plan makes this step fail.
#[inline]
pub fn point(point: Point) -> io::Result<()> {
    if cfg!(debug_assertions) { armed::pass(point) } else { Ok(()) }
}

/// Whether a promise is to be broken.
#[inline]
#[must_use]
pub fn is_off(switch: Switch) -> bool {
    cfg!(debug_assertions) && armed::is_off(switch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_plan_nothing_happens() {
        for point in POINTS {
            assert!(super::point(*point).is_ok());
        }
        assert!(SWITCHES.iter().all(|switch| !is_off(*switch)));
    }

    #[test]
    fn a_build_without_debug_assertions_knows_no_variables() {
        assert_eq!(VARIABLES.is_empty(), !cfg!(debug_assertions));
    }
}
