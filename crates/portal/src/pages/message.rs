//! Answers instead of the page that was asked for.

use askama::Template;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use hopline_api::Problem;
use hopline_control_store::StoreError;

use crate::assets;
use crate::text::{ENGLISH, Text};

/// Has htmx load another page.
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody must sign in first.
    SignIn {
        /// Where to; a path here.
        place: String,
        /// Whether htmx asks.
        is_part: bool,
    },
    /// Anything else. Its detail is for API clients and not shown.
    Problem(Box<Problem>),
}

impl Refused {
    /// To the sign-in form, and back here afterwards.
    pub(crate) fn sign_in(parts: &Parts, had_session: bool) -> Self {
        let is_part = parts.headers.contains_key(HX_REQUEST);
        let path = if is_part { "/dashboard" } else { parts.uri.path() };
        let ended = if had_session { "&ended=1" } else { "" };
        Self::SignIn { place: format!("/sign-in?next={path}{ended}"), is_part }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for Refused {
    fn from(failure: StoreError) -> Self {
        Problem::from(failure).into()
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    t: &'static Text,
    assets: &'static str,
    title: &'static str,
    detail: &'static str,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { place, is_part: true } => {
                let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/sign-in"));
                (StatusCode::UNAUTHORIZED, [(HX_REDIRECT, place)]).into_response()
            }
            Self::SignIn { place, is_part: false } => Redirect::to(&place).into_response(),
            Self::Problem(problem) => page(&problem),
        }
    }
}

fn page(problem: &Problem) -> Response {
    let t = &ENGLISH.message;
    let (title, detail) = match problem.status {
        404 => (t.not_found, t.not_found_sub),
        401 | 403 => (t.refused, t.refused_sub),
        400..500 => (t.unreadable, t.unreadable_sub),
        503 => (t.later, t.later_sub),
        _ => (t.failed, t.failed_sub),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = Message { t: &ENGLISH, assets: assets::folder(), title, detail };
    let mut response = match message.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (status, title).into_response(),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
