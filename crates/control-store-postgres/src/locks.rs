//! Advisory locks: one key of 64 bits each, the same in every program that uses the database.
//!
//! `hp` (16 bits), the kind (8 bits), the id (40 bits). Locks are per database: two schemas of this program in one
//! database share them, which costs time and nothing else.

use hopline_control_store::Lock;

const OURS: i64 = 0x6870 << 48;
const ID_BITS: i64 = (1 << 40) - 1;

const fn of_kind(kind: i64, id: i64) -> i64 {
    OURS | (kind << 40) | (id & ID_BITS)
}

/// Held while a migration is applied.
pub(crate) const MIGRATIONS: i64 = of_kind(0, 0);

/// The key of a lock.
pub(crate) const fn key(lock: Lock) -> i64 {
    match lock {
        Lock::Caps(offer) => of_kind(1, offer.get()),
        Lock::Ledger => of_kind(2, 0),
        Lock::AuditLog => of_kind(3, 0),
    }
}

/// The keys of locks in the order in which everybody takes them, each once.
pub(crate) fn keys(locks: &[Lock]) -> Vec<i64> {
    let mut keys: Vec<i64> = locks.iter().copied().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_locks_have_the_same_key_and_they_are_taken_in_one_order() {
        let offer = |id| Lock::Caps(hopline_types::OfferId::new(id).unwrap());
        let all = [Lock::Ledger, offer(2), Lock::AuditLog, offer(1), Lock::Ledger];
        let sorted = keys(&all);
        assert_eq!(sorted, [key(offer(1)), key(offer(2)), key(Lock::Ledger), key(Lock::AuditLog)]);
        assert!(!sorted.contains(&MIGRATIONS));
    }
}
