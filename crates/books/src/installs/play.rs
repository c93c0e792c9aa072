//! Play's referrer: our click, and when Google saw click and install.

use hopline_clickid::KeyRing;
use hopline_control_store::Tx;
use hopline_control_store::installs::reports::Fate;
use hopline_installs::play::PlayReport;
use hopline_types::UnixMillis;
use serde_json::json;

use super::origin::Arrived;
use super::{Verdict, conversion, install_goal, known, offer};
use crate::BookError;
use crate::explain::rfc3339;

pub(super) fn judge(tx: &mut dyn Tx, arrived: &Arrived, keys: &KeyRing) -> Result<Verdict, BookError> {
    let received_at = arrived.origin.received_at;
    let pairs = arrived.pairs();
    let read = PlayReport::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())), &[]);
    let report = match read {
        Ok(report) => report,
        Err(errors) => {
            let told = errors.iter().map(|(field, message)| format!("{field}: {message}"));
            let remark = told.collect::<Vec<_>>().join("; ");
            return Ok(Verdict::refused(arrived.fate(), "bad_field", remark));
        }
    };
    let time = |at: Option<UnixMillis>| at.map(rfc3339);
    let fate = Fate {
        app: Some(report.app.clone()).filter(|app| !app.is_empty()),
        installed_at: report.began_at,
        details: json!({
            "click_id": arrived.click_id,
            "referrer": report.referrer,
            "version": report.version,
            "clicked_at": time(report.clicked_at),
            "began_at": time(report.began_at),
            "device": {"clicked_at": time(report.device_clicked_at), "began_at": time(report.device_began_at)},
            "instant": report.instant,
        })
        .to_string(),
        ..arrived.fate()
    };
    let claims = match keys.verify(&arrived.click_id, received_at) {
        Ok(claims) => claims,
        Err(refused) => return Ok(Verdict::refused(fate, "bad_click_id", refused)),
    };
    let Some(offer) = offer(tx, claims.offer)? else {
        let remark = format!("there is no offer {}", claims.offer);
        return Ok(Verdict::refused(fate, "bad_click_id", remark));
    };
    let fate = Fate {
        key: Some(format!("play:{}", claims.unique)),
        advertiser: Some(offer.advertiser_id),
        offer: Some(offer.id),
        affiliate: known(tx, claims.affiliate)?,
        ..fate
    };
    let at = match report.judge(claims.at, received_at) {
        Ok(at) => at,
        Err(doubt) => return Ok(Verdict::refused(fate, doubt.as_str(), doubt)),
    };
    let Some(goal) = install_goal(&offer) else {
        let remark = format!("offer {} pays for no installs", offer.id);
        return Ok(Verdict::refused(fate, "no_goal", remark));
    };
    let mut new = conversion(arrived, offer.advertiser_id, offer.id, at);
    new.goal = Some(goal);
    new.click_id = Some(arrived.click_id.clone());
    Ok(Verdict { fate: Fate { installed_at: Some(at), ..fate }, new: Some(new) })
}
