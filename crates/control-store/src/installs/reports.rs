//! Reports of installs, and what became of each.

use hopline_types::{
    AdvertiserId, AffiliateId, ConversionId, ConversionSource, InstallId, InstallState, OfferId, UnixMillis,
};

use crate::{Row, Scope, StoreError, Tx, Value};

/// A report as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// Its id.
    pub id: InstallId,
    /// How it came in.
    pub origin: Origin,
    /// What became of it.
    pub fate: Fate,
    /// When that was decided.
    pub judged_at: UnixMillis,
}

/// How a report came in; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The event that brought it.
    pub event_id: String,
    /// Which kind of report.
    pub source: ConversionSource,
    /// What was sent.
    pub report: String,
    /// What is known of it besides, JSON.
    pub event: String,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// What makes it one; none where it could not be read.
    pub key: Option<String>,
    /// Where it stands.
    pub state: InstallState,
    /// Why it is not counted: a short word that never changes.
    pub reason: Option<String>,
    /// The same for people.
    pub remark: Option<String>,
    /// The ad network's id at Apple.
    pub ad_network: Option<String>,
    /// The app.
    pub app: Option<String>,
    /// The campaign as people read it.
    pub campaign: Option<String>,
    /// Whose it is.
    pub advertiser: Option<AdvertiserId>,
    /// Its offer.
    pub offer: Option<OfferId>,
    /// Whose install it is, where that is not a click's matter.
    pub affiliate: Option<AffiliateId>,
    /// What it became.
    pub conversion: Option<ConversionId>,
    /// When it was installed, as far as somebody says.
    pub installed_at: Option<UnixMillis>,
    /// What was read, JSON.
    pub details: String,
}

/// Which to list, newest first; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstallFilter {
    /// From this kind of report.
    pub source: Option<ConversionSource>,
    /// In this state.
    pub state: Option<InstallState>,
    /// For this reason.
    pub reason: Option<String>,
    /// Of this offer.
    pub offer: Option<OfferId>,
    /// Of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// That became this conversion.
    pub conversion: Option<ConversionId>,
    /// Older than this one.
    pub before: Option<InstallId>,
}

/// Whose install a conversion is by a campaign's name rather than a click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The conversion.
    pub conversion: ConversionId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The report.
    pub install: InstallId,
    /// Which system reported it.
    pub source: ConversionSource,
    /// The ad network's id at Apple.
    pub ad_network: String,
    /// The app.
    pub app: String,
    /// The campaign as people read it.
    pub campaign: String,
}

macro_rules! columns {
    () => {
        "id, event_id, source, report, event, received_at, report_key, state, reason, remark, ad_network, app, \
         campaign, advertiser_id, offer_id, affiliate_id, conversion_id, installed_at, details, judged_at"
    };
}

macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'affiliate' AND affiliate_id = $2) OR ($1 = 'advertiser' AND advertiser_id = $2))"
    };
}

fn read(row: &Row) -> Result<Install, StoreError> {
    let text = |column| Ok::<_, StoreError>(row.text_or_null(column)?.map(str::to_owned));
    Ok(Install {
        id: row.id(0)?,
        origin: Origin {
            event_id: row.text(1)?.to_owned(),
            source: row.parsed(2)?,
            report: row.text(3)?.to_owned(),
            event: row.text(4)?.to_owned(),
            received_at: row.time(5)?,
        },
        fate: Fate {
            key: text(6)?,
            state: row.parsed(7)?,
            reason: text(8)?,
            remark: text(9)?,
            ad_network: text(10)?,
            app: text(11)?,
            campaign: text(12)?,
            advertiser: row.id_or_null(13)?,
            offer: row.id_or_null(14)?,
            affiliate: row.id_or_null(15)?,
            conversion: row.id_or_null(16)?,
            installed_at: row.time_or_null(17)?,
            details: row.text(18)?.to_owned(),
        },
        judged_at: row.time(19)?,
    })
}

fn fate_values(fate: &Fate, now: UnixMillis) -> [Value; 14] {
    [
        fate.key.as_deref().into(),
        fate.state.as_str().into(),
        fate.reason.as_deref().into(),
        fate.remark.as_deref().into(),
        fate.ad_network.as_deref().into(),
        fate.app.as_deref().into(),
        fate.campaign.as_deref().into(),
        fate.advertiser.into(),
        fate.offer.into(),
        fate.affiliate.into(),
        fate.conversion.into(),
        fate.installed_at.into(),
        (&fate.details).into(),
        now.into(),
    ]
}

/// Keeps a report with what became of it.
///
/// # Errors
/// `Conflict` where its event or key is kept already; those of the store.
pub fn keep(tx: &mut dyn Tx, origin: &Origin, fate: &Fate, now: UnixMillis) -> Result<InstallId, StoreError> {
    let own = [
        (&origin.event_id).into(),
        origin.source.as_str().into(),
        (&origin.report).into(),
        (&origin.event).into(),
        origin.received_at.into(),
    ];
    let values: Vec<Value> = own.into_iter().chain(fate_values(fate, now)).collect();
    tx.one(
        "INSERT INTO installs (event_id, source, report, event, received_at, report_key, state, reason, remark, \
         ad_network, app, campaign, advertiser_id, offer_id, affiliate_id, conversion_id, installed_at, details, \
         judged_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
         RETURNING id",
        &values,
    )?
    .id(0)
}

/// Notes what became of a report that was judged again; one that is counted stays as it is.
///
/// # Errors
/// Those of the store.
pub fn judge_again(tx: &mut dyn Tx, id: InstallId, fate: &Fate, now: UnixMillis) -> Result<bool, StoreError> {
    let values: Vec<Value> = std::iter::once(id.into()).chain(fate_values(fate, now)).collect();
    let changed = tx.execute(
        "UPDATE installs SET report_key = $2, state = $3, reason = $4, remark = $5, ad_network = $6, app = $7, \
         campaign = $8, advertiser_id = $9, offer_id = $10, affiliate_id = $11, conversion_id = $12, \
         installed_at = $13, details = $14, judged_at = $15 WHERE id = $1 AND conversion_id IS NULL",
        &values,
    )?;
    Ok(changed > 0)
}

/// The reports that events have brought, in the order asked for.
///
/// # Errors
/// Those of the store.
pub fn find_by_events(tx: &mut dyn Tx, events: &[&str]) -> Result<Vec<Option<Install>>, StoreError> {
    let rows: Vec<Vec<Value>> = events.iter().map(|event| vec![(*event).into()]).collect();
    let found = tx.query_many(concat!("SELECT ", columns!(), " FROM installs WHERE event_id = $1"), &rows)?;
    found.iter().map(|rows| rows.first().map(read).transpose()).collect()
}

/// The report with this key.
///
/// # Errors
/// Those of the store.
pub fn find_by_key(tx: &mut dyn Tx, key: &str) -> Result<Option<Install>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM installs WHERE report_key = $1");
    tx.first(sql, &[key.into()])?.as_ref().map(read).transpose()
}

/// One report, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: InstallId) -> Result<Option<Install>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM installs WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Reports, newest first.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &InstallFilter,
    limit: u32,
) -> Result<Vec<Install>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM installs WHERE ",
            visible!(),
            " AND (source = $3 OR $3 IS NULL) AND (state = $4 OR $4 IS NULL) AND (reason = $5 OR $5 IS NULL) \
             AND (offer_id = $6 OR $6 IS NULL) AND (affiliate_id = $7 OR $7 IS NULL) \
             AND (conversion_id = $8 OR $8 IS NULL) AND (id < $9 OR $9 IS NULL) ORDER BY id DESC LIMIT $10"
        ),
        &scope.bind([
            filter.source.map(ConversionSource::as_str).into(),
            filter.state.map(InstallState::as_str).into(),
            filter.reason.as_deref().into(),
            filter.offer.into(),
            filter.affiliate.into(),
            filter.conversion.into(),
            filter.before.into(),
            i64::from(limit).into(),
        ]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Reports of an ad network's app that wait for their source, oldest first.
///
/// # Errors
/// Those of the store.
pub fn waiting(tx: &mut dyn Tx, ad_network: &str, app: &str, limit: u32) -> Result<Vec<Install>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM installs WHERE state = 'waiting' AND ad_network = $1 AND app = $2 ORDER BY id LIMIT $3"
        ),
        &[ad_network.into(), app.into(), i64::from(limit).into()],
    )?
    .iter()
    .map(read)
    .collect()
}

/// Whose installs these conversions are by a campaign's name, in the order asked for; none for others.
///
/// # Errors
/// Those of the store.
pub fn named(tx: &mut dyn Tx, conversions: &[ConversionId]) -> Result<Vec<Option<Named>>, StoreError> {
    let rows: Vec<Vec<Value>> = conversions.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many(
        "SELECT conversion_id, affiliate_id, id, source, ad_network, app, campaign FROM installs \
         WHERE conversion_id = $1 AND state = 'counted' AND affiliate_id IS NOT NULL \
         AND source IN ('skadnetwork', 'adattributionkit') ORDER BY id",
        &rows,
    )?;
    let read = |row: &Row| {
        Ok(Named {
            conversion: row.id(0)?,
            affiliate: row.id(1)?,
            install: row.id(2)?,
            source: row.parsed(3)?,
            ad_network: row.text_or_null(4)?.unwrap_or_default().to_owned(),
            app: row.text_or_null(5)?.unwrap_or_default().to_owned(),
            campaign: row.text_or_null(6)?.unwrap_or_default().to_owned(),
        })
    };
    found.iter().map(|rows| rows.first().map(read).transpose()).collect()
}
