//! Measuring again what others disturbed.

use anyhow::Result;

/// Share of a server's core that others may have.
const SHARE_MAX: f64 = 0.03;
const TRIES: usize = 5;

/// Measures again while others had more of the server's core than a little, up to some limit; gives the calmest try.
///
/// # Errors
/// Those of a measurement.
pub fn undisturbed<T>(mut measure: impl FnMut() -> Result<T>, others: impl Fn(&T) -> f64) -> Result<T> {
    let mut best = measure()?;
    for _ in 1..TRIES {
        if others(&best) <= SHARE_MAX {
            break;
        }
        let next = measure()?;
        if others(&next) < others(&best) {
            best = next;
        }
    }
    Ok(best)
}
