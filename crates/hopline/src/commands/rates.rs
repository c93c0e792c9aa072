//! `hopline rates import`.

use std::io::Read as _;

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_books::BookError;
use hopline_books::rates::{RatesEntered, enter_rates, read_file};
use hopline_control_store::DatabaseExt as _;
use hopline_control_store::audit_log::{self, NewEntry};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;

use crate::{out, stores};

/// Who acts when the command line does.
const ACTOR: &str = "system:command-line";
/// Inputs longer than this are refused.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Enters the rates of a file, all or none.
pub(crate) fn import(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let name = arguments.get_one::<String>("file").expect("clap demands FILE");
    let rates = read_file(&text(name)?).with_context(|| format!("{name} is not understood"))?;
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let now = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    let entered = runtime.block_on(database.write(move |tx| {
        let entered = enter_rates(tx, &rates, ACTOR, now)?;
        if entered.new > 0 {
            let after = format!("{{\"entered\":{},\"known\":{}}}", entered.new, entered.known);
            audit_log::append(tx, &entry(after, now))?;
        }
        Ok::<RatesEntered, BookError>(entered)
    }))?;
    let RatesEntered { new, known, released } = entered;
    out(format!("entered {new}, known {known}, conversions tried again {released}\n").as_bytes())
}

fn entry(after: String, now: hopline_types::UnixMillis) -> NewEntry {
    NewEntry {
        at: now,
        actor: ACTOR.to_owned(),
        action: "exchange_rates.enter".to_owned(),
        object: "exchange_rates".to_owned(),
        origin: Some("cli".to_owned()),
        before: None,
        after: Some(after),
        request_id: None,
    }
}

fn text(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let reader: Box<dyn std::io::Read> = if name == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(name).with_context(|| format!("cannot read {name}"))?)
    };
    reader
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {name} as UTF-8 text"))?;
    anyhow::ensure!(text.len() as u64 <= INPUT_BYTES_MAX, "{name} is longer than {INPUT_BYTES_MAX} bytes");
    Ok(text)
}
