//! Conversions that name no click, but whose affiliate is known: installs that Apple has reported.
//!
//! Who is paid is the affiliate whom an operator has entered for the ad network's campaign ([`crate::installs`]). It is judged like
//! a click of this affiliate at the time of the conversion: its standing, caps and terms count as ever; window and model
//! have nothing to choose. The reasoning says that it was no click.

use hopline_clickid::{ClickClaims, UniqueNumber};
use hopline_control_store::Tx;
use hopline_control_store::installs::reports::{self, Named};
use hopline_types::{ConversionSource, Verdict};
use serde_json::json;

use super::Outcome;
use super::touch::Candidate;
use crate::BookError;
use crate::explain::rfc3339;

/// Finds the affiliates of those that have one.
pub(super) fn name(tx: &mut dyn Tx, candidates: &mut [Candidate<'_>]) -> Result<(), BookError> {
    let is_apples =
        |source| matches!(source, ConversionSource::Skadnetwork | ConversionSource::Adattributionkit);
    let mut nameless: Vec<&mut Candidate<'_>> =
        candidates.iter_mut().filter(|candidate| is_apples(candidate.conversion.source)).collect();
    if nameless.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = nameless.iter().map(|candidate| candidate.conversion.id).collect();
    for (candidate, named) in nameless.iter_mut().zip(reports::named(tx, &ids)?) {
        let conversion = &candidate.conversion;
        let claims = named.as_ref().map(|named| ClickClaims {
            at: conversion.converted_at,
            offer: conversion.offer,
            affiliate: named.affiliate,
            link: None,
            unique: UniqueNumber::from_bits(0),
            verdict: Verdict::UNIQUE,
        });
        if let Some(claims) = claims {
            candidate.claim(claims);
        }
        candidate.named = named;
    }
    Ok(())
}

/// Says in the reasoning what it was, in place of the click.
pub(super) fn explain(outcome: &mut Outcome, named: &Named) {
    let reasoning = &mut outcome.reasoning;
    let system = match named.source {
        ConversionSource::Skadnetwork => "SKAdNetwork",
        _ => "AdAttributionKit",
    };
    let decided = reasoning["touches"][0]["outcome"].clone();
    let said = format!(
        "named by source identifier: {system} reported {} of app {} at {}, which stands for affiliate {}; no click took part",
        named.campaign, named.app, named.ad_network, named.affiliate
    );
    let is_credited = decided == "credited";
    let was = reasoning["reason"].as_str().unwrap_or_default();
    reasoning["reason"] = if is_credited { json!(said) } else { json!(format!("{said}; {was}")) };
    reasoning["rule"] = json!("named_by_source");
    reasoning["window_seconds"] = serde_json::Value::Null;
    let touch = &mut reasoning["touches"][0];
    touch["kind"] = json!("install_report");
    touch["install_id"] = json!(named.install);
    touch["source"] = json!(named.source);
    touch["campaign"] = json!(named.campaign);
    for field in ["click", "class", "class_reason", "age_seconds"] {
        touch[field] = serde_json::Value::Null;
    }
    // Apple tells no time of the install.
    outcome.reasoning["reported_at"] = json!(outcome.clicked_at.map(rfc3339));
    outcome.clicked_at = None;
}
