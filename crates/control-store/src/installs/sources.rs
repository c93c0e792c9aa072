//! Whose installs an ad network's campaign stands for.

use hopline_types::{AffiliateId, GoalId, InstallSourceId, OfferId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx};

/// A source as entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallSource {
    /// Its id.
    pub id: InstallSourceId,
    /// What it says.
    pub what: NewInstallSource,
    /// When it was entered.
    pub created_at: UnixMillis,
}

/// A source to enter. Without campaign and identifier it stands for all campaigns of the app that are not entered themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstallSource {
    /// The ad network's id at Apple, in small letters.
    pub ad_network: String,
    /// The app's number in the App Store.
    pub app: String,
    /// All four digits (SKAdNetwork 4.0, AdAttributionKit).
    pub source_identifier: Option<String>,
    /// Up to SKAdNetwork 3.0.
    pub campaign_id: Option<u32>,
    /// The offer that pays.
    pub offer_id: OfferId,
    /// Its goal.
    pub goal_id: GoalId,
    /// Whose installs they are.
    pub affiliate_id: AffiliateId,
    /// Whether those who had the app before count too.
    pub redownloads: bool,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceFilter {
    /// Of this offer.
    pub offer_id: Option<OfferId>,
    /// Of this affiliate.
    pub affiliate_id: Option<AffiliateId>,
}

macro_rules! columns {
    () => {
        "id, ad_network, app, source_identifier, campaign_id, offer_id, goal_id, affiliate_id, redownloads, created_at"
    };
}

/// An affiliate sees its own, an advertiser those of its offers.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'affiliate' AND affiliate_id = $2) OR ($1 = 'advertiser' AND EXISTS (SELECT 1 FROM offers \
         WHERE offers.id = install_sources.offer_id AND offers.advertiser_id = $2)))"
    };
}

fn read(row: &Row) -> Result<InstallSource, StoreError> {
    let campaign = row.int_or_null(4)?.map(u32::try_from).transpose();
    let campaign_id = campaign.map_err(|refusal| {
        StoreError::new(ErrorKind::Broken, format!("install_sources.campaign_id: {refusal}"))
    })?;
    Ok(InstallSource {
        id: row.id(0)?,
        what: NewInstallSource {
            ad_network: row.text(1)?.to_owned(),
            app: row.text(2)?.to_owned(),
            source_identifier: row.text_or_null(3)?.map(str::to_owned),
            campaign_id,
            offer_id: row.id(5)?,
            goal_id: row.id(6)?,
            affiliate_id: row.id(7)?,
            redownloads: row.flag(8)?,
        },
        created_at: row.time(9)?,
    })
}

/// Enters a source.
///
/// # Errors
/// `Conflict` where the campaign is entered already, `Reference` where offer, goal or affiliate is not there; those of the store.
pub fn create(tx: &mut dyn Tx, new: &NewInstallSource, now: UnixMillis) -> Result<InstallSource, StoreError> {
    let row = tx.one(
        concat!(
            "INSERT INTO install_sources (ad_network, app, source_identifier, campaign_id, offer_id, goal_id, \
             affiliate_id, redownloads, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
            columns!()
        ),
        &[
            (&new.ad_network).into(),
            (&new.app).into(),
            new.source_identifier.as_deref().into(),
            new.campaign_id.map(i64::from).into(),
            new.offer_id.into(),
            new.goal_id.into(),
            new.affiliate_id.into(),
            new.redownloads.into(),
            now.into(),
        ],
    )?;
    read(&row)
}

/// One source, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: InstallSourceId) -> Result<Option<InstallSource>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM install_sources WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Sources in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &SourceFilter,
    page: Page,
) -> Result<Vec<InstallSource>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM install_sources WHERE ",
            visible!(),
            " AND id > $3 AND (offer_id = $4 OR $4 IS NULL) AND (affiliate_id = $5 OR $5 IS NULL) ORDER BY id LIMIT $6"
        ),
        &scope.bind([page.after(), filter.offer_id.into(), filter.affiliate_id.into(), page.limit()]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// All sources of an ad network's app.
///
/// # Errors
/// Those of the store.
pub fn of_app(tx: &mut dyn Tx, ad_network: &str, app: &str) -> Result<Vec<InstallSource>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM install_sources WHERE ad_network = $1 AND app = $2 ORDER BY id"
        ),
        &[ad_network.into(), app.into()],
    )?
    .iter()
    .map(read)
    .collect()
}

/// Takes a source out. What was counted by it stays counted.
///
/// # Errors
/// Those of the store.
pub fn remove(tx: &mut dyn Tx, id: InstallSourceId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM install_sources WHERE id = $1", &[id.into()])? > 0)
}
