//! `hopline bank-data status`, `rotate` and `seal`.
//!
//! Beside a running server too: it reads the file of keys again before it seals.

use anyhow::Context as _;
use hopline_control_store::audit_log::{self, NewEntry};
use hopline_control_store::bank_data::{census, register_key};
use hopline_control_store::{DatabaseExt as _, StoreError};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;

use crate::bank_data::{self, Place};
use crate::{out, stores};

/// Who acts when the command line does.
const ACTOR: &str = "system:command-line";

/// Runs one of the three.
pub(crate) fn run(config: &Config, what: &str) -> anyhow::Result<()> {
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    let place = Place::of(config, &data_dir)?;
    if what == "rotate" {
        let path = place.file().context(
            "the keys are in the setting payouts.bank_data_keys: add one behind the others there, restart, and run `hopline bank-data seal`",
        )?;
        bank_data::add_key(path)?;
    }
    let keys = bank_data::keys(config, &data_dir)?;
    let active = keys.active().context("there is no key for bank data: run `hopline init`")?.to_owned();
    if what != "status" {
        let (now, id) = (clock.now(), active.clone());
        runtime.block_on(database.write(move |tx| register_key(tx, &id, now)))?;
        let sealed = runtime.block_on(bank_data::seal_all(&database))?;
        let entry = NewEntry {
            at: clock.now(),
            actor: ACTOR.to_owned(),
            action: format!("bank_data.{what}"),
            object: format!("sealing_key:{active}"),
            origin: Some("cli".to_owned()),
            before: None,
            after: Some(format!("{{\"sealed\":{sealed}}}")),
            request_id: None,
        };
        runtime.block_on(database.write(move |tx| {
            audit_log::append(tx, &entry)?;
            Ok::<_, StoreError>(())
        }))?;
        out(format!("sealed anew: {sealed}\n").as_bytes())?;
    }
    let id = active.clone();
    let found = runtime.block_on(database.read(move |tx| census(tx, Some(&id))))?;
    let ids: Vec<&str> = keys.ids().collect();
    out(format!("keys: {} (the last one seals)\n", ids.join(", ")).as_bytes())?;
    out(format!(
        "rows sealed with {active}: {}\nrows sealed with older keys: {}\nrows in clear text: {}\n",
        found.sealed, found.old_key, found.clear
    )
    .as_bytes())?;
    if ids.len() > 1 && found.old_key == 0 && found.clear == 0 {
        out(b"the older keys open nothing any more, but backups: keep them as long as those\n")?;
    }
    Ok(())
}
