//! Caps in the reasoning: what was asked of each, and who may read it.
//!
//! Operators see all caps that were asked, advertisers those that tell nothing of what affiliates get, affiliates none:
//! only that a cap was reached, where their own conversion was rejected for it.

use hopline_catalogue::data::{CapMetric, CapPeriod};
use hopline_money::{Amount, Currency};
use serde_json::{Map, Value, json};

use super::{Part, Room, Sum, takings};
use crate::explain::rfc3339;

/// Where the decision has them.
const KEY: &str = "caps";
const REACHED: &str = "reached";

impl Room {
    /// What each cap said to parts; none where there are no caps.
    pub(crate) fn explain(&self, decision: &mut Value, parts: &[Part], currency: Currency) {
        if !self.sums.is_empty() {
            decision[KEY] = self.sums.iter().map(|sum| sum.json(parts, currency)).collect();
        }
    }

    /// The caps that refuse them, in words.
    pub(crate) fn refusal(&self, parts: &[Part], currency: Currency) -> String {
        let refusing = self.sums.iter().filter(|sum| sum.refuses(parts));
        refusing.map(|sum| sum.words(parts, currency)).collect::<Vec<_>>().join("; ")
    }
}

impl Sum {
    fn json(&self, parts: &[Part], currency: Currency) -> Value {
        let shown = |number| match self.cap.metric {
            CapMetric::Revenue | CapMetric::Payout => json!(Amount::new(number, currency)),
            CapMetric::Clicks | CapMetric::Conversions => json!(number),
        };
        let outcome = match (self.is_overruled, self.refuses(parts)) {
            (true, _) => "overruled",
            (false, true) => REACHED,
            (false, false) => "passed",
        };
        json!({
            "cap_id": self.cap.id,
            "affiliate_id": self.whose,
            "metric": self.cap.metric,
            "period": self.cap.period,
            "zone": self.cap.zone,
            "from": self.span.end.map(|_| rfc3339(self.span.start)),
            "until": self.span.end.map(rfc3339),
            "amount": shown(self.cap.amount),
            "taken_before": shown(self.taken),
            "adds": shown(self.adds(parts)),
            "outcome": outcome,
        })
    }

    fn words(&self, parts: &[Part], currency: Currency) -> String {
        let shown = |number: i64| match self.cap.metric {
            CapMetric::Clicks => format!("{number} clicks"),
            CapMetric::Conversions => format!("{number} conversions"),
            CapMetric::Revenue => format!("{} revenue", Amount::new(number, currency)),
            CapMetric::Payout => format!("{} payout", Amount::new(number, currency)),
        };
        let period = match self.cap.period {
            CapPeriod::Day => "a day",
            CapPeriod::Week => "a week",
            CapPeriod::Month => "a month",
            CapPeriod::Total => "in all",
        };
        let since =
            self.span.end.map_or_else(String::new, |_| format!(" since {}", rfc3339(self.span.start)));
        let whose = self.whose.map_or_else(String::new, |affiliate| format!(" for affiliate {affiliate}"));
        format!(
            "the cap of {} {period}{whose} has no room: {} taken{since}, {} more would be too much",
            shown(self.cap.amount),
            shown(self.taken),
            shown(self.adds(parts))
        )
    }
}

/// Takes out of a decision what its reader may not see of caps.
pub(crate) fn hide(decision: &mut Map<String, Value>, sees_revenue: bool, sees_payout: bool) {
    decision.remove(takings::KEY);
    if sees_revenue && sees_payout {
        return;
    }
    let Some(caps) = decision.get_mut(KEY).and_then(Value::as_array_mut) else { return };
    let is_visible = |cap: &Value| sees_revenue && cap["metric"] != "payout";
    let tells_too_much = caps.iter().any(|cap| cap["outcome"] == REACHED && !is_visible(cap));
    caps.retain(is_visible);
    if caps.is_empty() {
        decision.remove(KEY);
    }
    if tells_too_much {
        decision.insert("reason".to_owned(), json!("cap reached"));
    }
}
