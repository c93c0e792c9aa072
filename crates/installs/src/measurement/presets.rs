//! Usual names, provider by provider. To mend one, change its line.

use super::Field;

/// Who sends the postbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Whoever: our names, and the commonest others.
    Generic,
    /// AppsFlyer: postback macros and Push API.
    Appsflyer,
    /// Adjust: callback placeholders.
    Adjust,
    /// Branch: postback macros and webhooks.
    Branch,
    /// Kochava: postback macros.
    Kochava,
    /// Singular: postback macros.
    Singular,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Generic, Self::Appsflyer, Self::Adjust, Self::Branch, Self::Kochava, Self::Singular];

    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Appsflyer => "appsflyer",
            Self::Adjust => "adjust",
            Self::Branch => "branch",
            Self::Kochava => "kochava",
            Self::Singular => "singular",
        }
    }

    /// Its names for one of our fields, the likeliest first.
    pub(super) const fn names(self, field: Field) -> &'static [&'static str] {
        match self {
            Self::Generic => generic(field),
            Self::Appsflyer => appsflyer(field),
            Self::Adjust => adjust(field),
            Self::Branch => branch(field),
            Self::Kochava => kochava(field),
            Self::Singular => singular(field),
        }
    }
}

impl std::str::FromStr for Provider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text).ok_or_else(|| {
            let words = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is not one of {words}")
        })
    }
}

const fn generic(field: Field) -> &'static [&'static str] {
    match field {
        Field::ClickId => &["hl_click", "clickid", "click", "subid"],
        Field::Event => &["event_name", "goal"],
        Field::InstallId => &["order_id", "transaction_id", "device_id"],
        Field::HappenedAt => &["ts", "installed_at", "install_time", "event_time"],
        Field::Amount => &["revenue", "event_revenue"],
        Field::Currency => &["event_revenue_currency"],
        Field::CustomerId => &["customer_user_id", "user_id"],
        Field::Country => &["country_code"],
        Field::App => &["app_id", "bundle_id"],
    }
}

const fn appsflyer(field: Field) -> &'static [&'static str] {
    match field {
        Field::ClickId => &["clickid", "af_sub1"],
        Field::Event => &["event_name", "event-name"],
        Field::InstallId => &["appsflyer_id", "appsflyer-device-id"],
        Field::HappenedAt => &["event_time", "install_time", "install-ts", "timestamp"],
        Field::Amount => &["event_revenue", "event-revenue"],
        Field::Currency => &["event_revenue_currency", "event-revenue-currency"],
        Field::CustomerId => &["customer_user_id", "customer-user-id"],
        Field::Country => &["country_code", "country-code"],
        Field::App => &["app_id", "app-id", "bundle_id"],
    }
}

const fn adjust(field: Field) -> &'static [&'static str] {
    match field {
        Field::ClickId => &["label", "clickid"],
        Field::Event => &["event_name", "activity_kind"],
        Field::InstallId => &["adid", "gps_adid", "idfa"],
        Field::HappenedAt => &["created_at", "installed_at", "install_begin_time"],
        Field::Amount => &["revenue_float", "revenue"],
        Field::Currency => &["currency"],
        Field::CustomerId => &["user_id"],
        Field::Country => &["country"],
        Field::App => &["app_id", "app_name"],
    }
}

const fn branch(field: Field) -> &'static [&'static str] {
    match field {
        Field::ClickId => &[
            "clickid",
            "last_attributed_touch_data.click_id",
            "last_attributed_touch_data.~click_id",
            "last_attributed_touch_data.hl_click",
        ],
        Field::Event => &["customer_event_alias", "name"],
        Field::InstallId => &["user_data.aaid", "user_data.idfa", "user_data.idfv", "id"],
        Field::HappenedAt => &["event_timestamp", "timestamp"],
        Field::Amount => &["event_data.revenue"],
        Field::Currency => &["event_data.currency"],
        Field::CustomerId => &["user_data.developer_identity"],
        Field::Country => &["user_data.geo_country_code"],
        Field::App => &["user_data.app_store", "organization_name"],
    }
}

const fn kochava(field: Field) -> &'static [&'static str] {
    match field {
        Field::ClickId => &["click_id", "clickid"],
        Field::Event => &["event_name"],
        Field::InstallId => &["kochava_device_id", "device_id", "install_id"],
        Field::HappenedAt => &["date_occurred", "install_date", "event_timestamp"],
        Field::Amount => &["purchase_event_sum", "revenue"],
        Field::Currency => &["purchase_event_currency"],
        Field::CustomerId => &["identity_link"],
        Field::Country => &["country_code", "install_country_code"],
        Field::App => &["app_guid", "app_name"],
    }
}

const fn singular(field: Field) -> &'static [&'static str] {
    match field {
        Field::ClickId => &["cl", "clickid"],
        Field::Event => &["event_name", "evtname"],
        Field::InstallId => &["singular_device_id", "aifa", "idfa", "idfv"],
        Field::HappenedAt => &["install_utc_timestamp", "event_utc_timestamp", "utc"],
        Field::Amount => &["event_revenue", "amount"],
        Field::Currency => &["event_currency", "currency"],
        Field::CustomerId => &["user_id", "custom_user_id"],
        Field::Country => &["country"],
        Field::App => &["app_id", "app_longname"],
    }
}
