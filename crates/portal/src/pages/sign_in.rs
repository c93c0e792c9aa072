//! Signing in and out.

use std::net::SocketAddr;

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use hopline_api::Problem;
use hopline_types::SECOND_MS;
use serde::Deserialize;

use crate::assets;
use crate::pages::message::Refused;
use crate::pages::rendered;
use crate::session::{self, Viewer};
use crate::state::PortalState;
use crate::text::{ENGLISH, Text};

/// Where people go who asked for nothing else.
const HOME: &str = "/dashboard";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    t: &'static Text,
    assets: &'static str,
    csrf: String,
    next: &'a str,
    email: &'a str,
    notice: Option<String>,
    notice_is_bad: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    next: String,
    ended: String,
}

/// What the form sends. Not `Debug`: it holds a password.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attempt {
    csrf: String,
    next: String,
    email: String,
    password: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Leaving {
    csrf: String,
}

/// Only a path of this portal; everything else leads home.
fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && next.len() <= 200;
    let is_plain = next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_?=&".contains(&byte));
    if is_path && is_plain && !next.starts_with("/sign-") && next != "/" { next } else { HOME }
}

/// `GET /sign-in`.
pub(crate) async fn form(
    State(state): State<PortalState>,
    headers: HeaderMap,
    viewer: Option<Viewer>,
    wish: Result<Query<Wish>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let wish = wish.map_or_else(|_| Wish::default(), |Query(wish)| wish);
    let next = safe_next(&wish.next);
    if viewer.is_some() {
        return Redirect::to(next).into_response();
    }
    let notice = (wish.ended == "1").then(|| ENGLISH.sign_in.ended.to_owned());
    show(&state, &headers, StatusCode::OK, next, "", notice)
}

fn show(
    state: &PortalState,
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    email: &str,
    notice: Option<String>,
) -> Response {
    let (secret, cookie) = session::form_secret(state, headers);
    let page = Page {
        t: &ENGLISH,
        assets: assets::folder(),
        csrf: session::csrf(&secret),
        next,
        email,
        notice,
        notice_is_bad: status != StatusCode::OK,
    };
    let mut response = rendered(&page);
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /sign-in`.
pub(crate) async fn submit(
    State(state): State<PortalState>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    form: Result<Form<Attempt>, FormRejection>,
) -> Response {
    let Ok(Form(attempt)) = form else {
        return Refused::from(Problem::malformed("")).into_response();
    };
    let next = safe_next(&attempt.next);
    let email = attempt.email.trim();
    let again = |status, notice: String| show(&state, &headers, status, next, email, Some(notice));
    let secret = session::form_secret_sent(&state, &headers);
    if !secret.is_some_and(|secret| session::csrf_fits(&secret, &attempt.csrf)) {
        return again(StatusCode::FORBIDDEN, ENGLISH.sign_in.stale.into());
    }
    if email.is_empty() || attempt.password.is_empty() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, ENGLISH.sign_in.missing.into());
    }
    let address = peer.map(|peer| peer.0.0.ip());
    let services = state.services();
    let begun = match services.sign_in.login(email, &attempt.password, address).await {
        Ok(begun) => begun,
        Err(problem) if problem.status == 401 => {
            return again(StatusCode::UNAUTHORIZED, ENGLISH.sign_in.wrong.into());
        }
        Err(problem) if problem.status == 429 => {
            let wait = problem.retry_after;
            let mut response = again(StatusCode::TOO_MANY_REQUESTS, (ENGLISH.sign_in.too_many)(wait));
            if let Some(seconds) = wait {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            return response;
        }
        Err(problem) => return Refused::from(problem).into_response(),
    };
    // The session before, if any, ends: nobody carries two.
    if let Some(old) = session::token(&state, &headers)
        && let Err(problem) = services.sign_in.logout(&old).await
    {
        tracing::warn!(detail = problem.detail, "cannot end the session before");
    }
    let seconds = begun.expires_at.since(services.clock.now()) / SECOND_MS;
    let cookie = session::session_cookie(&state, &begun.token, seconds.max(0));
    ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

/// `POST /sign-out`.
pub(crate) async fn leave(
    State(state): State<PortalState>,
    headers: HeaderMap,
    form: Result<Form<Leaving>, FormRejection>,
) -> Response {
    let removed = [(header::SET_COOKIE, session::session_cookie_removed(&state))];
    let Some(token) = session::token(&state, &headers) else {
        return (removed, Redirect::to("/sign-in")).into_response();
    };
    let is_ours = form.is_ok_and(|Form(leaving)| session::csrf_fits(&token, &leaving.csrf));
    if !is_ours {
        return Refused::from(Problem::forbidden("")).into_response();
    }
    match state.services().sign_in.logout(&token).await {
        Ok(()) => (removed, Redirect::to("/sign-in")).into_response(),
        Err(problem) => Refused::from(problem).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_sign_in_people_stay_on_this_portal() {
        let table = [
            ("/conversions/5", "/conversions/5"),
            ("/dashboard?span=fortnight", "/dashboard?span=fortnight"),
            ("//evil.example", HOME),
            ("/\\evil.example", HOME),
            ("https://evil.example", HOME),
            ("/sign-out", HOME),
            ("/x\r\nSet-Cookie: a=b", HOME),
            ("", HOME),
        ];
        for (asked, expected) in table {
            assert_eq!(safe_next(asked), expected, "{asked:?}");
        }
    }
}
