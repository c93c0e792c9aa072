//! The commands of the program: what they print, what they refuse, and how.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use hopline_testkit::{Backing, Hopline, Setup, command};
use hopline_tests::over_both;
use serde_json::{Value, json};

over_both!(
    a_second_server_on_one_data_directory_is_told_who_holds_it,
    a_data_directory_of_a_newer_version_is_refused_and_not_touched,
    forged_cut_and_foreign_click_ids_are_refused_with_their_reason,
    owners_must_go_with_roles,
);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fed(data_dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(data_dir, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    child.stdin.take().expect("stdin is piped").write_all(input.as_bytes()).expect("the binary reads");
    child.wait_with_output().expect("the binary ends")
}

#[test]
fn attribute_answers_as_the_contract_says() {
    let home = tempfile::tempdir().unwrap();
    let input = json!({
        "model": "linear", "window_seconds": 2_592_000, "conversion": {"at": "2026-02-01T00:00:00Z"},
        "commission": {"amount": "10.00", "currency": "EUR"},
        "touches": [
            {"id": "t0", "affiliate": "old", "at": "2025-11-30T08:00:00Z"},
            {"id": "t1", "affiliate": "a", "at": "2026-01-30T08:00:00Z"},
            {"id": "t2", "affiliate": "b", "at": "2026-01-31T08:00:00Z"},
            {"id": "t3", "affiliate": "c", "at": "2026-01-31T09:00:00Z"},
        ],
    });
    let output = fed(home.path(), &["attribute", "-"], &input.to_string());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let credits: Vec<_> = answer["credits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|credit| {
            (credit["touch"].clone(), credit["weight"].clone(), credit["commission"]["amount"].clone())
        })
        .collect();
    assert_eq!(
        credits,
        [
            (json!("t1"), json!("0.333333"), json!("3.34")),
            (json!("t2"), json!("0.333333"), json!("3.33")),
            (json!("t3"), json!("0.333333"), json!("3.33")),
        ]
    );
    assert!(answer["reason"].is_string());
}

#[test]
fn attribute_lists_every_bad_field_at_once() {
    let home = tempfile::tempdir().unwrap();
    let output =
        fed(home.path(), &["attribute", "-"], r#"{"model":"lastclick","conversion":{"at":"yesterday"}}"#);
    assert!(!output.status.success());
    let words = text(&output.stderr);
    for field in ["model", "conversion.at", "commission"] {
        assert!(words.contains(field), "{field} is not named in: {words}");
    }
}

#[test]
fn config_check_names_sources_and_unknown_keys_stop_it() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("hopline.toml");
    std::fs::write(&file, "[edge]\nlisten = \"127.0.0.1:7001\"\nthreads = 1\n").unwrap();
    let arguments = ["config", "check", "--config", file.to_str().unwrap(), "--edge-threads", "3"];
    let output = command(home.path(), &arguments).env("HOPLINE_EDGE_DURABILITY", "disk").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listing = text(&output.stdout);
    let line = |key: &str| listing.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("edge.listen").contains("127.0.0.1:7001") && line("edge.listen").contains("hopline.toml:2"));
    assert!(
        line("edge.threads").contains('3') && line("edge.threads").contains("--edge-threads"),
        "{listing}"
    );
    assert!(line("edge.durability").contains("HOPLINE_EDGE_DURABILITY"), "{listing}");

    std::fs::write(&file, "[edge]\nlisten = \"127.0.0.1:7001\"\nlisten_adress = \"x\"\n").unwrap();
    let output = command(home.path(), &arguments).output().unwrap();
    assert!(!output.status.success());
    let words = text(&output.stderr);
    assert!(words.contains("edge.listen_adress") && words.contains("hopline.toml:3"), "{words}");
    assert!(!home.path().join("VERSION").exists(), "nothing is created by a check");
}

fn a_second_server_on_one_data_directory_is_told_who_holds_it(backing: Backing) {
    let setup = Setup::over(backing);
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir, &setup).unwrap();
    let first = Hopline::serve(&data_dir, &setup).unwrap();
    let refused = Hopline::serve(&data_dir, &setup).unwrap_err();
    assert!(refused.to_string().contains(&first.pid().to_string()), "{refused}");
}

fn a_data_directory_of_a_newer_version_is_refused_and_not_touched(backing: Backing) {
    let setup = Setup::over(backing);
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir, &setup).unwrap();
    std::fs::write(data_dir.join("VERSION"), "{\"format\":99}").unwrap();
    let before = contents(&data_dir);
    for arguments in
        [&["init"][..], &["serve"], &["audit"], &["key", "create", "--role", "operator", "--name", "x"]]
    {
        let output = setup.command(&data_dir, arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} went on");
        assert!(text(&output.stderr).contains("99"), "{}", text(&output.stderr));
    }
    assert_eq!(contents(&data_dir), before);
}

fn contents(folder: &Path) -> Vec<(String, u64)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().to_string_lossy().into_owned(), entry.metadata().expect("its size").len())
        })
        .collect();
    found.sort();
    found
}

fn forged_cut_and_foreign_click_ids_are_refused_with_their_reason(backing: Backing) {
    let setup = Setup::over(backing);
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir, &setup).unwrap();
    for (token, reason) in
        [("AQ", "length"), ("!".repeat(60).as_str(), "alphabet"), ("A".repeat(60).as_str(), "version")]
    {
        let output = setup.command(&data_dir, &["click", "verify", token]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&answer["valid"], &answer["reason"]), (&json!(false), &json!(reason)));
    }
}

#[test]
fn commands_without_an_installation_say_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("nowhere");
    for arguments in
        [&["audit"][..], &["click", "verify", "x"], &["key", "create", "--role", "operator", "--name", "x"]]
    {
        let output = command(&missing, arguments).output().unwrap();
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("hopline init"), "{}", text(&output.stderr));
    }
    assert!(!missing.exists());
}

fn owners_must_go_with_roles(backing: Backing) {
    let setup = Setup::over(backing);
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir, &setup).unwrap();
    for (arguments, words) in [
        (&["--role", "affiliate"][..], "--affiliate ID"),
        (&["--role", "operator", "--affiliate", "1"], "does not go with"),
        (&["--role", "boss"], "operator, finance, advertiser, affiliate"),
        (&["--role", "affiliate", "--affiliate", "77"], "no advertiser or affiliate"),
    ] {
        let refused = Hopline::key(&data_dir, &setup, arguments, "x");
        let refused = match refused {
            Ok(key) => panic!("{arguments:?} gave {key}"),
            Err(error) => error.to_string(),
        };
        assert!(refused.contains(words), "{refused}");
    }
}
