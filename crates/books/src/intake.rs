//! Taking events in: each once, whatever is sent again.
//!
//! What makes a conversion one is its natural key within (advertiser, goal): the order id; without one, for leads and
//! installs, the click id; else the report itself. A further report with the same key is a repeat: it changes nothing
//! but a count, and what differs in it is told and kept. Every report counts once, however often it is sent.

use hopline_clickid::KeyRing;
use hopline_control_store::conversions::{self, Conversion, InsertConversion, RefusedEvent};
use hopline_control_store::{Tx, click_keys};
use hopline_money::Amount;
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{AdvertiserId, CommissionStatus, ConversionId, ConversionSource, OfferId, UnixMillis};

use crate::{BookError, FieldError};

mod resolve;

/// A conversion as reported, from the edge or by the API. Empty texts count as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConversion {
    /// Names the report: the same id again is the same report, and changes nothing.
    pub event_id: String,
    /// How it came in.
    pub source: ConversionSource,
    /// What the advertiser asks for.
    pub requested_status: RequestedStatus,
    /// Who reports it, as proved; none for an operator: then it is the offer's.
    pub advertiser: Option<AdvertiserId>,
    /// The offer; none: from the click id, else the advertiser's only offer.
    pub offer: Option<OfferId>,
    /// The goal's key; none: the offer's first goal.
    pub goal: Option<String>,
    /// The click id as sent.
    pub click_id: Option<String>,
    /// The advertiser's order id.
    pub order_id: Option<String>,
    /// Decimal amount of the order.
    pub amount: Option<String>,
    /// ISO 4217 code; none: the offer's.
    pub currency: Option<String>,
    /// Coupon code.
    pub coupon: Option<String>,
    /// The advertiser's id of its customer.
    pub customer_id: Option<String>,
    /// Line items, JSON.
    pub items: Option<String>,
    /// `adv1` to `adv10`.
    pub adv: [String; 10],
    /// When it happened.
    pub converted_at: UnixMillis,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// A field in which a repeated report differs from the first one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What was reported first, and counts.
    pub first: String,
    /// What was reported now, and changes nothing.
    pub now: String,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intake {
    /// It is written down (now, or by the same report before).
    Taken {
        /// The conversion.
        conversion: ConversionId,
    },
    /// The same conversion was reported before; nothing changed but the count of repeats.
    Repeat {
        /// The conversion.
        conversion: ConversionId,
        /// In what this report differs from the first.
        differences: Vec<Difference>,
    },
    /// It cannot be taken in.
    Refused {
        /// All that is wrong with it.
        errors: Vec<FieldError>,
    },
}

/// Takes a reported conversion in, undecided. The same `event_id` again answers as if new.
///
/// # Errors
/// The store fails. What is wrong with the report itself comes back as [`Intake::Refused`].
pub fn intake(
    tx: &mut dyn Tx,
    new: &NewConversion,
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Intake, BookError> {
    if let Some(known) = conversions::find_by_event(tx, &new.event_id)? {
        return Ok(Intake::Taken { conversion: known.id });
    }
    let insert = match resolve::resolve(tx, new, keys, now)? {
        Ok(insert) => insert,
        Err(errors) => return Ok(Intake::Refused { errors }),
    };
    let known = conversions::find_by_idempotency(tx, insert.advertiser, insert.goal, &insert.idempotency)?;
    if let Some(first) = known {
        let differences = differences(&first, &insert);
        let told = serde_json::to_string(&differences)
            .map_err(|error| BookError::broken(format!("differences of a repeat: {error}")))?;
        conversions::count_repeat(tx, first.id, &new.event_id, &told, now)?;
        return Ok(Intake::Repeat { conversion: first.id, differences });
    }
    Ok(Intake::Taken { conversion: conversions::insert(tx, &insert)? })
}

fn differences(first: &Conversion, now: &InsertConversion) -> Vec<Difference> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let decimal = |amount: Option<Amount>| amount.map(Amount::to_decimal).unwrap_or_default();
    let status = |status: Option<CommissionStatus>| status.map_or("", CommissionStatus::as_str).to_owned();
    let fields = [
        ("offer_id", first.offer.to_string(), now.offer.to_string()),
        ("amount", decimal(first.amount), decimal(now.amount.map(|minor| Amount::new(minor, now.currency)))),
        ("status", status(first.requested_status), status(now.requested_status)),
        ("click_id", text(&first.click_id), text(&now.click_id)),
        ("coupon", text(&first.coupon), text(&now.coupon)),
        ("customer_id", text(&first.customer_id), text(&now.customer_id)),
        ("items", text(&first.items), text(&now.items)),
    ];
    let differ = fields.into_iter().filter(|(_, first, now)| first != now);
    differ.map(|(field, first, now)| Difference { field: field.to_owned(), first, now }).collect()
}

/// Takes an event of the edge in. What cannot be taken in is kept with the reason, so that the stream goes on.
///
/// # Errors
/// The store fails; an installation without click keys, which no event can come from.
pub fn intake_event(
    tx: &mut dyn Tx,
    event_id: &str,
    event: &ConversionEvent,
    now: UnixMillis,
) -> Result<Intake, BookError> {
    let keys = click_keys::ring(tx)?.ok_or_else(|| BookError::broken("there are no click keys"))?;
    let taken = intake(tx, &NewConversion::of_event(event_id, event), &keys, now)?;
    if let Intake::Refused { errors } = &taken {
        let refused = RefusedEvent {
            event_id: event_id.to_owned(),
            received_at: event.received_at,
            reason: BookError::Invalid(errors.clone()).to_string(),
            event: event_json(event).to_string(),
        };
        conversions::keep_refused(tx, &refused)?;
    }
    Ok(taken)
}

impl NewConversion {
    /// The report that an event of the edge is.
    #[must_use]
    pub fn of_event(event_id: &str, event: &ConversionEvent) -> Self {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Self {
            event_id: event_id.to_owned(),
            source: event.source,
            requested_status: event.requested_status,
            advertiser: AdvertiserId::new(event.advertiser.into()).ok(),
            offer: OfferId::new(event.offer.into()).ok(),
            goal: text(&event.event),
            click_id: text(&event.click_id),
            order_id: text(&event.order_id),
            amount: text(&event.amount),
            currency: text(&event.currency),
            coupon: text(&event.coupon),
            customer_id: text(&event.customer_id),
            items: text(&event.items),
            adv: event.adv.clone(),
            converted_at: event.at,
            received_at: event.received_at,
        }
    }
}

fn event_json(event: &ConversionEvent) -> serde_json::Value {
    serde_json::json!({
        "source": event.source,
        "requested_status": resolve::requested(event.requested_status),
        "advertiser_id": event.advertiser,
        "offer_id": event.offer,
        "received_at": event.received_at,
        "at": event.at,
        "click_id": event.click_id,
        "event": event.event,
        "order_id": event.order_id,
        "amount": event.amount,
        "currency": event.currency,
        "coupon": event.coupon,
        "customer_id": event.customer_id,
        "items": event.items,
        "adv": event.adv,
    })
}
