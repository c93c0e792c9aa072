//! How a report came in, and what is kept of that.

use hopline_control_store::installs::reports::{Fate, Install, Origin};
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{AdvertiserId, InstallState};
use serde_json::{Value, json};

use crate::BookError;

/// A report to be judged.
pub(super) struct Arrived {
    pub(super) origin: Origin,
    /// Who has proved to be its sender.
    pub(super) advertiser: Option<AdvertiserId>,
    pub(super) click_id: String,
    pub(super) requested_status: RequestedStatus,
}

impl Arrived {
    pub(super) fn of_event(event_id: &str, event: &ConversionEvent) -> Self {
        let kept = json!({
            "advertiser_id": event.advertiser,
            "click_id": event.click_id,
            "requested_status": event.requested_status.code(),
        });
        let origin = Origin {
            event_id: event_id.to_owned(),
            source: event.source,
            report: event.report(),
            event: kept.to_string(),
            received_at: event.received_at,
        };
        Self {
            origin,
            advertiser: AdvertiserId::new(event.advertiser.into()).ok(),
            click_id: event.click_id.clone(),
            requested_status: event.requested_status,
        }
    }

    pub(super) fn of_kept(install: &Install) -> Result<Self, BookError> {
        let id = install.id;
        let broken = |what: &str| BookError::broken(format!("install {id} was kept without {what}"));
        let event: Value = serde_json::from_str(&install.origin.event).map_err(|_| broken("its event"))?;
        let number = |field: &str| event[field].as_i64().ok_or_else(|| broken(field));
        let status = u8::try_from(number("requested_status")?).ok().and_then(RequestedStatus::from_code);
        Ok(Self {
            origin: install.origin.clone(),
            advertiser: AdvertiserId::new(number("advertiser_id")?).ok(),
            click_id: event["click_id"].as_str().unwrap_or_default().to_owned(),
            requested_status: status.ok_or_else(|| broken("its status"))?,
        })
    }

    /// What is known before it is read.
    pub(super) fn fate(&self) -> Fate {
        Fate {
            key: None,
            state: InstallState::Refused,
            reason: None,
            remark: None,
            ad_network: None,
            app: None,
            campaign: None,
            advertiser: None,
            offer: None,
            affiliate: None,
            conversion: None,
            installed_at: None,
            details: "{}".to_owned(),
        }
    }

    /// The report as pairs, where it was kept as an object of texts; without control characters, which no store need take.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let report: Value = serde_json::from_str(&self.origin.report).unwrap_or_default();
        let fields = report.as_object().into_iter().flatten();
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
        fields.filter_map(|(name, value)| Some((name.clone(), plain(value.as_str()?)))).collect()
    }
}
