//! Domains: hosts of links beside the edge's own.

use hopline_types::{AdvertiserId, AffiliateId, DomainId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, catalogue};

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Serialised host without port; unique, never changes.
    pub host: String,
    /// What can be changed of it.
    pub settings: DomainSettings,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// What can be changed of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DomainSettings {
    /// Only this affiliate's links are answered on it.
    pub affiliate_id: Option<AffiliateId>,
    /// Only links to this advertiser's offers are answered on it.
    pub advertiser_id: Option<AdvertiserId>,
    /// Where visitors go whose path names no link of this host.
    pub default_url: Option<String>,
}

impl DomainSettings {
    /// Whether links of this affiliate to offers of this advertiser are answered on it.
    #[must_use]
    pub fn answers(&self, affiliate: AffiliateId, advertiser: AdvertiserId) -> bool {
        self.affiliate_id.is_none_or(|own| own == affiliate)
            && self.advertiser_id.is_none_or(|own| own == advertiser)
    }
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DomainFilter {
    /// With this host.
    pub host: Option<String>,
    /// Bound to this affiliate.
    pub affiliate_id: Option<AffiliateId>,
    /// Bound to this advertiser.
    pub advertiser_id: Option<AdvertiserId>,
}

macro_rules! columns {
    () => {
        "id, host, affiliate_id, advertiser_id, default_url, created_at, updated_at"
    };
}

/// An affiliate sees those that its links can be shown on: its own and unbound ones, and where they are bound to an
/// advertiser, those of an advertiser with an offer that it sees. An advertiser sees those that are bound to it, and
/// unbound ones.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND (advertiser_id = $2 OR (advertiser_id IS NULL AND affiliate_id IS NULL))) \
         OR ($1 = 'affiliate' AND (affiliate_id = $2 OR affiliate_id IS NULL) AND (advertiser_id IS NULL \
         OR EXISTS (SELECT 1 FROM offers WHERE offers.advertiser_id = domains.advertiser_id \
         AND (offers.standing = 'active' OR EXISTS (SELECT 1 FROM links \
         WHERE links.offer_id = offers.id AND links.affiliate_id = $2))))))"
    };
}

fn read(row: &Row) -> Result<Domain, StoreError> {
    Ok(Domain {
        id: row.id(0)?,
        host: row.text(1)?.to_owned(),
        settings: DomainSettings {
            affiliate_id: row.id_or_null(2)?,
            advertiser_id: row.id_or_null(3)?,
            default_url: row.text_or_null(4)?.map(str::to_owned),
        },
        created_at: row.time(5)?,
        updated_at: row.time(6)?,
    })
}

/// Enters a domain.
///
/// # Errors
/// `Conflict` at `domains.host` where the host is taken, `Reference` where there is no such affiliate or advertiser;
/// those of the store.
pub fn create(
    tx: &mut dyn Tx,
    host: &str,
    settings: &DomainSettings,
    now: UnixMillis,
) -> Result<Domain, StoreError> {
    // Not left to the unique constraint's error, after which PostgreSQL would refuse to go on.
    let row = tx.first(
        concat!(
            "INSERT INTO domains (host, affiliate_id, advertiser_id, default_url, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (host) DO NOTHING RETURNING ",
            columns!()
        ),
        &[
            host.into(),
            settings.affiliate_id.into(),
            settings.advertiser_id.into(),
            settings.default_url.as_ref().into(),
            now.into(),
        ],
    )?;
    let row = row.ok_or_else(|| StoreError::new(ErrorKind::Conflict, "domains.host"))?;
    catalogue::bump(tx)?;
    read(&row)
}

/// One domain, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: DomainId) -> Result<Option<Domain>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM domains WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Domains in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &DomainFilter,
    page: Page,
) -> Result<Vec<Domain>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM domains WHERE ",
            visible!(),
            " AND id > $3 AND (host = $4 OR $4 IS NULL) AND (affiliate_id = $5 OR $5 IS NULL)
             AND (advertiser_id = $6 OR $6 IS NULL) ORDER BY id LIMIT $7"
        ),
        &scope.bind([
            page.after(),
            filter.host.as_ref().into(),
            filter.affiliate_id.into(),
            filter.advertiser_id.into(),
            page.limit(),
        ]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Only those who see everything change domains: a host stands for the whole network.
fn own(tx: &mut dyn Tx, scope: Scope, id: DomainId) -> Result<Option<Domain>, StoreError> {
    if scope == Scope::All { get(tx, scope, id) } else { Ok(None) }
}

/// Lets `change` alter a domain and gives back its new state; `None` where it does not exist or may not be changed. Links
/// that are no longer answered on it are shown on the edge's own host from then on.
///
/// # Errors
/// `Reference` where there is no such affiliate or advertiser; those of the store.
pub fn update(
    tx: &mut dyn Tx,
    scope: Scope,
    id: DomainId,
    change: &mut dyn FnMut(&mut DomainSettings),
    now: UnixMillis,
) -> Result<Option<Domain>, StoreError> {
    let Some(mut domain) = own(tx, scope, id)? else { return Ok(None) };
    let before = domain.settings.clone();
    change(&mut domain.settings);
    if domain.settings == before {
        return Ok(Some(domain));
    }
    domain.updated_at = now;
    let DomainSettings { affiliate_id, advertiser_id, default_url } = &domain.settings;
    tx.execute(
        "UPDATE domains SET affiliate_id = $2, advertiser_id = $3, default_url = $4, updated_at = $5 WHERE id = $1",
        &[
            id.into(),
            (*affiliate_id).into(),
            (*advertiser_id).into(),
            default_url.as_ref().into(),
            now.into(),
        ],
    )?;
    tx.execute(
        "UPDATE links SET domain_id = NULL WHERE domain_id = $1 AND (affiliate_id <> $2 OR NOT EXISTS
         (SELECT 1 FROM offers WHERE offers.id = links.offer_id AND (offers.advertiser_id = $3 OR $3 IS NULL)))",
        &[id.into(), (*affiliate_id).into(), (*advertiser_id).into()],
    )?;
    catalogue::bump(tx)?;
    Ok(Some(domain))
}

/// Takes a domain away and gives it back as it was; `None` where it does not exist or may not be changed. Links that
/// were shown on it are shown on the edge's own host from then on.
///
/// # Errors
/// Those of the store.
pub fn remove(tx: &mut dyn Tx, scope: Scope, id: DomainId) -> Result<Option<Domain>, StoreError> {
    let Some(domain) = own(tx, scope, id)? else { return Ok(None) };
    tx.execute("UPDATE links SET domain_id = NULL WHERE domain_id = $1", &[id.into()])?;
    tx.execute("DELETE FROM domains WHERE id = $1", &[id.into()])?;
    catalogue::bump(tx)?;
    Ok(Some(domain))
}
