//! `cargo xtask bench`.

use anyhow::{Context as _, Result, ensure};

use crate::{Workspace, process};

/// Prints the names of the measurements.
pub(crate) fn list(workspace: &Workspace) -> Result<()> {
    for name in names(workspace)? {
        println!("{name}");
    }
    Ok(())
}

/// Runs one.
pub(crate) fn run(workspace: &Workspace, name: &str, rest: &[&str]) -> Result<()> {
    let known = names(workspace)?;
    ensure!(known.iter().any(|of| of == name), "no measurement {name:?} among these: [{}]", known.join(", "));
    let fixed = ["run", "--release", "--locked", "--package", "hopline-benches", "--bin", name, "--"];
    process::run(&mut process::cargo(&workspace.root, &[fixed.as_slice(), rest].concat()))
}

/// The programs of the benches package: files and directories in `src/bin`.
fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let directory = workspace.root.join("benches/src/bin");
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
