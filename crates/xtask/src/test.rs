//! `cargo xtask test`.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::servers::Servers;
use crate::{Workspace, browser, faketime, papers, postgres, process, python};

const VALIDATOR: &str = "tests/tools/validate_pain001.py";
const ACH_VALIDATOR: &str = "tests/tools/validate_nacha.py";
const PAYMENT_FIXTURES: &str = "crates/payfile/tests/fixtures";

/// Sets up, checks, tests; stops at the first stage that fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let root = &workspace.root;
    stage("tools", || components(root))?;
    let python = stage("python", || python::ready(workspace))?;
    let faketime = stage("clock", || faketime::ready(root))?;
    stage("browser", || browser::ready(root))?;
    stage("readers of papers", || papers::ready(root))?;
    stage("postgresql", || postgres::ready(root))?;
    stage("format", || process::run(&mut process::cargo(root, &["fmt", "--all", "--check"])))?;
    stage("payment files against the official schema and achkit", || payment_files(root, &python))?;
    stage("clippy", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        process::run(&mut process::cargo(root, &arguments))
    })?;
    stage("build", || {
        process::run(&mut process::cargo(root, &["build", "--locked", "--package", "hopline"]))
    })?;
    let servers = stage("servers", || Servers::start(workspace, &python))?;
    stage("tests", || {
        let mut tests = tests(root);
        servers.of(&mut tests);
        tests.env("HOPLINE_TEST_PYTHON", &python);
        tests.env("HOPLINE_TEST_FAKETIME", &faketime);
        tests.env("HOPLINE_BIN", workspace.target.join("debug/hopline"));
        process::run(&mut tests)
    })?;
    println!("all stages passed");
    Ok(())
}

/// Runs the servers that tests share, for tests that are started by hand.
pub(crate) fn hold_servers(workspace: &Workspace) -> Result<()> {
    let python = python::ready(workspace)?;
    postgres::ready(&workspace.root)?;
    Servers::start(workspace, &python)?.hold()
}

/// With nextest where it is installed; `cargo test` does the same more slowly.
fn tests(root: &Path) -> Command {
    if process::succeeds(&mut process::cargo(root, &["nextest", "--version"])) {
        process::cargo(root, &["nextest", "run", "--workspace", "--locked"])
    } else {
        process::cargo(root, &["test", "--workspace", "--locked"])
    }
}

/// rustfmt and clippy, which a minimal toolchain lacks.
fn components(root: &Path) -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let there = || process::succeeds(&mut process::cargo(root, &[subcommand, "--version"]));
        if there() {
            continue;
        }
        process::run(&mut process::command(root, "rustup", &["component", "add", component]))
            .with_context(|| format!("the checks need {component}; install it for your toolchain"))?;
        if !there() {
            bail!("{component} is installed, but cargo {subcommand} does not start");
        }
    }
    Ok(())
}

/// P-01, P-21: what the writers write (their golden files) is valid; and the validators judge independent files as they must.
fn payment_files(root: &Path, python: &Path) -> Result<()> {
    let fixtures = root.join(PAYMENT_FIXTURES);
    for (validator, golden, vectors) in
        [(VALIDATOR, "pain001_*.xml", "sepa_pain001.json"), (ACH_VALIDATOR, "nacha_*.ach", "nacha_ach.json")]
    {
        let (start, end) = golden.split_once('*').expect("a pattern has one star");
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&fixtures).with_context(|| fixtures.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(start) && name.ends_with(end) {
                files.push(path);
            }
        }
        if files.is_empty() {
            bail!("no golden payment file {golden} in {}", fixtures.display());
        }
        process::run(process::command(root, python, &[validator]).args(files))?;
        process::run(process::command(root, python, &[validator, "--vectors"]).arg(fixtures.join(vectors)))?;
    }
    Ok(())
}

fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("== {name}");
    let begin = Instant::now();
    let result = work().with_context(|| format!("stage {name:?} failed"))?;
    println!("== {name}: {:.1} s", begin.elapsed().as_secs_f32());
    Ok(result)
}
