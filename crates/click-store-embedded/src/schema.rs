//! Tables, and opening files that have them.

use std::path::Path;
use std::time::Duration;

use hopline_click_store::ClickStoreError;
use rusqlite::{Connection, OpenFlags};

use crate::fault::Fault;

/// What was added to a day's file since its first version.
const DAY_2: &str = "
ALTER TABLE clicks ADD COLUMN pseudonym INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clicks ADD COLUMN network INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clicks ADD COLUMN consent TEXT NOT NULL DEFAULT '';
";

/// `answered` is the verdict before a finding, 0 where there was none.
const DAY_3: &str = "
ALTER TABLE clicks ADD COLUMN finding INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clicks ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
";

/// Findings that were applied, in that order.
const MAIN_2: &str = "
CREATE TABLE findings (
    place INTEGER PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE,
    offer INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    filter TEXT NOT NULL,
    clicks INTEGER NOT NULL
) STRICT;
";

/// Clicks that came after their batches; `counted` is 0 while only the intention is noted.
const MAIN_3: &str = "
CREATE TABLE restored (
    edge INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    record INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    PRIMARY KEY (edge, stream, record)
) STRICT, WITHOUT ROWID;
";

/// Ids and texts that are absent are 0 and ''; times are Unix milliseconds, hours their starts; `kind` is 1
/// for clicks, 2 for impressions; `verdict` is the byte in the click id.
const MAIN: &str = "
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    newest_at INTEGER,
    raw_from INTEGER
) STRICT;
INSERT INTO state (one, version) VALUES (1, 0);

CREATE TABLE streams (
    edge INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    impressions INTEGER NOT NULL,
    PRIMARY KEY (edge, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
    edge INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (edge, stream, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE click_hours (
    hour INTEGER NOT NULL,
    advertiser INTEGER NOT NULL,
    offer INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    link INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, advertiser, offer, affiliate, link, kind, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE sub_hours (
    hour INTEGER NOT NULL,
    advertiser INTEGER NOT NULL,
    offer INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    sub1 TEXT NOT NULL,
    kind INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, advertiser, offer, affiliate, sub1, kind, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE hour_versions (
    hour INTEGER PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX hour_versions_by_version ON hour_versions (version);

CREATE TABLE touches (
    visitor_key INTEGER NOT NULL,
    advertiser INTEGER NOT NULL,
    at INTEGER NOT NULL,
    click INTEGER NOT NULL,
    offer INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    link INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    PRIMARY KEY (visitor_key, advertiser, at, click)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
    fact_id TEXT NOT NULL UNIQUE,
    conversion INTEGER NOT NULL,
    booked_at INTEGER NOT NULL,
    converted_at INTEGER NOT NULL,
    clicked_at INTEGER NOT NULL,
    has_click INTEGER NOT NULL,
    advertiser INTEGER NOT NULL,
    offer INTEGER NOT NULL,
    goal INTEGER NOT NULL,
    goal_key TEXT NOT NULL,
    goal_kind INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    link INTEGER NOT NULL,
    status INTEGER NOT NULL,
    currency TEXT NOT NULL,
    coupon TEXT NOT NULL,
    sub1 TEXT NOT NULL, sub2 TEXT NOT NULL, sub3 TEXT NOT NULL, sub4 TEXT NOT NULL, sub5 TEXT NOT NULL,
    sub6 TEXT NOT NULL, sub7 TEXT NOT NULL, sub8 TEXT NOT NULL, sub9 TEXT NOT NULL, sub10 TEXT NOT NULL,
    source TEXT NOT NULL, country TEXT NOT NULL, region TEXT NOT NULL, device TEXT NOT NULL,
    os TEXT NOT NULL, browser TEXT NOT NULL, referrer_host TEXT NOT NULL, landing_page TEXT NOT NULL,
    creative TEXT NOT NULL,
    conversions INTEGER NOT NULL, events INTEGER NOT NULL, sales INTEGER NOT NULL, leads INTEGER NOT NULL,
    installs INTEGER NOT NULL, approved INTEGER NOT NULL, rejected INTEGER NOT NULL,
    reversed INTEGER NOT NULL, revenue_minor INTEGER NOT NULL, payout_minor INTEGER NOT NULL,
    gross_sales_minor INTEGER NOT NULL, refunds_minor INTEGER NOT NULL
) STRICT;
CREATE INDEX facts_by_converted_at ON facts (converted_at);
CREATE INDEX facts_by_clicked_at ON facts (clicked_at);

CREATE TABLE fact_hours (
    basis INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    advertiser INTEGER NOT NULL,
    offer INTEGER NOT NULL,
    goal INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    link INTEGER NOT NULL,
    status INTEGER NOT NULL,
    currency TEXT NOT NULL,
    conversions INTEGER NOT NULL, events INTEGER NOT NULL, sales INTEGER NOT NULL, leads INTEGER NOT NULL,
    installs INTEGER NOT NULL, approved INTEGER NOT NULL, rejected INTEGER NOT NULL,
    reversed INTEGER NOT NULL, revenue_minor INTEGER NOT NULL, payout_minor INTEGER NOT NULL,
    gross_sales_minor INTEGER NOT NULL, refunds_minor INTEGER NOT NULL,
    PRIMARY KEY (basis, hour, advertiser, offer, goal, affiliate, link, status, currency)
) STRICT, WITHOUT ROWID;
";

const DAY: &str = "
CREATE TABLE clicks (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    offer INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    link INTEGER NOT NULL,
    advertiser INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    visitor_key INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    status INTEGER NOT NULL,
    rule_version INTEGER NOT NULL,
    sub1 TEXT NOT NULL, sub2 TEXT NOT NULL, sub3 TEXT NOT NULL, sub4 TEXT NOT NULL, sub5 TEXT NOT NULL,
    sub6 TEXT NOT NULL, sub7 TEXT NOT NULL, sub8 TEXT NOT NULL, sub9 TEXT NOT NULL, sub10 TEXT NOT NULL,
    source TEXT NOT NULL, country TEXT NOT NULL, region TEXT NOT NULL, device TEXT NOT NULL,
    os TEXT NOT NULL, browser TEXT NOT NULL, referrer_host TEXT NOT NULL, landing_page TEXT NOT NULL,
    creative TEXT NOT NULL,
    code TEXT NOT NULL,
    ext TEXT NOT NULL,
    email_hash TEXT NOT NULL,
    language TEXT NOT NULL,
    detail TEXT NOT NULL,
    deep_link TEXT NOT NULL,
    token BLOB NOT NULL
) STRICT;
";

/// Which tables a file has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Main,
    Day,
}

impl Kind {
    /// What makes a file of each version out of the one before; a new file takes all of them.
    const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Main => &[MAIN, MAIN_2, MAIN_3],
            Self::Day => &[DAY, DAY_2, DAY_3],
        }
    }

    /// The version written by this program (`user_version`).
    fn version(self) -> i64 {
        i64::try_from(self.steps().len()).expect("a few versions")
    }

    const fn cache_kib(self) -> i64 {
        match self {
            Self::Main => 64 * 1024,
            Self::Day => 8 * 1024,
        }
    }
}

/// Opens a file for writing, creating its tables where there are none.
pub(crate) fn open_for_writing(path: &Path, kind: Kind) -> Result<Connection, Fault> {
    let mut connection = Connection::open(path)?;
    prepare(&connection, kind)?;
    let version = version(&connection, path, kind)?;
    if version == 0 {
        connection.pragma_update(None, "journal_mode", "wal")?;
    }
    connection.pragma_update(None, "synchronous", "full")?;
    if version < kind.version() {
        let transaction = connection.transaction()?;
        for step in kind.steps().iter().skip(usize::try_from(version).unwrap_or_default()) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", kind.version())?;
        transaction.commit()?;
    }
    Ok(connection)
}

/// Opens a file that is there for reading; none where it is not, or has no tables yet.
pub(crate) fn open_for_reading(path: &Path, kind: Kind) -> Result<Option<Connection>, Fault> {
    if !path.try_exists()? {
        return Ok(None);
    }
    // WAL needs write access to its index also for reading.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, kind)?;
    if version(&connection, path, kind)? == 0 {
        return Ok(None);
    }
    connection.pragma_update(None, "query_only", true)?;
    Ok(Some(connection))
}

fn prepare(connection: &Connection, kind: Kind) -> Result<(), Fault> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", -kind.cache_kib())?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

fn version(connection: &Connection, path: &Path, kind: Kind) -> Result<i64, Fault> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = kind.version();
    if found > known {
        let what = path.display().to_string();
        return Err(ClickStoreError::Newer { what, found, known }.into());
    }
    Ok(found)
}
