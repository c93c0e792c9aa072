//! What workers do with conversions that wait, without the click store: the clicks are at hand, and facts stay in the outbox.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context as _, Result};
use hopline_books::{BookError, ToDecide, decide_many};
use hopline_click_store::StoredClick;
use hopline_control_store::conversions::{Waiting, waiting};
use hopline_control_store::{Database, DatabaseExt, Tx};
use hopline_worker::Claims;

use crate::network::Network;
use crate::store::Store;
use crate::timed::{Log, Timed};

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) decided: usize,
    pub(crate) batches: usize,
    pub(crate) log: Log,
}

/// Lets workers decide all that waits, each its own parts.
pub(crate) async fn work(network: &Network, store: &Store, workers: usize, batch: u32) -> Result<Work> {
    let all = Claims::all().partitions();
    let mut tasks = Vec::new();
    for worker in 0..workers {
        let own = all.iter().filter(|part| usize::from(**part) % workers == worker).copied().collect();
        let (network, database) = (network.clone(), Arc::clone(&store.database));
        tasks.push(tokio::spawn(async move { one(&network, &*database, own, batch).await }));
    }
    let mut sum = Work::default();
    for task in tasks {
        let work = task.await.context("a worker panicked")??;
        sum.decided += work.decided;
        sum.batches += work.batches;
        sum.log.add(&work.log);
    }
    Ok(sum)
}

async fn one(network: &Network, database: &dyn Database, parts: Vec<u16>, batch: u32) -> Result<Work> {
    let mut work = Work::default();
    let mut after = None;
    loop {
        let own = parts.clone();
        let page = database.read(move |tx| waiting(tx, after, batch, &own)).await?;
        let Some(last) = page.last() else { return Ok(work) };
        after = Some(last.id);
        let count = page.len();
        let clicks: Vec<Option<StoredClick>> = page.iter().map(|waiting| network.click_of(waiting)).collect();
        let (log, locked) = decide(network, database, page, clicks).await?;
        work.log.add(&log);
        work.log.held += locked.map(|locked| locked.elapsed()).unwrap_or_default();
        work.decided += count;
        work.batches += 1;
    }
}

async fn decide(
    network: &Network,
    database: &dyn Database,
    page: Vec<Waiting>,
    clicks: Vec<Option<StoredClick>>,
) -> Result<(Log, Option<Instant>)> {
    let keys = network.keys.clone();
    let noted = Arc::new(Mutex::new((Log::default(), None)));
    let note = Arc::clone(&noted);
    let now = network.now();
    database
        .book(move |tx: &mut dyn Tx| {
            let asked: Vec<ToDecide<'_>> = page
                .iter()
                .zip(&clicks)
                .map(|(waiting, click)| ToDecide {
                    conversion: waiting.id,
                    click: click.as_ref(),
                    touches: &[],
                })
                .collect();
            let mut timed = Timed::new(tx);
            for decided in decide_many(&mut timed, &asked, &keys, now)? {
                let decided = decided?;
                if decided.was_decided || decided.transactions == 0 {
                    let detail = format!("conversion {} was not booked", decided.conversion);
                    return Err(BookError::Broken { detail });
                }
            }
            *note.lock().expect("nobody panics with it") = timed.into_log();
            Ok(())
        })
        .await?;
    let noted = noted.lock().expect("nobody panics with it");
    Ok(noted.clone())
}
