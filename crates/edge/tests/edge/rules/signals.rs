//! Global Privacy Control.

use super::*;

//
#[test]
fn r_06_the_signal_is_recorded_and_the_edge_says_that_it_is_honoured() {
    let edge = edge(|_| ());
    let plain = from(SWEDEN, BROWSER);
    for values in [&["1"][..], &["0", "1"], &["0"], &["true"], &["11"], &[]] {
        let fields: Vec<_> =
            plain.iter().copied().chain(values.iter().map(|value| ("Sec-GPC", *value))).collect();
        assert_eq!(edge.get("/abc1234", &fields).status, 302);
    }
    let said = edge.visit("/.well-known/gpc.json");
    assert_eq!((said.status, said.header("content-type")), (200, Some("application/json")));
    assert_eq!(said.json()["gpc"], true);
    let stopped = edge.stop();
    let found: Vec<_> = stopped.clicks().into_iter().map(|click| has(click, Flags::GPC)).collect();
    assert_eq!(found, [true, true, false, false, false, false]);
}

//
#[test]
fn r_06_who_does_not_honour_it_does_not_say_so() {
    let edge = edge_with(&[("edge.honour_gpc", "false")], |_| (), |_| ());
    assert_eq!(edge.visit("/.well-known/gpc.json").status, 404);
}
