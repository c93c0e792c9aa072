//! Apple's postbacks, whichever system they come from.

use serde_json::{Map, Value};

use crate::Refusal;

pub mod adattributionkit;
pub(crate) mod key;
pub mod skadnetwork;

/// The most characters of a text in a postback.
const TEXT_MAX: usize = 200;

/// Which system sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// SKAdNetwork.
    SkAdNetwork,
    /// AdAttributionKit.
    AdAttributionKit,
}

impl System {
    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SkAdNetwork => "skadnetwork",
            Self::AdAttributionKit => "adattributionkit",
        }
    }
}

/// What the ad network called the campaign when it signed the ad.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceName {
    /// Up to version 3.0.
    Campaign(u32),
    /// From 4.0 on: two to four digits. Fewer than four are the last ones of those signed.
    Identifier(String),
}

impl SourceName {
    /// Whether a source that is known by all its digits may be the one meant.
    #[must_use]
    pub fn may_be(&self, campaign: Option<u32>, identifier: Option<&str>) -> bool {
        match self {
            Self::Campaign(given) => campaign == Some(*given),
            Self::Identifier(given) => {
                identifier.is_some_and(|whole| !given.is_empty() && whole.ends_with(given.as_str()))
            }
        }
    }
}

impl std::fmt::Display for SourceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Campaign(number) => write!(f, "campaign {number}"),
            Self::Identifier(digits) => write!(f, "source identifier {digits}"),
        }
    }
}

/// What happened on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The app was installed for the first time.
    Download,
    /// Somebody who had the app before installed it again.
    Redownload,
    /// The app was there already and was opened again.
    Reengagement,
}

impl Kind {
    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Redownload => "redownload",
            Self::Reengagement => "re-engagement",
        }
    }
}

/// What nobody signed: shown, and good for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// 0 to 63.
    pub conversion_value: Option<u32>,
    /// `low`, `medium` or `high`.
    pub coarse_value: Option<String>,
    /// Two letters.
    pub country: Option<String>,
    /// `view` or `click`.
    pub interaction: Option<String>,
}

/// A postback whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplePostback {
    /// Which system sent it.
    pub system: System,
    /// SKAdNetwork's version; the key's name for AdAttributionKit.
    pub version: String,
    /// The ad network's id at Apple.
    pub ad_network: String,
    /// The advertised app's number in the App Store.
    pub app: String,
    /// The campaign.
    pub source: SourceName,
    /// Transaction id, or postback identifier.
    pub identity: String,
    /// Which window after the install: 0, 1 or 2.
    pub sequence: u8,
    /// Whether this ad network is the one that Apple credits. Before 3.0 only winners were told.
    pub did_win: bool,
    /// What happened.
    pub kind: Kind,
    /// The app or site that showed the ad, where told.
    pub publisher: Option<String>,
    /// Signed with one of Apple's development keys.
    pub is_test: bool,
    /// What was not signed.
    pub hints: Hints,
}

impl ApplePostback {
    /// What makes it one: it is counted once under this text, however often it is sent.
    #[must_use]
    pub fn key(&self) -> String {
        let Self { ad_network, identity, sequence, .. } = self;
        match self.system {
            System::SkAdNetwork => format!("skadnetwork:{ad_network}:{identity}:{sequence}"),
            System::AdAttributionKit => format!("adattributionkit:{identity}"),
        }
    }
}

/// A JSON object's fields, read by name.
struct Object(Map<String, Value>);

impl Object {
    fn parse(what: &'static str, bytes: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Refusal::NotJson { what, detail: "it is something else".to_owned() }),
            Err(error) => Err(Refusal::NotJson { what, detail: error.to_string() }),
        }
    }

    fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    fn text(&self, field: &'static str) -> Result<&str, Refusal> {
        let Some(text) = self.0.get(field).and_then(Value::as_str) else {
            return Err(Refusal::field(field, self.expected(field, "a text")));
        };
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > TEXT_MAX || !is_plain {
            let message = format!("{text:?} is no text of 1 to {TEXT_MAX} visible ASCII characters");
            return Err(Refusal::field(field, message));
        }
        Ok(text)
    }

    fn whole(&self, field: &'static str) -> Result<u64, Refusal> {
        let number = self.0.get(field).and_then(Value::as_u64);
        number.ok_or_else(|| Refusal::field(field, self.expected(field, "a whole number")))
    }

    fn small(&self, field: &'static str, most: u8) -> Result<u8, Refusal> {
        let number = self.whole(field)?;
        let small = u8::try_from(number).ok().filter(|small| *small <= most);
        small.ok_or_else(|| Refusal::field(field, format!("{number} is not from 0 to {most}")))
    }

    fn truth(&self, field: &'static str) -> Result<bool, Refusal> {
        let truth = self.0.get(field).and_then(Value::as_bool);
        truth.ok_or_else(|| Refusal::field(field, self.expected(field, "true or false")))
    }

    fn expected(&self, field: &str, expected: &str) -> String {
        match self.0.get(field) {
            None | Some(Value::Null) => format!("is missing, expected {expected}"),
            Some(other) => {
                let shown: String = other.to_string().chars().take(60).collect();
                format!("is {shown}, expected {expected}")
            }
        }
    }

    /// What is not signed: whatever makes no sense is left out.
    fn hints(&self, interaction: Option<String>) -> Hints {
        let word = |field: &'static str| self.text(field).ok().map(str::to_owned);
        let value = self.whole("conversion-value").ok();
        let is_country =
            |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        Hints {
            conversion_value: value.and_then(|value| u32::try_from(value).ok()).filter(|value| *value <= 63),
            coarse_value: word("coarse-conversion-value"),
            country: word("country-code").filter(is_country),
            interaction,
        }
    }

    /// Two to four digits.
    fn source_identifier(&self) -> Result<SourceName, Refusal> {
        let digits = self.text("source-identifier")?;
        let is_one = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_one {
            return Ok(SourceName::Identifier(digits.to_owned()));
        }
        Err(Refusal::field("source-identifier", format!("{digits:?} has not one to four digits")))
    }
}
