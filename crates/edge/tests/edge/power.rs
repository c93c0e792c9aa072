//! The power goes at any moment under load, and comes back (D-06).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hopline_record::Record;
use hopline_spool::testing::FaultStorage;
use hopline_spool::{SpoolOptions, SpoolWriter};
use hopline_types::UnixMillis;

use crate::support::*;

const VISITORS: usize = 4;
/// Moments that are looked at in a run.
const CUTS: u64 = 40;

#[test]
fn d_06_with_disk_no_answered_click_is_lost_whenever_the_power_goes() {
    for prefill in [false, true] {
        let storage = FaultStorage::new();
        let disk = storage.clone();
        let spool = SpoolOptions { segment_bytes_max: 16_384, prefill, ..SpoolOptions::default() };
        let mut edge = Edge::with(&[("edge.threads", "1"), ("edge.durability", "disk")], |options| {
            options.storage = Arc::new(disk);
            options.spool = spool;
        });
        let stream = edge.handle.as_ref().unwrap().streams()[0].clone();
        let mut lost: Vec<String> = Vec::new();
        let (answered, ends) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for visitor in 0..VISITORS {
                let (mut client, answered, ends) = (edge.client(), &answered, &ends);
                scope.spawn(move || {
                    for click in 0.. {
                        if ends.load(Ordering::Relaxed) {
                            break;
                        }
                        let number = format!("{visitor}-{click}");
                        let path = format!("/abc1234?sub1={number}");
                        let answer = client.send("GET", &path, &[("User-Agent", BROWSER)], "");
                        if answer.status == 302 {
                            answered.lock().unwrap().insert(number);
                        }
                    }
                });
            }
            let mut before = 0;
            for seed in 0..CUTS {
                // At least one more answer between two cuts.
                while answered.lock().unwrap().len() <= before {
                    std::thread::yield_now();
                }
                let promised = answered.lock().unwrap().clone();
                before = promised.len();
                let left = storage.after_power_cut(seed);
                let opened = SpoolWriter::open_in(
                    Arc::new(left.clone()),
                    &stream.dir,
                    stream.identity,
                    spool,
                    UnixMillis(0),
                );
                drop(opened.unwrap());
                let kept: BTreeSet<String> = read(Arc::new(left), &stream.dir)
                    .into_iter()
                    .filter_map(|record| {
                        if let Record::Click(click) = record { Some(click.subs[0].clone()) } else { None }
                    })
                    .collect();
                lost = promised.difference(&kept).cloned().collect();
                if !lost.is_empty() {
                    break;
                }
            }
            ends.store(true, Ordering::Relaxed);
        });
        assert!(lost.is_empty(), "prefill {prefill}: lost {lost:?}");
        assert!(answered.lock().unwrap().len() as u64 >= CUTS);
        edge.shutdown.begin();
        edge.handle.take().unwrap().wait().unwrap();
    }
}
