//! Reads a query string parameter by parameter and remembers everything that is wrong with it.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hopline_control_store::Page;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{FieldProblem, Problem};

/// Items of a list where no `limit` is given.
const LIMIT_DEFAULT: u32 = 50;
/// The highest `limit`.
const LIMIT_MAX: u32 = 500;

/// The path and the decoded pairs of a query string.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
    asked: Vec<&'static str>,
    problems: Vec<FieldProblem>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { path: parts.uri.path().to_owned(), pairs, asked: Vec::new(), problems: Vec::new() })
    }
}

impl Query {
    /// All pairs, for readers of their own.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Remarks on a parameter.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.problems.push(FieldProblem::new(name, message));
    }

    /// A parameter's text; an empty one counts as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        let mut values = self.pairs.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.clone()).filter(|value| !value.is_empty());
        if values.next().is_some() {
            self.refuse(name, "is given twice");
        }
        value
    }

    /// A parameter that reads as `T`: a word, an id.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        text.parse().map_err(|refusal: T::Err| self.refuse(name, refusal.to_string())).ok()
    }

    /// An id.
    pub(crate) fn id<T: TryFrom<i64>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        let id = text.parse::<i64>().ok().and_then(|number| T::try_from(number).ok());
        if id.is_none() {
            self.refuse(name, format!("{text:?} is no id: expected a whole number from 1"));
        }
        id
    }

    /// A time, RFC 3339, or a day, which begins at midnight UTC.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<hopline_types::UnixMillis> {
        let text = self.text(name)?;
        let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let day = text.parse::<jiff::civil::Date>().ok()?;
            Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        });
        if time.is_none() {
            self.refuse(
                name,
                format!("{text:?} is no time such as 2026-01-31T12:00:00Z, and no day such as 2026-01-31"),
            );
        }
        time.map(|time| hopline_types::UnixMillis(time.as_millisecond()))
    }

    /// Ends the reading; parameters that nobody asked for are refused.
    ///
    /// # Errors
    /// 400 with all remarks.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let known = if self.asked.is_empty() { "none".to_owned() } else { self.asked.join(", ") };
        for (name, _) in &self.pairs {
            if !self.asked.contains(&name.as_str()) {
                let message = format!("is not a parameter here; there are {known}");
                self.problems.push(FieldProblem::new(name.clone(), message));
            }
        }
        refused(self.problems)
    }

    /// Ends the reading of a list's query: `limit` and `cursor` come last.
    ///
    /// # Errors
    /// 400 with all remarks, also for a cursor that was not handed out for this very list.
    pub(crate) fn list(mut self, app: &App, caller: &Caller) -> Result<List, Problem> {
        let limit = self.text("limit").map_or(LIMIT_DEFAULT, |text| match text.parse::<u32>() {
            Ok(limit @ 1..=LIMIT_MAX) => limit,
            _ => {
                self.refuse("limit", format!("{text:?} is no whole number from 1 to {LIMIT_MAX}"));
                LIMIT_DEFAULT
            }
        });
        let context = self.context(caller);
        let position = self.text("cursor").and_then(|cursor| {
            let position = app.cursor_key.read(&context, &cursor);
            if position.is_none() {
                self.refuse("cursor", "was not handed out for this list; begin without it");
            }
            position
        });
        self.finish()?;
        Ok(List { limit, position, context })
    }

    /// What a cursor belongs to: who asks for which list with which filters.
    fn context(&self, caller: &Caller) -> String {
        let mut filters: Vec<_> =
            self.pairs.iter().filter(|(name, _)| name != "cursor" && name != "limit").collect();
        filters.sort();
        let filters = form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
        format!("{} {} {} {filters}", self.path, caller.scope.word(), caller.scope.tenant())
    }
}

fn refused(problems: Vec<FieldProblem>) -> Result<(), Problem> {
    if problems.is_empty() { Ok(()) } else { Err(Problem::parameters(problems)) }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone)]
pub(crate) struct List {
    limit: u32,
    position: Option<String>,
    context: String,
}

impl List {
    /// The position after which to go on.
    pub(crate) fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// The same, where positions are ids.
    pub(crate) fn after(&self) -> Option<i64> {
        self.position.as_deref().and_then(|position| position.parse().ok())
    }

    /// How many rows to ask for: one more than shown, to learn whether there are more.
    pub(crate) const fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// The page in order of ids.
    pub(crate) fn page(&self) -> Page {
        Page { after: self.after().unwrap_or(0), limit: self.rows() }
    }

    /// The answer: items, and the cursor of the next ones. `position` is where a row stands.
    pub(crate) fn answer<R, V: serde::Serialize, P: std::fmt::Display>(
        &self,
        app: &App,
        mut rows: Vec<R>,
        position: impl Fn(&R) -> P,
        view: impl FnMut(&R) -> V,
    ) -> Value {
        let limit = usize::try_from(self.limit).expect("a limit fits");
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        let next = last.map(|row| app.cursor_key.write(&self.context, &position(row).to_string()));
        json!({"items": rows.iter().map(view).collect::<Vec<V>>(), "next_cursor": next})
    }
}
