//! Who is asking: key or session to actor, and whether the role may.
//!
//! [`guard`] runs before every operation under `/v1`. An operation that the table in [`crate::permissions`] does not
//! name is refused to everybody.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use hopline_control_store::{Actor, DatabaseExt, Scope, StoreError, keys};
use hopline_types::Role;

use crate::app::App;
use crate::permissions;
use crate::problem::Problem;
use crate::sign_in::{SESSION_COOKIE, refuse_cross_site};

/// Who is asking.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// For the audit log and the books.
    pub(crate) actor: Actor,
    /// What they may see.
    pub(crate) scope: Scope,
    /// Their network, shortened.
    pub(crate) origin: Option<String>,
    /// The request's id.
    pub(crate) request_id: String,
}

impl Caller {
    /// Whether the caller runs the installation.
    pub(crate) fn is_operator(&self) -> bool {
        self.actor.role == Role::Operator
    }

    /// Whether the caller is an affiliate.
    pub(crate) fn is_affiliate(&self) -> bool {
        self.actor.role == Role::Affiliate
    }

    /// Which side of the money the caller is shown.
    pub(crate) fn sides(&self) -> Sides {
        Sides { revenue: self.actor.role != Role::Affiliate, payout: self.actor.role != Role::Advertiser }
    }

    /// What a report may count.
    pub(crate) fn report_scope(&self) -> hopline_report::Scope {
        hopline_report::Scope { advertiser: self.actor.advertiser, affiliate: self.actor.affiliate }
    }
}

/// Affiliates are not shown what advertisers pay, and advertisers not what affiliates get: the difference is the
/// network's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    /// What the advertiser pays.
    pub(crate) revenue: bool,
    /// What the affiliate gets.
    pub(crate) payout: bool,
}

impl Sides {
    /// Both: for the audit log, operators and finance.
    pub(crate) const BOTH: Self = Self { revenue: true, payout: true };
}

/// The id of a request, made by the outermost layer.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!(path = parts.uri.path(), "an operation runs without its guard");
            Problem::internal("the failure has been logged")
        })
    }
}

/// Lets a request through to its operation if the caller is known and its role may.
pub(crate) async fn guard(
    State(app): State<Arc<App>>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let method = request.method().clone();
    let actor = actor(&app, &method, request.headers()).await?;
    let allowed = permissions::roles(method.as_str(), matched.as_str());
    if !allowed.contains(&actor.role) {
        let names: Vec<_> = allowed.iter().map(|role| role.as_str()).collect();
        let who = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        return Err(Problem::forbidden(format!("this is for {who}, the credential is for {}", actor.role)));
    }
    let scope = actor.scope();
    if scope == Scope::Nothing {
        return Err(Problem::forbidden("the credential names no tenant that fits its role"));
    }
    let origin = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| shortened(peer.0.ip()));
    let request_id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    request.extensions_mut().insert(Caller { actor, scope, origin, request_id });
    Ok(next.run(request).await)
}

async fn actor(app: &App, method: &Method, headers: &HeaderMap) -> Result<Actor, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let key = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, key)) = key else {
            return Err(Problem::unauthenticated("the Authorization header is not of the form: Bearer hl_…"));
        };
        return key_actor(app, key.trim()).await;
    }
    // On https browsers keep the first from other hosts, so it goes before the plain one.
    let secure = cookie(headers, &format!("__Host-{SESSION_COOKIE}"));
    let Some(token) = secure.or_else(|| cookie(headers, SESSION_COOKIE)) else {
        return Err(Problem::unauthenticated("send an API key: Authorization: Bearer hl_…"));
    };
    refuse_cross_site(method, headers)?;
    let signed_in = app.services.sign_in.session(&token).await?;
    signed_in
        .map(|signed_in| signed_in.user.actor())
        .ok_or_else(|| Problem::unauthenticated("the session has ended; sign in again"))
}

async fn key_actor(app: &App, text: &str) -> Result<Actor, Problem> {
    keys::looks_like_key(text).map_err(|refusal| Problem::unauthenticated(refusal.to_string()))?;
    let now = app.services.clock.now();
    let text = text.to_owned();
    let found = app
        .services
        .database
        .read(move |tx| keys::authenticate(tx, &text, now))
        .await
        .map_err(|failure: StoreError| Problem::from(failure))?;
    let key =
        found.ok_or_else(|| Problem::unauthenticated("the API key is unknown, expired or withdrawn"))?;
    if key.needs_touch(now) {
        let id = key.id;
        let touched = app.services.database.write(move |tx| keys::touch(tx, id, now)).await;
        if let Err(failure) = touched {
            tracing::warn!(%failure, "cannot note when an API key was used");
        }
    }
    Ok(key.actor())
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value.to_owned())
}

/// An address without the part that names a single machine: /24 and /48.
pub(crate) fn shortened(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_the_audit_log_name_a_network_not_a_machine() {
        assert_eq!(shortened("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(shortened("::ffff:203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(shortened("2001:db8:1:2::5".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=1; hl_session=xyz; b=2".parse().unwrap());
        assert_eq!(cookie(&headers, "hl_session").as_deref(), Some("xyz"));
        assert_eq!(cookie(&headers, "session"), None);
    }
}
