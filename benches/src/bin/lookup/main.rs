//! How long ClickHouse takes to find a click by its number, and a visitor's touches, among many.
//!
//! `cargo xtask bench lookup` starts a server, fills it with 10,000,000 made-up clicks (`--clicks` another number) of ten days as
//! batches of 100,000 would have filled it, lets a finding judge some of them, and asks through the store, one question at
//! a time: at once, while the server still merges what it got, and again when it has done so. The clicks are made by the server
//! itself, with the product's own tables and views.
//!
//! # Newest results
//!
//! 2026-11-23, AMD EPYC with 2 cores, 10,000,000 clicks in 59 parts, **while merges ran on the same cores**, milliseconds:
//!
//! | | p50 | p90 | p99 |
//! |---|---|---|---|
//! | a click by its number | 15.1 | 21.3 | 43.5 |
//! | a visitor's touches, of ten days | 22.7 | 27.2 | 36.4 |
//! | 500 clicks of all days as one set, each | 3.3 | 5.5 | 6.2 |
//!
//! About 4 ms of each question are the server's planning; the rest grows with the parts that it has to look into, and with the columns.
//! A finer index (1,024 rows instead of 8,192) changes nothing.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod filling;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Arg, Command, value_parser};
use hopline_benches::goals::at_most;
use hopline_benches::machine;
use hopline_click_store::{ClickStore, Reclassify};
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use hopline_testkit::ClickHouseServer;
use hopline_types::{AdvertiserId, AffiliateId, ClickFilter, FindingId, OfferId, Reason};

use crate::filling::{Filling, OFFER_OF_FINDING};

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds.
const GOAL: f64 = 20.0;
/// Questions that do not count, and those that do.
const WARM_UP: u64 = 100;
const QUESTIONS: u64 = 2_000;
/// Clicks looked for as one set.
const SET: u64 = 500;

fn main() -> Result<()> {
    let matches = Command::new("lookup")
        .about("How long look-ups take in ClickHouse")
        .arg(
            Arg::new("clicks")
                .long("clicks")
                .default_value("10000000")
                .help("Clicks to look among")
                .value_parser(value_parser!(u64).range(1_000_000..)),
        )
        .get_matches();
    let clicks = *matches.get_one::<u64>("clicks").expect("it has a default");
    println!("machine: {}", machine::describe(&std::env::temp_dir()));
    let server = ClickHouseServer::start()?;
    let database = server.database()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options: ClickHouseOptions = database.url().parse()?;
        let store = ClickHouseClickStore::open(&options).await?;
        let filling = Filling { clicks };
        let began = Instant::now();
        filling.fill(&database)?;
        println!("{clicks} clicks stored in {:.0} s", began.elapsed().as_secs_f64());
        let judged = store.reclassify(finding(&filling)?).await?.clicks;
        let parts = database.query("SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'clicks' AND active")?;
        println!("{judged} of them judged; they lie in {parts} parts\n");
        println!("while the server still merges, on the same cores:");
        measure(&store, &filling).await?;
        let began = Instant::now();
        while database.query("SELECT count() FROM system.merges")? != "0" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        println!("\n{:.0} s later, merged:", began.elapsed().as_secs_f64());
        let (by_number, by_visitor) = measure(&store, &filling).await?;
        println!();
        println!("{}", at_most("ms at p99 to find a click", by_number, GOAL));
        println!("{}", at_most("ms at p99 to find a visitor's touches", by_visitor, GOAL));
        Ok(())
    })
}

/// One about an offer, over all days.
fn finding(filling: &Filling) -> Result<Reclassify> {
    Ok(Reclassify {
        id: FindingId::new(1)?,
        offer: OfferId::new(OFFER_OF_FINDING)?,
        affiliate: AffiliateId::new(1)?,
        from: filling.at(0),
        to: filling.at(filling.clicks),
        filter: ClickFilter::default(),
        reason: Reason::Bot,
    })
}

/// Milliseconds at p99 for a click, and for a visitor's touches.
async fn measure(store: &ClickHouseClickStore, filling: &Filling) -> Result<(f64, f64)> {
    println!("{:<44}{:>10}{:>10}{:>10}{:>10}", "milliseconds", "p50", "p90", "p99", "most");
    let mut found = Vec::new();
    for question in 0..WARM_UP + QUESTIONS {
        let click = filling.scattered(question);
        let began = Instant::now();
        let answer = store.find_click(filling.unique(click), filling.at(click)).await?;
        found.push(began.elapsed());
        let answer = answer.context("a click is not found")?;
        ensure!(answer.visitor_key == filling.visitor(click), "another click is found");
    }
    let by_number = show("a click by its number", &found, 1.0);

    let mut touched = Vec::new();
    let mut touches = 0;
    for question in 0..WARM_UP + QUESTIONS {
        let click = filling.scattered(question);
        let advertiser = AdvertiserId::new(filling.advertiser(click))?;
        let began = Instant::now();
        let (from, to) = (filling.at(0), filling.at(filling.clicks));
        let answer = store.touches(filling.visitor(click), advertiser, from, to).await?;
        touched.push(began.elapsed());
        touches += answer.len();
    }
    let by_visitor = show("a visitor's touches, of all days", &touched, 1.0);
    ensure!(touches > 0, "there are no touches");

    let mut sets = Vec::new();
    for question in 0..50 {
        let clicks = (0..SET).map(|place| filling.scattered(question * SET + place));
        let asked = clicks.map(|click| (filling.unique(click), filling.at(click))).collect();
        let began = Instant::now();
        let answer = store.find_clicks(asked).await?;
        sets.push(began.elapsed());
        ensure!(answer.iter().all(Option::is_some), "a click of a set is not found");
    }
    show(&format!("{SET} clicks of all days as one set, each"), &sets, f64::from(u32::try_from(SET)?));
    Ok((by_number, by_visitor))
}

/// Prints a row; gives the 99th of 100.
fn show(name: &str, times: &[Duration], parts: f64) -> f64 {
    let warm = usize::try_from(WARM_UP).unwrap_or_default().min(times.len() / 10);
    let mut times: Vec<f64> =
        times.iter().skip(warm).map(|time| time.as_secs_f64() * 1_000.0 / parts).collect();
    times.sort_by(f64::total_cmp);
    let at =
        |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied();
    let [middle, most_of, nearly_all, all] = [50, 90, 99, 100].map(|share| at(share).unwrap_or(f64::NAN));
    println!("{name:<44}{middle:>10.2}{most_of:>10.2}{nearly_all:>10.2}{all:>10.2}");
    nearly_all
}
