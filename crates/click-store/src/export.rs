//! Raw clicks as users get them.

use hopline_types::UnixMillis;
use serde_json::{Map, Value};

use crate::StoredClick;

/// The columns of a raw click, in order.
pub const EXPORT_COLUMNS: &[&str] = &[
    "click_id",
    "at",
    "kind",
    "link_code",
    "offer_id",
    "affiliate_id",
    "advertiser_id",
    "link_id",
    "class",
    "reason",
    "detail",
    "sub1",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "sub6",
    "sub7",
    "sub8",
    "sub9",
    "sub10",
    "source",
    "country",
    "region",
    "device",
    "os",
    "browser",
    "language",
    "referrer_host",
    "landing_page",
    "creative",
    "ext",
    "deep_link",
    "status",
    "network",
    "rule_version",
    "consent",
    "finding_id",
    "answered_class",
];

impl StoredClick {
    /// The values of [`EXPORT_COLUMNS`]; null where there is none. No pseudonym, no hash of an address.
    #[must_use]
    pub fn export(&self) -> Vec<Value> {
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let id = |id: Option<i64>| id.map_or(Value::Null, Value::from);
        let kind = if self.is_impression { "impression" } else { "click" };
        let dims = &self.dims;
        let mut values = vec![
            self.click_id().into(),
            rfc3339(self.at).into(),
            kind.into(),
            text(&self.code),
            id(self.offer.map(i64::from)),
            id(self.affiliate.map(i64::from)),
            id(self.advertiser.map(i64::from)),
            id(self.link.map(i64::from)),
            self.verdict.class.as_str().into(),
            self.verdict.reason.as_str().into(),
            text(&self.detail),
        ];
        values.extend(dims.subs.iter().map(|sub| text(sub)));
        let behind = [
            &dims.source,
            &dims.country,
            &dims.region,
            &dims.device,
            &dims.os,
            &dims.browser,
            &self.language,
            &dims.referrer_host,
            &dims.landing_page,
            &dims.creative,
            &self.ext,
            &self.deep_link,
        ];
        values.extend(behind.into_iter().map(|value| text(value)));
        values.push(self.status.into());
        values.push(if self.network == 0 { Value::Null } else { self.network.into() });
        values.push(self.rule_version.into());
        values.push(text(&self.consent));
        values.push(id(self.finding.map(i64::from)));
        // What a finding made invalid counted otherwise before.
        let answered = self.finding.and(self.answered());
        values.push(answered.map_or(Value::Null, |answered| answered.class.as_str().into()));
        values
    }

    /// The values of [`EXPORT_COLUMNS`] as cells of CSV: null is empty, and text that a spreadsheet would take for
    /// a formula is disarmed.
    #[must_use]
    pub fn export_cells(&self) -> Vec<String> {
        let cell = |value: Value| match value {
            Value::Null => String::new(),
            Value::String(text) => hopline_report::disarmed(&text).into_owned(),
            other => other.to_string(),
        };
        self.export().into_iter().map(cell).collect()
    }

    /// The click as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let names = EXPORT_COLUMNS.iter().map(|name| (*name).to_owned());
        Value::Object(names.zip(self.export()).collect::<Map<_, _>>())
    }
}

fn rfc3339(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.get()).map_or_else(|_| at.get().to_string(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hopline_record::Click;

    #[test]
    fn an_exported_click_has_a_value_for_every_column_and_shows_no_pseudonym() {
        let mut token = [0; 45];
        token[2..8].copy_from_slice(&1_774_656_000_123_i64.to_be_bytes()[2..]);
        token[11] = 5;
        token[28] = 2 + 6;
        let record =
            Click { token, visitor_key: 77, code: "abc1234".into(), country: *b"DE", ..Click::default() };
        let mut record = record;
        record.subs[9] = "ten".into();
        record.email_hash = "hash".into();
        record.source = "=1+1".into();
        let click = StoredClick::from_record(record, false).unwrap();
        let (json, cells) = (click.to_json(), click.export_cells());
        let expected = [
            ("at", "2026-03-28T00:00:00.123Z".into()),
            ("kind", "click".into()),
            ("link_code", "abc1234".into()),
            ("offer_id", 5.into()),
            ("affiliate_id", Value::Null),
            ("class", "invalid".into()),
            ("reason", "geo".into()),
            ("sub1", Value::Null),
            ("sub10", "ten".into()),
            ("country", "DE".into()),
            ("status", 0.into()),
        ];
        for (name, value) in expected {
            assert_eq!(json[name], value, "{name}");
        }
        let at = |name: &str| EXPORT_COLUMNS.iter().position(|column| *column == name).unwrap();
        assert_eq!((cells[at("source")].as_str(), cells[at("sub1")].as_str()), ("'=1+1", ""));
        assert_eq!(json["click_id"].as_str().unwrap().len(), 60);
        assert_eq!(json.as_object().unwrap().len(), EXPORT_COLUMNS.len());
        assert!(!json.to_string().contains("hash\"") && !json.to_string().contains("77"));
    }

    #[test]
    fn a_verdict_that_does_not_exist_is_refused() {
        let mut token = [0; 45];
        token[28] = 200;
        let refused = StoredClick::from_record(Click { token, ..Click::default() }, false).unwrap_err();
        assert_eq!(refused, "byte 28 of the click id is 200, which is no verdict");
    }
}
