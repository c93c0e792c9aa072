//! Reports of installs: what each becomes.
//!
//! A report comes in as a conversion event whose source says that it is one ([`hopline_record::ConversionEvent::of_report`]). It is
//! read again here, once more with all checks of signatures; what it means is looked up; and where it counts it is taken in
//! like any other report of a conversion, of a goal that pays for installs. Every report is kept with what became of it:
//!
//! | state | reasons |
//! | --- | --- |
//! | `counted` | it is a conversion |
//! | `kept` | `lost` (another ad network won), `later_window`, `redownload`, `re-engagement`, `test`, `repeat`, `no_click`, `event_without_goal` |
//! | `waiting` | `no_source`, `ambiguous_source`: judged again when a source is entered, or on request |
//! | `refused` | what [`hopline_installs`] doubts, and what the intake of conversions refuses |
//!
//! # Whose install it is
//!
//! Play and measurement carry our click id: the click decides, as for every conversion. Apple's postbacks name no click; their
//! install is that of the affiliate whom an operator has entered for the campaign, and the decision says so. Of a source
//! identifier Apple may tell the last two or three digits only: then all entered ones that end with them must belong to the same
//! affiliate, offer and goal, else the report waits as `ambiguous_source`.
//!
//! # Once
//!
//! By the key of the report, by the event that brought it, and as a conversion by its order or click id: what comes
//! again changes nothing.

mod apple;
mod measurement;
mod origin;
mod play;

use hopline_clickid::KeyRing;
use hopline_control_store::installs::reports::{self, Fate, Install};
use hopline_control_store::offers::{self, Offer};
use hopline_control_store::{Scope, Tx, affiliates, click_keys};
use hopline_record::ConversionEvent;
use hopline_types::{
    AdvertiserId, AffiliateId, ConversionSource, GoalKind, InstallId, InstallState, OfferId, UnixMillis,
};

use crate::intake::{Intake, NewConversion, intake};
use crate::{BookError, FieldError};
use origin::Arrived;

/// Reports judged again at once when a source is entered.
const AGAIN_MAX: u32 = 1_000;

/// Takes reports in, each under the id of its event.
pub(crate) fn take(
    tx: &mut dyn Tx,
    events: &[(&str, &ConversionEvent)],
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Vec<Intake>, BookError> {
    let ids: Vec<&str> = events.iter().map(|(id, _)| *id).collect();
    let known = reports::find_by_events(tx, &ids)?;
    let mut taken = Vec::with_capacity(events.len());
    for ((id, event), known) in events.iter().zip(known) {
        taken.push(match known {
            Some(known) => answer(known.id, &known.fate),
            None => take_one(tx, id, event, keys, now)?,
        });
    }
    Ok(taken)
}

fn take_one(
    tx: &mut dyn Tx,
    event_id: &str,
    event: &ConversionEvent,
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Intake, BookError> {
    let arrived = Arrived::of_event(event_id, event);
    let verdict = judge(tx, &arrived, keys)?;
    if let Some(key) = &verdict.fate.key
        && let Some(first) = reports::find_by_key(tx, key)?
    {
        return Ok(answer(first.id, &first.fate));
    }
    let fate = settle(tx, verdict, keys, now)?;
    let id = reports::keep(tx, &arrived.origin, &fate, now)?;
    Ok(answer(id, &fate))
}

fn answer(install: InstallId, fate: &Fate) -> Intake {
    match (fate.state, fate.conversion) {
        (InstallState::Counted, Some(conversion)) => Intake::Taken { conversion },
        _ => Intake::Kept { install },
    }
}

/// Judges a report again that is not counted yet, and gives back how it stands.
///
/// # Errors
/// [`BookError::NotFound`]; [`BookError::State`] where it is a conversion already; the store's.
pub fn judge_install(tx: &mut dyn Tx, id: InstallId, now: UnixMillis) -> Result<Install, BookError> {
    let missing = BookError::NotFound { what: "install", id: id.get() };
    let install = reports::get(tx, Scope::All, id)?.ok_or_else(|| missing.clone())?;
    if install.fate.conversion.is_some() {
        let is = format!("conversion {}", install.fate.conversion.map_or(0, i64::from));
        let wanted = "only reports that are none yet can be judged again";
        return Err(BookError::State { what: "install", id: id.get(), is, wanted });
    }
    let keys = click_keys::ring(tx)?.ok_or_else(|| BookError::broken("there are no click keys"))?;
    again(tx, &install, &keys, now)?;
    reports::get(tx, Scope::All, id)?.ok_or(missing)
}

/// Judges the reports of an ad network's app again that wait for their source; says how many are conversions now.
///
/// # Errors
/// The store fails.
pub fn judge_waiting_installs(
    tx: &mut dyn Tx,
    ad_network: &str,
    app: &str,
    now: UnixMillis,
) -> Result<u64, BookError> {
    let waiting = reports::waiting(tx, ad_network, app, AGAIN_MAX)?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let keys = click_keys::ring(tx)?.ok_or_else(|| BookError::broken("there are no click keys"))?;
    let mut counted = 0;
    for install in &waiting {
        counted += u64::from(again(tx, install, &keys, now)?.state == InstallState::Counted);
    }
    Ok(counted)
}

fn again(tx: &mut dyn Tx, install: &Install, keys: &KeyRing, now: UnixMillis) -> Result<Fate, BookError> {
    let arrived = Arrived::of_kept(install)?;
    let verdict = judge(tx, &arrived, keys)?;
    let fate = settle(tx, verdict, keys, now)?;
    reports::judge_again(tx, install.id, &fate, now)?;
    Ok(fate)
}

/// What a report means: where it stands, and the conversion that it is.
struct Verdict {
    /// As it is where there is no conversion.
    fate: Fate,
    new: Option<NewConversion>,
}

impl Verdict {
    fn over(fate: Fate, state: InstallState, reason: &str, remark: impl std::fmt::Display) -> Self {
        let fate = Fate { state, reason: Some(reason.to_owned()), remark: Some(remark.to_string()), ..fate };
        Self { fate, new: None }
    }

    fn kept(fate: Fate, reason: &str, remark: impl std::fmt::Display) -> Self {
        Self::over(fate, InstallState::Kept, reason, remark)
    }

    fn refused(fate: Fate, reason: &str, remark: impl std::fmt::Display) -> Self {
        Self::over(fate, InstallState::Refused, reason, remark)
    }
}

fn judge(tx: &mut dyn Tx, arrived: &Arrived, keys: &KeyRing) -> Result<Verdict, BookError> {
    match arrived.origin.source {
        ConversionSource::Skadnetwork | ConversionSource::Adattributionkit => apple::judge(tx, arrived),
        ConversionSource::Play => play::judge(tx, arrived, keys),
        ConversionSource::Measurement => measurement::judge(tx, arrived, keys),
        other @ (ConversionSource::Postback
        | ConversionSource::Pixel
        | ConversionSource::Api
        | ConversionSource::Import
        | ConversionSource::Settlement
        | ConversionSource::Period) => {
            Err(BookError::broken(format!("an event of {other} is no report of an install")))
        }
    }
}

/// Takes the conversion in, where there is one.
fn settle(tx: &mut dyn Tx, verdict: Verdict, keys: &KeyRing, now: UnixMillis) -> Result<Fate, BookError> {
    let Verdict { fate, new } = verdict;
    let Some(new) = new else { return Ok(fate) };
    Ok(match intake(tx, &new, keys, now)? {
        Intake::Taken { conversion } => {
            let conversion = Some(conversion);
            Fate { state: InstallState::Counted, reason: None, remark: None, conversion, ..fate }
        }
        Intake::Repeat { conversion, .. } => {
            let remark = format!("conversion {conversion} was reported before");
            Fate { conversion: Some(conversion), ..Verdict::kept(fate, "repeat", remark).fate }
        }
        Intake::Refused { errors } => {
            let told = |error: &FieldError| format!("{}: {}", error.field, error.message);
            let remark = errors.iter().map(told).collect::<Vec<_>>().join("; ");
            Verdict::refused(fate, "bad_field", remark).fate
        }
        Intake::Kept { .. } => {
            return Err(BookError::broken("a conversion was kept as a report of an install"));
        }
    })
}

/// The offer that an id names.
fn offer(tx: &mut dyn Tx, id: OfferId) -> Result<Option<Offer>, BookError> {
    Ok(offers::get(tx, Scope::All, id)?)
}

/// An affiliate, where it is there.
fn known(tx: &mut dyn Tx, id: AffiliateId) -> Result<Option<AffiliateId>, BookError> {
    Ok(affiliates::standings(tx, [id])?.contains_key(&id).then_some(id))
}

/// The key of the goal that pays for installs.
fn install_goal(offer: &Offer) -> Option<String> {
    offer.goals.iter().find(|goal| goal.kind == GoalKind::Ppi).map(|goal| goal.key.clone())
}

/// A conversion of this report, to be filled.
fn conversion(arrived: &Arrived, advertiser: AdvertiserId, offer: OfferId, at: UnixMillis) -> NewConversion {
    NewConversion {
        event_id: arrived.origin.event_id.clone(),
        source: arrived.origin.source,
        requested_status: arrived.requested_status,
        advertiser: Some(advertiser),
        offer: Some(offer),
        goal: None,
        click_id: None,
        order_id: None,
        amount: None,
        currency: None,
        coupon: None,
        customer_id: None,
        items: None,
        adv: Default::default(),
        converted_at: at,
        received_at: arrived.origin.received_at,
    }
}
