//! `hopline click verify`: what a click id says, checked offline.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use serde_json::json;

use crate::{out, stores};

/// Checks one click id with the keys of the data directory's catalogue snapshot, else of the control store.
pub(crate) fn verify(config: &Config, arguments: &ArgMatches) -> anyhow::Result<ExitCode> {
    let token = arguments.get_one::<String>("token").expect("clap demands TOKEN");
    let data_dir = stores::existing(config)?;
    let clock = Clock::System;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ring = runtime.block_on(stores::key_ring(config, &data_dir))?;
    let (answer, code) = match ring.verify(token.as_str(), clock.now()) {
        Ok(claims) => {
            let at =
                jiff::Timestamp::from_millisecond(claims.at.get()).context("the time inside the click id")?;
            let answer = json!({
                "valid": true,
                "at": at.to_string(),
                "offer_id": claims.offer.get(),
                "affiliate_id": claims.affiliate.get(),
                "link_id": claims.link.map(hopline_types::LinkId::get),
                "edge": claims.unique.edge(),
                "stream": claims.unique.stream(),
                "record": claims.unique.record(),
                "class": claims.verdict.class,
                "reason": claims.verdict.reason,
            });
            (answer, ExitCode::SUCCESS)
        }
        Err(refused) => (
            json!({"valid": false, "reason": refused.as_str(), "detail": refused.to_string()}),
            ExitCode::from(1),
        ),
    };
    out(format!("{answer:#}\n").as_bytes())?;
    Ok(code)
}
