//! The parameters of a conversion, and what is checked of them.

use std::collections::HashMap;

use hopline_catalogue::{Advertiser, Catalogue, Offer};
use hopline_money::{Amount, Currency};
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{
    ConversionSource, GoalKind, MINUTE_MS, ORDER_MINOR_MAX, OfferId, PostbackAuth, SECOND_MS, UnixMillis,
};
use http::StatusCode;

use super::EventKey;
use super::auth;
use super::problem::{FieldError, Problem};
use crate::query;
use hopline_catalogue::data::Standing;

/// Parameters and the most bytes that each may have.
const LIMITS: [(&str, usize); 23] = [
    ("click_id", 64),
    ("event", 64),
    ("order_id", 200),
    ("amount", 32),
    ("currency", 3),
    ("coupon", 100),
    ("customer_id", 200),
    ("status", 16),
    ("items", 4096),
    ("ts", 20),
    ("offer", 20),
    ("token", 256),
    ("sig", 128),
    ("adv1", 256),
    ("adv2", 256),
    ("adv3", 256),
    ("adv4", 256),
    ("adv5", 256),
    ("adv6", 256),
    ("adv7", 256),
    ("adv8", 256),
    ("adv9", 256),
    ("adv10", 256),
];

/// Most parameters of one request, known or not.
const COUNT_MAX: usize = 100;
/// 2000-01-01: no conversion happened before.
const EARLIEST_S: i64 = 946_684_800;
/// How far `ts` may lie ahead of our clock.
const AHEAD_MS: i64 = 5 * MINUTE_MS;

/// Decoded parameters; unknown names are passed over.
pub(super) struct Parameters<'a> {
    pub(super) raw: &'a [u8],
    values: HashMap<&'static str, String>,
}

impl<'a> Parameters<'a> {
    pub(super) fn parse(raw: &'a [u8]) -> Result<Self, Problem> {
        let mut values = HashMap::new();
        let mut errors = Vec::new();
        let mut name = Vec::new();
        for (number, (raw_name, raw_value)) in query::pairs(raw).enumerate() {
            if number >= COUNT_MAX {
                return Err(Problem::new(StatusCode::BAD_REQUEST, "at most 100 parameters are accepted"));
            }
            name.clear();
            query::decode(raw_name, &mut name);
            let known = LIMITS.iter().find(|(known, _)| known.as_bytes() == name);
            let Some((field, bytes_max)) = known.copied() else { continue };
            if values.contains_key(field) {
                continue;
            }
            let mut value = Vec::new();
            query::decode(raw_value, &mut value);
            match String::from_utf8(value) {
                Ok(text) if text.len() > bytes_max => {
                    let message = format!("has {} bytes, at most {bytes_max} are accepted", text.len());
                    errors.push(FieldError { field, message });
                }
                Ok(text) if text.contains(char::is_control) => {
                    errors.push(FieldError { field, message: "holds control characters".into() });
                }
                Ok(text) => {
                    values.insert(field, text);
                }
                Err(_) => errors.push(FieldError { field, message: "is no UTF-8 text".into() }),
            }
        }
        if errors.is_empty() { Ok(Self { raw, values }) } else { Err(Problem::fields(errors)) }
    }

    /// The value, empty if absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

/// A conversion that may be recorded.
pub(crate) struct Checked {
    pub(crate) event: ConversionEvent,
}

impl Checked {
    /// By what repeats are known.
    pub(super) fn key(&self) -> EventKey {
        let event = &self.event;
        let reference = if event.order_id.is_empty() {
            format!("click:{}", event.click_id)
        } else {
            format!("order:{}", event.order_id)
        };
        (event.advertiser, event.event.clone(), reference)
    }
}

/// Who reports, and for which offer.
struct Origin<'a> {
    advertiser: &'a Advertiser,
    offer: Option<&'a Offer>,
}

/// Checks everything.
pub(super) fn check(
    catalogue: &Catalogue,
    parameters: &Parameters<'_>,
    source: ConversionSource,
    now: UnixMillis,
) -> Result<Checked, Problem> {
    let origin = origin(catalogue, parameters, source, now)?;
    if origin.advertiser.standing == Standing::Blocked {
        return Err(Problem::new(StatusCode::FORBIDDEN, "this advertiser is blocked"));
    }
    let mut errors = Errors(Vec::new());
    let event = errors.event(parameters, origin.offer);
    let (amount, currency) = errors.amount(parameters, origin.offer);
    let at = errors.at(parameters, now);
    let status = errors.status(parameters);
    errors.items(parameters);
    errors.reference(parameters, event.1);
    if !errors.0.is_empty() {
        return Err(Problem::fields(errors.0));
    }
    let is_pixel = source == ConversionSource::Pixel;
    let text = |name| parameters.get(name).to_owned();
    let event = ConversionEvent {
        source,
        requested_status: if is_pixel { RequestedStatus::Pending } else { status },
        advertiser: origin.advertiser.number,
        offer: origin.offer.map_or(0, |offer| offer.number),
        received_at: now,
        at,
        click_id: text("click_id"),
        event: event.0,
        order_id: text("order_id"),
        amount,
        currency,
        coupon: text("coupon"),
        customer_id: text("customer_id"),
        items: text("items"),
        adv: ["adv1", "adv2", "adv3", "adv4", "adv5", "adv6", "adv7", "adv8", "adv9", "adv10"].map(text),
    };
    Ok(Checked { event })
}

fn origin<'a>(
    catalogue: &'a Catalogue,
    parameters: &Parameters<'_>,
    source: ConversionSource,
    now: UnixMillis,
) -> Result<Origin<'a>, Problem> {
    let unprocessable =
        |field, message: String| Problem::of(StatusCode::UNPROCESSABLE_ENTITY, field, message);
    let click_id = parameters.get("click_id");
    let is_pixel = source == ConversionSource::Pixel;
    if click_id.is_empty() {
        if is_pixel {
            return Err(unprocessable("click_id", "is needed: a pixel proves itself by nothing else".into()));
        }
        return without_click(catalogue, parameters, now);
    }
    let claims = catalogue
        .keys()
        .verify(click_id, now)
        .map_err(|refused| unprocessable("click_id", format!("{refused} ({})", refused.as_str())))?;
    let offer = catalogue
        .offer(claims.offer)
        .ok_or_else(|| unprocessable("click_id", format!("its offer {} is not there", claims.offer)))?;
    let advertiser = catalogue.advertiser_of(offer);
    match offer.postback_auth {
        _ if is_pixel => (),
        PostbackAuth::Open => (),
        PostbackAuth::Token => auth::token(parameters, advertiser)?,
        PostbackAuth::Hmac => auth::signature(parameters, advertiser, now)?,
    }
    Ok(Origin { advertiser, offer: Some(offer) })
}

/// By coupon, customer, or to be claimed later: the advertiser must be proved in any case.
fn without_click<'a>(
    catalogue: &'a Catalogue,
    parameters: &Parameters<'_>,
    now: UnixMillis,
) -> Result<Origin<'a>, Problem> {
    let named = parameters.get("offer");
    if named.is_empty() {
        return Ok(Origin { advertiser: auth::by_token(parameters, catalogue)?, offer: None });
    }
    let offer = named.parse::<OfferId>().ok().and_then(|id| catalogue.offer(id));
    let signed = offer.filter(|offer| offer.postback_auth == PostbackAuth::Hmac);
    if let Some(offer) = signed {
        let advertiser = catalogue.advertiser_of(offer);
        auth::signature(parameters, advertiser, now)?;
        return Ok(Origin { advertiser, offer: Some(offer) });
    }
    let advertiser = auth::by_token(parameters, catalogue)?;
    // Another's offer answers like none.
    match offer.filter(|offer| catalogue.advertiser_of(offer).id == advertiser.id) {
        Some(offer) => Ok(Origin { advertiser, offer: Some(offer) }),
        None => {
            let message = format!("{named:?} is no offer of this advertiser");
            Err(Problem::of(StatusCode::UNPROCESSABLE_ENTITY, "offer", message))
        }
    }
}

struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(FieldError { field, message: message.into() });
    }

    /// The goal's key and kind.
    fn event(&mut self, parameters: &Parameters<'_>, offer: Option<&Offer>) -> (String, Option<GoalKind>) {
        let given = parameters.get("event");
        let Some(offer) = offer else {
            if given.is_empty() {
                self.add("event", "is needed where neither click_id nor offer says which offer is meant");
            }
            return (given.to_owned(), None);
        };
        let goal = match given {
            "" => offer.goals.first(),
            key => offer.goals.iter().find(|goal| goal.key == key),
        };
        match goal {
            Some(goal) if goal.kind == GoalKind::Ppc => {
                self.add("event", format!("{:?} pays for clicks, which nobody reports", goal.key));
                (String::new(), None)
            }
            Some(goal) => (goal.key.clone(), Some(goal.kind)),
            None => {
                let keys: Vec<_> = offer.goals.iter().map(|goal| goal.key.as_str()).collect();
                self.add(
                    "event",
                    format!("{given:?} is no goal of this offer, which has {}", keys.join(", ")),
                );
                (String::new(), None)
            }
        }
    }

    /// Amount and currency, both empty where there is no amount.
    fn amount(&mut self, parameters: &Parameters<'_>, offer: Option<&Offer>) -> (String, String) {
        let (amount, code) = (parameters.get("amount"), parameters.get("currency"));
        let currency = match (code, offer) {
            ("", Some(offer)) => Some(offer.currency),
            ("", None) if amount.is_empty() => None,
            ("", None) => {
                self.add("currency", "is needed with an amount where no offer is known");
                None
            }
            (code, _) => match Currency::new(code) {
                Ok(currency) => {
                    if let Some(offer) = offer.filter(|offer| offer.currency != currency) {
                        self.add("currency", format!("is {currency}, the offer is in {}", offer.currency));
                    }
                    Some(currency)
                }
                Err(error) => {
                    self.add("currency", error.to_string());
                    None
                }
            },
        };
        let Some(currency) = currency.filter(|_| !amount.is_empty()) else {
            return (String::new(), String::new());
        };
        match Amount::parse(amount, currency) {
            Ok(parsed) if parsed.is_negative() => {
                self.add("amount", "is negative: refunds are reported otherwise")
            }
            Ok(parsed) if parsed.minor > ORDER_MINOR_MAX => {
                let most = Amount::new(ORDER_MINOR_MAX, currency);
                self.add("amount", format!("{parsed} is above {most}, the largest order"));
            }
            Ok(parsed) => return (parsed.to_decimal(), currency.code().to_owned()),
            Err(error) => self.add("amount", error.to_string()),
        }
        (String::new(), String::new())
    }

    fn at(&mut self, parameters: &Parameters<'_>, now: UnixMillis) -> UnixMillis {
        let given = parameters.get("ts");
        if given.is_empty() {
            return now;
        }
        match given.parse::<i64>() {
            Ok(seconds) if seconds >= EARLIEST_S && seconds <= now.plus(AHEAD_MS).seconds() => {
                UnixMillis(seconds * SECOND_MS)
            }
            _ => {
                self.add("ts", format!("{given:?} is no time in Unix seconds from 2000 to now"));
                now
            }
        }
    }

    fn status(&mut self, parameters: &Parameters<'_>) -> RequestedStatus {
        match parameters.get("status") {
            "" => RequestedStatus::Unstated,
            "pending" => RequestedStatus::Pending,
            "approved" => RequestedStatus::Approved,
            "rejected" => RequestedStatus::Rejected,
            other => {
                self.add("status", format!("{other:?} is not one of pending, approved, rejected"));
                RequestedStatus::Unstated
            }
        }
    }

    fn items(&mut self, parameters: &Parameters<'_>) {
        let items = parameters.get("items");
        if items.is_empty() {
            return;
        }
        match serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(items) {
            Ok(_) => (),
            Err(error) => self.add("items", format!("is no JSON array of objects: {error}")),
        }
    }

    /// What makes a repeat known.
    fn reference(&mut self, parameters: &Parameters<'_>, kind: Option<GoalKind>) {
        if kind == Some(GoalKind::Pps) && parameters.get("amount").is_empty() {
            self.add("amount", "is needed for a sale");
        }
        if !parameters.get("order_id").is_empty() {
            return;
        }
        if kind == Some(GoalKind::Pps) {
            self.add("order_id", "is needed for a sale");
        } else if parameters.get("click_id").is_empty() {
            self.add("order_id", "is needed where there is no click_id");
        }
    }
}
