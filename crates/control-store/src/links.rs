//! Links: one affiliate's way to one offer.

use hopline_catalogue::data::Standing;
use hopline_types::{AffiliateId, DomainId, LinkCode, LinkId, OfferId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, base62, catalogue};

/// Characters of a generated code: 62^8 codes.
const CODE_CHARS: usize = 8;
/// How often a generated code may be taken already before the source of randomness must be broken.
const TRIES_MAX: u32 = 8;

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// Its path at the edge.
    pub code: LinkCode,
    /// The offer.
    pub offer_id: OfferId,
    /// The affiliate.
    pub affiliate_id: AffiliateId,
    /// Whether it runs.
    pub standing: Standing,
    /// The domain on which it is shown.
    pub domain_id: Option<DomainId>,
    /// That domain's host; none: the edge's own.
    pub host: Option<String>,
    /// When it was entered.
    pub created_at: UnixMillis,
}

/// A link to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// The chosen code; `None` has one made.
    pub code: Option<LinkCode>,
    /// The offer.
    pub offer_id: OfferId,
    /// The affiliate.
    pub affiliate_id: AffiliateId,
    /// The domain on which it is shown; none: the edge's own.
    pub domain_id: Option<DomainId>,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkChange {
    /// Whether it runs.
    pub standing: Option<Standing>,
    /// The domain on which it is shown; `Some(None)` is the edge's own host.
    pub domain_id: Option<Option<DomainId>>,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkFilter {
    /// To this offer.
    pub offer_id: Option<OfferId>,
    /// Of this affiliate.
    pub affiliate_id: Option<AffiliateId>,
    /// With this code.
    pub code: Option<String>,
    /// With this standing.
    pub standing: Option<Standing>,
}

macro_rules! columns {
    () => {
        "id, code, offer_id, affiliate_id, standing, created_at, domain_id, \
         (SELECT host FROM domains WHERE domains.id = links.domain_id)"
    };
}

/// An affiliate sees its own links; an advertiser those to its offers.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'affiliate' AND affiliate_id = $2) OR ($1 = 'advertiser' AND EXISTS \
         (SELECT 1 FROM offers WHERE offers.id = links.offer_id AND offers.advertiser_id = $2)))"
    };
}

fn read(row: &Row) -> Result<Link, StoreError> {
    let code = LinkCode::new(row.text(1)?)
        .map_err(|refusal| StoreError::new(ErrorKind::Broken, format!("links.code: {refusal}")))?;
    Ok(Link {
        id: row.id(0)?,
        code,
        offer_id: row.id(2)?,
        affiliate_id: row.id(3)?,
        standing: row.parsed(4)?,
        created_at: row.time(5)?,
        domain_id: row.id_or_null(6)?,
        host: row.text_or_null(7)?.map(str::to_owned),
    })
}

/// Enters a link, under its chosen code or a new one of eight base-62 characters.
///
/// # Errors
/// `Conflict` at `links.code` where the chosen code is taken, `Reference` where there is no such offer, affiliate or
/// domain; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewLink,
    random: &mut dyn FnMut(&mut [u8]),
    now: UnixMillis,
) -> Result<Link, StoreError> {
    let taken = || StoreError::new(ErrorKind::Conflict, "links.code");
    let link = match &new.code {
        Some(code) => insert(tx, new, code, now)?.ok_or_else(taken)?,
        None => generated(tx, new, random, now)?.ok_or_else(taken)?,
    };
    catalogue::bump(tx)?;
    Ok(link)
}

fn generated(
    tx: &mut dyn Tx,
    new: &NewLink,
    random: &mut dyn FnMut(&mut [u8]),
    now: UnixMillis,
) -> Result<Option<Link>, StoreError> {
    for _ in 0..TRIES_MAX {
        // A name of the edge itself is as good as taken.
        let Ok(code) = LinkCode::new(base62(CODE_CHARS, random)) else { continue };
        if let Some(link) = insert(tx, new, &code, now)? {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// `None` where the code is taken. Not left to the unique constraint's error, after which PostgreSQL would refuse to go
/// on in the same transaction.
fn insert(
    tx: &mut dyn Tx,
    new: &NewLink,
    code: &LinkCode,
    now: UnixMillis,
) -> Result<Option<Link>, StoreError> {
    tx.first(
        concat!(
            "INSERT INTO links (code, offer_id, affiliate_id, standing, created_at, domain_id) \
             VALUES ($1, $2, $3, 'active', $4, $5) ON CONFLICT (code) DO NOTHING RETURNING ",
            columns!()
        ),
        &[
            code.as_str().into(),
            new.offer_id.into(),
            new.affiliate_id.into(),
            now.into(),
            new.domain_id.into(),
        ],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// One link, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: LinkId) -> Result<Option<Link>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM links WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Links in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, scope: Scope, filter: &LinkFilter, page: Page) -> Result<Vec<Link>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM links WHERE ",
            visible!(),
            " AND id > $3 AND (offer_id = $4 OR $4 IS NULL) AND (affiliate_id = $5 OR $5 IS NULL)
             AND (code = $6 OR $6 IS NULL) AND (standing = $7 OR $7 IS NULL) ORDER BY id LIMIT $8"
        ),
        &scope.bind([
            page.after(),
            filter.offer_id.into(),
            filter.affiliate_id.into(),
            filter.code.as_ref().into(),
            filter.standing.map(Standing::as_str).into(),
            page.limit(),
        ]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Changes a link and gives back its new state; `None` where it does not exist or may not be seen. Advertisers see
/// links but change none.
///
/// # Errors
/// `Reference` where there is no such domain; those of the store.
pub fn update(
    tx: &mut dyn Tx,
    scope: Scope,
    id: LinkId,
    change: &LinkChange,
) -> Result<Option<Link>, StoreError> {
    if matches!(scope, Scope::Advertiser(_)) {
        return Ok(None);
    }
    let Some(link) = get(tx, scope, id)? else { return Ok(None) };
    let standing = change.standing.unwrap_or(link.standing);
    let domain_id = change.domain_id.unwrap_or(link.domain_id);
    if (standing, domain_id) == (link.standing, link.domain_id) {
        return Ok(Some(link));
    }
    tx.execute(
        "UPDATE links SET standing = $2, domain_id = $3 WHERE id = $1",
        &[id.into(), standing.as_str().into(), domain_id.into()],
    )?;
    catalogue::bump(tx)?;
    get(tx, scope, id)
}
