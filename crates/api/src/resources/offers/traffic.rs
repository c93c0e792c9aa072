//! Whose traffic an offer takes: how it is read, and how it looks in answers.

use hopline_catalogue::data::{CookieMode, Hours, Matching, OfferRules, Targeting};
use hopline_catalogue::{WEIGHT_MAX, check_rules};
use hopline_control_store::offers::TrafficSettings;
use hopline_types::OfferId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::fields::Fields;

const ZONE_CHARS_MAX: usize = 64;
/// A list's own bound is named by the check of the targeting; this one only keeps its reading short.
const VALUES_MAX: usize = 1_000;

const COOKIES: &[(&str, CookieMode)] =
    &[("always", CookieMode::Always), ("consent", CookieMode::Consent), ("never", CookieMode::Never)];

/// What to change; `None` leaves as it is, `Some(None)` takes away.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TrafficChange {
    targeting: Option<Targeting>,
    fallback_offer_id: Option<Option<OfferId>>,
    landing_page_weight: Option<Option<u32>>,
    cookies: Option<CookieMode>,
    cookieless_countries: Option<Vec<String>>,
}

impl TrafficChange {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let mut change = Self {
            targeting: targeting(fields),
            fallback_offer_id: {
                let id = fields.optional_id("fallback_offer_id");
                fields.has("fallback_offer_id").then_some(id)
            },
            landing_page_weight: {
                let weight = fields.optional_whole("landing_page_weight", 0, i64::from(WEIGHT_MAX));
                let weight = weight.and_then(|weight| u32::try_from(weight).ok());
                fields.has("landing_page_weight").then_some(weight)
            },
            cookies: fields.optional_choice("cookies", COOKIES),
            cookieless_countries: countries(fields),
        };
        change.check(fields);
        // Only now, because remarks name places in the list as it was given.
        if let Some(countries) = &mut change.cookieless_countries {
            countries.sort();
            countries.dedup();
        }
        change
    }

    /// Remarks on what can be read but not be used. What could not be read has its remark already, and stands here as
    /// no rule at all.
    fn check(&self, fields: &mut Fields<'_>) {
        let rules = OfferRules {
            targeting: self.targeting.clone().unwrap_or_default(),
            cookieless_countries: self.cookieless_countries.clone().unwrap_or_default(),
            ..OfferRules::default()
        };
        for refusal in check_rules(&rules) {
            let place = match refusal.field.strip_prefix("targeting.") {
                Some(field) => format!("targeting.{}", written(&rules.targeting, field)),
                None => refusal.field,
            };
            fields.refuse(&place, refusal.message);
        }
    }

    /// Whether anything is to be changed.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fallback offer to be set.
    pub(super) fn fallback(&self) -> Option<OfferId> {
        self.fallback_offer_id.flatten()
    }

    pub(super) fn apply(&self, traffic: &mut TrafficSettings) {
        let Self { targeting, fallback_offer_id, landing_page_weight, cookies, cookieless_countries } = self;
        if let Some(targeting) = targeting {
            traffic.targeting.clone_from(targeting);
        }
        traffic.fallback_offer_id = fallback_offer_id.unwrap_or(traffic.fallback_offer_id);
        traffic.landing_page_weight = landing_page_weight.unwrap_or(traffic.landing_page_weight);
        traffic.cookies = cookies.unwrap_or(traffic.cookies);
        if let Some(countries) = cookieless_countries {
            traffic.cookieless_countries.clone_from(countries);
        }
    }
}

fn targeting(fields: &mut Fields<'_>) -> Option<Targeting> {
    if !fields.has("targeting") {
        return None;
    }
    let Some(value) = fields.value("targeting") else { return Some(Targeting::default()) };
    let mut inner = Fields::at(fields.place("targeting"), value);
    let targeting = Targeting {
        countries: matching(&mut inner, "countries"),
        regions: matching(&mut inner, "regions"),
        devices: matching(&mut inner, "devices"),
        os: matching(&mut inner, "os"),
        browsers: matching(&mut inner, "browsers"),
        languages: matching(&mut inner, "languages"),
        hours: hours(&mut inner),
    };
    fields.refuse_all(inner.close());
    Some(targeting)
}

/// The place of a field as it was written: `countries[2]` is `countries.only[2]` or `countries.not[2]`.
fn written(targeting: &Targeting, field: &str) -> String {
    let end = field.find(['[', '.']).unwrap_or(field.len());
    let (name, rest) = field.split_at(end);
    let list = match name {
        "countries" => &targeting.countries,
        "regions" => &targeting.regions,
        "devices" => &targeting.devices,
        "os" => &targeting.os,
        "browsers" => &targeting.browsers,
        "languages" => &targeting.languages,
        _ => &Matching::Any,
    };
    match list {
        Matching::Any => field.to_owned(),
        Matching::Only(_) => format!("{name}.only{rest}"),
        Matching::Not(_) => format!("{name}.not{rest}"),
    }
}

fn matching(fields: &mut Fields<'_>, name: &'static str) -> Matching {
    let Some(value) = fields.value(name) else { return Matching::Any };
    let mut inner = Fields::at(fields.place(name), value);
    let (only, not) = (inner.optional_texts("only", VALUES_MAX), inner.optional_texts("not", VALUES_MAX));
    let given = (inner.value("only").is_some(), inner.value("not").is_some());
    match given {
        (true, true) => inner.refuse("not", "is given beside only: give one of them"),
        (false, false) if value.is_object() => inner.refuse("only", "is missing: give only or not"),
        _ => {}
    }
    fields.refuse_all(inner.close());
    match (only, not) {
        (Some(only), None) => Matching::Only(only),
        (None, Some(not)) => Matching::Not(not),
        (None, None) | (Some(_), Some(_)) => Matching::Any,
    }
}

fn hours(fields: &mut Fields<'_>) -> Option<Hours> {
    let value = fields.value("hours")?;
    let mut inner = Fields::at(fields.place("hours"), value);
    let zone = inner.text("zone", ZONE_CHARS_MAX);
    let week = week(&mut inner);
    let problems = inner.close();
    let reads = problems.is_empty();
    fields.refuse_all(problems);
    week.filter(|_| reads).map(|week| Hours { zone, week })
}

fn week(fields: &mut Fields<'_>) -> Option<[Vec<u8>; 7]> {
    let days = fields.value("week").and_then(Value::as_array).filter(|days| days.len() == 7);
    let Some(days) = days else {
        fields.refuse("week", "is no list of seven lists of hours, Monday first");
        return None;
    };
    let mut week: [Vec<u8>; 7] = Default::default();
    for ((index, day), hours) in days.iter().enumerate().zip(&mut week) {
        let Some(listed) = day.as_array() else {
            fields.refuse(&format!("week[{index}]"), "is no list of hours");
            continue;
        };
        for (position, hour) in listed.iter().enumerate() {
            match hour.as_u64().and_then(|hour| u8::try_from(hour).ok()) {
                Some(hour) => hours.push(hour),
                None => {
                    let place = format!("week[{index}][{position}]");
                    fields.refuse(&place, format!("{hour} is no hour, expected 0 to 23"));
                }
            }
        }
    }
    Some(week)
}

fn countries(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    if !fields.has("cookieless_countries") {
        return None;
    }
    Some(fields.optional_texts("cookieless_countries", VALUES_MAX).unwrap_or_default())
}

/// Values that are wanted, or values that are not: one of the two. What is not known of a visitor is on no list: it
/// fails `only` and passes `not`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Matching)]
pub(crate) struct MatchingView {
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not: Option<Vec<String>>,
}

impl MatchingView {
    fn of(matching: &Matching) -> Option<Self> {
        match matching {
            Matching::Any => None,
            Matching::Only(values) => Some(Self { only: Some(values.clone()), not: None }),
            Matching::Not(values) => Some(Self { only: None, not: Some(values.clone()) }),
        }
    }
}

/// Hours of the week at which the offer is served.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Hours)]
pub(crate) struct HoursView {
    /// IANA time zone, such as `Europe/Berlin`.
    zone: String,
    /// Seven lists, Monday first: hours 0 to 23 by the zone's clock.
    #[schema(min_items = 7, max_items = 7)]
    week: Vec<Vec<u8>>,
}

/// Which visitors are wanted: all that is given must hold; what is absent always holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Targeting)]
pub(crate) struct TargetingView {
    /// ISO 3166-1 alpha-2, capital letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    countries: Option<MatchingView>,
    /// ISO 3166-2 with its country, such as `US-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<MatchingView>,
    /// `desktop`, `mobile`, `tablet`, `tv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    devices: Option<MatchingView>,
    /// Names as in reports, without regard to case.
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<MatchingView>,
    /// Names as in reports, without regard to case.
    #[serde(skip_serializing_if = "Option::is_none")]
    browsers: Option<MatchingView>,
    /// Primary language subtags, small letters, such as `de`.
    #[serde(skip_serializing_if = "Option::is_none")]
    languages: Option<MatchingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<HoursView>,
}

impl TargetingView {
    pub(super) fn of(targeting: &Targeting) -> Self {
        Self {
            countries: MatchingView::of(&targeting.countries),
            regions: MatchingView::of(&targeting.regions),
            devices: MatchingView::of(&targeting.devices),
            os: MatchingView::of(&targeting.os),
            browsers: MatchingView::of(&targeting.browsers),
            languages: MatchingView::of(&targeting.languages),
            hours: targeting
                .hours
                .as_ref()
                .map(|hours| HoursView { zone: hours.zone.clone(), week: hours.week.to_vec() }),
        }
    }
}

/// The word for whether visitors get the cookie.
pub(super) fn cookies_word(mode: CookieMode) -> &'static str {
    COOKIES.iter().find(|(_, known)| *known == mode).map_or("", |(word, _)| word)
}
