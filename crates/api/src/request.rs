//! What a changing request brings: a JSON body and perhaps an `Idempotency-Key`.
//!
//! Limits: a body has at most [`BODY_BYTES_MAX`] bytes and [`BODY_TIME_MAX`] to arrive. An empty body reads as `{}`, so
//! that operations without fields need none.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use hopline_control_store::sha256_hex;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::app::App;
use crate::caller::Caller;
use crate::json;
use crate::problem::{FieldProblem, Problem};

/// The most bytes of a body.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The most characters of an idempotency key (L-22).
const KEY_CHARS_MAX: usize = 255;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request that changes something.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The body.
    pub(crate) body: Value,
    /// Its idempotency key, if it brings one.
    pub(crate) idempotency: Option<IdempotencyKey>,
}

/// A key together with what it must be used for.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey {
    /// Credential, method and path.
    pub(crate) scope: String,
    pub(crate) key: String,
    pub(crate) request_sha256: String,
}

impl FromRequest<Arc<App>> for Change {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let key = idempotency_key(&parts.headers)?;
        let limited = Limited::new(body, BODY_BYTES_MAX).collect();
        let bytes = tokio::time::timeout(BODY_TIME_MAX, limited)
            .await
            .map_err(|_| Problem::timeout(format!("the body did not arrive within {BODY_TIME_MAX:?}")))?
            .map_err(|failure| unreadable(&*failure))?
            .to_bytes();
        let body = if bytes.is_empty() {
            Value::Object(Map::new())
        } else {
            expect_json(&parts.headers)?;
            json::parse(&bytes)
                .map_err(|refusal| Problem::malformed(format!("the body is no JSON: {refusal}")))?
        };
        let idempotency = key.map(|key| IdempotencyKey {
            scope: format!("{} {} {}", caller.actor.name, parts.method, parts.uri.path()),
            key,
            request_sha256: sha256_hex(&bytes),
        });
        Ok(Self { caller, body, idempotency })
    }
}

fn unreadable(failure: &(dyn std::error::Error + 'static)) -> Problem {
    if failure.is::<LengthLimitError>() {
        return Problem::too_large(format!("the body has more than {BODY_BYTES_MAX} bytes"));
    }
    Problem::malformed("the body broke off")
}

fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let given = given.map_or("none".to_owned(), |given| format!("{given:?}"));
    Err(Problem::media_type(format!("the content type is {given}, expected application/json")))
}

/// Reads the header: a quoted text as in the draft, or the bare text.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let refused = |message: &str| {
        let error = FieldProblem::new("Idempotency-Key", message);
        Err(Problem::malformed(format!("Idempotency-Key {message}")).with(vec![error]))
    };
    if given.next().is_some() {
        return refused("is given twice");
    }
    let text = value.to_str().unwrap_or_default().trim();
    let key = match text.strip_prefix('"') {
        None => Some(text.to_owned()),
        Some(rest) => rest.strip_suffix('"').and_then(unescaped),
    };
    match key {
        Some(key) if key.is_empty() => refused("is empty"),
        Some(key) if key.len() > KEY_CHARS_MAX => refused("has more than 255 characters"),
        Some(key) if key.bytes().all(|byte| matches!(byte, b' '..=b'~')) => Ok(Some(key)),
        Some(_) | None => refused("is neither a quoted text nor a bare one of visible ASCII"),
    }
}

/// The inside of a structured-field string.
fn unescaped(inside: &str) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(characters.next().filter(|next| matches!(next, '"' | '\\'))?),
            other => text.push(other),
        }
    }
    Some(text)
}

/// The id in a path; what is no id names nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: TryFrom<i64>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|refusal| Problem::malformed(refusal.body_text()))?;
        let text = params.iter().find(|(name, _)| *name == "id").map_or("", |(_, value)| value);
        // An object has one address: `01` and `+1` are none.
        let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        let id = number.and_then(|number| T::try_from(number).ok());
        id.map(Self).ok_or_else(|| Problem::not_found(format!("{text:?} is no id")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Result<Option<String>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, value.parse().unwrap());
        idempotency_key(&headers).map_err(|problem| problem.status)
    }

    // L-21
    #[test]
    fn idempotency_keys_are_read_quoted_or_bare() {
        assert_eq!(
            key("\"8e03978e-40d5-43dd-bc93-6894a57f9324\""),
            key("8e03978e-40d5-43dd-bc93-6894a57f9324")
        );
        assert_eq!(key(r#""a \"b\" \\c""#), Ok(Some(r#"a "b" \c"#.into())));
        assert_eq!(key(&"x".repeat(255)), Ok(Some("x".repeat(255))));
        for refused in ["", "\"\"", "\"open", r#""a"b""#, r#""a\x""#, "ü", &"x".repeat(256)] {
            assert_eq!(key(refused), Err(400), "{refused}");
        }
        let mut twice = HeaderMap::new();
        twice.append(IDEMPOTENCY_KEY, "a".parse().unwrap());
        twice.append(IDEMPOTENCY_KEY, "a".parse().unwrap());
        assert_eq!(idempotency_key(&twice).unwrap_err().status, 400);
    }

    #[test]
    fn only_json_is_taken() {
        let verdict = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            expect_json(&headers).map_err(|problem| problem.status)
        };
        assert_eq!(verdict("application/json; charset=utf-8"), Ok(()));
        assert_eq!(verdict("Application/JSON"), Ok(()));
        assert_eq!(verdict("application/merge-patch+json"), Ok(()));
        assert_eq!(verdict("text/json"), Err(415));
        assert_eq!(verdict("application/x-www-form-urlencoded"), Err(415));
        assert_eq!(expect_json(&HeaderMap::new()).unwrap_err().status, 415);
    }
}
