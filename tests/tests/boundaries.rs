//! The absences of `crates/ARCHITECTURE.md`, watched over `cargo metadata`: what must not depend on what.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Direct dependencies of every package of the workspace, development dependencies left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    metadata["packages"]
        .as_array()
        .expect("packages are a list")
        .iter()
        .map(|package| {
            let names = package["dependencies"]
                .as_array()
                .expect("dependencies are a list")
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(name)
                .collect();
            (name(package), names)
        })
        .collect()
}

fn name(value: &serde_json::Value) -> String {
    value["name"].as_str().expect("a name is text").to_owned()
}

/// Everything that a package reaches through packages of the workspace, with the outside names they use.
fn reach(all: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        for dependency in all.get(&next).into_iter().flatten() {
            if reached.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    reached
}

const PURE: [&str; 12] = [
    "types",
    "money",
    "clickid",
    "record",
    "catalogue",
    "classify",
    "terms",
    "attribution",
    "ledger",
    "payfile",
    "report",
    "installs",
];
const STORES: [&str; 4] = [
    "hopline-click-store-embedded",
    "hopline-click-store-clickhouse",
    "hopline-control-store-sqlite",
    "hopline-control-store-postgres",
];
/// Clients of databases; each is named by a store alone.
const CLIENTS: [&str; 3] = ["rusqlite", "tokio-postgres", "clickhouse"];
const SERVICES: [&str; 5] = ["edge", "ship", "worker", "api", "portal"];

fn hopline(name: &str) -> String {
    format!("hopline-{name}")
}

#[test]
fn pure_crates_reach_no_runtime_no_files_no_sql_and_no_randomness() {
    let all = dependencies();
    for name in PURE {
        let reached = reach(&all, &hopline(name));
        assert!(all.contains_key(&hopline(name)), "{name} is gone: mend this list");
        for forbidden in [
            "tokio",
            "hyper",
            "axum",
            "rusqlite",
            "rand",
            "rustix",
            "tracing",
            "prometheus",
            "hopline-runtime",
            "hopline-spool",
            "hopline-control-store",
            "hopline-click-store",
        ] {
            assert!(!reached.contains(forbidden), "{name} reaches {forbidden}");
        }
    }
}

#[test]
fn the_edge_reaches_no_store_no_sql_and_no_axum() {
    let reached = reach(&dependencies(), "hopline-edge");
    for forbidden in ["hopline-control-store", "hopline-click-store", "hopline-books", "axum", "tower"]
        .iter()
        .chain(&CLIENTS)
    {
        assert!(!reached.contains(*forbidden), "the edge reaches {forbidden}");
    }
}

#[test]
fn the_spool_knows_bytes_and_positions_but_no_clicks() {
    let reached = reach(&dependencies(), "hopline-spool");
    let own: Vec<_> = reached.iter().filter(|name| name.starts_with("hopline-")).collect();
    let may = ["hopline-types", "hopline-fault"];
    assert!(own.iter().all(|name| may.contains(&name.as_str())), "the spool reaches {own:?}");
    assert!(!reached.contains("tokio"), "the spool reaches tokio");
}

#[test]
fn fault_points_bring_nothing_of_ours_with_them() {
    let reached = reach(&dependencies(), "hopline-fault");
    assert!(reached.iter().all(|name| name == "thiserror"), "fault points reach {reached:?}");
}

#[test]
fn only_the_binary_and_tests_name_concrete_stores() {
    let all = dependencies();
    for (name, own) in &all {
        let may = ["hopline", "hopline-tests", "hopline-benches"].contains(&name.as_str());
        for store in STORES {
            assert!(may || !own.contains(store), "{name} names {store}");
        }
    }
    for name in all.keys().filter(|name| !STORES.contains(&name.as_str())) {
        let may = name == "hopline-benches";
        for client in CLIENTS {
            assert!(may || !all[name].contains(client), "{name} names {client}");
        }
    }
}

#[test]
fn services_do_not_know_each_other_but_the_portal_the_api() {
    let all = dependencies();
    for name in SERVICES {
        for other in SERVICES {
            let may = name == other || (name == "portal" && other == "api");
            assert!(may || !all[&hopline(name)].contains(&hopline(other)), "{name} names {other}");
        }
    }
}

#[test]
fn there_is_one_tls_and_one_sqlite_at_most() {
    let all = dependencies();
    for own in all.values() {
        for forbidden in
            ["openssl", "native-tls", "aws-lc-rs", "sqlx", "diesel", "sea-orm", "reqwest", "chrono"]
        {
            assert!(!own.contains(forbidden));
        }
    }
}
