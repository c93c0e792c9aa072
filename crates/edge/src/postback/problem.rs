//! Refusals as problem documents (RFC 9457).

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::answer::{self, Body};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

/// A refusal with all its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: &str) -> Self {
        Self { status, detail: detail.to_owned(), errors: Vec::new() }
    }

    pub(crate) fn of(status: StatusCode, field: &'static str, message: impl Into<String>) -> Self {
        Self::all(status, vec![FieldError { field, message: message.into() }])
    }

    /// The fields are wrong.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        Self::all(StatusCode::UNPROCESSABLE_ENTITY, errors)
    }

    fn all(status: StatusCode, errors: Vec<FieldError>) -> Self {
        let first =
            errors.first().map_or_else(String::new, |error| format!("{}: {}", error.field, error.message));
        let detail = match errors.len() {
            0 | 1 => first,
            count => format!("{first} (and {} more)", count - 1),
        };
        Self { status, detail, errors }
    }

    pub(crate) fn answer(&self) -> Response<Body> {
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|error| serde_json::json!({"field": error.field, "message": error.message}))
            .collect();
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "errors": errors,
        });
        let mut response = answer::bare(self.status, 2);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Hopline-Postback"));
        }
        *response.body_mut() = Full::new(Bytes::from(body.to_string()));
        response
    }

    /// The detail as a header value: everything but visible ASCII becomes `?`.
    pub(crate) fn header(&self) -> HeaderValue {
        let visible = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        let text: String = self.detail.chars().take(500).map(visible).collect();
        HeaderValue::from_str(&text).expect("visible ASCII may stand in a header")
    }
}
