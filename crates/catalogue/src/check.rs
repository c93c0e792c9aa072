//! Checks of single fields: what compiling would refuse, said before anything is saved.
//!
//! Fields are named as in the plain data, lists with their place from zero: `caps[2].amount`.

use hopline_types::{CapId, LandingPageId};

use crate::caps::Cap;
use crate::data::{CapEntry, LandingPageEntry, OfferRules};
use crate::template::check_template;

/// A field that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Which, as in the plain data.
    pub field: String,
    /// Why.
    pub message: String,
}

impl FieldError {
    /// A field's complaint.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The same, its field inside another.
    #[must_use]
    pub fn below(self, outer: impl std::fmt::Display) -> Self {
        Self { field: format!("{outer}.{}", self.field), message: self.message }
    }
}

/// Landing pages beside an offer's own.
pub const LANDING_PAGES_MAX: usize = 100;
/// Caps of an offer.
pub const CAPS_MAX: usize = 100;
/// The greatest weight of a landing page.
pub const WEIGHT_MAX: u32 = 10_000;

/// Everything that is wrong with an offer's rules, but for what other objects decide: whether the fallback offer and
/// affiliates exist, and how long the chain of fallback offers is ([`crate::check_chain`]).
#[must_use]
pub fn check_rules(rules: &OfferRules) -> Vec<FieldError> {
    let mut errors: Vec<_> =
        crate::check_targeting(&rules.targeting).into_iter().map(|error| error.below("targeting")).collect();
    errors.extend(weight(rules.landing_page_weight.unwrap_or(1), "landing_page_weight"));
    let nested = |outer, found: Vec<FieldError>| {
        found.into_iter().map(move |error| FieldError { field: format!("{outer}{}", error.field), ..error })
    };
    errors.extend(nested("landing_pages", check_landing_pages(&rules.landing_pages)));
    errors.extend(nested("caps", check_caps(&rules.caps)));
    for (index, code) in rules.cookieless_countries.iter().enumerate() {
        let error = country(code).err();
        errors
            .extend(error.map(|message| FieldError::new(format!("cookieless_countries[{index}]"), message)));
    }
    errors
}

/// Everything that is wrong with landing pages; fields such as `[3].url`, or empty for the list itself.
#[must_use]
pub fn check_landing_pages(pages: &[LandingPageEntry]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    errors.extend(too_many(pages.len(), LANDING_PAGES_MAX));
    errors.extend(twice(pages.iter().map(|page| page.id).collect::<Vec<LandingPageId>>()));
    for (index, page) in pages.iter().enumerate() {
        errors.extend(weight(page.weight, &format!("[{index}].weight")));
        if let Err(error) = check_template(&page.url) {
            errors.push(FieldError::new(format!("[{index}].url"), error.to_string()));
        }
    }
    errors
}

/// Everything that is wrong with caps; fields such as `[3].zone`, or empty for the list itself.
#[must_use]
pub fn check_caps(caps: &[CapEntry]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    errors.extend(too_many(caps.len(), CAPS_MAX));
    errors.extend(twice(caps.iter().map(|cap| cap.id).collect::<Vec<CapId>>()));
    for (index, cap) in caps.iter().enumerate() {
        let found = Cap::compile(cap).err().unwrap_or_default();
        errors.extend(found.into_iter().map(|error| error.below(format_args!("[{index}]"))));
    }
    errors
}

/// The serialised form of a host of links, as the URL standard writes it: small letters, punycode, no port, no dot at
/// its end.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_domain_host(text: &str) -> Result<String, String> {
    let host = url::Host::parse(text.strip_suffix('.').unwrap_or(text))
        .map_err(|error| format!("{text:?} is no host without scheme and port: {error}"))?
        .to_string();
    if host.ends_with('.') {
        return Err(format!("{text:?} is no host: it ends with two dots"));
    }
    if host.len() > crate::domains::HOST_BYTES_MAX {
        return Err(format!("a host has at most {} bytes", crate::domains::HOST_BYTES_MAX));
    }
    Ok(host)
}

/// Two capital letters.
pub(crate) fn country(text: &str) -> Result<[u8; 2], String> {
    match *text.as_bytes() {
        [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => Ok([first, second]),
        _ => Err(format!("{text:?} is no country, expected two capital letters (ISO 3166-1 alpha-2)")),
    }
}

fn weight(given: u32, field: &str) -> Option<FieldError> {
    (given > WEIGHT_MAX)
        .then(|| FieldError::new(field, format!("{given} is no weight, expected 0 to {WEIGHT_MAX}")))
}

fn too_many(given: usize, most: usize) -> Option<FieldError> {
    (given > most).then(|| FieldError::new("", format!("at most {most} are accepted, these are {given}")))
}

fn twice<Id: Ord + Copy + std::fmt::Display>(mut ids: Vec<Id>) -> Vec<FieldError> {
    ids.sort_unstable();
    let mut repeated: Vec<Id> =
        ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    repeated.dedup();
    repeated.into_iter().map(|id| FieldError::new("", format!("the id {id} is given twice"))).collect()
}
