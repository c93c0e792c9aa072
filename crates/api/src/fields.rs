//! Reads a JSON object field by field and remembers everything that is wrong with it.
//!
//! A handler takes what it needs (`text`, `id`, `amount`, …); a wrong field gives a harmless stand-in and a
//! remark, so that the reading goes on and the client hears of all bad fields at once. Fields that nobody
//! asked for are refused too: a misspelt name must not pass silently.

use std::collections::HashSet;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::problem::{FieldProblem, Problem};

/// Texts are at most this many characters unless a field says otherwise.
pub(crate) const TEXT_CHARS_MAX: usize = 200;

/// A JSON object being read.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    object: Option<&'a Map<String, Value>>,
    asked: HashSet<&'static str>,
    problems: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    /// Reads the body of a request.
    pub(crate) fn body(value: &'a Value) -> Self {
        Self::at(String::new(), value)
    }

    /// Reads the object at `path` of the body.
    pub(crate) fn at(path: String, value: &'a Value) -> Self {
        let object = value.as_object();
        let mut fields = Self { path, object, asked: HashSet::new(), problems: Vec::new() };
        if object.is_none() {
            let place = if fields.path.is_empty() { "body".to_owned() } else { fields.path.clone() };
            fields.problems.push(FieldProblem::new(place, "is not a JSON object"));
        }
        fields
    }

    /// The full path of a field.
    pub(crate) fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Remarks on a field.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        let place = self.place(name);
        self.problems.push(FieldProblem::new(place, message));
    }

    /// Takes over remarks that already carry their full paths.
    pub(crate) fn refuse_all(&mut self, problems: impl IntoIterator<Item = FieldProblem>) {
        self.problems.extend(problems);
    }

    /// The raw value; JSON null counts as absent.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.insert(name);
        self.object.and_then(|object| object.get(name)).filter(|value| !value.is_null())
    }

    /// Whether the field is there, also as null.
    pub(crate) fn has(&mut self, name: &'static str) -> bool {
        self.asked.insert(name);
        self.object.is_some_and(|object| object.contains_key(name))
    }

    fn missing(&mut self, name: &str) {
        if self.object.is_some() {
            self.refuse(name, "is missing");
        }
    }

    /// An optional text of at most `chars_max` characters, without control characters.
    pub(crate) fn optional_text(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        let value = self.value(name)?;
        let Some(text) = value.as_str() else {
            self.refuse(name, "is not a text");
            return None;
        };
        let length = text.chars().count();
        if length > chars_max {
            self.refuse(name, format!("has {length} characters, at most {chars_max} are allowed"));
        } else if text.chars().any(|c| c.is_control()) {
            self.refuse(name, "holds a control character");
        } else {
            return Some(text.to_owned());
        }
        None
    }

    /// A text that must be there and not be blank.
    pub(crate) fn text(&mut self, name: &'static str, chars_max: usize) -> String {
        let present = self.value(name).is_some();
        match self.optional_text(name, chars_max) {
            Some(text) if text.trim().is_empty() => self.refuse(name, "is empty"),
            Some(text) => return text,
            None if !present => self.missing(name),
            None => {}
        }
        String::new()
    }

    /// An optional text that reads as `T`.
    pub(crate) fn optional_word<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.optional_text(name, TEXT_CHARS_MAX)?;
        text.parse().map_err(|refusal: T::Err| self.refuse(name, refusal.to_string())).ok()
    }

    /// A text that must be there and read as `T`.
    pub(crate) fn word<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        if self.value(name).is_none() {
            self.missing(name);
            return None;
        }
        self.optional_word(name)
    }

    /// An optional whole number within bounds.
    pub(crate) fn optional_whole(&mut self, name: &'static str, least: i64, most: i64) -> Option<i64> {
        let value = self.value(name)?;
        match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(number) => {
                self.refuse(name, format!("is {number}, expected {least} to {most}"));
                None
            }
            None => {
                self.refuse(name, "is not a whole number");
                None
            }
        }
    }

    /// An id that must be there.
    pub(crate) fn id<T: TryFrom<i64>>(&mut self, name: &'static str) -> Option<T> {
        if self.value(name).is_none() {
            self.missing(name);
            return None;
        }
        self.optional_id(name)
    }

    /// An optional id.
    pub(crate) fn optional_id<T: TryFrom<i64>>(&mut self, name: &'static str) -> Option<T> {
        let value = self.value(name)?;
        let id = value.as_i64().and_then(|number| T::try_from(number).ok());
        if id.is_none() {
            self.refuse(name, "is no id: expected a whole number from 1");
        }
        id
    }

    /// An optional truth value.
    pub(crate) fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.refuse(name, "is neither true nor false");
        }
        flag
    }

    /// An optional time, RFC 3339.
    pub(crate) fn optional_time(&mut self, name: &'static str) -> Option<hopline_types::UnixMillis> {
        let text = self.optional_text(name, 64)?;
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(hopline_types::UnixMillis(time.as_millisecond())),
            Err(_) => {
                self.refuse(name, format!("{text:?} is no RFC 3339 time such as 2026-01-31T12:00:00Z"));
                None
            }
        }
    }

    /// An optional list of texts.
    pub(crate) fn optional_texts(&mut self, name: &'static str, items_max: usize) -> Option<Vec<String>> {
        let value = self.value(name)?;
        let Some(items) = value.as_array() else {
            self.refuse(name, "is not a list");
            return None;
        };
        if items.len() > items_max {
            self.refuse(name, format!("has {} entries, at most {items_max} are allowed", items.len()));
            return None;
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str() {
                Some(text) if !text.is_empty() && text.len() <= 4 * TEXT_CHARS_MAX => {
                    texts.push(text.to_owned())
                }
                _ => self.refuse(&format!("{name}[{index}]"), "is no text, or an empty or too long one"),
            }
        }
        Some(texts)
    }

    /// Adds remarks about fields that nobody asked for, and gives back all remarks.
    pub(crate) fn close(mut self) -> Vec<FieldProblem> {
        if let Some(object) = self.object {
            let mut unknown: Vec<_> =
                object.keys().filter(|name| !self.asked.contains(name.as_str())).collect();
            unknown.sort();
            for name in unknown {
                let place = self.place(name);
                let mut known: Vec<_> = self.asked.iter().copied().collect();
                known.sort_unstable();
                self.problems.push(FieldProblem::new(
                    place,
                    format!("is not a field here; there are {}", known.join(", ")),
                ));
            }
        }
        self.problems
    }

    /// Gives back all remarks; fields that nobody asked for pass, because which there are is not known.
    pub(crate) fn close_lenient(self) -> Vec<FieldProblem> {
        self.problems
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with all remarks.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let problems = self.close();
        if problems.is_empty() { Ok(()) } else { Err(Problem::fields(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_bad_field_is_named_at_once_with_its_path() {
        let body = json!({"name": "", "advertiser_id": "7", "hold_days": -1, "nmae": "x", "kind": "pps "});
        let mut fields = Fields::at("offers[2]".into(), &body);
        assert_eq!(fields.text("name", 10), "");
        assert_eq!(fields.id::<hopline_types::AdvertiserId>("advertiser_id"), None);
        assert_eq!(fields.optional_whole("hold_days", 0, 365), None);
        assert_eq!(fields.word::<hopline_types::GoalKind>("kind"), None);
        assert_eq!(fields.text("currency", 3), "");
        let names: Vec<_> = fields.close().into_iter().map(|problem| problem.field).collect();
        assert_eq!(
            names,
            [
                "offers[2].name",
                "offers[2].advertiser_id",
                "offers[2].hold_days",
                "offers[2].kind",
                "offers[2].currency",
                "offers[2].nmae",
            ]
        );
    }

    #[test]
    fn a_body_that_is_no_object_gets_one_clear_remark() {
        let body = json!([1]);
        let mut fields = Fields::body(&body);
        fields.text("name", 10);
        assert_eq!(fields.close(), [FieldProblem::new("body", "is not a JSON object")]);
    }
}
