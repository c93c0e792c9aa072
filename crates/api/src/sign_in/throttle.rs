//! Limits on trying to sign in, in memory: per account, and per network address.
//!
//! Within [`WINDOW_MS`] from the first failure an account may fail [`TRIES_MAX`] times and an address ten times as often;
//! then it waits for the window's end. At most [`NAMES_MAX`] windows are kept: where they are full of running ones, the
//! oldest is forgotten, so that memory stays bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use hopline_types::{MINUTE_MS, SECOND_MS, UnixMillis};

use crate::problem::Problem;

/// Failures of one account within the window.
pub(super) const TRIES_MAX: u32 = 10;
/// Failures from one address: several people may sit behind it.
const ADDRESS_TRIES_MAX: u32 = 10 * TRIES_MAX;
const WINDOW_MS: i64 = 15 * MINUTE_MS;
const NAMES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Throttle {
    windows: Mutex<HashMap<Name, Window>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Account(String),
    Address(IpAddr),
}

impl Name {
    const fn tries_max(&self) -> u32 {
        match self {
            Self::Account(_) => TRIES_MAX,
            Self::Address(_) => ADDRESS_TRIES_MAX,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: UnixMillis,
    failures: u32,
}

impl Window {
    fn left_ms(&self, now: UnixMillis) -> i64 {
        WINDOW_MS - now.since(self.began)
    }
}

fn names(account: &str, address: Option<IpAddr>) -> impl Iterator<Item = Name> {
    [Some(Name::Account(account.to_owned())), address.map(Name::Address)].into_iter().flatten()
}

impl Throttle {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Window>> {
        self.windows.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Refuses who has failed too often.
    pub(super) fn check(
        &self,
        account: &str,
        address: Option<IpAddr>,
        now: UnixMillis,
    ) -> Result<(), Problem> {
        let windows = self.lock();
        let wait_ms = names(account, address)
            .filter_map(|name| windows.get(&name).filter(|window| window.failures >= name.tries_max()))
            .map(|window| window.left_ms(now))
            .max()
            .filter(|left| *left > 0);
        let Some(wait_ms) = wait_ms else { return Ok(()) };
        let seconds = u64::try_from(wait_ms / SECOND_MS + 1).expect("what is left is positive");
        let mut problem = Problem::too_many("too many failed sign-ins; try again later");
        problem.retry_after = Some(seconds);
        Err(problem)
    }

    pub(super) fn failed(&self, account: &str, address: Option<IpAddr>, now: UnixMillis) {
        let mut windows = self.lock();
        for name in names(account, address) {
            let window = windows.entry(name).or_insert(Window { began: now, failures: 0 });
            if window.left_ms(now) <= 0 {
                *window = Window { began: now, failures: 0 };
            }
            window.failures += 1;
        }
        if windows.len() > NAMES_MAX {
            windows.retain(|_, window| window.left_ms(now) > 0);
        }
        while windows.len() > NAMES_MAX {
            let oldest = windows.iter().min_by_key(|(_, window)| window.began).map(|(name, _)| name.clone());
            oldest.and_then(|name| windows.remove(&name));
        }
    }

    pub(super) fn succeeded(&self, account: &str) {
        self.lock().remove(&Name::Account(account.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    // S-07
    #[test]
    fn an_account_waits_after_too_many_failures_until_its_window_ends() {
        let throttle = Throttle::default();
        for _ in 0..TRIES_MAX {
            assert!(throttle.check("a", None, NOW).is_ok());
            throttle.failed("a", None, NOW);
        }
        let refused = throttle.check("a", None, NOW).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (429, Some(901)));
        assert!(throttle.check("b", None, NOW).is_ok());
        assert!(throttle.check("a", None, NOW.plus(WINDOW_MS)).is_ok());
        throttle.succeeded("a");
        assert!(throttle.check("a", None, NOW).is_ok());
    }

    // S-07
    #[test]
    fn an_address_that_tries_many_accounts_waits_too() {
        let throttle = Throttle::default();
        let address = Some("192.0.2.1".parse().unwrap());
        for account in 0..ADDRESS_TRIES_MAX {
            throttle.failed(&account.to_string(), address, NOW);
        }
        assert!(throttle.check("another", address, NOW).is_err());
        assert!(throttle.check("another", None, NOW).is_ok());
    }

    #[test]
    fn memory_stays_bounded() {
        let throttle = Throttle::default();
        for account in 0..NAMES_MAX + 5 {
            let at = NOW.plus(i64::from(account >= 5));
            throttle.failed(&account.to_string(), None, at);
        }
        assert_eq!(throttle.lock().len(), NAMES_MAX);
        assert!(!throttle.lock().contains_key(&Name::Account("0".into())));
    }
}
