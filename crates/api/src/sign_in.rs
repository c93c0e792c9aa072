//! Sign-in of people: passwords, sessions, limits on trying.
//!
//! A session is a random token of 192 bits in a cookie; the store keeps its SHA-256. Whether an address is unknown, its
//! user shut out or the password wrong, the answer and its time are the same: a hash is computed in every case (S-07).
//! At most two hashes run at a time, at 19 MiB each. After [`throttle::TRIES_MAX`] failures an account, and after ten
//! times as many a network address, is refused for a while without computing anything.
//!
//! Sessions end when unused and at an absolute limit (S-05):
//!
//! | role | unused for | after |
//! |---|---|---|
//! | finance | 15 minutes | 8 hours |
//! | operator | 2 hours | 12 hours |
//! | advertiser, affiliate | 12 hours | 7 days |

mod password;
mod throttle;

pub use password::{PasswordError, check_password, hash_password};

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, Method, header};
use hopline_control_store::users::User;
use hopline_control_store::{
    Database, DatabaseExt, StoreError, audit_log, base62, sessions, sha256_hex, users,
};
use hopline_runtime::clock::Clock;
use hopline_types::{HOUR_MS, MINUTE_MS, Role, UnixMillis};
use tokio::sync::Semaphore;

use crate::app::random;
use crate::caller::shortened;
use crate::problem::Problem;
use password::{Verified, verify};
use throttle::Throttle;

/// The cookie of a session on plain http; on https its name begins with `__Host-`.
pub const SESSION_COOKIE: &str = "hl_session";

/// Characters of a session's token: 190 bits.
const TOKEN_CHARS: usize = 32;
/// Hashes computed at the same time: each takes a core and 19 MiB.
const HASHES_MAX: usize = 2;
/// The longest idle limit; the role's own is applied to what the store finds.
const IDLE_MAX_MS: i64 = 12 * HOUR_MS;

/// Signs people in and knows their sessions. Cheap to clone; all clones share limits.
#[derive(Clone)]
pub struct SignIn {
    shared: Arc<Shared>,
}

struct Shared {
    database: Arc<dyn Database>,
    clock: Clock,
    hashes: Semaphore,
    throttle: Throttle,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}

/// A new session.
#[derive(Clone)]
pub struct NewSession {
    /// For the cookie; nowhere else.
    pub token: String,
    /// Who signed in.
    pub user: User,
    /// Its absolute limit.
    pub expires_at: UnixMillis,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A session in use.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who it is; [`User::actor`] is what the API works with.
    pub user: User,
    /// The session's absolute limit.
    pub expires_at: UnixMillis,
}

const fn limits_ms(role: Role) -> (i64, i64) {
    match role {
        Role::Finance => (15 * MINUTE_MS, 8 * HOUR_MS),
        Role::Operator => (2 * HOUR_MS, 12 * HOUR_MS),
        Role::Advertiser | Role::Affiliate => (IDLE_MAX_MS, 7 * 24 * HOUR_MS),
    }
}

impl SignIn {
    /// Signs in against the users of a store.
    #[must_use]
    pub fn new(database: Arc<dyn Database>, clock: Clock) -> Self {
        let hashes = Semaphore::new(HASHES_MAX);
        Self { shared: Arc::new(Shared { database, clock, hashes, throttle: Throttle::default() }) }
    }

    /// Checks address and password and begins a session. `address` is the client's, for limits and the audit log.
    ///
    /// # Errors
    /// 401 where they do not fit, 429 after too many failures, 503 where the store is away.
    pub async fn login(
        &self,
        email: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<NewSession, Problem> {
        let now = self.shared.clock.now();
        let account = email.trim().to_lowercase();
        self.shared.throttle.check(&account, address, now)?;
        let wanted = account.clone();
        let found = self.shared.database.read(move |tx| users::by_email(tx, &wanted)).await;
        let (user, hash) = match found.map_err(|failure: StoreError| Problem::from(failure))? {
            Some((user, hash)) => (Some(user).filter(|user| user.disabled_at.is_none()), Some(hash)),
            None => (None, None),
        };
        let verified = self.verify(password, hash).await?;
        let user = user.filter(|_| verified != Verified::No);
        let Some(user) = user else {
            self.shared.throttle.failed(&account, address, now);
            return Err(Problem::unauthenticated("address and password do not fit together"));
        };
        self.shared.throttle.succeeded(&account);
        let rehashed = if verified == Verified::Outdated { Some(self.hash(password).await?) } else { None };
        self.begin(user, rehashed, address, now).await
    }

    async fn begin(
        &self,
        user: User,
        rehashed: Option<String>,
        address: Option<IpAddr>,
        now: UnixMillis,
    ) -> Result<NewSession, Problem> {
        let token = base62(TOKEN_CHARS, &mut random);
        let token_sha256 = sha256_hex(token.as_bytes());
        let (_, absolute_ms) = limits_ms(user.role);
        let (id, actor) = (user.id, user.actor().name);
        let session = self.shared.database.write(move |tx| {
            if let Some(hash) = &rehashed {
                users::set_password(tx, id, hash)?;
            }
            audit_log::append(
                tx,
                &audit_log::NewEntry {
                    at: now,
                    actor: actor.clone(),
                    action: "session.begin".to_owned(),
                    object: actor.clone(),
                    origin: address.map(shortened),
                    before: None,
                    after: None,
                    request_id: None,
                },
            )?;
            sessions::start(tx, id, &token_sha256, absolute_ms, now)
        });
        let session = session.await.map_err(|failure: StoreError| Problem::from(failure))?;
        Ok(NewSession { token, user, expires_at: session.expires_at })
    }

    /// Ends a session; one that is unknown or has ended is no failure.
    ///
    /// # Errors
    /// 503 where the store is away.
    pub async fn logout(&self, token: &str) -> Result<(), Problem> {
        let now = self.shared.clock.now();
        let token_sha256 = sha256_hex(token.as_bytes());
        let ended = self.shared.database.write(move |tx| {
            if let Some((session, _)) = sessions::find(tx, &token_sha256, IDLE_MAX_MS, now)? {
                sessions::end(tx, session.user_id, &token_sha256)?;
            }
            Ok::<_, StoreError>(())
        });
        Ok(ended.await?)
    }

    /// The live session of a token.
    ///
    /// # Errors
    /// 503 where the store is away.
    pub async fn session(&self, token: &str) -> Result<Option<SignedIn>, Problem> {
        let now = self.shared.clock.now();
        let token_sha256 = sha256_hex(token.as_bytes());
        let wanted = token_sha256.clone();
        let found = self
            .shared
            .database
            .read(move |tx| sessions::find(tx, &wanted, IDLE_MAX_MS, now))
            .await
            .map_err(|failure: StoreError| Problem::from(failure))?;
        let Some((session, user)) = found else { return Ok(None) };
        let (idle_ms, _) = limits_ms(user.role);
        if now.since(session.seen_at) >= idle_ms {
            return Ok(None);
        }
        if session.needs_touch(now) {
            let touched = self.shared.database.write(move |tx| sessions::touch(tx, &token_sha256, now)).await;
            if let Err(failure) = touched {
                tracing::warn!(%failure, "cannot note when a session was used");
            }
        }
        Ok(Some(SignedIn { user, expires_at: session.expires_at }))
    }

    /// A password's hash, computed off the serving threads, two at a time.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Problem> {
        let password = password.to_owned();
        self.blocking(move || hash_password(&password)).await?.map_err(|refusal| {
            tracing::error!(%refusal, "cannot hash a password");
            Problem::internal("the failure has been logged")
        })
    }

    async fn verify(&self, password: &str, hash: Option<String>) -> Result<Verified, Problem> {
        let password = password.to_owned();
        self.blocking(move || verify(&password, hash.as_deref())).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _place = self.shared.hashes.acquire().await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work).await.map_err(|failure| {
            tracing::error!(%failure, "a password check died");
            Problem::internal("the failure has been logged")
        })
    }
}

/// Refuses a request that a browser sends on behalf of another site (S-06). Needed wherever a cookie is the credential;
/// methods that change nothing pass.
///
/// # Errors
/// 403 where the browser names another site as the origin.
pub fn refuse_cross_site(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let refused = || Err(Problem::forbidden("a change asked for by another site is refused"));
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) if site == "same-origin" || site == "none" => Ok(()),
        (Some(_), _) => refused(),
        (None, Some(_)) => {
            let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
            let same = origin.is_some_and(|(_, host)| text(header::HOST) == Some(host));
            if same { Ok(()) } else { refused() }
        }
        // A browser sends one of the two with every unsafe request.
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &Method, pairs: &[(&'static str, &str)]) -> bool {
        let headers: HeaderMap =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        refuse_cross_site(method, &headers).is_ok()
    }

    // S-06
    #[test]
    fn changes_that_another_site_asks_for_are_refused() {
        assert!(!verdict(&Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!verdict(&Method::POST, &[("sec-fetch-site", "same-site")]));
        assert!(verdict(&Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(verdict(&Method::GET, &[("sec-fetch-site", "cross-site")]));
        assert!(verdict(&Method::POST, &[("origin", "https://a.example"), ("host", "a.example")]));
        assert!(!verdict(&Method::POST, &[("origin", "https://b.example"), ("host", "a.example")]));
        assert!(!verdict(&Method::POST, &[("origin", "null"), ("host", "a.example")]));
        assert!(verdict(&Method::POST, &[("host", "a.example")]));
    }
}
