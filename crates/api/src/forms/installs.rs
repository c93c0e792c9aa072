//! Bodies about installs.

#![expect(dead_code, reason = "these types are only described, never filled")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// Whose installs an ad network's campaign stands for.
#[derive(ToSchema)]
#[schema(examples(json!({
    "ad_network": "example123.skadnetwork", "app": "525463029", "source_identifier": "5239",
    "offer_id": 1, "affiliate_id": 1
})))]
pub(crate) struct InstallSourceForm {
    /// The ad network's id at Apple.
    #[schema(min_length = 1, max_length = 200, examples("example123.skadnetwork"))]
    ad_network: String,
    /// The app's number in the App Store.
    #[schema(min_length = 1, max_length = 20, pattern = "^[0-9]+$", examples("525463029"))]
    app: String,
    /// All digits that the network signs with (SKAdNetwork 4.0, AdAttributionKit). Apple may tell the last two or three of them only.
    #[schema(min_length = 2, max_length = 4, pattern = "^[0-9]{2,4}$")]
    source_identifier: Option<String>,
    /// Up to SKAdNetwork 3.0. Without both it stands for all campaigns of the app that are not entered themselves.
    #[schema(minimum = 0, maximum = 9999)]
    campaign_id: Option<i64>,
    #[schema(minimum = 1)]
    offer_id: i64,
    /// Who is paid.
    #[schema(minimum = 1)]
    affiliate_id: i64,
    /// A goal of the offer that pays for installs; the first of them where it is absent.
    #[schema(max_length = 64)]
    goal: Option<String>,
    /// Whether those who had the app before count too; they do not where it is absent.
    redownloads: Option<bool>,
}

/// What an advertiser's mobile measurement calls our fields.
#[derive(ToSchema)]
#[schema(examples(json!({
    "advertiser_id": 1, "provider": "appsflyer", "names": {"click_id": ["af_sub5"]}, "events": {"af_purchase": "sale"}
})))]
pub(crate) struct InstallMappingForm {
    /// An advertiser has one mapping; absent in an advertiser's own request.
    #[schema(minimum = 1)]
    advertiser_id: Option<i64>,
    /// Whose usual names are read.
    provider: super::MeasurementProvider,
    /// Our field (`click_id event install_id happened_at amount currency customer_id country app`) to the names that come before the usual
    /// ones. Fields of JSON messages are joined by points.
    names: Option<BTreeMap<String, Vec<String>>>,
    /// Their word for an event to a goal's key. `install` needs none: it is the offer's first goal that pays for installs.
    events: Option<BTreeMap<String, String>>,
}
