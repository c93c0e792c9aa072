//! The disk is full: refused or sent on unrecorded, as the settings say (D-16), and recorded again once there is room.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use hopline_catalogue::data::{CapEntry, CapMetric, CapPeriod, CapScope, CatalogueData};
use hopline_clickid::ClickClaims;
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_spool::testing::{Effect, FaultStorage, Operation};
use hopline_types::{CapId, Verdict};

use crate::lane::ELSEWHERE;
use crate::support::*;

const AGENT: (&str, &str) = ("User-Agent", BROWSER);
/// A request that stays in the lane, and one that hyper answers.
const WAYS: [&[(&str, &str)]; 2] = [&[AGENT], &[AGENT, ELSEWHERE]];

struct Full {
    edge: Edge,
    storage: FaultStorage,
}

impl Full {
    fn start(setting: &str, durability: &str) -> Self {
        let storage = FaultStorage::new();
        let disk = storage.clone();
        let flags = [("edge.threads", "1"), ("edge.full_disk", setting), ("edge.durability", durability)];
        let edge = Edge::with(&flags, |options| options.storage = Arc::new(disk));
        Self { edge, storage }
    }

    /// From now on no other segment, and behind so many writes none into the first. To be called before the first click,
    /// behind which a second segment is made.
    fn fill(&self, kind: ErrorKind, writes: u32) {
        let first = self.edge.handle.as_ref().unwrap().streams()[0].dir.join("00000001.seg");
        for _ in 0..1000 {
            self.storage.inject(Operation::Create, 0, Effect::Fail(kind));
        }
        self.storage.inject_on(&first, Operation::Write, writes, Effect::Fail(kind));
    }

    /// There is room again, and the pause between two tries is over.
    fn empty(&self) {
        self.storage.clear_faults();
        self.edge.clock.advance(2000);
    }

    fn stop(self) -> Stopped {
        let Self { mut edge, storage } = self;
        edge.shutdown.begin();
        let handle = edge.handle.take().unwrap();
        let dir = handle.streams()[0].dir.clone();
        handle.wait().unwrap();
        Stopped { records: read(Arc::new(storage), &dir), metrics: edge.metrics.clone() }
    }
}

#[test]
fn d_16_where_it_is_refused_nobody_is_sent_on() {
    for way in WAYS {
        let full = Full::start("refuse", "process");
        full.fill(ErrorKind::StorageFull, 0);
        for _ in 0..3 {
            let refused = full.edge.get("/abc1234", way);
            assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
            assert_eq!((refused.header("location"), refused.cookie()), (None, None));
        }
        full.empty();
        assert_eq!(full.edge.get("/abc1234", way).status, 302);
        let stopped = full.stop();
        assert_eq!(stopped.clicks().len(), 1);
        let counts = [EdgeOutcome::Unavailable, EdgeOutcome::Unrecorded, EdgeOutcome::Redirect];
        assert_eq!(counts.map(|outcome| stopped.count(outcome)), [3, 0, 1]);
    }
}

#[test]
fn d_16_where_it_is_passed_the_visitor_goes_on_and_the_click_is_counted_as_unrecorded() {
    for way in WAYS {
        for (durability, kind) in [("process", ErrorKind::StorageFull), ("disk", ErrorKind::QuotaExceeded)] {
            let full = Full::start("redirect", durability);
            let edge = &full.edge;
            full.fill(kind, 1);
            let before = edge.verify(edge.get("/abc1234", way).parameter("c")).unique;
            // Its id was given before the write failed.
            let lost = edge.get("/passing?x=1", way);
            assert_eq!(lost.parameter("x"), "1");
            assert!(lost.cookie().is_some());
            let lost = edge.verify(lost.parameter("hl_click")).unique;
            // From here on there is no segment to write to, and no id to give.
            for _ in 0..3 {
                let passed = edge.get("/abc1234?sub1=a", way);
                assert_eq!(
                    (passed.parameter("c"), passed.parameter("s"), passed.parameter("o")),
                    ("", "a", "1")
                );
            }
            assert_eq!(edge.get("/nothing", way).status, 404);
            full.empty();
            let after: Vec<_> =
                (0..3).map(|_| edge.verify(edge.get("/passing", way).parameter("hl_click"))).collect();
            assert_eq!(after[0].verdict, Verdict::UNIQUE, "what was not written was not counted");
            assert_eq!(after[1].verdict, Verdict::DUPLICATE);
            let given: BTreeSet<_> =
                after.iter().map(|claims| claims.unique.bits()).chain([before.bits(), lost.bits()]).collect();
            assert_eq!(given.len(), 5, "no id is given twice");
            let stopped = full.stop();
            assert_eq!(stopped.clicks().len(), 4);
            let counts = [EdgeOutcome::Unrecorded, EdgeOutcome::Unavailable, EdgeOutcome::Redirect];
            assert_eq!(counts.map(|outcome| stopped.count(outcome)), [4, 0, 4], "{durability}");
        }
    }
}

#[test]
fn d_16_a_broken_disk_is_no_full_one() {
    for way in WAYS {
        let full = Full::start("redirect", "process");
        full.fill(ErrorKind::Other, 0);
        assert_eq!([0; 3].map(|_| full.edge.get("/abc1234", way).status), [503; 3]);
        full.empty();
        assert_eq!(full.edge.get("/abc1234", way).status, 302);
        assert_eq!(full.stop().count(EdgeOutcome::Unrecorded), 0);
    }
}

#[test]
fn d_16_conversions_and_impressions_are_never_passed_unrecorded() {
    let full = Full::start("redirect", "process");
    let edge = &full.edge;
    full.fill(ErrorKind::StorageFull, 1);
    let id = edge.visit("/abc1234").parameter("c").to_owned();
    for _ in 0..2 {
        let sale = format!("click_id={id}&order_id=1&amount=1.00");
        assert_eq!(edge.get(&format!("/postback?{sale}&token={TOKEN}"), &[AGENT]).status, 503);
        let pixel = edge.get(&format!("/pixel.gif?{sale}"), &[AGENT]);
        assert_eq!(pixel.header("x-hopline-error"), Some("not recorded"));
        for way in WAYS {
            assert_eq!(edge.get("/i/abc1234", way).status, 503);
        }
    }
    assert_eq!(full.stop().count(EdgeOutcome::Unrecorded), 0);
}

#[test]
fn d_16_an_unrecorded_click_takes_nothing_from_a_cap() {
    for way in WAYS {
        let full = Full::start("redirect", "process");
        full.edge.swap(|data: &mut CatalogueData| {
            data.offers[0].rules.caps.push(CapEntry {
                id: CapId::new(1).unwrap(),
                scope: CapScope::Offer,
                metric: CapMetric::Clicks,
                period: CapPeriod::Total,
                zone: "UTC".into(),
                amount: 1,
            });
        });
        full.fill(ErrorKind::StorageFull, 0);
        for _ in 0..3 {
            assert_eq!(full.edge.get("/abc1234", way).status, 302);
        }
        full.empty();
        assert_eq!(full.edge.get("/abc1234", way).status, 302, "the only one that counts");
        assert_eq!(full.edge.get("/abc1234?new", &[("User-Agent", "Mozilla/5.0 (X11; Linux)")]).status, 404);
        assert_eq!(full.stop().clicks().len(), 2);
    }
}

// Whichever write of one turn fails: an id goes to one visitor only, recorded or not.
#[test]
fn d_16_of_clicks_sent_together_each_has_an_id_of_its_own_or_none() {
    const TOGETHER: usize = 100;
    for failing in 0..8 {
        let storage = FaultStorage::new();
        let disk = storage.clone();
        // Segments so small that the buffer is written several times while the requests are taken.
        let edge = Edge::with(&[("edge.threads", "1"), ("edge.full_disk", "redirect")], |options| {
            options.storage = Arc::new(disk);
            options.spool.segment_bytes_max = 4096;
        });
        storage.inject(Operation::Write, failing, Effect::Fail(ErrorKind::StorageFull));
        let mut client = edge.client();
        let request = format!("GET /abc1234 HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n\r\n");
        client.raw(request.repeat(TOGETHER).as_bytes());
        let given: Vec<_> = (0..TOGETHER)
            .map(|_| client.answer(false).unwrap().parameter("c").to_owned())
            .filter(|token| !token.is_empty())
            .map(|token| edge.verify(&token).unique.bits())
            .collect();
        let distinct: BTreeSet<_> = given.iter().copied().collect();
        assert_eq!(distinct.len(), given.len(), "write {failing}");
        let full = Full { edge, storage };
        let stopped = full.stop();
        let recorded: BTreeSet<_> = stopped
            .clicks()
            .iter()
            .map(|click| ClickClaims::of_own_record(&click.token).unwrap().unique.bits())
            .collect();
        assert!(recorded.is_subset(&distinct), "write {failing}");
        let unrecorded = usize::try_from(stopped.count(EdgeOutcome::Unrecorded)).unwrap();
        assert_eq!(recorded.len() + unrecorded, TOGETHER, "write {failing}");
        assert!(unrecorded > 0, "write {failing}");
    }
}
