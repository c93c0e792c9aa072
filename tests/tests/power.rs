//! What a machine that goes away leaves behind: an orderly end, a torn end, and a broken disk, under the real binary.
//!
//! That nothing acknowledged is lost by a cut of power with `disk` is shown where the disk can be made to forget (D-06):
//! under the whole edge in `crates/edge/tests/edge/power.rs`, in the spool's model test, and in `prefill.rs` beside it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hopline_testkit::{Setup, eventually};
use hopline_tests::Installation;

fn setup(durability: &str) -> Setup {
    Setup::default()
        .with("HOPLINE_EDGE_DURABILITY", durability)
        .with("HOPLINE_EDGE_THREADS", "1")
        .with("HOPLINE_SPOOL_SEGMENT_BYTES", "65536")
        .with("HOPLINE_WORKER_TICK_MS", "20")
}

#[tokio::test(flavor = "multi_thread")]
async fn d_17_an_orderly_end_under_load_answers_everybody_loses_nothing_and_leaves_nothing_to_do() {
    for durability in ["process", "disk", "relaxed"] {
        let mut installation = Installation::new(setup(durability)).await;
        let mut server = installation.serve().unwrap();
        installation.story(&server, 50, 3).await;
        let stop = Arc::new(AtomicBool::new(false));
        let load = tokio::spawn(installation.load(&server, u64::MAX, &stop));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(server.terminate().unwrap(), "{durability}: it ends in order");
        let outcome = load.await.unwrap().unwrap();
        assert!(outcome.refused.is_empty(), "{durability}: {:?}", outcome.refused);
        installation.note(outcome);
        assert!(installation.redirected() > 100, "{durability}: too little load to mean anything");
        // Nothing may be left: a look at the spool is followed by another one, not by something to ship.
        let faults = "ship.cut=delay:0@2;ship.plan.before=error;outbox.insert.before=error";
        let server = installation.serve_with(faults).unwrap();
        let looked = async || (!installation.faults().is_empty()).then(|| installation.faults());
        let happened = eventually("the spool is looked at twice", looked).await;
        assert!(
            happened.iter().eq(["ship.cut delay"]),
            "{durability}: something was left to do: {happened:?}"
        );
        drop(server);
        let report = installation.check().await;
        assert!(report.is_clean(), "{durability}: {report:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d_07_a_torn_end_is_cut_and_a_damaged_record_of_an_older_segment_is_set_aside_and_counted() {
    let mut installation = Installation::new(setup("process")).await;
    // Nothing is shipped, so that everything is still in the spool.
    let mut server = installation.serve_with("ship.cut=error").unwrap();
    installation.story(&server, 1_500, 0).await;
    server.kill().unwrap();
    // Those with records: the last file is made ahead and empty.
    let used = |path: &PathBuf| std::fs::read(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut segments = installation.segments();
    segments.retain(|path| used(path) > 64);
    let full: Vec<_> = segments.iter().filter(|path| used(path) > 60_000).collect();
    assert!(full.len() >= 2, "too few segments: {segments:?}");
    // One bit of one record, in the middle of an older segment.
    let mut bytes = std::fs::read(full[0]).unwrap();
    bytes[30_000] ^= 4;
    std::fs::write(full[0], bytes).unwrap();
    // A part of a record where the newest one ends.
    let last = segments.last().unwrap();
    let end = used(last);
    let mut bytes = std::fs::read(last).unwrap();
    let torn = bytes[64..94].to_vec();
    bytes.resize(bytes.len().max(end + torn.len()), 0);
    bytes[end..end + torn.len()].copy_from_slice(&torn);
    std::fs::write(last, bytes).unwrap();

    let server = installation.serve().unwrap();
    eventually("all others are stored", async || {
        (Installation::metric(&server, "hopline_ship_rows_total").await >= 1_499.0).then_some(())
    })
    .await;
    assert!((Installation::metric(&server, "hopline_spool_damage_total").await - 1.0).abs() < 0.1);
    drop(server);
    let kept = std::fs::read_dir(last.parent().unwrap().join("damaged")).unwrap().count();
    assert_eq!(kept, 2, "the damaged record and the torn end are kept aside");
    let report = installation.check().await;
    assert_eq!((report.clicks.lost.len(), report.rows), (1, 1_499), "{report:#?}");
    assert!(report.clicks.doubled.is_empty() && report.clicks.invented.is_empty(), "{report:#?}");
    assert_eq!(report.audit, None);
}
