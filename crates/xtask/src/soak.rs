//! `cargo xtask soak`: the test of kills, for longer (D-03), and that of a click store that is away, over its whole length.

use anyhow::{Context as _, Result, bail};

use crate::servers::Servers;
use crate::{Workspace, postgres, process, python};

/// Kills of a nightly run.
const CYCLES: u64 = 200;
/// Clicks of a nightly run that pile up while ClickHouse is away.
const AWAY_CLICKS: u64 = 5_000_000;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Soak {
    cycles: u64,
    away_clicks: u64,
    seed: Option<u64>,
}

impl Soak {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut soak = Self { cycles: CYCLES, away_clicks: AWAY_CLICKS, seed: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let text = words.next().with_context(|| format!("{word} needs a number"))?;
                text.parse().with_context(|| format!("{word} {text}"))
            };
            match *word {
                "--cycles" => soak.cycles = number()?,
                "--away-clicks" => soak.away_clicks = number()?,
                "--seed" => soak.seed = Some(number()?),
                other => bail!("expected --cycles, --away-clicks or --seed, given {other:?}"),
            }
        }
        Ok(soak)
    }
}

/// Builds the program and runs the tests; the one of kills prints its seed.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<()> {
    let Soak { cycles, away_clicks, seed } = Soak::parse(words)?;
    let root = &workspace.root;
    let python = python::ready(workspace)?;
    postgres::ready(root)?;
    process::run(&mut process::cargo(root, &["build", "--locked", "--package", "hopline"]))?;
    let servers = Servers::start(workspace, &python)?;
    for (target, filter) in [("kill", "d_03"), ("engines", "away_for_long")] {
        let arguments =
            ["test", "--locked", "--package", "hopline-tests", "--test", target, "--", "--nocapture", filter];
        let mut test = process::cargo(root, &arguments);
        servers.of(&mut test);
        test.env("HOPLINE_TEST_PYTHON", &python);
        test.env("HOPLINE_BIN", workspace.target.join("debug/hopline"));
        test.env("HOPLINE_KILLS", cycles.to_string());
        test.env("HOPLINE_AWAY_CLICKS", away_clicks.to_string());
        if let Some(seed) = seed {
            test.env("HOPLINE_SEED", seed.to_string());
        }
        process::run(&mut test)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_and_seed_are_read_and_anything_else_is_refused() {
        assert_eq!(Soak::parse(&[]).unwrap(), Soak { cycles: 200, away_clicks: 5_000_000, seed: None });
        let all = Soak::parse(&["--seed", "7", "--cycles", "20", "--away-clicks", "9"]).unwrap();
        assert_eq!(all, Soak { cycles: 20, away_clicks: 9, seed: Some(7) });
        for wrong in [["--cycles"].as_slice(), &["--cycles", "many"], &["--kills", "3"]] {
            assert!(Soak::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
