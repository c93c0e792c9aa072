//! Errors as clients see them: RFC 9457 problem details, all bad fields at once.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hopline_books::BookError;
use hopline_click_store::ClickStoreError;
use hopline_control_store::{ErrorKind, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

/// One bad field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where: a path such as `goals[0].payout.percent`, or a query parameter's name.
    pub field: String,
    /// What was wrong and what is expected.
    pub message: String,
}

impl FieldProblem {
    /// A remark on one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A refusal, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// A stable name of the sort of problem, as a path: `/problems/invalid`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The sort of problem in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened here.
    pub detail: String,
    /// What it was an answer to; filled in as the answer leaves.
    #[serde(flatten)]
    pub place: Option<Box<Place>>,
    /// The bad fields, up to 100; empty where the problem is another.
    pub errors: Vec<FieldProblem>,
    /// Seconds after which trying again makes sense; sent as `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// What a problem was an answer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// The request's path.
    pub instance: String,
    /// The request's id, to be named in questions to the operator.
    pub request_id: String,
}

macro_rules! problems {
    ($($(#[$meta:meta])* $name:ident = $status:ident, $kind:literal, $title:literal;)*) => {
        impl Problem {
            $($(#[$meta])*
            pub fn $name(detail: impl Into<String>) -> Self {
                Self {
                    kind: concat!("/problems/", $kind),
                    title: $title,
                    status: StatusCode::$status.as_u16(),
                    detail: detail.into(),
                    place: None,
                    errors: Vec::new(),
                    retry_after: None,
                }
            })*
        }
    };
}

problems! {
    /// 400: the request cannot be read.
    malformed = BAD_REQUEST, "malformed", "The request cannot be read";
    /// 401: no key or session, or one that is not valid.
    unauthenticated = UNAUTHORIZED, "unauthenticated", "Who is asking is not known";
    /// 403: the role may not do this.
    forbidden = FORBIDDEN, "forbidden", "This role may not do that";
    /// 404: there is no such thing for this caller.
    not_found = NOT_FOUND, "not-found", "There is no such thing";
    /// 405: the path exists, the method does not.
    method = METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here";
    /// 409: the state of things stands against it.
    conflict = CONFLICT, "conflict", "The state of things stands against it";
    /// 408: the request took too long to arrive.
    timeout = REQUEST_TIMEOUT, "timeout", "The request took too long to arrive";
    /// 413: too long.
    too_large = PAYLOAD_TOO_LARGE, "too-large", "The request is too large";
    /// 415: not JSON.
    media_type = UNSUPPORTED_MEDIA_TYPE, "media-type", "The content type is not supported";
    /// 422: fields are wrong; see `errors`.
    invalid = UNPROCESSABLE_ENTITY, "invalid", "Some fields are not valid";
    /// 429: too often; see `Retry-After`.
    too_many = TOO_MANY_REQUESTS, "too-many-requests", "Too many requests";
    /// 500: our fault; details are in the log only.
    internal = INTERNAL_SERVER_ERROR, "internal", "Something went wrong here";
    /// 503: a store is away; the same request may succeed later.
    unavailable = SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment";
}

/// So many remarks are sent; the detail counts all of them.
const ERRORS_MAX: usize = 100;

/// What stands in `detail`, and the remarks that are sent.
fn told(mut errors: Vec<FieldProblem>, what: &str) -> (String, Vec<FieldProblem>) {
    let count = errors.len();
    let detail = match errors.as_slice() {
        [only] => format!("{}: {}", only.field, only.message),
        _ if count > ERRORS_MAX => format!("{count} {what} are not valid; the first {ERRORS_MAX} are named"),
        _ => format!("{count} {what} are not valid"),
    };
    errors.truncate(ERRORS_MAX);
    (detail, errors)
}

impl Problem {
    /// 422 with the bad fields, up to 100 of them.
    #[must_use]
    pub fn fields(errors: Vec<FieldProblem>) -> Self {
        let (detail, errors) = told(errors, "fields");
        Self { errors, ..Self::invalid(detail) }
    }

    /// 400 with the bad query parameters, up to 100 of them.
    #[must_use]
    pub fn parameters(errors: Vec<FieldProblem>) -> Self {
        let (detail, errors) = told(errors, "parameters");
        Self { errors, ..Self::malformed(detail) }
    }

    /// The same problem with these remarks.
    #[must_use]
    pub fn with(mut self, errors: Vec<FieldProblem>) -> Self {
        self.errors = errors;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let unavailable = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(seconds) = self.retry_after.or(unavailable) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The outermost layer knows path and request id and writes the body again with them.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    /// The one place where store failures become answers; their text goes to the log only.
    fn from(failure: StoreError) -> Self {
        match failure.kind {
            ErrorKind::Conflict => {
                tracing::info!(detail = failure.detail, "a unique key refused a request");
                Self::conflict("something with the same unique key exists already")
            }
            ErrorKind::Reference => {
                tracing::info!(detail = failure.detail, "a reference refused a request");
                Self::invalid("the request refers to something that does not exist")
            }
            ErrorKind::Constraint => {
                tracing::warn!(detail = failure.detail, "a schema rule refused a request");
                Self::invalid("the store refused a value")
            }
            ErrorKind::Unavailable => {
                tracing::error!(detail = failure.detail, "the control store is not available");
                Self::unavailable("the control store is not available")
            }
            ErrorKind::Broken => {
                tracing::error!(detail = failure.detail, "the control store failed");
                Self::internal("the failure has been logged")
            }
        }
    }
}

impl From<BookError> for Problem {
    fn from(error: BookError) -> Self {
        let own = |errors: Vec<hopline_books::FieldError>| {
            errors.into_iter().map(|error| FieldProblem::new(error.field, error.message)).collect()
        };
        match error {
            BookError::NotFound { .. } => Self::not_found(error.to_string()),
            BookError::State { .. } | BookError::Conflict { .. } | BookError::Waits { .. } => {
                Self::conflict(error.to_string())
            }
            BookError::Invalid(errors) => Self::fields(own(errors)),
            BookError::FourEyes { detail } => Self::forbidden(detail),
            BookError::Settings(errors) => {
                Self::conflict("settings of this installation are missing or wrong").with(own(errors))
            }
            BookError::Broken { detail } => {
                tracing::error!(detail, "a rule of the books would have been broken");
                Self::internal("the failure has been logged")
            }
            BookError::Store(failure) => failure.into(),
        }
    }
}

impl From<ClickStoreError> for Problem {
    fn from(failure: ClickStoreError) -> Self {
        let source = std::error::Error::source(&failure).map(ToString::to_string);
        tracing::error!(%failure, source, "the click store failed");
        if failure.is_retryable() {
            return Self::unavailable("the click store is not available");
        }
        Self::internal("the failure has been logged")
    }
}
