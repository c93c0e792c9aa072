//! Raw clicks as rows of a day's file.

use hopline_click_store::{Dims, StoredClick};
use hopline_clickid::UniqueNumber;
use hopline_record::Flags;
use hopline_types::{AdvertiserId, AffiliateId, FindingId, LinkId, OfferId, UnixMillis, Verdict};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::fault::Fault;

macro_rules! columns {
    () => {
        "id, kind, at, offer, affiliate, link, advertiser, verdict, visitor_key, flags, status, rule_version, \
         sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10, source, country, region, device, os, \
         browser, referrer_host, landing_page, creative, code, ext, email_hash, language, detail, deep_link, \
         token, pseudonym, network, consent, finding"
    };
}

/// The columns of a raw click, in the order in which [`read`] reads them.
pub(crate) const COLUMNS: &str = columns!();

const INSERT: &str = concat!(
    "INSERT INTO clicks (",
    columns!(),
    ", answered) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
     ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43) \
     ON CONFLICT (id) DO UPDATE SET verdict = excluded.verdict, finding = excluded.finding, \
     answered = excluded.answered WHERE token = excluded.token"
);

/// Kind of a click in tables.
pub(crate) const CLICK: i64 = 1;
/// Kind of an impression in tables.
pub(crate) const IMPRESSION: i64 = 2;

pub(crate) const fn kind(click: &StoredClick) -> i64 {
    if click.is_impression { IMPRESSION } else { CLICK }
}

pub(crate) fn number<I: Into<i64>>(id: Option<I>) -> i64 {
    id.map_or(0, Into::into)
}

/// A click as it counts, after findings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged<'a> {
    pub(crate) click: &'a StoredClick,
    pub(crate) verdict: Verdict,
    pub(crate) finding: Option<FindingId>,
}

/// Inserts a click; false where its number is taken by another. A crash can have left the click there before counting
/// it: then its judgement now is the one that counts.
pub(crate) fn insert(connection: &Connection, judged: &Judged<'_>) -> Result<bool, Fault> {
    let Judged { click, verdict, finding } = judged;
    let dims = &click.dims;
    let [s1, s2, s3, s4, s5, s6, s7, s8, s9, s10] = &dims.subs;
    let changed = connection.prepare_cached(INSERT)?.execute(params![
        click.unique.bits().cast_signed(),
        kind(click),
        click.at.get(),
        number(click.offer),
        number(click.affiliate),
        number(click.link),
        number(click.advertiser),
        verdict.code(),
        click.visitor_key.cast_signed(),
        click.flags.0,
        click.status,
        click.rule_version,
        s1,
        s2,
        s3,
        s4,
        s5,
        s6,
        s7,
        s8,
        s9,
        s10,
        dims.source,
        dims.country,
        dims.region,
        dims.device,
        dims.os,
        dims.browser,
        dims.referrer_host,
        dims.landing_page,
        dims.creative,
        click.code,
        click.ext,
        click.email_hash,
        click.language,
        click.detail,
        click.deep_link,
        click.token.as_slice(),
        click.pseudonym.cast_signed(),
        click.network,
        click.consent,
        number(*finding),
        if finding.is_some() { click.verdict.code() } else { 0 },
    ])?;
    Ok(changed > 0)
}

/// The click id's bytes of the click with this number.
pub(crate) fn token(connection: &Connection, unique: UniqueNumber) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT token FROM clicks WHERE id = ?1";
    let id = unique.bits().cast_signed();
    Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<StoredClick> {
    let mut subs: [String; 10] = Default::default();
    for (column, sub) in (12..).zip(&mut subs) {
        *sub = row.get(column)?;
    }
    let code: u8 = row.get(7)?;
    let verdict =
        Verdict::from_code(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(7, i64::from(code)))?;
    Ok(StoredClick {
        unique: UniqueNumber::from_bits(row.get::<_, i64>(0)?.cast_unsigned()),
        is_impression: row.get::<_, i64>(1)? == IMPRESSION,
        at: UnixMillis(row.get(2)?),
        offer: OfferId::new(row.get(3)?).ok(),
        affiliate: AffiliateId::new(row.get(4)?).ok(),
        link: LinkId::new(row.get(5)?).ok(),
        advertiser: AdvertiserId::new(row.get(6)?).ok(),
        verdict,
        visitor_key: row.get::<_, i64>(8)?.cast_unsigned(),
        flags: Flags(row.get(9)?),
        status: row.get(10)?,
        rule_version: row.get(11)?,
        dims: Dims {
            subs,
            source: row.get(22)?,
            country: row.get(23)?,
            region: row.get(24)?,
            device: row.get(25)?,
            os: row.get(26)?,
            browser: row.get(27)?,
            referrer_host: row.get(28)?,
            landing_page: row.get(29)?,
            creative: row.get(30)?,
        },
        code: row.get(31)?,
        ext: row.get(32)?,
        email_hash: row.get(33)?,
        language: row.get(34)?,
        detail: row.get(35)?,
        deep_link: row.get(36)?,
        token: row.get(37)?,
        pseudonym: row.get::<_, i64>(38)?.cast_unsigned(),
        network: row.get(39)?,
        consent: row.get(40)?,
        finding: FindingId::new(row.get(41)?).ok(),
    })
}
