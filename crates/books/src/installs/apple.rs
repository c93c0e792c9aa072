//! Apple's postbacks: whose install a campaign stands for.

use hopline_control_store::Tx;
use hopline_control_store::installs::reports::Fate;
use hopline_control_store::installs::sources::{self, InstallSource};
use hopline_installs::{AppleKeys, ApplePostback, Kind, adattributionkit, skadnetwork};
use hopline_types::{ConversionSource, InstallState};
use serde_json::{Value, json};

use super::origin::Arrived;
use super::{Verdict, conversion, offer};
use crate::BookError;

pub(super) fn judge(tx: &mut dyn Tx, arrived: &Arrived) -> Result<Verdict, BookError> {
    let body = arrived.origin.report.as_bytes();
    // Whether tests are taken at all the edge has decided; here they are told apart.
    let keys = AppleKeys::published(true);
    let read = match arrived.origin.source {
        ConversionSource::Skadnetwork => skadnetwork::read(body, &keys),
        _ => adattributionkit::read(body, &keys),
    };
    let postback = match read {
        Ok(postback) => postback,
        Err(refusal) => return Ok(Verdict::refused(arrived.fate(), refusal.as_str(), refusal)),
    };
    let ad_network = postback.ad_network.to_ascii_lowercase();
    let fate = Fate {
        key: Some(postback.key()),
        ad_network: Some(ad_network.clone()),
        app: Some(postback.app.clone()),
        campaign: Some(postback.source.to_string()),
        details: details(&postback).to_string(),
        ..arrived.fate()
    };
    let entered = sources::of_app(tx, &ad_network, &postback.app)?;
    let source = match meant(&postback, &entered) {
        Meant::Nobody => None,
        Meant::Several(names) => {
            let remark =
                format!("{} may be any of {names}, of different affiliates or goals", postback.source);
            return Ok(Verdict::over(fate, InstallState::Waiting, "ambiguous_source", remark));
        }
        Meant::One(source) => Some(&source.what),
    };
    let fate = match source {
        None => fate,
        Some(source) => {
            let advertiser = offer(tx, source.offer_id)?.map(|offer| offer.advertiser_id);
            let (offer, affiliate) = (Some(source.offer_id), Some(source.affiliate_id));
            Fate { advertiser, offer, affiliate, ..fate }
        }
    };
    if let Some((reason, remark)) = no_install(&postback) {
        return Ok(Verdict::kept(fate, reason, remark));
    }
    let Some(source) = source else {
        let remark =
            format!("nobody is entered for {} of app {} at {ad_network}", postback.source, postback.app);
        return Ok(Verdict::over(fate, InstallState::Waiting, "no_source", remark));
    };
    if postback.kind == Kind::Redownload && !source.redownloads {
        return Ok(Verdict::kept(fate, "redownload", "the app was there before, which is not paid for"));
    }
    let Some(offer) = offer(tx, source.offer_id)? else {
        return Err(BookError::broken(format!("the offer {} of a source is not there", source.offer_id)));
    };
    let goal = offer.goals.iter().find(|goal| goal.id == source.goal_id);
    // Apple tells no time: what is known is when its postback came.
    let at = arrived.origin.received_at;
    let mut new = conversion(arrived, offer.advertiser_id, offer.id, at);
    new.goal = goal.map(|goal| goal.key.clone());
    new.order_id = fate.key.clone();
    let adv = [ad_network, postback.source.to_string(), postback.app.clone()];
    for (place, text) in new.adv.iter_mut().zip(adv) {
        *place = text;
    }
    Ok(Verdict { fate, new: Some(new) })
}

/// Why a genuine postback is no install that somebody is paid for.
fn no_install(postback: &ApplePostback) -> Option<(&'static str, String)> {
    if postback.is_test {
        return Some(("test", "it is signed with a development key".to_owned()));
    }
    if !postback.did_win {
        return Some(("lost", "another ad network has won this install".to_owned()));
    }
    if postback.sequence > 0 {
        let remark =
            format!("it tells of window {} after an install that index 0 tells of", postback.sequence);
        return Some(("later_window", remark));
    }
    let remark = "the app was there already";
    (postback.kind == Kind::Reengagement).then(|| ("re-engagement", remark.to_owned()))
}

/// Whom a campaign stands for.
enum Meant<'a> {
    Nobody,
    One(&'a InstallSource),
    /// Of different affiliates or goals.
    Several(String),
}

/// Those entered for the campaign come before the one for all the rest.
fn meant<'a>(postback: &ApplePostback, entered: &'a [InstallSource]) -> Meant<'a> {
    let is_rest = |source: &&InstallSource| {
        source.what.campaign_id.is_none() && source.what.source_identifier.is_none()
    };
    let may_be = |source: &&InstallSource| {
        postback.source.may_be(source.what.campaign_id, source.what.source_identifier.as_deref())
    };
    let named: Vec<&InstallSource> = entered.iter().filter(may_be).collect();
    let Some(first) = named.first().copied().or_else(|| entered.iter().find(is_rest)) else {
        return Meant::Nobody;
    };
    let pays = |source: &InstallSource| {
        let what = &source.what;
        (what.offer_id, what.goal_id, what.affiliate_id, what.redownloads)
    };
    if named.iter().all(|other| pays(other) == pays(first)) {
        return Meant::One(first);
    }
    let names = named.iter().filter_map(|source| source.what.source_identifier.as_deref());
    Meant::Several(names.collect::<Vec<_>>().join(", "))
}

/// What was signed, and apart from it what was not.
fn details(postback: &ApplePostback) -> Value {
    json!({
        "system": postback.system.as_str(),
        "version": postback.version,
        "identity": postback.identity,
        "sequence": postback.sequence,
        "did_win": postback.did_win,
        "kind": postback.kind.as_str(),
        "publisher": postback.publisher,
        "unsigned": {
            "conversion_value": postback.hints.conversion_value,
            "coarse_value": postback.hints.coarse_value,
            "country": postback.hints.country,
            "interaction": postback.hints.interaction,
        },
    })
}
