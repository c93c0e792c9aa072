//! How a reported conversion is read.

use hopline_books::NewConversion;
use hopline_money::Decimal;
use hopline_record::RequestedStatus;
use hopline_types::{ConversionSource, SECOND_MS, UnixMillis};
use serde_json::Value;

use crate::caller::Caller;
use crate::fields::Fields;
use crate::problem::FieldProblem;

const ID_CHARS_MAX: usize = 128;
const CLICK_ID_CHARS_MAX: usize = 64;
const ADV_CHARS_MAX: usize = 256;
const ITEMS_BYTES_MAX: usize = 16 << 10;
const ADV: [&str; 10] = ["adv1", "adv2", "adv3", "adv4", "adv5", "adv6", "adv7", "adv8", "adv9", "adv10"];

/// Reads one conversion; what depends on offer and goal is judged at the intake.
pub(super) fn read(
    value: &Value,
    caller: &Caller,
    now: UnixMillis,
    event_id: String,
) -> Result<NewConversion, Vec<FieldProblem>> {
    let mut fields = Fields::at(String::new(), value);
    let click_id = text(&mut fields, "click_id", CLICK_ID_CHARS_MAX);
    let offer = fields.optional_id("offer_id");
    if click_id.is_none() && !fields.has("offer_id") && value.is_object() {
        fields.refuse("offer_id", "is missing: it is needed where there is no click_id");
    }
    let new = NewConversion {
        event_id,
        source: ConversionSource::Api,
        requested_status: status(&mut fields),
        advertiser: caller.actor.advertiser,
        offer,
        goal: goal(&mut fields),
        click_id,
        order_id: text(&mut fields, "order_id", ID_CHARS_MAX),
        amount: amount(&mut fields, "amount"),
        currency: text(&mut fields, "currency", 3),
        coupon: text(&mut fields, "coupon", ID_CHARS_MAX),
        customer_id: text(&mut fields, "customer_id", ID_CHARS_MAX),
        items: items(&mut fields),
        adv: ADV.map(|name| text(&mut fields, name, ADV_CHARS_MAX).unwrap_or_default()),
        converted_at: time(&mut fields).unwrap_or(now),
        received_at: now,
    };
    let problems = fields.close();
    if problems.is_empty() { Ok(new) } else { Err(problems) }
}

fn text(fields: &mut Fields<'_>, name: &'static str, chars_max: usize) -> Option<String> {
    fields.optional_text(name, chars_max).filter(|text| !text.is_empty())
}

fn goal(fields: &mut Fields<'_>) -> Option<String> {
    let event = text(fields, "event", ID_CHARS_MAX);
    let goal = text(fields, "goal", ID_CHARS_MAX);
    if let (Some(event), Some(goal)) = (&event, &goal)
        && event != goal
    {
        fields.refuse("goal", "is another than event, which means the same: give one of them");
    }
    event.or(goal)
}

fn status(fields: &mut Fields<'_>) -> RequestedStatus {
    match text(fields, "status", ID_CHARS_MAX).as_deref() {
        None => RequestedStatus::Unstated,
        Some("pending") => RequestedStatus::Pending,
        Some("approved") => RequestedStatus::Approved,
        Some("rejected") => RequestedStatus::Rejected,
        Some(other) => {
            fields.refuse("status", format!("{other:?} is not one of pending, approved, rejected"));
            RequestedStatus::Unstated
        }
    }
}

/// A decimal text from zero, not yet in a currency.
pub(crate) fn amount(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    if fields.value(name).is_some_and(Value::is_number) {
        fields.refuse(
            name,
            "is a JSON number: write amounts as text, such as \"49.90\", so that they stay exact",
        );
        return None;
    }
    let text = fields.optional_text(name, 64)?;
    match Decimal::parse(&text) {
        Ok(decimal) if decimal.is_negative() => {
            fields.refuse(name, format!("{text:?} is negative; give money back with a refund"));
            None
        }
        Ok(_) => Some(text),
        Err(refusal) => {
            fields.refuse(name, refusal.to_string());
            None
        }
    }
}

fn items(fields: &mut Fields<'_>) -> Option<String> {
    let value = fields.value("items")?;
    let written = value.to_string();
    if !value.is_array() {
        fields.refuse("items", "is not a list");
    } else if written.len() > ITEMS_BYTES_MAX {
        fields.refuse("items", format!("has {} bytes, at most {ITEMS_BYTES_MAX} are allowed", written.len()));
    }
    Some(written)
}

fn time(fields: &mut Fields<'_>) -> Option<UnixMillis> {
    let at = fields.optional_time("at");
    // Up to the year 9999.
    let ts = fields.optional_whole("ts", 0, 253_402_300_799);
    if at.is_some() && ts.is_some() {
        fields.refuse("ts", "is given beside at: give one of them");
    }
    at.or_else(|| ts.map(|seconds| UnixMillis(seconds * SECOND_MS)))
}
