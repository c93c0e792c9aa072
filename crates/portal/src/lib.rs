//! The web pages people look at, on the same listener as the API.
//!
//! Pages are HTML from the server (askama); a page works without scripts. Scripts add the browser's time zone, copy
//! buttons, figures that renew themselves every five seconds (htmx asks for [`/dashboard/live`](#paths)) and a chart on
//! a canvas (uPlot) in place of the server's picture. No build step, no foreign host: see `assets/vendor/README.md`.
//!
//! # Paths
//!
//! | path | shows |
//! |---|---|
//! | `GET /` | the way to `/dashboard` or `/sign-in` |
//! | `GET`, `POST /sign-in` | the form; a new session |
//! | `POST /sign-out` | ends the session |
//! | `GET /dashboard?span=day\|fortnight` | today, for the signed-in role |
//! | `GET /dashboard/live` | the part of it that renews itself |
//! | `GET /conversions?before=ID`, `GET /conversions/{id}` | the list; how one was decided |
//! | `GET /assets/{hash}/{name}` | scripts and styles, to be kept for a year |
//!
//! # Who sees what
//!
//! Every question to a store carries the scope of the session's user (S-10); roles only choose what a page shows.
//! Another tenant's conversion is not found. Affiliates see no revenue, and advertisers no affiliates' names.
//!
//! # Sessions and forms
//!
//! [`hopline_api`] keeps sessions. The cookie is `__Host-hl_session` with `Secure` where the portal's address is https,
//! and `hl_session` without `Secure` where it is plain http, which browsers keep apart from nothing: plain http is for
//! localhost. Always `HttpOnly; SameSite=Lax; Path=/`. Asking for live figures does not count as use, so that an open
//! page does not keep a session alive (S-05).
//! Changes are refused when a browser says that they come from another site, and need a token derived from the session
//! (S-06). The sign-in form, which has no session yet, has a cookie of its own for that.
//!
//! # Headers
//!
//! Each answer forbids scripts and styles inline and from elsewhere, frames, and sniffing (S-24); pages are not stored.
//!
//! # Failure
//!
//! A store that is away gives a page that says so (503); live figures then say that the connection is lost, and go on
//! asking. What failed is logged, not shown.

mod assets;
mod figures;
mod guard;
mod pages;
mod session;
mod state;
mod text;
mod view;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

pub use state::PortalState;

/// The longest body of a form.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// All pages; to be merged with the API's router. Has no fallback of its own.
pub fn router(state: PortalState) -> Router {
    Router::new()
        .route("/", get(pages::start))
        .route("/sign-in", get(pages::sign_in::form).post(pages::sign_in::submit))
        .route("/sign-out", post(pages::sign_in::leave))
        .route("/dashboard", get(pages::dashboard::page))
        .route("/dashboard/live", get(pages::dashboard::live))
        .route("/conversions", get(pages::conversions::list))
        .route("/conversions/{id}", get(pages::conversions::one))
        .route("/assets/{*path}", get(assets::serve))
        .layer(axum::extract::DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn(guard::refuse_other_sites))
        .layer(from_fn_with_state(state.clone(), guard::headers))
        .with_state(state)
}
