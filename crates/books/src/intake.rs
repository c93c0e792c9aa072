//! Taking events in: each once, whatever is sent again.
//!
//! What makes a conversion one is its natural key within (advertiser, goal): the order id; without one, for leads and
//! installs, the click id; else the report itself. A further report with the same key is a repeat: it changes nothing
//! but a count, and what differs in it is told and kept. Every report counts once, however often it is sent.

use std::collections::HashMap;

use hopline_clickid::KeyRing;
use hopline_control_store::conversions::{self, Conversion, InsertConversion, NewRepeat, RefusedEvent};
use hopline_control_store::{Tx, click_keys};
use hopline_money::Amount;
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{
    AdvertiserId, CommissionStatus, ConversionId, ConversionSource, GoalId, InstallId, OfferId, UnixMillis,
};

use crate::{BookError, FieldError, installs};

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
    /// A report of an install that is no conversion, or not yet.
    Kept {
        /// The report.
        install: InstallId,
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
    let taken = intake_many(tx, &[new], keys, now)?.pop();
    taken.ok_or_else(|| BookError::broken("a report was given and not taken in"))
}

/// Takes reported conversions in, as if one after the other in this order, by about as many statements as for one.
///
/// # Errors
/// The store fails; with a conflict where somebody else has taken one of them in meanwhile: ask again.
pub fn intake_many(
    tx: &mut dyn Tx,
    new: &[&NewConversion],
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Vec<Intake>, BookError> {
    let events: Vec<&str> = new.iter().map(|new| new.event_id.as_str()).collect();
    let known = conversions::find_by_events(tx, &events)?;
    let fresh: Vec<&NewConversion> =
        new.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(new, _)| *new).collect();
    let resolved = resolve::resolve_many(tx, &fresh, keys, now)?;
    let stored = stored_under(tx, &resolved)?;

    let mut fates: Vec<Fate> = Vec::with_capacity(new.len());
    let mut batch = Batch::default();
    let mut resolved = resolved.into_iter().zip(stored);
    for (new, known) in new.iter().zip(known) {
        let fate = match known {
            Some(known) => Fate::Taken(known.id),
            None => {
                let (resolved, stored) =
                    resolved.next().ok_or_else(|| BookError::broken("a report was not resolved"))?;
                batch.fate(&new.event_id, resolved, stored)
            }
        };
        fates.push(fate);
    }
    let ids = conversions::insert_many(tx, &batch.inserts)?;
    let mut repeats = Vec::new();
    let mut answers: Vec<Intake> = Vec::with_capacity(fates.len());
    for (new, fate) in new.iter().zip(fates) {
        let id_of = |place: usize| {
            ids.get(place).copied().ok_or_else(|| BookError::broken("a conversion was not written"))
        };
        let answer = match fate {
            Fate::Taken(conversion) => Intake::Taken { conversion },
            Fate::New(place) => Intake::Taken { conversion: id_of(place)? },
            Fate::Refused(errors) => Intake::Refused { errors },
            Fate::Repeat(conversion, differences) => Intake::Repeat { conversion, differences },
            Fate::RepeatOf(place, differences) => Intake::Repeat { conversion: id_of(place)?, differences },
        };
        if let Intake::Repeat { conversion, differences } = &answer {
            let differences = serde_json::to_string(differences)
                .map_err(|error| BookError::broken(format!("differences of a repeat: {error}")))?;
            let event_id = new.event_id.clone();
            repeats.push(NewRepeat { conversion: *conversion, event_id, differences });
        }
        answers.push(answer);
    }
    conversions::count_repeats(tx, &repeats, now)?;
    Ok(answers)
}

/// What becomes of a report.
enum Fate {
    /// It is written down already.
    Taken(ConversionId),
    /// It is the conversion to insert in this place, or that one's report once more.
    New(usize),
    /// It reports a stored conversion again.
    Repeat(ConversionId, Vec<Difference>),
    /// It reports again what is to be inserted in this place.
    RepeatOf(usize, Vec<Difference>),
    Refused(Vec<FieldError>),
}

/// What makes a conversion one.
type NaturalKey = (AdvertiserId, GoalId, String);

/// What reports before this one in a batch have come to.
#[derive(Default)]
struct Batch<'a> {
    inserts: Vec<InsertConversion>,
    /// By the report that each was made of.
    by_event: HashMap<&'a str, usize>,
    by_key: HashMap<NaturalKey, usize>,
}

impl<'a> Batch<'a> {
    fn fate(&mut self, event: &'a str, resolved: resolve::Resolved, stored: Option<Conversion>) -> Fate {
        if let Some(place) = self.by_event.get(event) {
            return Fate::New(*place);
        }
        let insert = match resolved {
            Ok(insert) => insert,
            Err(errors) => return Fate::Refused(errors),
        };
        if let Some(first) = stored {
            return Fate::Repeat(first.id, differences(&Report::stored(&first), &Report::new(&insert)));
        }
        let key = (insert.advertiser, insert.goal, insert.idempotency.clone());
        let next = self.inserts.len();
        let place = *self.by_key.entry(key).or_insert(next);
        if let Some(first) = self.inserts.get(place) {
            return Fate::RepeatOf(place, differences(&Report::new(first), &Report::new(&insert)));
        }
        self.by_event.insert(event, place);
        self.inserts.push(insert);
        Fate::New(place)
    }
}

/// What is stored under the natural keys of reports that can be taken in.
fn stored_under(
    tx: &mut dyn Tx,
    resolved: &[resolve::Resolved],
) -> Result<Vec<Option<Conversion>>, BookError> {
    let keys: Vec<_> = resolved
        .iter()
        .flatten()
        .map(|insert| (insert.advertiser, insert.goal, insert.idempotency.as_str()))
        .collect();
    let mut found = conversions::find_by_idempotencies(tx, &keys)?.into_iter();
    let stored = |resolved: &resolve::Resolved| resolved.as_ref().ok().and_then(|_| found.next().flatten());
    Ok(resolved.iter().map(stored).collect())
}

/// What two reports of one conversion are compared in.
struct Report<'a> {
    offer: OfferId,
    /// As reported.
    amount: Option<Amount>,
    status: Option<CommissionStatus>,
    /// Click id, coupon, customer, items.
    texts: [&'a Option<String>; 4],
}

impl<'a> Report<'a> {
    fn stored(stored: &'a Conversion) -> Self {
        let Conversion { offer, requested_status: status, .. } = *stored;
        let amount = stored.ordered();
        let texts = [&stored.click_id, &stored.coupon, &stored.customer_id, &stored.items];
        Self { offer, amount, status, texts }
    }

    fn new(new: &'a InsertConversion) -> Self {
        let amount = new.order.or_else(|| new.amount.map(|minor| Amount::new(minor, new.currency)));
        let texts = [&new.click_id, &new.coupon, &new.customer_id, &new.items];
        Self { offer: new.offer, amount, status: new.requested_status, texts }
    }

    fn fields(&self) -> [(&'static str, String); 8] {
        let [click_id, coupon, customer_id, items] =
            self.texts.map(|text| text.as_deref().unwrap_or_default().to_owned());
        let amount = self.amount.map(Amount::to_decimal).unwrap_or_default();
        let currency = self.amount.map(|amount| amount.currency.code().to_owned()).unwrap_or_default();
        let status = self.status.map_or("", CommissionStatus::as_str).to_owned();
        [
            ("offer_id", self.offer.to_string()),
            ("amount", amount),
            ("currency", currency),
            ("status", status),
            ("click_id", click_id),
            ("coupon", coupon),
            ("customer_id", customer_id),
            ("items", items),
        ]
    }
}

fn differences(first: &Report<'_>, now: &Report<'_>) -> Vec<Difference> {
    let both = first.fields().into_iter().zip(now.fields());
    let differ = both.filter(|((_, first), (_, now))| first != now);
    differ.map(|((field, first), (_, now))| Difference { field: field.to_owned(), first, now }).collect()
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
    let taken = intake_events(tx, &[(event_id.to_owned(), event.clone())], now)?.pop();
    taken.ok_or_else(|| BookError::broken("an event was given and not taken in"))
}

/// Takes events of the edge in, each under its id, as if one after the other in this order.
///
/// # Errors
/// As [`intake_event`].
pub fn intake_events(
    tx: &mut dyn Tx,
    events: &[(String, ConversionEvent)],
    now: UnixMillis,
) -> Result<Vec<Intake>, BookError> {
    let keys = click_keys::ring(tx)?.ok_or_else(|| BookError::broken("there are no click keys"))?;
    let is_install = |(_, event): &&(String, ConversionEvent)| event.source.is_install();
    if !events.iter().any(|event| is_install(&event)) {
        return intake_reported(tx, events, &keys, now);
    }
    let installs = events.iter().filter(is_install).map(|(id, event)| (id.as_str(), event));
    let installs = installs::take(tx, &installs.collect::<Vec<_>>(), &keys, now)?;
    let others: Vec<_> = events.iter().filter(|event| !is_install(event)).cloned().collect();
    let others = intake_reported(tx, &others, &keys, now)?;
    let (mut installs, mut others) = (installs.into_iter(), others.into_iter());
    let taken = events.iter().map(|event| if is_install(&event) { installs.next() } else { others.next() });
    taken.collect::<Option<_>>().ok_or_else(|| BookError::broken("an event was given and not taken in"))
}

fn intake_reported(
    tx: &mut dyn Tx,
    events: &[(String, ConversionEvent)],
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Vec<Intake>, BookError> {
    let new: Vec<NewConversion> =
        events.iter().map(|(event_id, event)| NewConversion::of_event(event_id, event)).collect();
    let taken = intake_many(tx, &new.iter().collect::<Vec<_>>(), keys, now)?;
    let mut refused = Vec::new();
    for ((event_id, event), taken) in events.iter().zip(&taken) {
        if let Intake::Refused { errors } = taken {
            refused.push(RefusedEvent {
                event_id: event_id.clone(),
                received_at: event.received_at,
                reason: BookError::Invalid(errors.clone()).to_string(),
                event: event_json(event).to_string(),
            });
        }
    }
    conversions::keep_refused(tx, &refused)?;
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
