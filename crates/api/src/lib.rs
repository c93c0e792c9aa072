//! The HTTP API: resources, conversions, books, payouts, reports; and the sign-in that the portal uses.
//!
//! [`router`] answers, [`run`] listens. A handler does three things: read the request (`fields`, `query`: every fault
//! is remembered), call one function of `books` or `control-store` inside one transaction, shape the answer. There is
//! no SQL here and no rule of money.
//!
//! # Who may do what
//!
//! Before every operation under `/v1` the credential is looked up: an API key as `Authorization: Bearer hl_…`, or the
//! session cookie of somebody who has signed in, then with a check that no other site sent the request. The table in
//! `permissions` says which roles an operation is for; what it does not name is refused. What the caller then sees is
//! decided by its scope, bound into each statement: another tenant's object is 404. Affiliates are not shown what
//! advertisers pay, and advertisers not what affiliates get.
//!
//! # Changes
//!
//! The effect, its entry in the audit log and the answer kept under the `Idempotency-Key` are one transaction (`work`).
//! A key belongs to credential, method and path; the same key with another payload is 422, a repeated answer carries
//! `Idempotency-Replayed: true`. Quoted and bare keys of up to 255 characters are read. Answers that hold a secret shown
//! once are not kept: their repetition is 409 and names the object.
//!
//! # Limits
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | body | 1 MiB | 413 |
//! | body, time to arrive | 30 s | 408 |
//! | JSON | 32 levels, no name twice in an object | 400 |
//! | list in a body | 1,000 | 422 |
//! | caps of an offer, landing pages of an offer | 100 | 422 |
//! | remarks on bad fields in one answer | 100 | counted in `detail` |
//! | head | about 64 KiB, 15 s | 431, connection closed |
//! | page of a list | 500 | 400 |
//! | connections | 1,024 | wait |
//! | failed sign-ins in 15 minutes | 10 per account, 100 per address | 429 |
//!
//! # Failure
//!
//! Every refusal is an RFC 9457 problem with all bad fields (up to the limit above), the path and a request id; the id is also in the header
//! `X-Request-Id` and in the audit log. A store that is away is 503 with `Retry-After`. Texts of internal failures are
//! logged, not sent.

mod app;
mod audit;
mod books;
mod caller;
mod clicks;
mod conversions;
mod cursor;
mod docs;
mod fields;
mod forms;
mod internal;
mod json;
mod layers;
mod openapi;
mod permissions;
mod png;
mod problem;
mod query;
mod reports;
mod request;
mod resources;
mod serve;
mod sign_in;
mod upload;
mod view;
mod work;

pub use app::{Services, Settings, SettleClicks, SettleFuture, SettledClicks};
pub use internal::{InternalServices, PublishedCatalogue, WAIT_MAX, edge_lease, internal_router};
pub use layers::add_security;
pub use problem::{FieldProblem, Place, Problem};
pub use serve::run;
pub use sign_in::{
    NewSession, PasswordError, SESSION_COOKIE, SignIn, SignedIn, check_password, hash_password,
    refuse_cross_site,
};

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;

/// The API's routes, `/v1/…` and `/docs`. Others may be merged in (the portal's), without a fallback of their own: what is
/// at no path is answered here.
pub fn router(services: Services) -> Router {
    let app = Arc::new(App::new(services));
    let (operations, document) = openapi::operations();
    operations
        .route_layer(from_fn_with_state(Arc::clone(&app), caller::guard))
        .with_state(app)
        .merge(docs::router(&document))
        .fallback(layers::nothing_here)
        .method_not_allowed_fallback(layers::not_this_method)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn(layers::frame))
}

/// The OpenAPI document as JSON.
#[must_use]
pub fn openapi_json() -> String {
    let (_, document) = openapi::operations();
    serde_json::to_string_pretty(&document).expect("the document is plain data")
}
