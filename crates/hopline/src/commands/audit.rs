//! `hopline audit`: every invariant of the books and logs, each with its outcome; non-zero where one fails.
//!
//! Runs beside a serving process as well: it only reads.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use hopline_click_store::{AuditOutcome, ClickStore, StoredClick};
use hopline_control_store::{DatabaseExt as _, audit_log, ledger};
use hopline_record::Record;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_spool::{
    Batch, BatchLimits, DeadLetters, Position, ReadOutcome, RecordId, SharedTail, ShippedMark, SpoolReader,
};
use hopline_types::{HOUR_MS, UnixMillis};

use crate::stores::Missing;
use crate::{out, stores};

/// Records compared at a time.
const BATCH_RECORDS: usize = 10_000;
const BATCH_BYTES: usize = 8 << 20;

/// What one check found: in order, or not.
type Finding = Result<String, String>;

/// Runs all checks and prints a line for each.
pub(crate) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let clock = Clock::System;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if config.edge.upstream.is_some() {
        return runtime.block_on(edge_alone(config, &clock));
    }
    let data_dir = stores::existing(config)?;
    let stores = runtime.block_on(stores::open(config, &data_dir, &clock, Missing::Refuse))?;
    let mut sound = true;
    let spool = data_dir.join(stores::SPOOL_FOLDER);
    let kept_from = clock.now().plus(-i64::from(config.clicks.retention_days) * 24 * HOUR_MS);
    runtime.block_on(async {
        let findings = [
            ("ledger", ledger_check(&stores).await?),
            ("audit log", audit_log_check(&stores).await?),
            ("caps", caps_check(&stores).await?),
            ("click counts", counts_check(&stores).await?),
            ("answered = stored", spool_check(&spool, &*stores.clicks, kept_from).await?),
        ];
        for (what, finding) in findings {
            sound &= finding.is_ok();
            tell(what, finding)?;
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// On the machine of an edge that asks an API: its spool against the click store.
async fn edge_alone(config: &Config, clock: &Clock) -> anyhow::Result<ExitCode> {
    let folder = &config.data_dir;
    let clicks = stores::clicks(config, folder, Missing::Refuse).await?.store;
    let kept_from = clock.now().plus(-i64::from(config.clicks.retention_days) * 24 * HOUR_MS);
    let finding = spool_check(&folder.join(stores::SPOOL_FOLDER), &*clicks, kept_from).await?;
    let code = if finding.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) };
    tell("answered = stored", finding)?;
    Ok(code)
}

fn tell(what: &str, finding: Finding) -> anyhow::Result<()> {
    let line = match finding {
        Ok(detail) => format!("ok      {what}: {detail}\n"),
        Err(detail) => format!("BROKEN  {what}: {detail}\n"),
    };
    out(line.as_bytes())
}

async fn ledger_check(stores: &stores::Stores) -> anyhow::Result<Finding> {
    let found = stores.database.read(|tx| ledger::verify(tx)).await.context("reading the ledger")?;
    Ok(match found {
        Ok(sound) => Ok(format!(
            "{} accounts balanced, {} commissions agree, chain of {} ends in {}",
            sound.accounts, sound.commissions, sound.head.count, sound.head.hash
        )),
        Err(unsound) => Err(unsound.to_string()),
    })
}

async fn audit_log_check(stores: &stores::Stores) -> anyhow::Result<Finding> {
    let found = stores.database.read(|tx| audit_log::verify(tx)).await.context("reading the audit log")?;
    Ok(match found {
        Ok(head) => Ok(format!("chain of {} unbroken", head.count)),
        Err(broken) => Err(broken.to_string()),
    })
}

async fn caps_check(stores: &stores::Stores) -> anyhow::Result<Finding> {
    let found =
        stores.database.read(|tx| hopline_books::caps::verify(tx)).await.context("recounting caps")?;
    Ok(match found {
        Ok(sound) => Ok(format!("{} sums agree with {} conversions", sound.sums, sound.conversions)),
        Err(unsound) => Err(unsound.to_string()),
    })
}

async fn counts_check(stores: &stores::Stores) -> anyhow::Result<Finding> {
    Ok(match stores.clicks.check().await.context("reading the click store")? {
        AuditOutcome::Sound { clicks, facts } => Ok(format!("{clicks} clicks and {facts} facts recounted")),
        AuditOutcome::Differs(difference) => Err(difference),
    })
}

/// Every click in the spool that counts as shipped must be in the click store.
async fn spool_check(
    folder: &Path,
    clicks: &dyn ClickStore,
    kept_from: UnixMillis,
) -> anyhow::Result<Finding> {
    let (mut stored, mut dead) = (0_u64, 0);
    let mut streams: Vec<_> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<_, _>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("reading {}", folder.display())),
    };
    streams.retain(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    streams.sort_by_key(std::fs::DirEntry::file_name);
    for stream in streams {
        let dir = stream.path();
        let Some(shipped) = ShippedMark::load(&dir)?.map(|mark| mark.shipped) else {
            continue;
        };
        let set_aside = set_aside(&dir)?;
        dead += set_aside.len();
        // What is not shipped yet may be in the middle of being written: never look that far.
        let tail = Arc::new(SharedTail::fixed(shipped));
        let mut reader = SpoolReader::open(&dir, Position::START, Some(tail))?;
        let mut batch = Batch::default();
        let limits =
            BatchLimits { records_max: BATCH_RECORDS, bytes_max: BATCH_BYTES, until: Some(shipped.next_id) };
        loop {
            let outcome = reader.next_batch(limits, &mut batch)?;
            for record in batch.iter() {
                let Ok(Record::Click(click)) = Record::decode(record.kind, record.payload) else { continue };
                let Ok(click) = StoredClick::from_record(click, false) else { continue };
                if click.at < kept_from || set_aside.contains(&record.id) {
                    continue;
                }
                if clicks.find_click(click.unique, click.at).await?.is_none() {
                    return Ok(Err(format!(
                        "click {} of {} was answered and shipped, but is not stored",
                        click.click_id(),
                        dir.display()
                    )));
                }
                stored += 1;
            }
            if outcome != ReadOutcome::More || batch.is_empty() {
                break;
            }
        }
    }
    Ok(Ok(format!(
        "all {stored} shipped clicks that the spool still holds are stored, {dead} records are set aside"
    )))
}

/// Ids of the records of a stream that no store took.
fn set_aside(dir: &Path) -> anyhow::Result<BTreeSet<RecordId>> {
    // Opening makes the file; an audit makes nothing.
    if !dir.join("dead.letters").exists() {
        return Ok(BTreeSet::new());
    }
    Ok(DeadLetters::open(dir)?.read_all()?.into_iter().map(|letter| letter.id).collect())
}
