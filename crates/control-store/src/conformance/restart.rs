//! What must still be there after the store was closed and opened again.

use hopline_catalogue::data::CatalogueData;
use hopline_types::Role;

use super::network::{self, Network};
use super::{NOW, random, read, write};
use crate::audit_log::{self, Head, NewEntry};
use crate::idempotency::{self, Answer, Seen};
use crate::keys::{self, ApiKey, NewKey};
use crate::users::{self, NewUser, User};
use crate::{Database, Page, Scope, catalogue, marks};

/// What a store was found to hold.
#[derive(Debug, PartialEq)]
pub struct Everything {
    catalogue: CatalogueData,
    keys: Vec<ApiKey>,
    users: Vec<User>,
    audit: Head,
    answer: Seen,
    mark: Option<i64>,
}

/// Writes something into every table that people and programs fill by themselves.
pub async fn fill(database: &dyn Database) {
    let database = super::with_vault(database);
    write(&database, |tx| {
        let Network { affiliate, offer, .. } = network::enter(tx, "acme")?;
        super::traffic::enter_rules(tx, offer.id, affiliate.id)?;
        catalogue::ensure_keys(tx, NOW, &mut random)?;
        let (role, advertiser_id, affiliate_id) = (Role::Affiliate, None, Some(affiliate.id));
        let name = "restart".to_owned();
        keys::create(
            tx,
            &NewKey { name, role, advertiser_id, affiliate_id, expires_at: None },
            &mut random,
            NOW,
        )?;
        let (email, password_phc) = ("blog@example.com".to_owned(), "$".to_owned());
        users::create(tx, &NewUser { email, role, advertiser_id, affiliate_id, password_phc }, NOW)?;
        let answer = Answer { status: 201, body: "{}".to_owned() };
        idempotency::record(tx, "scope", "key", "hash", &answer, NOW)?;
        marks::set(tx, "facts", 7)?;
        audit_log::append(
            tx,
            &NewEntry {
                at: NOW,
                actor: "cli".to_owned(),
                action: "story.fill".to_owned(),
                object: "store".to_owned(),
                origin: None,
                before: None,
                after: None,
                request_id: None,
            },
        )?;
        Ok(())
    })
    .await;
}

/// Reads back what [`fill`] has written; equal before and after a restart.
pub async fn everything(database: &dyn Database) -> Everything {
    read(database, |tx| {
        Ok(Everything {
            catalogue: catalogue::load(tx, NOW)?,
            keys: keys::list(tx, Scope::All, Page::first(9))?,
            users: users::list(tx, Scope::All, Page::first(9))?,
            audit: audit_log::verify(tx)?.expect("the audit log is unbroken"),
            answer: idempotency::look_up(tx, "scope", "key", "hash")?,
            mark: marks::get(tx, "facts")?,
        })
    })
    .await
}
