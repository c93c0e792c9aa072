//! Which clicks among many.

use serde::{Deserialize, Serialize};

/// What clicks must equal, each part exactly; what is absent chooses nothing. Empty text means clicks without one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickFilter {
    /// The affiliate's traffic source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The first of the affiliate's own labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub1: Option<String>,
    /// Host of the page that carried the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer_host: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Number of the network (autonomous system); 0 where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<u32>,
}

impl ClickFilter {
    /// Whether it chooses nothing: all clicks pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_written_as_what_it_asks_for_and_reads_back() {
        let all = ClickFilter::default();
        assert!(all.is_empty());
        assert_eq!(serde_json::to_string(&all).unwrap(), "{}");
        let some = ClickFilter { source: Some(String::new()), network: Some(64_496), ..all };
        assert!(!some.is_empty());
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"{"source":"","network":64496}"#);
        assert_eq!(serde_json::from_str::<ClickFilter>(&text).unwrap(), some);
        assert!(serde_json::from_str::<ClickFilter>(r#"{"sub2":"x"}"#).is_err());
    }
}
