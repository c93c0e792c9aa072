//! Users: people who sign in.

use hopline_types::{AdvertiserId, AffiliateId, Role, UnixMillis, UserId};

use crate::{Actor, Page, Row, Scope, StoreError, Tx};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What it signs in with; lower case.
    pub email: String,
    /// What it may do.
    pub role: Role,
    /// The advertiser it acts for, where the role is `advertiser`.
    pub advertiser_id: Option<AdvertiserId>,
    /// The affiliate it acts for, where the role is `affiliate`.
    pub affiliate_id: Option<AffiliateId>,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// Since when it may not sign in.
    pub disabled_at: Option<UnixMillis>,
}

impl User {
    /// Who it is to the audit log and to queries.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            name: format!("user:{}", self.id),
            role: self.role,
            advertiser: self.advertiser_id,
            affiliate: self.affiliate_id,
        }
    }
}

/// A user to enter.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// What it signs in with.
    pub email: String,
    /// What it may do.
    pub role: Role,
    /// The advertiser it acts for, where the role is `advertiser`.
    pub advertiser_id: Option<AdvertiserId>,
    /// The affiliate it acts for, where the role is `affiliate`.
    pub affiliate_id: Option<AffiliateId>,
    /// The password's hash as PHC string.
    pub password_phc: String,
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser")
            .field("email", &self.email)
            .field("role", &self.role)
            .field("advertiser_id", &self.advertiser_id)
            .field("affiliate_id", &self.affiliate_id)
            .finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "id, email, role, advertiser_id, affiliate_id, created_at, disabled_at"
    };
}

/// A tenant sees its own users.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND advertiser_id = $2) OR ($1 = 'affiliate' AND affiliate_id = $2))"
    };
}

pub(crate) fn read(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.id(0)?,
        email: row.text(1)?.to_owned(),
        role: row.parsed(2)?,
        advertiser_id: row.id_or_null(3)?,
        affiliate_id: row.id_or_null(4)?,
        created_at: row.time(5)?,
        disabled_at: row.time_or_null(6)?,
    })
}

fn same_case(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Enters a user.
///
/// # Errors
/// `Conflict` where the address is taken, `Constraint` where role and tenant do not go together, `Reference` where
/// there is no such tenant; those of the store.
pub fn create(tx: &mut dyn Tx, new: &NewUser, now: UnixMillis) -> Result<User, StoreError> {
    let row = tx.one(
        concat!(
            "INSERT INTO users (email, role, advertiser_id, affiliate_id, password_phc, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING ",
            columns!()
        ),
        &[
            same_case(&new.email).into(),
            new.role.as_str().into(),
            new.advertiser_id.into(),
            new.affiliate_id.into(),
            (&new.password_phc).into(),
            now.into(),
        ],
    )?;
    read(&row)
}

/// The user with this address, and its password's hash; also where it is disabled.
///
/// # Errors
/// Those of the store.
pub fn by_email(tx: &mut dyn Tx, email: &str) -> Result<Option<(User, String)>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), ", password_phc FROM users WHERE email = $1"),
        &[same_case(email).into()],
    )?
    .map(|row| Ok((read(&row)?, row.text(7)?.to_owned())))
    .transpose()
}

/// One user, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: UserId) -> Result<Option<User>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM users WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Users in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, scope: Scope, page: Page) -> Result<Vec<User>, StoreError> {
    tx.query(
        concat!("SELECT ", columns!(), " FROM users WHERE ", visible!(), " AND id > $3 ORDER BY id LIMIT $4"),
        &scope.bind([page.after(), page.limit()]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Replaces the password's hash. End the user's sessions in the same transaction.
///
/// # Errors
/// Those of the store.
pub fn set_password(tx: &mut dyn Tx, id: UserId, password_phc: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE users SET password_phc = $2 WHERE id = $1", &[id.into(), password_phc.into()])?
        == 1)
}

/// Shuts a user out, sessions included; `None` where it does not exist or may not be seen.
///
/// # Errors
/// Those of the store.
pub fn disable(
    tx: &mut dyn Tx,
    scope: Scope,
    id: UserId,
    now: UnixMillis,
) -> Result<Option<User>, StoreError> {
    let Some(mut user) = get(tx, scope, id)? else { return Ok(None) };
    if user.disabled_at.is_none() {
        user.disabled_at = Some(now);
        tx.execute("UPDATE users SET disabled_at = $2 WHERE id = $1", &[id.into(), now.into()])?;
    }
    crate::sessions::end_all(tx, id)?;
    Ok(Some(user))
}
