//! Leases, and the keys of edges.

use super::{NOW, all, random, read, write};
use crate::leases::{self, Lease};
use crate::{Database, edge_keys};

async fn leases(database: &dyn Database) -> Vec<Lease> {
    read(database, |tx| leases::list(tx)).await
}

async fn take(
    database: &dyn Database,
    name: &'static str,
    holder: &'static str,
    seen: Option<Lease>,
) -> bool {
    use crate::DatabaseExt as _;
    let taken = database.book(move |tx| leases::take(tx, name, holder, seen.as_ref())).await;
    taken.expect("this booking is in order")
}

/// A lease has one holder, and another only takes over what it saw.
pub async fn a_lease_is_taken_over_only_from_what_was_seen(database: &dyn Database) {
    assert!(take(database, "part:1", "one", None).await);
    assert!(!take(database, "part:1", "other", None).await);
    let seen = leases(database).await.pop().expect("there is one");
    assert_eq!((seen.name.as_str(), seen.holder.as_str()), ("part:1", "one"));

    assert!(write(database, |tx| leases::beat(tx, "part:1", "one")).await);
    assert!(!take(database, "part:1", "other", Some(seen)).await, "its holder has shown that it lives");
    let seen = leases(database).await.pop();
    assert!(take(database, "part:1", "other", seen).await);

    assert!(!write(database, |tx| leases::beat(tx, "part:1", "one")).await, "it was taken over");
    assert!(!write(database, |tx| leases::release(tx, "part:1", "one")).await);
    assert!(write(database, |tx| leases::release(tx, "part:1", "other")).await);
    let free = leases(database).await.pop().expect("it stays");
    assert!(free.is_free());
    assert!(take(database, "part:1", "one", Some(free.clone())).await);
    assert!(!take(database, "part:1", "other", Some(free)).await, "somebody was faster");
}

/// However many want a lease at once, one gets it.
pub async fn of_many_who_want_a_lease_one_gets_it(database: &dyn Database) {
    let holders = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let taken = all(holders.map(|holder| take(database, "leader", holder, None))).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let seen = leases(database).await.pop();
    let taken = all(holders.map(|holder| take(database, "leader", holder, seen.clone()))).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
}

/// A process makes its own lease by its first beat; it is forgotten as it was seen.
pub async fn leases_of_processes_that_are_gone_are_forgotten(database: &dyn Database) {
    for _ in 0..2 {
        assert!(write(database, |tx| leases::beat(tx, "worker:a", "a")).await);
    }
    let seen = leases(database).await.pop().expect("there is one");
    assert_eq!(seen.beat, 2);
    write(database, |tx| leases::beat(tx, "worker:a", "a")).await;
    assert!(!write(database, move |tx| leases::forget(tx, &seen)).await, "it lives");
    let seen = leases(database).await.pop().expect("there is one");
    assert!(write(database, move |tx| leases::forget(tx, &seen)).await);
    assert_eq!(leases(database).await, []);
}

/// Two who use one name see each other's mark.
pub async fn who_shares_a_name_finds_the_others_mark(database: &dyn Database) {
    let announce =
        async |mark: &'static str| write(database, move |tx| leases::announce(tx, "edge:1", mark)).await;
    assert_eq!(announce("one").await, None);
    assert_eq!(announce("one").await.as_deref(), Some("one"));
    assert_eq!(announce("other").await.as_deref(), Some("one"));
    assert_eq!(announce("one").await.as_deref(), Some("other"));
}

/// S-03: the key of an edge is found by its text until it is withdrawn.
pub async fn s_03_keys_of_edges_are_found_by_their_text_until_they_are_withdrawn(database: &dyn Database) {
    let (key, text) = write(database, |tx| edge_keys::create(tx, "frankfurt", &mut random, NOW)).await;
    let find = async |text: String| read(database, move |tx| edge_keys::authenticate(tx, &text)).await;
    assert_eq!(find(text.as_str().to_owned()).await, Some(key.clone()));
    assert_eq!(find(format!("{}x", text.as_str())).await, None);

    let id = key.public_id.clone();
    let gone = write(database, move |tx| edge_keys::revoke(tx, &id, NOW.plus(5))).await;
    assert_eq!(gone.and_then(|key| key.revoked_at), Some(NOW.plus(5)));
    let id = key.public_id.clone();
    let again = write(database, move |tx| edge_keys::revoke(tx, &id, NOW.plus(9))).await;
    assert_eq!(again.and_then(|key| key.revoked_at), Some(NOW.plus(5)));
    assert_eq!(write(database, |tx| edge_keys::revoke(tx, "nobody", NOW)).await, None);
    assert_eq!(find(text.as_str().to_owned()).await, None);
    assert_eq!(read(database, |tx| edge_keys::list(tx)).await.len(), 1);
}
