//! The handlers, one module per page.

pub(crate) mod conversions;
pub(crate) mod dashboard;
mod frame;
pub(crate) mod message;
pub(crate) mod sign_in;

use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::session::Viewer;

/// `GET /`.
pub(crate) async fn start(viewer: Option<Viewer>) -> Redirect {
    Redirect::to(if viewer.is_some() { "/dashboard" } else { "/sign-in" })
}

/// A page, or the page that says it failed.
fn rendered(page: &impl askama::Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(failure) => {
            tracing::error!(%failure, "a page cannot be written");
            message::Refused::from(hopline_api::Problem::internal("")).into_response()
        }
    }
}
