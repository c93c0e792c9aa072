//! Swaps, failures, malformed input, the end.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hopline_runtime::telemetry::EdgeOutcome;
use hopline_spool::testing::{Effect, FaultStorage, Operation};
use hopline_types::Verdict;

use crate::support::*;

#[test]
fn a_new_catalogue_answers_at_once_also_on_open_connections() {
    let edge = Edge::start();
    let mut client = edge.client();
    assert_eq!(client.send("GET", "/new1234", &[("User-Agent", BROWSER)], "").status, 404);
    edge.swap(|data| data.links.push(link(17, "new1234", 1)));
    assert_eq!(client.send("GET", "/new1234", &[("User-Agent", BROWSER)], "").status, 302);
    edge.swap(|_| ());
    assert_eq!(client.send("GET", "/new1234", &[("User-Agent", BROWSER)], "").status, 404);
}

// D-16
#[test]
fn d_16_a_click_that_cannot_be_written_is_refused_and_counts_when_it_is_repeated() {
    let storage = FaultStorage::new();
    let disk = storage.clone();
    let edge = Edge::with(&[("edge.threads", "1")], |options| options.storage = Arc::new(disk));
    let dir = edge.handle.as_ref().unwrap().streams()[0].dir.clone();
    let first = dir.join("00000001.seg");
    storage.inject_on(&first, Operation::Write, 0, Effect::Fail(ErrorKind::StorageFull));
    let refused = edge.visit("/abc1234");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!((refused.header("location"), refused.cookie()), (None, None));
    let again = edge.visit("/abc1234");
    assert_eq!(edge.verify(again.parameter("c")).verdict, Verdict::UNIQUE);
    edge.shutdown.begin();
    let mut edge = edge;
    edge.handle.take().unwrap().wait().unwrap();
    assert_eq!(read(Arc::new(storage), &dir).len(), 1);
    assert_eq!(edge.metrics.edge.requests(EdgeOutcome::Unavailable), 1);
}

// D-05
#[test]
fn d_05_at_disk_durability_a_failed_sync_refuses_what_waited_for_it() {
    let storage = FaultStorage::new();
    let disk = storage.clone();
    let flags = [("edge.threads", "1"), ("edge.durability", "disk")];
    let edge = Edge::with(&flags, |options| options.storage = Arc::new(disk));
    assert_eq!(edge.visit("/abc1234").status, 302);
    // Making the next segment syncs too, on another thread: the fault is for the one that is written.
    let dir = edge.handle.as_ref().unwrap().streams()[0].dir.clone();
    storage.inject_on(&dir.join("00000001.seg"), Operation::Sync, 0, Effect::Fail(ErrorKind::Other));
    let answers: Vec<_> = (0..3).map(|_| edge.visit("/passing").status).collect();
    assert_eq!(answers, [503, 302, 302]);
    edge.shutdown.begin();
    let mut edge = edge;
    edge.handle.take().unwrap().wait().unwrap();
    assert_eq!(read(Arc::new(storage), &dir).len(), 3);
}

#[test]
fn all_durabilities_record_every_answered_click_and_wake_the_reader() {
    for durability in ["process", "disk", "relaxed"] {
        let woken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&woken);
        let edge = Edge::with(&[("edge.durability", durability)], |options| {
            options.wake = Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        let answered: usize = std::thread::scope(|scope| {
            let visitors: Vec<_> = (0..4)
                .map(|visitor| {
                    let mut client = edge.client();
                    scope.spawn(move || {
                        let path = format!("/abc1234?sub1={visitor}");
                        (0..50)
                            .filter(|_| {
                                client.send("GET", &path, &[("User-Agent", BROWSER)], "").status == 302
                            })
                            .count()
                    })
                })
                .collect();
            visitors.into_iter().map(|visitor| visitor.join().unwrap()).sum()
        });
        let stopped = edge.stop();
        assert_eq!((answered, stopped.clicks().len()), (200, 200), "{durability}");
        let tokens: HashSet<_> = stopped.clicks().iter().map(|click| click.token).collect();
        assert_eq!(tokens.len(), 200, "{durability}: every click has a number of its own");
        assert!(durability == "relaxed" || woken.load(Ordering::Relaxed) > 0, "{durability}");
    }
}

// D-17
#[test]
fn d_17_every_request_sent_before_the_end_is_answered_and_recorded() {
    let edge = Edge::start();
    let mut clients: Vec<_> = (0..40).map(|_| edge.client()).collect();
    for client in &mut clients {
        client.write("GET", "/abc1234", &[("User-Agent", BROWSER)], "");
    }
    edge.shutdown.begin();
    for client in &mut clients {
        let answer = client.answer(false).expect("every connection gets its answer");
        assert_eq!(answer.status, 302);
    }
    drop(clients);
    assert_eq!(edge.stop().clicks().len(), 40);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let edge = Edge::start();
    let mut client = edge.client();
    for number in 0..20 {
        client.write("GET", &format!("/abc1234?sub1={number}"), &[("User-Agent", BROWSER)], "");
    }
    for number in 0..20 {
        assert_eq!(client.answer(false).unwrap().parameter("s"), number.to_string());
    }
}

#[test]
fn malformed_requests_end_at_most_their_own_connection() {
    let edge = Edge::start();
    // A small generator from a fixed seed: requests that were right once, with bytes exchanged.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let seeds = [
        "GET /abc1234?sub1=%41&url=https://shop.example/ HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\nCookie: hl_vid=BwcHBwcHBwcHBwcHBwcHBw\r\n\r\n",
        "POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nclick_id=%ff",
        "GET /c?offer=1&aff=9&sub10=%00 HTTP/1.1\r\nHost: x\r\nSec-Purpose: prefetch\r\nSec-Fetch-Dest: image\r\n\r\n",
        "GET /pixel.gif?click_id=x&adv1=%zz HTTP/1.0\r\n\r\n",
    ];
    for round in 0..400 {
        let mut bytes = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..=random(6) {
            let place = random(bytes.len());
            match random(4) {
                0 => bytes[place] = u8::try_from(random(256)).unwrap(),
                1 => bytes.truncate(place + 1),
                2 => bytes.insert(place, b"\0\r\n%&=; \xff{"[random(10)]),
                _ => drop(bytes.remove(place)),
            }
            if bytes.is_empty() {
                bytes.push(b'G');
            }
        }
        let mut client = edge.client();
        client.raw(&bytes);
        client.finish_writing();
        if let Some(answer) = client.answer(false)
            && answer.status == 302
        {
            assert!(answer.location().starts_with("https://shop.example/"), "{answer:?}");
        }
    }
    let mut large = edge.client();
    large.raw(format!("GET /abc1234?sub1={} HTTP/1.1\r\n\r\n", "x".repeat(20_000)).as_bytes());
    assert!(large.answer(false).is_none_or(|answer| matches!(answer.status, 414 | 431)));
    assert_eq!(edge.visit("/abc1234").status, 302, "the edge lives");
    assert!(edge.stop().count(EdgeOutcome::Malformed) > 0);
}

#[test]
fn clicks_that_are_ready_together_share_their_write() {
    let storage = FaultStorage::new();
    let disk = storage.clone();
    // The thread is held in its first wake until everybody else has sent a request.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let edge = Edge::with(&[("edge.threads", "1")], |options| {
        options.storage = Arc::new(disk);
        options.wake = Arc::new(move || wait.lock().unwrap().recv().unwrap_or_default());
    });
    let mut clients: Vec<_> = (0..64).map(|_| edge.client()).collect();
    for client in &mut clients {
        client.write("GET", "/abc1234", &[("User-Agent", BROWSER)], "");
    }
    let before = storage.count(Operation::Write);
    drop(go);
    for client in &mut clients {
        assert_eq!(client.answer(false).unwrap().status, 302);
    }
    let writes = storage.count(Operation::Write) - before;
    assert!(writes <= 16, "{writes} writes for 64 clicks");
}

#[test]
fn the_ids_of_a_lost_spool_are_not_given_again_where_the_store_knows_them() {
    let edge = Edge::with(&[("edge.threads", "1")], |options| {
        options.known_ids.insert(0, 77);
    });
    let unique = edge.verify(edge.visit("/abc1234").parameter("c")).unique;
    assert!(unique.record() > 77, "{unique}");
}

// Neither a stuck connection nor a lost record.
#[test]
fn a_click_whose_sender_hangs_up_is_recorded_and_disturbs_nobody() {
    for durability in ["process", "disk", "relaxed"] {
        let edge = Edge::with(&[("edge.threads", "1"), ("edge.durability", durability)], |_| ());
        for _ in 0..50 {
            let mut client = edge.client();
            client.write("GET", "/abc1234", &[("User-Agent", BROWSER)], "");
            drop(client);
            assert_eq!(edge.visit("/abc1234").status, 302, "{durability}");
        }
        let stopped = edge.stop();
        assert!((50..=100).contains(&stopped.clicks().len()), "{durability}: {}", stopped.clicks().len());
    }
}

#[test]
fn a_thread_that_cannot_write_any_more_ends_the_edge_instead_of_hanging() {
    let mut edge = Edge::with(&[("edge.threads", "2")], |options| {
        options.wake = Arc::new(|| panic!("for this test"));
    });
    let mut client = edge.client();
    client.write("GET", "/abc1234", &[("User-Agent", BROWSER)], "");
    let ended = edge.handle.take().unwrap().wait();
    assert!(matches!(ended, Err(hopline_edge::EdgeError::Panicked { .. })), "{ended:?}");
    assert!(edge.shutdown.is_begun());
}

// S-23
#[test]
fn s_23_who_sends_without_reading_is_not_read_any_further() {
    use std::io::Write;
    let edge = Edge::with(&[("edge.threads", "1")], |_| ());
    let mut stream = std::net::TcpStream::connect(edge.address).unwrap();
    stream.set_write_timeout(Some(std::time::Duration::from_secs(2))).unwrap();
    let long = "x".repeat(8_000);
    let request = format!("GET /passing?p={long} HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n\r\n");
    // Far more than the system's buffers hold of requests and answers.
    let taken = (0..8_192).take_while(|_| stream.write_all(request.as_bytes()).is_ok()).count();
    assert!(taken < 8_192, "the edge holds answers to {taken} requests");
    assert_eq!(edge.visit("/abc1234").status, 302, "others are served");
    // Who reads after all gets every answer.
    let mut client = Client::from(stream);
    for number in 0..taken {
        assert_eq!(client.answer(false).map(|answer| answer.status), Some(302), "{number} of {taken}");
    }
}
