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
/// So many unknown fields are named; more are counted, so that an answer is not many times its request.
const UNKNOWN_NAMED_MAX: usize = 20;
/// So much of an unknown field's name is shown.
const NAME_CHARS_MAX: usize = 64;

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

    /// Remarks that a field is not there.
    pub(crate) fn missing(&mut self, name: &str) {
        if let Some(object) = self.object {
            let is_null = object.contains_key(name);
            self.refuse(name, if is_null { "is null, but needs a value" } else { "is missing" });
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
        } else if let Some(bad) = text.chars().find(|c| is_unseen(*c)) {
            let code = u32::from(bad);
            self.refuse(name, format!("holds the control character U+{code:04X}"));
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

    /// An optional text that is one of these words.
    pub(crate) fn optional_choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.optional_text(name, TEXT_CHARS_MAX)?;
        let chosen = choices.iter().find(|(word, _)| *word == text);
        if chosen.is_none() {
            let expected = choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            self.refuse(name, format!("{text:?} is not one of {expected}"));
        }
        chosen.map(|(_, value)| *value)
    }

    /// A text that must be there and be one of these words.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        if self.value(name).is_none() {
            self.missing(name);
            return None;
        }
        self.optional_choice(name, choices)
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
            Ok(time) if time < jiff::Timestamp::UNIX_EPOCH => {
                self.refuse(name, format!("{text:?} lies before 1970"));
                None
            }
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
            let mut known: Vec<_> = self.asked.iter().copied().collect();
            known.sort_unstable();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            for name in unknown.iter().take(UNKNOWN_NAMED_MAX) {
                let place = self.place(&shortened(name));
                let message = format!("is not a field here; there are {known}");
                self.problems.push(FieldProblem::new(place, message));
            }
            let more = unknown.len().saturating_sub(UNKNOWN_NAMED_MAX);
            if more > 0 {
                let place = if self.path.is_empty() { "body".to_owned() } else { self.path.clone() };
                let message = format!("holds {more} more fields that are not known here");
                self.problems.push(FieldProblem::new(place, message));
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

/// Characters that are not seen but change what is seen: control characters, line separators, and those that turn the
/// direction of writing. A name with them can look like another one.
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a name.
fn shortened(name: &str) -> String {
    let mut beginning: String = name.chars().take(NAME_CHARS_MAX).collect();
    if beginning.len() < name.len() {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flood_of_unknown_fields_is_counted_not_repeated() {
        let body: Value = (0..1_000)
            .map(|n| (format!("{n:04}{}", "x".repeat(500)), json!(1)))
            .collect::<Map<_, _>>()
            .into();
        let problems = Fields::at("items[3]".into(), &body).close();
        assert_eq!(problems.len(), UNKNOWN_NAMED_MAX + 1);
        assert_eq!(problems[0].field, format!("items[3].0000{}…", "x".repeat(NAME_CHARS_MAX - 4)));
        assert_eq!(problems[0].message, "is not a field here; there are none");
        let last = problems.last().unwrap();
        assert_eq!(*last, FieldProblem::new("items[3]", "holds 980 more fields that are not known here"));
    }

    #[test]
    fn texts_hold_no_characters_that_cannot_be_seen() {
        for (text, code) in
            [("a\0b", "U+0000"), ("a\r\nb", "U+000D"), ("gnp.\u{202e}x", "U+202E"), ("a\u{2028}", "U+2028")]
        {
            let body = json!({"name": text});
            let mut fields = Fields::body(&body);
            fields.text("name", 10);
            assert_eq!(
                fields.close(),
                [FieldProblem::new("name", format!("holds the control character {code}"))]
            );
        }
        let body = json!({"name": "Müller \u{200d}👍🏽 שלום"});
        let mut fields = Fields::body(&body);
        assert_eq!(fields.text("name", 40), "Müller \u{200d}👍🏽 שלום");
        assert_eq!(fields.close(), []);
    }

    #[test]
    fn times_begin_with_1970_and_null_is_not_called_missing() {
        let body = json!({"at": "0000-01-01T00:00:00Z", "ok": "1970-01-01T00:00:00Z", "name": null});
        let mut fields = Fields::body(&body);
        assert_eq!(fields.optional_time("at"), None);
        assert_eq!(fields.optional_time("ok"), Some(hopline_types::UnixMillis(0)));
        fields.text("name", 10);
        let messages: Vec<_> = fields.close().into_iter().map(|problem| problem.message).collect();
        assert_eq!(messages, ["\"0000-01-01T00:00:00Z\" lies before 1970", "is null, but needs a value"]);
    }

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
