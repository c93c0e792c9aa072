//! Who is wanted, in the form that answers.
//!
//! [`Wanted::check`] looks at one visitor without allocating: binary searches in short sorted lists, a bit set of
//! devices, one look-up of the zone's offset where there are hours. An offer that wants everybody has no [`Wanted`].
//!
//! # Order
//!
//! Country, region (reason `geo`); device, os, browser, language (`device`); hours (`schedule`). The first that fails
//! is named; the second part of [`Refused`] says which it was.
//!
//! # What is not known
//!
//! It is on no list: it fails `only` and passes `not`. A region is known together with its country only.

mod hours;

use hopline_types::{Reason, UnixMillis};

use crate::check::FieldError;
use crate::data::{Matching, Targeting};
use crate::list::List;
use hours::CompiledHours;

/// What is known of a visitor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor<'a> {
    /// ISO 3166-1 alpha-2, capital letters; zeros if not known.
    pub country: [u8; 2],
    /// The subdivision's part of ISO 3166-2, such as `CA` of `US-CA`; empty if not known.
    pub region: &'a [u8],
    /// The word of reports, such as `mobile`; any other than those of [`DEVICES`] counts as not known.
    pub device: &'a str,
    /// The name in reports; empty if not known.
    pub os: &'a str,
    /// The name in reports; empty if not known.
    pub browser: &'a str,
    /// Primary subtag, such as `de`; empty if not known.
    pub language: &'a [u8],
}

/// Why a click is not taken: the reason, and a word that says what exactly did not fit.
pub type Refused = (Reason, &'static str);

/// The devices that can be listed.
pub const DEVICES: [&str; 4] = ["desktop", "mobile", "tablet", "tv"];

/// Which visitors are wanted, compiled.
#[derive(Debug)]
pub struct Wanted {
    countries: List<[u8; 2]>,
    regions: List<Region>,
    devices: List<u8>,
    os: List<Box<str>>,
    browsers: List<Box<str>>,
    languages: List<Box<str>>,
    hours: Option<CompiledHours>,
}

/// Country and subdivision, shorter codes filled up with zeros.
type Region = ([u8; 2], [u8; 3]);

impl Wanted {
    /// Compiles rules; none if they want everybody.
    ///
    /// # Errors
    /// Every field that cannot be used.
    pub fn compile(rules: &Targeting) -> Result<Option<Self>, Vec<FieldError>> {
        let mut errors = Vec::new();
        let wanted = compile(rules, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok((*rules != Targeting::default()).then_some(wanted))
    }

    /// Why a visitor is not wanted, if so; see the module's order.
    #[must_use]
    pub fn check(&self, visitor: &Visitor<'_>, now: UnixMillis) -> Option<Refused> {
        let known_country = (visitor.country != [0; 2]).then_some(visitor.country);
        if !self.countries.admits(known_country, |listed, given| listed.binary_search(&given).is_ok()) {
            return Some((Reason::Geo, "country"));
        }
        let known_region = known_country.zip(subdivision(visitor.region));
        if !self.regions.admits(known_region, |listed, given| listed.binary_search(&given).is_ok()) {
            return Some((Reason::Geo, "region"));
        }
        if !self.devices.admits(device(visitor.device), |listed, given| listed.contains(&given)) {
            return Some((Reason::Device, "device"));
        }
        if !admits_name(&self.os, visitor.os.as_bytes()) {
            return Some((Reason::Device, "os"));
        }
        if !admits_name(&self.browsers, visitor.browser.as_bytes()) {
            return Some((Reason::Device, "browser"));
        }
        if !admits_name(&self.languages, visitor.language) {
            return Some((Reason::Device, "language"));
        }
        let closed = self.hours.as_ref().is_some_and(|hours| !hours.hold(now));
        closed.then_some((Reason::Schedule, "hours"))
    }
}

fn admits_name(list: &List<Box<str>>, given: &[u8]) -> bool {
    list.admits(Some(given).filter(|name| !name.is_empty()), |listed, given| {
        listed.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(given))
    })
}

fn device(word: &str) -> Option<u8> {
    (0..).zip(DEVICES).find(|(_, known)| *known == word).map(|(number, _)| number)
}

fn subdivision(code: &[u8]) -> Option<[u8; 3]> {
    let mut filled = [0; 3];
    let fits = !code.is_empty() && code.len() <= filled.len();
    fits.then(|| filled.iter_mut().zip(code).for_each(|(to, from)| *to = from.to_ascii_uppercase()))?;
    Some(filled)
}

/// Everything that is wrong with targeting rules; fields as in the plain data, such as `countries[2]`.
#[must_use]
pub fn check_targeting(rules: &Targeting) -> Vec<FieldError> {
    let mut errors = Vec::new();
    drop(compile(rules, &mut errors));
    errors
}

fn compile(rules: &Targeting, errors: &mut Vec<FieldError>) -> Wanted {
    Wanted {
        countries: list("countries", &rules.countries, errors, crate::check::country),
        regions: list("regions", &rules.regions, errors, region),
        devices: list("devices", &rules.devices, errors, |word| {
            device(word).ok_or_else(|| format!("{word:?} is not one of {}", DEVICES.join(", ")))
        }),
        os: list("os", &rules.os, errors, name),
        browsers: list("browsers", &rules.browsers, errors, name),
        languages: list("languages", &rules.languages, errors, language),
        hours: rules.hours.as_ref().and_then(|hours| {
            CompiledHours::compile(hours)
                .map_err(|found| errors.extend(found.into_iter().map(|error| error.below("hours"))))
                .ok()
        }),
    }
}

/// Values of one list.
pub const LIST_MAX: usize = 500;

fn list<T: Ord>(
    field: &'static str,
    matching: &Matching,
    errors: &mut Vec<FieldError>,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> List<T> {
    let values = match matching {
        Matching::Any => return List::Any,
        Matching::Only(values) | Matching::Not(values) => values,
    };
    if values.is_empty() {
        errors.push(FieldError::new(field, "an empty list fits nobody or everybody: leave the rule out"));
    }
    if values.len() > LIST_MAX {
        let message = format!("at most {LIST_MAX} values are accepted, these are {}", values.len());
        errors.push(FieldError::new(field, message));
    }
    let mut read_values = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        match read(value) {
            Ok(value) => read_values.push(value),
            Err(message) => errors.push(FieldError::new(format!("{field}[{index}]"), message)),
        }
    }
    read_values.sort_unstable();
    read_values.dedup();
    let listed = read_values.into();
    if matches!(matching, Matching::Not(_)) { List::Not(listed) } else { List::Only(listed) }
}

fn region(text: &str) -> Result<Region, String> {
    let read = || {
        let (country, code) = text.split_once('-')?;
        let plain = code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        Some((crate::check::country(country).ok()?, subdivision(code.as_bytes()).filter(|_| plain)?))
    };
    read().ok_or_else(|| {
        format!("{text:?} is no subdivision, expected ISO 3166-2 with its country, such as US-CA")
    })
}

fn name(text: &str) -> Result<Box<str>, String> {
    if text.trim().is_empty() || text.trim() != text || text.len() > 64 {
        return Err(format!("{text:?} is no name, expected one as in reports, at most 64 bytes"));
    }
    Ok(text.into())
}

fn language(text: &str) -> Result<Box<str>, String> {
    if !(2..=8).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(format!("{text:?} is no language, expected a primary subtag such as de"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests;
