//! `hopline attribute`: the attribution function over JSON, no store touched.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_attribution::{DryRunInput, dry_run};

use crate::out;

/// Inputs longer than this are refused.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Reads touches and a conversion, prints credits and reasons.
pub(crate) fn run(arguments: &ArgMatches) -> anyhow::Result<ExitCode> {
    let name = arguments.get_one::<String>("file").expect("clap demands FILE");
    let input: DryRunInput =
        serde_json::from_str(&read(name)?).with_context(|| format!("{name} is not understood"))?;
    match dry_run(&input) {
        Ok(output) => {
            let mut text = serde_json::to_vec(&output).context("writing the answer")?;
            text.push(b'\n');
            out(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            let lines: Vec<_> =
                errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            anyhow::bail!("{name} is refused:\n  {}", lines.join("\n  "))
        }
    }
}

fn read(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut reader: Box<dyn std::io::Read> = if name == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(name).with_context(|| format!("cannot read {name}"))?)
    };
    reader
        .by_ref()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {name} as UTF-8 text"))?;
    anyhow::ensure!(text.len() as u64 <= INPUT_BYTES_MAX, "{name} is longer than {INPUT_BYTES_MAX} bytes");
    Ok(text)
}
