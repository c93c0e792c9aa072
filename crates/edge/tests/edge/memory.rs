//! What an edge knows after a kill: its spool as it lay there, and what was saved beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hopline_catalogue::Catalogue;
use hopline_catalogue::data::*;
use hopline_clickid::ClickClaims;
use hopline_record::Record;
use hopline_types::*;

use crate::support::*;

/// An edge on a spool that others left.
fn edge(spool: &Path, threads: &str, data: &CatalogueData, now: UnixMillis) -> Edge {
    let edge = Edge::with(&[("edge.threads", threads), ("edge.trusted_proxies", "127.0.0.0/8")], |options| {
        options.catalogue.store(Arc::new(Catalogue::compile(data.clone()).unwrap()));
        options.spool_dir = spool.to_owned();
        options.clock = hopline_runtime::clock::ManualClock::starting_at(now).clock();
    });
    edge.clock.set(now);
    edge
}

/// What a kill at this moment would leave of a spool: every answered click is in its files.
fn killed(spool: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for stream in std::fs::read_dir(spool).unwrap() {
        let stream = stream.unwrap().path();
        let folder = copy.path().join(stream.file_name().unwrap());
        std::fs::create_dir(&folder).unwrap();
        for file in std::fs::read_dir(&stream).unwrap() {
            let file = file.unwrap().path();
            // A segment in the making may become one meanwhile.
            if file.is_file() && file.extension().is_none_or(|ending| ending != "tmp") {
                std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    copy
}

fn capped(amount: i64, period: CapPeriod) -> CatalogueData {
    let mut data = data();
    data.offers[0].rules.caps = vec![CapEntry {
        id: CapId::new(1).unwrap(),
        scope: CapScope::Offer,
        metric: CapMetric::Clicks,
        period,
        zone: "UTC".into(),
        amount,
    }];
    data
}

/// Clicks of this many new visitors, each on a connection of its own so that all threads get some; gives how many were
/// taken. `first` is the first visitor's number.
fn visits(edge: &Edge, first: u32, count: u32) -> usize {
    let visitors = first..first + count;
    visitors.filter(|number| visit(edge, *number).status == 302).count()
}

fn visit(edge: &Edge, number: u32) -> Answer {
    let address = std::net::Ipv4Addr::from(0x0800_0000 + number).to_string();
    edge.get("/abc1234", &[("User-Agent", BROWSER), ("X-Forwarded-For", &address)])
}

/// Unique clicks of the first offer in all of a spool's streams.
fn unique_clicks(spool: &Path) -> usize {
    let streams = std::fs::read_dir(spool).unwrap();
    let records =
        streams.flat_map(|stream| read(Arc::new(hopline_spool::FsStorage), &stream.unwrap().path()));
    records
        .filter(|record| match record {
            Record::Click(click) => {
                let claims = ClickClaims::of_own_record(&click.token).unwrap();
                claims.offer.get() == 1 && claims.verdict == Verdict::UNIQUE
            }
            _ => false,
        })
        .count()
}

// C-06
#[test]
fn c_06_after_a_kill_repeated_visitors_are_duplicates_by_cookie_and_by_address() {
    let home = tempfile::tempdir().unwrap();
    let edge_before = edge(home.path(), "2", &data(), NOW);
    let browser = ("User-Agent", BROWSER);
    let first = edge_before.visit("/abc1234");
    let first_cookie = first.cookie().unwrap().to_owned();
    // The same browser without the cookie: a repetition, with a cookie of its own.
    let second = edge_before.visit("/abc1234");
    let second_cookie = second.cookie().unwrap().to_owned();
    assert_ne!(first_cookie, second_cookie);
    edge_before.get("/passing", &[("User-Agent", "curl/8.5.0")]);
    let left = killed(home.path());

    // An hour later, from other addresses where the cookie is to decide.
    let after = edge(left.path(), "2", &data(), NOW.plus(3_600_000));
    let verdict = |fields: &[(&str, &str)]| {
        let answer = after.get("/abc1234", fields);
        after.catalogue.load().keys().verify(answer.parameter("c"), after.clock.now()).unwrap().verdict
    };
    let elsewhere = ("X-Forwarded-For", "8.8.8.8");
    assert_eq!(verdict(&[browser, elsewhere, ("Cookie", &first_cookie)]), Verdict::DUPLICATE);
    assert_eq!(verdict(&[browser, elsewhere, ("Cookie", &second_cookie)]), Verdict::DUPLICATE);
    assert_eq!(verdict(&[browser]), Verdict::DUPLICATE);
    assert_eq!(verdict(&[browser, elsewhere]), Verdict::UNIQUE, "a stranger");
    let other = after.visit("/passing");
    let other = after.catalogue.load().keys().verify(other.parameter("hl_click"), after.clock.now());
    assert_eq!(other.unwrap().verdict, Verdict::UNIQUE, "a machine's click counts for nobody");
    // The window counts from the first click, not from its repetitions and not from the start.
    let left = killed(left.path());
    let later = edge(left.path(), "1", &data(), NOW.plus(24 * 3_600_000));
    let answer = later.get("/abc1234", &[browser, elsewhere, ("Cookie", &first_cookie)]);
    let claims = later.catalogue.load().keys().verify(answer.parameter("c"), later.clock.now()).unwrap();
    assert_eq!(claims.verdict, Verdict::UNIQUE);
}

#[test]
fn after_kills_a_cap_goes_on_where_it_stood_whatever_was_saved_and_with_fewer_threads() {
    const CAP: i64 = 100;
    let data = capped(CAP, CapPeriod::Month);
    let mut homes = vec![tempfile::tempdir().unwrap()];
    let mut taken = 0;
    // Killed before anything was saved; ended in order; killed behind what was saved; killed again with fewer threads.
    for (round, (threads, ends_in_order)) in
        [("3", false), ("3", true), ("3", false), ("1", false), ("1", true), ("2", false)]
            .into_iter()
            .enumerate()
    {
        let spool = homes.last().unwrap().path().to_owned();
        let edge = edge(&spool, threads, &data, NOW);
        let first = u32::try_from(round).unwrap() * 1000;
        taken += visits(&edge, first, 12);
        assert_eq!(taken, 12 * (round + 1));
        // Repetitions and machines are in the log as well.
        visit(&edge, first);
        edge.get("/abc1234", &[("User-Agent", "curl/8.5.0")]);
        if ends_in_order {
            edge.stop();
        }
        homes.push(killed(&spool));
        assert_eq!(unique_clicks(homes.last().unwrap().path()), taken);
    }
    let edge = edge(homes.last().unwrap().path(), "2", &data, NOW);
    taken += visits(&edge, 50_000, 60);
    assert_eq!(taken, 100, "exactly the cap");
    edge.stop();
    assert_eq!(unique_clicks(homes.last().unwrap().path()), 100);
}

#[test]
fn what_an_unused_stream_took_stays_known_when_its_records_are_gone() {
    let data = capped(30, CapPeriod::Total);
    let home = tempfile::tempdir().unwrap();
    let many = edge(home.path(), "4", &data, NOW);
    assert_eq!(visits(&many, 0, 20), 20);
    let left = killed(home.path());
    // One thread is left; it learns what all four took.
    drop(edge(left.path(), "1", &data, NOW));
    let left = killed(left.path());
    // Their records were shipped, and their segments deleted.
    for stream in 1..4 {
        let folder = left.path().join(format!("edge-1-stream-{stream}"));
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|ending| ending == "seg") {
                std::fs::remove_file(file).unwrap();
            }
        }
    }
    let one = edge(left.path(), "1", &data, NOW);
    assert_eq!(visits(&one, 1000, 20), 10);
}

#[test]
fn a_damaged_tally_is_put_together_again_from_the_log() {
    for damage in ["", "{", "{\"next_id\":-1}", "[]", "{\"next_id\":1,\"counters\":[{}]}"] {
        let data = capped(10, CapPeriod::Week);
        let home = tempfile::tempdir().unwrap();
        let before = edge(home.path(), "2", &data, NOW);
        assert_eq!(visits(&before, 0, 7), 7);
        before.stop();
        for stream in 0..2 {
            let tally = home.path().join(format!("edge-1-stream-{stream}/caps.json"));
            if tally.exists() {
                std::fs::write(&tally, damage).unwrap();
            }
        }
        let after = edge(home.path(), "2", &data, NOW);
        assert_eq!(visits(&after, 1000, 7), 3, "{damage:?}");
        // And it is whole again.
        after.stop();
        let again = edge(home.path(), "1", &data, NOW);
        assert_eq!(visits(&again, 2000, 2), 0, "{damage:?}");
    }
}

#[test]
fn a_new_period_begins_empty_after_a_kill_and_an_old_one_is_forgotten() {
    let data = capped(5, CapPeriod::Day);
    let home = tempfile::tempdir().unwrap();
    let before = edge(home.path(), "2", &data, NOW);
    assert_eq!(visits(&before, 0, 8), 5);
    let left = killed(home.path());
    let next_day = NOW.plus(86_400_000);
    let after = edge(left.path(), "2", &data, next_day);
    assert_eq!(visits(&after, 1000, 8), 5);
    let left = killed(left.path());
    let again = edge(left.path(), "2", &data, next_day);
    assert_eq!(visits(&again, 2000, 8), 0);
    again.stop();
    // What was saved speaks of days that still matter.
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for stream in 0..2 {
        let tally = std::fs::read(left.path().join(format!("edge-1-stream-{stream}/caps.json")));
        let Ok(bytes) = tally else { continue };
        let tally: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for counter in tally["counters"].as_array().unwrap() {
            *counts.entry(counter["start"].as_i64().unwrap()).or_default() +=
                counter["count"].as_i64().unwrap();
        }
    }
    let start = next_day.get() / 86_400_000 * 86_400_000;
    assert_eq!(counts.get(&start), Some(&5), "{counts:?}");
}
