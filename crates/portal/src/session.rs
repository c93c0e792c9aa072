//! Cookies, the token in forms, and who is signed in.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use hopline_api::{Problem, SESSION_COOKIE};
use hopline_control_store::users::User;
use hopline_control_store::{DatabaseExt, Scope, StoreError, sessions, sha256_hex};
use hopline_types::{HOUR_MS, MINUTE_MS, Role};
use subtle::ConstantTimeEq;

use crate::assets::hex;
use crate::pages::message::Refused;
use crate::state::PortalState;
use crate::view::zone::Zone;

/// The cookie with the browser's time zone.
const ZONE_COOKIE: &str = "hl_tz";
/// The cookie that the token of the sign-in form is derived from.
const FORM_COOKIE: &str = "hl_form";
/// Random bytes in it.
const FORM_BYTES: usize = 24;
/// Longer values are none of ours.
const VALUE_CHARS_MAX: usize = 128;

/// Who looks at a page.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    pub(crate) user: User,
    pub(crate) scope: Scope,
    pub(crate) zone: Zone,
    /// The token of this session's forms.
    pub(crate) csrf: String,
}

impl Viewer {
    pub(crate) fn role(&self) -> Role {
        self.user.role
    }

    /// What reports may count.
    pub(crate) fn report_scope(&self) -> hopline_report::Scope {
        hopline_report::Scope { advertiser: self.user.advertiser_id, affiliate: self.user.affiliate_id }
    }
}

/// A viewer whose page asks again by itself: that is no use of the session.
#[derive(Debug, Clone)]
pub(crate) struct Watcher(pub(crate) Viewer);

fn viewer(user: User, token: &str, headers: &HeaderMap) -> Result<Viewer, Refused> {
    let scope = user.actor().scope();
    if scope == Scope::Nothing {
        return Err(Problem::forbidden("the user has no tenant that fits its role").into());
    }
    Ok(Viewer { user, scope, zone: zone(headers), csrf: csrf(token) })
}

impl FromRequestParts<PortalState> for Viewer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Refused> {
        let token = token(state, &parts.headers);
        let found = match &token {
            Some(token) => state.services().sign_in.session(token).await?,
            None => None,
        };
        match (found, token) {
            (Some(signed_in), Some(token)) => viewer(signed_in.user, &token, &parts.headers),
            (_, token) => Err(Refused::sign_in(parts, token.is_some())),
        }
    }
}

impl OptionalFromRequestParts<PortalState> for Viewer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Option<Self>, Refused> {
        match <Self as FromRequestParts<PortalState>>::from_request_parts(parts, state).await {
            Ok(viewer) => Ok(Some(viewer)),
            Err(Refused::SignIn { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// How long a session may be unused; as the API has it.
const fn idle_ms(role: Role) -> i64 {
    match role {
        Role::Finance => 15 * MINUTE_MS,
        Role::Operator => 2 * HOUR_MS,
        Role::Advertiser | Role::Affiliate => 12 * HOUR_MS,
    }
}

impl FromRequestParts<PortalState> for Watcher {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Refused> {
        let Some(token) = token(state, &parts.headers) else { return Err(Refused::sign_in(parts, false)) };
        let services = state.services();
        let now = services.clock.now();
        let hash = sha256_hex(token.as_bytes());
        let found = services
            .database
            .read(move |tx| sessions::find(tx, &hash, idle_ms(Role::Affiliate), now))
            .await
            .map_err(|failure: StoreError| Problem::from(failure))?
            .filter(|(session, user)| now.since(session.seen_at) < idle_ms(user.role));
        match found {
            Some((_, user)) => viewer(user, &token, &parts.headers).map(Self),
            None => Err(Refused::sign_in(parts, true)),
        }
    }
}

/// `__Host-` in front on https: then the browser keeps it from other hosts and from plain http.
fn name(state: &PortalState, plain: &str) -> String {
    if state.is_https() { format!("__Host-{plain}") } else { plain.to_owned() }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(given, value)| *given == name && !value.is_empty() && value.len() <= VALUE_CHARS_MAX)
        .map(|(_, value)| value.to_owned())
}

/// The session's token, as sent.
pub(crate) fn token(state: &PortalState, headers: &HeaderMap) -> Option<String> {
    cookie(headers, &name(state, SESSION_COOKIE))
}

/// The time zone that the browser has told.
pub(crate) fn zone(headers: &HeaderMap) -> Zone {
    cookie(headers, ZONE_COOKIE).map_or_else(Zone::utc, |value| Zone::from_cookie(&value))
}

fn set_cookie(state: &PortalState, plain: &str, value: &str, seconds: i64) -> HeaderValue {
    let secure = if state.is_https() { "; Secure" } else { "" };
    let name = name(state, plain);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("names and values of cookies are ASCII")
}

/// `Set-Cookie` of a session.
pub(crate) fn session_cookie(state: &PortalState, token: &str, seconds: i64) -> HeaderValue {
    set_cookie(state, SESSION_COOKIE, token, seconds)
}

/// `Set-Cookie` that removes it.
pub(crate) fn session_cookie_removed(state: &PortalState) -> HeaderValue {
    set_cookie(state, SESSION_COOKIE, "", 0)
}

/// The secret behind the sign-in form: the one the browser has, or a new one with its `Set-Cookie`.
pub(crate) fn form_secret(state: &PortalState, headers: &HeaderMap) -> (String, Option<HeaderValue>) {
    if let Some(known) = cookie(headers, &name(state, FORM_COOKIE)) {
        return (known, None);
    }
    let secret = hex(&rand::random::<[u8; FORM_BYTES]>(), 2 * FORM_BYTES);
    let header = set_cookie(state, FORM_COOKIE, &secret, HOUR_MS / 1_000 * 24);
    (secret, Some(header))
}

/// The secret behind the sign-in form that the browser has sent.
pub(crate) fn form_secret_sent(state: &PortalState, headers: &HeaderMap) -> Option<String> {
    cookie(headers, &name(state, FORM_COOKIE))
}

/// The token of forms, from a session's token or the form's own secret. It does not lead back.
pub(crate) fn csrf(secret: &str) -> String {
    sha256_hex(format!("hopline form\n{secret}").as_bytes())
}

/// Whether a form's token belongs to the secret.
pub(crate) fn csrf_fits(secret: &str, given: &str) -> bool {
    csrf(secret).as_bytes().ct_eq(given.as_bytes()).into()
}
