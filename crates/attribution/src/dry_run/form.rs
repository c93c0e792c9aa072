//! The question as written, and how it is read.

use std::collections::HashSet;

use hopline_money::{Amount, Currency};
use hopline_types::{Model, UnixMillis};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};

use super::fields::{Errors, Expected, FieldError, Loose, Unknown};
use crate::{Conversion, Policy, Touch, TouchKind};

/// The most touches of one question.
pub const TOUCHES_MAX: usize = 10_000;

const NAME_BYTES_MAX: usize = 256;
const DAY_SECONDS: i64 = 86_400;
const WINDOW_SECONDS: i64 = 30 * DAY_SECONDS;
const WINDOW_SECONDS_MAX: i64 = 3_660 * DAY_SECONDS;

/// A question as written in JSON. Whatever can be wrong with it is said by [`super::dry_run`], not when it is
/// deserialized.
#[derive(Debug, Clone, Deserialize)]
pub struct DryRunInput {
    model: Option<Loose<String>>,
    window_seconds: Option<Loose<i64>>,
    view_window_seconds: Option<Loose<i64>>,
    half_life_seconds: Option<Loose<i64>>,
    coupon: Option<Loose<String>>,
    lifetime: Option<Loose<bool>>,
    self_referral: Option<Loose<String>>,
    conversion: Option<Loose<ConversionForm>>,
    commission: Option<Loose<CommissionForm>>,
    touches: Option<Loose<Vec<Loose<TouchForm>>>>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Debug, Clone, Deserialize)]
struct ConversionForm {
    at: Option<Loose<String>>,
    coupon_owner: Option<Loose<String>>,
    customer_bound_to: Option<Loose<String>>,
    buyer_is_affiliate: Option<Loose<String>>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Debug, Clone, Deserialize)]
struct CommissionForm {
    amount: Option<Loose<String>>,
    currency: Option<Loose<String>>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Debug, Clone, Deserialize)]
struct TouchForm {
    id: Option<Loose<String>>,
    affiliate: Option<Loose<String>>,
    at: Option<Loose<String>>,
    kind: Option<Loose<String>>,
    invalid: Option<Loose<String>>,
    #[serde(flatten)]
    unknown: Unknown,
}

impl Expected for ConversionForm {
    const NAME: &'static str = "an object";
}
impl Expected for CommissionForm {
    const NAME: &'static str = "an object";
}
impl Expected for TouchForm {
    const NAME: &'static str = "an object";
}

/// A question without mistakes.
pub(crate) struct Question {
    pub(crate) policy: Policy,
    pub(crate) conversion: Conversion<String>,
    pub(crate) commission: Amount,
    pub(crate) touches: Vec<Touch<String, String>>,
}

impl DryRunInput {
    pub(crate) fn read(&self) -> Result<Question, Vec<FieldError>> {
        let mut errors = Errors::default();
        let policy = self.policy(&mut errors);
        let conversion = errors
            .required("conversion", self.conversion.as_ref())
            .and_then(|conversion| conversion.read(&mut errors));
        let commission = errors
            .required("commission", self.commission.as_ref())
            .and_then(|commission| commission.read(&mut errors));
        let touches = self.touches(&mut errors);
        errors.unknown("", &self.unknown);
        errors.finish()?;
        let listed = "what could not be read is listed";
        Ok(Question {
            policy: policy.expect(listed),
            conversion: conversion.expect(listed),
            commission: commission.expect(listed),
            touches,
        })
    }

    fn policy(&self, errors: &mut Errors) -> Option<Policy> {
        let model = errors.required("model", self.model.as_ref()).map(|model| model.parse::<Model>());
        let model = model.and_then(|model| errors.read("model", model));
        let mut seconds = |path: &str, value: Option<&Loose<i64>>, least| {
            let given = *errors.optional(path, value)?;
            if (least..=WINDOW_SECONDS_MAX).contains(&given) {
                return Some(given * 1_000);
            }
            errors
                .add(path, format_args!("{given} is out of range: expected {least} to {WINDOW_SECONDS_MAX}"));
            None
        };
        let window_ms = seconds("window_seconds", self.window_seconds.as_ref(), 0);
        let view_window_ms = seconds("view_window_seconds", self.view_window_seconds.as_ref(), 0);
        let half_life_ms = seconds("half_life_seconds", self.half_life_seconds.as_ref(), 1);
        let coupon = word("coupon", self.coupon.as_ref(), errors);
        let self_referral = word("self_referral", self.self_referral.as_ref(), errors);
        let lifetime = errors.optional("lifetime", self.lifetime.as_ref());
        let usual = Policy::new(model?, window_ms.unwrap_or(WINDOW_SECONDS * 1_000));
        Some(Policy {
            view_window_ms: view_window_ms.unwrap_or(usual.view_window_ms),
            half_life_ms: half_life_ms.unwrap_or(usual.half_life_ms),
            coupon: coupon.unwrap_or(usual.coupon),
            self_referral: self_referral.unwrap_or(usual.self_referral),
            lifetime: lifetime.copied().unwrap_or(usual.lifetime),
            ..usual
        })
    }

    fn touches(&self, errors: &mut Errors) -> Vec<Touch<String, String>> {
        let Some(forms) = errors.required("touches", self.touches.as_ref()) else {
            return Vec::new();
        };
        if forms.len() > TOUCHES_MAX {
            let given = forms.len();
            errors
                .add("touches", format_args!("{given} touches are too many: expected at most {TOUCHES_MAX}"));
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut touches = Vec::with_capacity(forms.len());
        for (index, form) in forms.iter().enumerate() {
            let path = format!("touches[{index}]");
            let Some(form) = errors.optional(&path, Some(form)) else { continue };
            let Some(touch) = form.read(&path, errors) else { continue };
            if !seen.insert(touch.id.clone()) {
                errors.add(format!("{path}.id"), format_args!("{:?} is given twice", touch.id));
            }
            touches.push(touch);
        }
        touches
    }
}

impl ConversionForm {
    fn read(&self, errors: &mut Errors) -> Option<Conversion<String>> {
        let at = time("conversion.at", self.at.as_ref(), errors);
        let mut affiliate = |path: &str, value: &Option<Loose<String>>| {
            value.as_ref().and_then(|value| name(path, Some(value), errors))
        };
        let coupon_owner = affiliate("conversion.coupon_owner", &self.coupon_owner);
        let customer_bound_to = affiliate("conversion.customer_bound_to", &self.customer_bound_to);
        let buyer_is_affiliate = affiliate("conversion.buyer_is_affiliate", &self.buyer_is_affiliate);
        errors.unknown("conversion", &self.unknown);
        Some(Conversion { at: at?, coupon_owner, customer_bound_to, buyer_is_affiliate })
    }
}

impl CommissionForm {
    fn read(&self, errors: &mut Errors) -> Option<Amount> {
        let currency = errors.required("commission.currency", self.currency.as_ref());
        let currency = currency.and_then(|code| errors.read("commission.currency", Currency::new(code)));
        let text = errors.required("commission.amount", self.amount.as_ref());
        errors.unknown("commission", &self.unknown);
        let amount = errors.read("commission.amount", Amount::parse(text?, currency?))?;
        if amount.is_negative() {
            errors.add(
                "commission.amount",
                format_args!("{} is negative: expected 0 or more", amount.to_decimal()),
            );
        }
        Some(amount)
    }
}

impl TouchForm {
    fn read(&self, path: &str, errors: &mut Errors) -> Option<Touch<String, String>> {
        let field = |name: &str| format!("{path}.{name}");
        let id = name(&field("id"), self.id.as_ref(), errors);
        let kind = match &self.kind {
            None => Some(TouchKind::default()),
            given => word(&field("kind"), given.as_ref(), errors),
        };
        let needs_affiliate = kind.is_some_and(|kind| kind != TouchKind::Direct);
        let affiliate = if needs_affiliate || self.affiliate.is_some() {
            name(&field("affiliate"), self.affiliate.as_ref(), errors)
        } else {
            None
        };
        let at = time(&field("at"), self.at.as_ref(), errors);
        let invalid = errors.optional(&field("invalid"), self.invalid.as_ref());
        errors.unknown(path, &self.unknown);
        Some(Touch {
            id: id?,
            affiliate,
            at: at?,
            kind: kind?,
            invalid: invalid.map(|why| why.clone().into()),
        })
    }
}

/// An id or an affiliate.
fn name(path: &str, value: Option<&Loose<String>>, errors: &mut Errors) -> Option<String> {
    let given = errors.required(path, value)?;
    if given.is_empty() || given.len() > NAME_BYTES_MAX {
        let length = given.len();
        errors.add(path, format_args!("has {length} bytes: expected 1 to {NAME_BYTES_MAX}"));
        return None;
    }
    Some(given.clone())
}

/// A time of RFC 3339.
fn time(path: &str, value: Option<&Loose<String>>, errors: &mut Errors) -> Option<UnixMillis> {
    let given = errors.required(path, value)?;
    let example = "expected a form such as 2026-02-01T00:00:00Z";
    let time = given.parse::<jiff::Timestamp>();
    let time = time.map_err(|_| format!("{given:?} is no time: {example}"));
    errors.read(path, time).map(|time| UnixMillis(time.as_millisecond()))
}

/// A word of a small vocabulary; missing is fine.
fn word<T: DeserializeOwned>(path: &str, value: Option<&Loose<String>>, errors: &mut Errors) -> Option<T> {
    let given = errors.optional(path, value)?;
    let word: StrDeserializer<'_, WordError> = given.as_str().into_deserializer();
    errors.read(path, T::deserialize(word))
}
