//! Leases: who of several processes does what, in rows that every store has.
//!
//! A lease has a name, a holder (a process by an id made at its start, or nobody) and a beat that rises. Who holds one
//! raises its beat; who saw holder and beat stand still for long enough, by its own clock that only goes forwards, may take
//! it over, and only from what it saw. No clock of one machine is compared with another's. A lease divides work, it does
//! not make work safe: a process that was stopped and goes on learns with its next beat that it holds nothing, and what it
//! does until then must be repeatable.
//!
//! Edges announce themselves in the same table ([`announce`]): two that share an id see each other's mark.

use crate::{Row, StoreError, Tx};

/// A lease as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its name.
    pub name: String,
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// Rises with whatever happens to it.
    pub beat: i64,
}

impl Lease {
    /// Whether nobody holds it.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.holder.is_empty()
    }
}

fn read(row: &Row) -> Result<Lease, StoreError> {
    Ok(Lease { name: row.text(0)?.to_owned(), holder: row.text(1)?.to_owned(), beat: row.int(2)? })
}

/// All leases, by name.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Lease>, StoreError> {
    tx.query("SELECT name, holder, beat FROM leases ORDER BY name", &[])?.iter().map(read).collect()
}

/// Takes a lease: one that did not exist (`seen` is `None`), was free, or stood still. Says whether it is held now; not
/// where it is no longer as it was seen.
///
/// # Errors
/// Those of the store.
pub fn take(tx: &mut dyn Tx, name: &str, holder: &str, seen: Option<&Lease>) -> Result<bool, StoreError> {
    let taken = match seen {
        None => tx.execute(
            "INSERT INTO leases (name, holder, beat) VALUES ($1, $2, 1) ON CONFLICT (name) DO NOTHING",
            &[name.into(), holder.into()],
        )?,
        Some(seen) => tx.execute(
            "UPDATE leases SET holder = $2, beat = beat + 1 WHERE name = $1 AND holder = $3 AND beat = $4",
            &[name.into(), holder.into(), (&seen.holder).into(), seen.beat.into()],
        )?,
    };
    Ok(taken == 1)
}

/// Shows that the holder lives; makes the lease where there is none. Says whether it is the holder's: not where somebody
/// else has taken it over.
///
/// # Errors
/// Those of the store.
pub fn beat(tx: &mut dyn Tx, name: &str, holder: &str) -> Result<bool, StoreError> {
    let beaten = tx.execute(
        "INSERT INTO leases (name, holder, beat) VALUES ($1, $2, 1)
         ON CONFLICT (name) DO UPDATE SET beat = leases.beat + 1 WHERE leases.holder = excluded.holder",
        &[name.into(), holder.into()],
    )?;
    Ok(beaten == 1)
}

/// Gives a lease back, so that others need not wait. Says whether it was the holder's.
///
/// # Errors
/// Those of the store.
pub fn release(tx: &mut dyn Tx, name: &str, holder: &str) -> Result<bool, StoreError> {
    let released = tx.execute(
        "UPDATE leases SET holder = '', beat = beat + 1 WHERE name = $1 AND holder = $2",
        &[name.into(), holder.into()],
    )?;
    Ok(released == 1)
}

/// Deletes a lease that is as it was seen: one of a process that is gone. Says whether it did.
///
/// # Errors
/// Those of the store.
pub fn forget(tx: &mut dyn Tx, seen: &Lease) -> Result<bool, StoreError> {
    let gone = tx.execute(
        "DELETE FROM leases WHERE name = $1 AND holder = $2 AND beat = $3",
        &[(&seen.name).into(), (&seen.holder).into(), seen.beat.into()],
    )?;
    Ok(gone == 1)
}

/// Puts the mark of a process under a name that nobody else should use, and gives the mark found there. Who finds another's
/// mark although it had put its own there before shares the name with somebody who lives.
///
/// # Errors
/// Those of the store.
pub fn announce(tx: &mut dyn Tx, name: &str, holder: &str) -> Result<Option<String>, StoreError> {
    let found = tx.first("SELECT holder FROM leases WHERE name = $1", &[name.into()])?;
    let found = found.map(|row| row.text(0).map(str::to_owned)).transpose()?;
    tx.execute(
        "INSERT INTO leases (name, holder, beat) VALUES ($1, $2, 1)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, beat = leases.beat + 1",
        &[name.into(), holder.into()],
    )?;
    Ok(found)
}
