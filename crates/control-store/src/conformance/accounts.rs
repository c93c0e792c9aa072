//! Keys, users and their sessions.

use hopline_types::{MINUTE_MS, Role};

use super::network::enter;
use super::{NOW, random, read, refused, write};
use crate::keys::{self, NewKey, looks_like_key};
use crate::users::{self, NewUser};
use crate::{Database, ErrorKind, Scope, StoreError, Tx, sessions, sha256_hex};

const SECOND: i64 = 1_000;
const IDLE: i64 = 15 * MINUTE_MS;
const ABSOLUTE: i64 = 8 * 60 * MINUTE_MS;

fn new_user(email: &str) -> NewUser {
    NewUser {
        email: email.to_owned(),
        role: Role::Finance,
        advertiser_id: None,
        affiliate_id: None,
        password_phc: "$argon2id$one".to_owned(),
    }
}

/// A key is stored as hash, found by its text, noted when used, and refused once expired or withdrawn (S-03).
pub async fn s_03_api_keys_are_found_by_their_text_until_they_end(database: &dyn Database) {
    let new = NewKey {
        name: "ops".to_owned(),
        role: Role::Operator,
        advertiser_id: None,
        affiliate_id: None,
        expires_at: Some(NOW.plus(SECOND)),
    };
    let (key, text) = write(database, move |tx| keys::create(tx, &new, &mut random, NOW)).await;
    assert_eq!(looks_like_key(text.as_str()), Ok(Role::Operator));
    assert_eq!(key.actor().scope(), Scope::All);
    assert_eq!(key.actor().name, format!("key:{}", key.public_id));
    let (id, wanted) = (key.id, text.as_str().to_owned());
    let find = |after: i64| {
        let wanted = wanted.clone();
        read(database, move |tx| keys::authenticate(tx, &wanted, NOW.plus(after)))
    };
    assert_eq!(find(0).await.as_ref(), Some(&key));
    assert_eq!(find(SECOND - 1).await.as_ref(), Some(&key));
    assert_eq!(find(SECOND).await, None, "expired");
    let rows = read(database, |tx| tx.query("SELECT public_id, key_sha256 FROM api_keys", &[])).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].text(1), Ok(sha256_hex(wanted.as_bytes()).as_str()));
    assert!(!wanted.contains(rows[0].text(0).expect("text")), "the public id tells nothing of the key");

    for (after, used) in [(0, 0), (MINUTE_MS - 1, 0), (MINUTE_MS, MINUTE_MS)] {
        let found = write(database, move |tx| {
            keys::touch(tx, id, NOW.plus(after))?;
            keys::get(tx, Scope::All, id)
        })
        .await;
        assert_eq!(found.expect("it exists").last_used_at, Some(NOW.plus(used)), "after {after}");
    }

    let revoked = write(database, move |tx| {
        keys::revoke(tx, Scope::All, id, NOW.plus(5))?;
        keys::revoke(tx, Scope::All, id, NOW.plus(6))
    })
    .await;
    assert_eq!(revoked.expect("it exists").revoked_at, Some(NOW.plus(5)), "the first time stays");
    assert_eq!(find(0).await, None, "withdrawn");

    let stray = NewKey {
        name: "stray".to_owned(),
        role: Role::Affiliate,
        advertiser_id: None,
        affiliate_id: None,
        expires_at: None,
    };
    let refusal = refused(database, move |tx| keys::create(tx, &stray, &mut random, NOW)).await;
    assert_eq!(refusal, ErrorKind::Constraint, "an affiliate's key has an affiliate");
}

/// One address is one user, whatever its case; role and tenant go together.
pub async fn users_are_found_by_their_address_and_belong_to_one_tenant(database: &dyn Database) {
    let user = write(database, |tx| users::create(tx, &new_user("Fin@Example.com "), NOW)).await;
    assert_eq!(user.actor().name, format!("user:{}", user.id));
    let found = read(database, |tx| users::by_email(tx, "FIN@example.com")).await;
    assert_eq!(found, Some((user.clone(), "$argon2id$one".to_owned())));
    let again = refused(database, |tx| users::create(tx, &new_user("fin@example.com"), NOW)).await;
    assert_eq!(again, ErrorKind::Conflict);

    let id = user.id;
    let changed = write(database, move |tx| {
        users::set_password(tx, id, "$argon2id$two")?;
        users::by_email(tx, "fin@example.com")
    })
    .await;
    assert_eq!(changed.expect("it exists").1, "$argon2id$two");

    let affiliate = write(database, |tx| Ok(enter(tx, "acme")?.affiliate.id)).await;
    let misplaced = NewUser { affiliate_id: Some(affiliate), ..new_user("ops@example.com") };
    let refusal = refused(database, move |tx| users::create(tx, &misplaced, NOW)).await;
    assert_eq!(refusal, ErrorKind::Constraint, "finance has no affiliate");
}

fn sign_in(tx: &mut dyn Tx, user: hopline_types::UserId, token: &str) -> Result<String, StoreError> {
    let token = sha256_hex(token.as_bytes());
    sessions::start(tx, user, &token, ABSOLUTE, NOW)?;
    Ok(token)
}

/// A session is found until one of its four ends.
pub async fn sessions_end_by_idleness_age_sign_out_and_lock_out(database: &dyn Database) {
    write(database, |tx| {
        let user = users::create(tx, &new_user("fin@example.com"), NOW)?;
        let [a, b] = [sign_in(tx, user.id, "a")?, sign_in(tx, user.id, "b")?];
        let live = |tx: &mut dyn Tx, token: &str, after: i64| {
            sessions::find(tx, token, IDLE, NOW.plus(after)).map(|found| found.map(|(_, user)| user))
        };
        assert_eq!(live(tx, &a, 0)?, Some(user.clone()));
        assert_eq!(live(tx, "c", 0)?, None);
        assert_eq!(live(tx, &a, IDLE - 1)?, Some(user.clone()));
        assert_eq!(live(tx, &a, IDLE)?, None, "idle");

        // Used every ten minutes it lives to its absolute limit.
        let mut after = 0;
        while after < ABSOLUTE {
            assert!(live(tx, &a, after)?.is_some(), "after {after}");
            sessions::touch(tx, &a, NOW.plus(after))?;
            after += 10 * MINUTE_MS;
        }
        assert_eq!(live(tx, &a, ABSOLUTE)?, None, "too old");

        assert_eq!(sessions::list(tx, user.id)?.len(), 2);
        assert!(sessions::end(tx, user.id, &b)?);
        assert!(!sessions::end(tx, user.id, &b)?);
        assert_eq!(live(tx, &b, 0)?, None, "signed out");
        assert_eq!(sessions::forget(tx, NOW.plus(ABSOLUTE))?, 1);

        let d = sign_in(tx, user.id, "d")?;
        users::disable(tx, Scope::All, user.id, NOW)?;
        assert_eq!(live(tx, &d, 0)?, None, "locked out");
        assert_eq!(sessions::list(tx, user.id)?, []);
        Ok(())
    })
    .await;
}
