//! Clicks that were set aside when the batches that cover them were stored, and come after all.
//!
//! The stream's progress says nothing of them, so each is noted by itself: first the intention, then the raw row, then in one
//! transaction counts, touches and that it is counted. A crash in between is repaired by repetition. A row that is there without an
//! intention came with its batch.

use hopline_click_store::{ClickBatch, ClickStoreError, StoredClick, StreamId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::batch::{self, Sums, insert_raw, insert_touches, signed};
use crate::day::Day;
use crate::fault::Fault;
use crate::finding;
use crate::raw::{self, Judged};
use crate::writer::Files;

pub(crate) fn restore(files: &mut Files, batch: &ClickBatch, clicks: &[StoredClick]) -> Result<u64, Fault> {
    if let Some(reason) = batch.contradiction() {
        return Err(batch::refused(batch, reason));
    }
    let progress = batch::progress(files.main(), batch.stream)?;
    if clicks.last().is_some_and(|last| progress.is_none_or(|progress| last.unique.record() > progress)) {
        let reason = "records that no batch has covered yet are not restored".to_owned();
        return Err(batch::refused(batch, reason));
    }
    let raw_from = batch::raw_from(files.main())?;
    let mut missing = Vec::new();
    for click in clicks {
        let record_refused = |reason: &str| -> Fault {
            let (stream, record, reason) = (batch.stream, click.unique.record(), reason.to_owned());
            ClickStoreError::RecordRefused { stream, record, reason }.into()
        };
        if raw_from.is_some_and(|from| click.at < from) {
            return Err(record_refused("clicks of its day have been deleted"));
        }
        let day = Day::of(click.at);
        let token = if day.date().is_some() { raw::token(files.day(day)?, click.unique)? } else { None };
        if token.as_ref().is_some_and(|token| token != &click.token) {
            return Err(record_refused("another click is stored under its number"));
        }
        let is_stored = counted(files.main(), batch.stream, click)?.unwrap_or(token.is_some());
        if !is_stored {
            missing.push(click);
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    note(files.main(), batch.stream, &missing, false)?;
    let judged = finding::judge(files.main(), &missing)?;
    insert_raw(files, batch, &judged, raw_from)?;
    let transaction = files.main().transaction()?;
    count(&transaction, batch.stream, &judged)?;
    note(&transaction, batch.stream, &missing, true)?;
    transaction.commit()?;
    Ok(u64::try_from(missing.len()).unwrap_or(u64::MAX))
}

/// Whether a click is counted; none where it was never restored.
fn counted(main: &Connection, stream: StreamId, click: &StoredClick) -> Result<Option<bool>, Fault> {
    let sql = "SELECT counted FROM restored WHERE edge = ?1 AND stream = ?2 AND record = ?3";
    let key = params![stream.edge, stream.stream, click.unique.record().cast_signed()];
    Ok(main.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?)
}

fn note(main: &Connection, stream: StreamId, clicks: &[&StoredClick], counted: bool) -> Result<(), Fault> {
    let sql = "INSERT INTO restored (edge, stream, record, counted) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET counted = excluded.counted";
    let mut note = main.prepare_cached(sql)?;
    for click in clicks {
        note.execute(params![stream.edge, stream.stream, click.unique.record().cast_signed(), counted])?;
    }
    Ok(())
}

fn count(main: &Transaction<'_>, stream: StreamId, clicks: &[Judged<'_>]) -> Result<(), Fault> {
    let impressions = clicks.iter().filter(|judged| judged.click.is_impression).count();
    main.execute(
        "UPDATE streams SET clicks = clicks + ?3, impressions = impressions + ?4 WHERE edge = ?1 AND stream = ?2",
        params![stream.edge, stream.stream, signed(clicks.len() - impressions), signed(impressions)],
    )?;
    let newest = clicks.iter().map(|judged| judged.click.at.get()).max();
    main.execute(
        "UPDATE state SET version = version + 1, newest_at = max(coalesce(newest_at, ?1), ?1)",
        [newest],
    )?;
    Sums::of(clicks).add_to(main)?;
    insert_touches(main, clicks)
}
