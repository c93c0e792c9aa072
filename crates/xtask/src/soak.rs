//! `cargo xtask soak`: the test of kills, for longer (D-03).

use anyhow::{Context as _, Result, bail};

use crate::{Workspace, process};

/// Kills of a nightly run.
const CYCLES: u64 = 200;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Soak {
    cycles: u64,
    seed: Option<u64>,
}

impl Soak {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut soak = Self { cycles: CYCLES, seed: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let text = words.next().with_context(|| format!("{word} needs a number"))?;
                text.parse().with_context(|| format!("{word} {text}"))
            };
            match *word {
                "--cycles" => soak.cycles = number()?,
                "--seed" => soak.seed = Some(number()?),
                other => bail!("expected --cycles or --seed, given {other:?}"),
            }
        }
        Ok(soak)
    }
}

/// Builds the program and runs the test; it prints its seed.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<()> {
    let Soak { cycles, seed } = Soak::parse(words)?;
    let root = &workspace.root;
    process::run(&mut process::cargo(root, &["build", "--locked", "--package", "hopline"]))?;
    let arguments =
        ["test", "--locked", "--package", "hopline-tests", "--test", "kill", "--", "--nocapture", "d_03"];
    let mut test = process::cargo(root, &arguments);
    test.env("HOPLINE_BIN", workspace.target.join("debug/hopline"));
    test.env("HOPLINE_KILLS", cycles.to_string());
    if let Some(seed) = seed {
        test.env("HOPLINE_SEED", seed.to_string());
    }
    process::run(&mut test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_and_seed_are_read_and_anything_else_is_refused() {
        assert_eq!(Soak::parse(&[]).unwrap(), Soak { cycles: 200, seed: None });
        let both = Soak::parse(&["--seed", "7", "--cycles", "20"]).unwrap();
        assert_eq!(both, Soak { cycles: 20, seed: Some(7) });
        for wrong in [["--cycles"].as_slice(), &["--cycles", "many"], &["--kills", "3"]] {
            assert!(Soak::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
