//! Mobile measurement: the advertiser's mapping, and our click id in what comes back.

use hopline_clickid::KeyRing;
use hopline_control_store::installs::mappings;
use hopline_control_store::installs::reports::Fate;
use hopline_control_store::{Scope, Tx, advertisers};
use hopline_installs::measurement::{Field, Mapping, MeasurementReport, Provider, Unusable};
use hopline_types::{AdvertiserId, GoalKind};
use serde_json::json;

use super::origin::Arrived;
use super::{Verdict, conversion, install_goal, known, offer};
use crate::BookError;
use crate::explain::rfc3339;

pub(super) fn judge(tx: &mut dyn Tx, arrived: &Arrived, keys: &KeyRing) -> Result<Verdict, BookError> {
    let Some(advertiser) = arrived.advertiser else {
        return Ok(Verdict::refused(arrived.fate(), "no_advertiser", "nobody has proved to have sent it"));
    };
    if advertisers::get(tx, Scope::All, advertiser)?.is_none() {
        let remark = format!("there is no advertiser {advertiser}");
        return Ok(Verdict::refused(arrived.fate(), "no_advertiser", remark));
    }
    let begun = Fate { advertiser: Some(advertiser), ..arrived.fate() };
    let pairs = arrived.pairs();
    let report = match mapping(tx, advertiser)?.read(&pairs) {
        Ok(report) => report,
        Err(unusable @ Unusable::NoGoal { .. }) => {
            return Ok(Verdict::kept(begun, unusable.as_str(), unusable));
        }
        Err(unusable @ Unusable::Time { .. }) => {
            return Ok(Verdict::refused(begun, unusable.as_str(), unusable));
        }
    };
    let fate = Fate {
        app: report.app.clone(),
        installed_at: report.happened_at,
        details: details(&report).to_string(),
        ..begun
    };
    let Some(click_id) = &report.click_id else {
        return Ok(Verdict::kept(fate, "no_click", "it carries no click id: nobody of ours has brought it"));
    };
    let received_at = arrived.origin.received_at;
    let claims = match keys.verify(click_id, received_at) {
        Ok(claims) => claims,
        Err(refused) => return Ok(Verdict::refused(fate, "bad_click_id", refused)),
    };
    let offer = offer(tx, claims.offer)?.filter(|offer| offer.advertiser_id == advertiser);
    let Some(offer) = offer else {
        let remark = "the click was on an offer of another advertiser";
        return Ok(Verdict::refused(fate, "foreign_click", remark));
    };
    let fate = Fate { offer: Some(offer.id), affiliate: known(tx, claims.affiliate)?, ..fate };
    let Some(goal) = report.goal.clone().or_else(|| install_goal(&offer)) else {
        let remark = format!("offer {} pays for no installs", offer.id);
        return Ok(Verdict::refused(fate, "no_goal", remark));
    };
    let is_install = offer.goals.iter().any(|known| known.key == goal && known.kind == GoalKind::Ppi);
    let at = report.happened_at.unwrap_or(received_at);
    let mut new = conversion(arrived, advertiser, offer.id, at);
    let whose = report.install_id.clone().unwrap_or_else(|| claims.unique.to_string());
    let key = if is_install {
        // One click brings one install, whoever tells of it.
        format!("measurement:{advertiser}:{goal}:{}", claims.unique)
    } else {
        // The same device may buy the same thing again.
        new.order_id = Some(format!("{whose}:{}", at.get()));
        let amount = report.amount.as_deref().unwrap_or_default();
        format!("measurement:{advertiser}:{goal}:{whose}:{}:{amount}", at.get())
    };
    new.goal = Some(goal);
    new.click_id = Some(click_id.clone());
    (new.amount, new.currency, new.customer_id) = (report.amount, report.currency, report.customer_id);
    Ok(Verdict { fate: Fate { key: Some(key), ..fate }, new: Some(new) })
}

/// The advertiser's mapping; common names where it has entered none.
fn mapping(tx: &mut dyn Tx, advertiser: AdvertiserId) -> Result<Mapping, BookError> {
    let Some(entered) = mappings::of_advertiser(tx, advertiser)? else {
        return Ok(Mapping::new(Provider::Generic, Default::default(), Default::default()));
    };
    let provider: Provider = entered.what.provider.parse().map_err(BookError::broken)?;
    let names = entered.what.names.into_iter();
    let names = names.filter_map(|(field, names)| Some((Field::from_name(&field)?, names))).collect();
    Ok(Mapping::new(provider, names, entered.what.events))
}

fn details(report: &MeasurementReport) -> serde_json::Value {
    json!({
        "click_id": report.click_id,
        "event": report.event,
        "install_id": report.install_id,
        "happened_at": report.happened_at.map(rfc3339),
        "amount": report.amount,
        "currency": report.currency,
        "customer_id": report.customer_id,
        "country": report.country,
    })
}
