//! Postbacks of mobile measurement companies: their names for our fields.
//!
//! Each of them lets its customer write the postback's URL, or sends a message with names of its own; what a name means is
//! therefore a setting of the advertiser. A [`Mapping`] starts from a [`Provider`]'s usual names; whatever is entered beside it
//! comes first. JSON messages are flattened: `{"data":{"id":1}}` is `data.id`.
//!
//! The presets are what the companies document for their macros and messages, and a starting point: a URL that names our own
//! fields (`click_id`, `event`, `install_id`, …) needs no mapping at all.

mod presets;

use std::collections::BTreeMap;

use hopline_types::UnixMillis;
use serde_json::Value;

use crate::time;

pub use presets::Provider;

/// Levels of a JSON message that are looked into.
const DEPTH_MAX: usize = 8;
/// Values that say that there is none, as macros are left or filled.
const NOTHING: [&str; 6] = ["", "null", "none", "undefined", "N/A", "(null)"];

/// What we need of a postback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Our click id, handed back.
    ClickId,
    /// What happened, in their words.
    Event,
    /// Their id of the install or device: what makes a repeat known.
    InstallId,
    /// When it was installed, or the event happened.
    HappenedAt,
    /// The amount of a purchase.
    Amount,
    /// Its currency.
    Currency,
    /// The advertiser's id of the customer.
    CustomerId,
    /// Two letters.
    Country,
    /// The app.
    App,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ClickId,
        Self::Event,
        Self::InstallId,
        Self::HappenedAt,
        Self::Amount,
        Self::Currency,
        Self::CustomerId,
        Self::Country,
        Self::App,
    ];

    /// Our name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClickId => "click_id",
            Self::Event => "event",
            Self::InstallId => "install_id",
            Self::HappenedAt => "happened_at",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::CustomerId => "customer_id",
            Self::Country => "country",
            Self::App => "app",
        }
    }

    /// Reads our name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

/// How an advertiser's postbacks are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    provider: Provider,
    names: BTreeMap<Field, Vec<String>>,
    events: BTreeMap<String, String>,
}

/// A postback in our words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeasurementReport {
    /// Our click id.
    pub click_id: Option<String>,
    /// Their word for what happened.
    pub event: Option<String>,
    /// The goal's key that this word stands for; none: the offer's install.
    pub goal: Option<String>,
    /// Their id of the install.
    pub install_id: Option<String>,
    /// When it happened.
    pub happened_at: Option<UnixMillis>,
    /// A decimal.
    pub amount: Option<String>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// The advertiser's id of the customer.
    pub customer_id: Option<String>,
    /// Two letters.
    pub country: Option<String>,
    /// The app.
    pub app: Option<String>,
}

/// Why a postback says nothing that could count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is no goal for this event.
    #[error("event {event:?} is mapped to no goal")]
    NoGoal {
        /// Their word.
        event: String,
    },
    /// A time that cannot be read.
    #[error("{name} is {text:?}, which is no time")]
    Time {
        /// Their name.
        name: String,
        /// What was sent.
        text: String,
    },
}

impl Unusable {
    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoGoal { .. } => "event_without_goal",
            Self::Time { .. } => "bad_time",
        }
    }
}

impl Mapping {
    /// The provider's usual names, with others before them, and goals for their words of events.
    #[must_use]
    pub const fn new(
        provider: Provider,
        names: BTreeMap<Field, Vec<String>>,
        events: BTreeMap<String, String>,
    ) -> Self {
        Self { provider, names, events }
    }

    /// Reads a postback's pairs. The first value that is one counts, in the order: names entered, the provider's, ours.
    ///
    /// # Errors
    /// What cannot count.
    pub fn read(&self, pairs: &[(String, String)]) -> Result<MeasurementReport, Unusable> {
        let text = |field| self.value(pairs, field).map(|(_, value)| value.to_owned());
        let event = text(Field::Event);
        let goal = match &event {
            None => None,
            Some(event) => self.goal(event)?,
        };
        let happened_at = match self.value(pairs, Field::HappenedAt) {
            None => None,
            Some((name, value)) => Some(time::read(value).ok_or_else(|| Unusable::Time {
                name: name.to_owned(),
                text: value.chars().take(60).collect(),
            })?),
        };
        Ok(MeasurementReport {
            click_id: text(Field::ClickId),
            event,
            goal,
            install_id: text(Field::InstallId),
            happened_at,
            amount: text(Field::Amount),
            currency: text(Field::Currency).map(|currency| currency.to_ascii_uppercase()),
            customer_id: text(Field::CustomerId),
            country: text(Field::Country).map(|country| country.to_ascii_uppercase()),
            app: text(Field::App),
        })
    }

    /// The goal of an event; none for the install itself.
    fn goal(&self, event: &str) -> Result<Option<String>, Unusable> {
        if let Some(goal) = self.events.get(event) {
            return Ok(Some(goal.clone()));
        }
        let is_install =
            ["install", "installs", "app_install"].iter().any(|word| event.eq_ignore_ascii_case(word));
        if is_install { Ok(None) } else { Err(Unusable::NoGoal { event: event.chars().take(100).collect() }) }
    }

    fn value<'a>(&'a self, pairs: &'a [(String, String)], field: Field) -> Option<(&'a str, &'a str)> {
        let entered = self.names.get(&field).into_iter().flatten().map(String::as_str);
        let usual = self.provider.names(field).iter().copied().chain([field.as_str()]);
        entered.chain(usual).find_map(|name| {
            let (_, value) = pairs.iter().find(|(given, value)| given == name && is_something(value))?;
            Some((name, value.trim()))
        })
    }
}

/// Whether a value is one, and no macro that was left in its place.
fn is_something(value: &str) -> bool {
    let value = value.trim();
    let is_macro =
        ["{", "${", "[", "("].iter().any(|open| value.starts_with(open)) && value.ends_with(['}', ']', ')']);
    !is_macro && !NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(value))
}

/// A JSON message as pairs: names of nested fields joined by points, places in lists as numbers. What is empty is left out.
#[must_use]
pub fn flatten(message: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    flatten_into(message, String::new(), DEPTH_MAX, &mut pairs);
    pairs
}

fn flatten_into(value: &Value, name: String, depth: usize, pairs: &mut Vec<(String, String)>) {
    let inner = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Null => (),
        Value::Bool(truth) => pairs.push((name, truth.to_string())),
        Value::Number(number) => pairs.push((name, number.to_string())),
        Value::String(text) if text.is_empty() => (),
        Value::String(text) => pairs.push((name, text.clone())),
        Value::Array(_) | Value::Object(_) if depth == 0 => (),
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                flatten_into(value, inner(&place.to_string()), depth - 1, pairs);
            }
        }
        Value::Object(fields) => {
            for (part, value) in fields {
                flatten_into(value, inner(part), depth - 1, pairs);
            }
        }
    }
}
