//! Today, for the signed-in role.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hopline_api::Problem;
use hopline_control_store::{DatabaseExt, StoreError};
use serde::Deserialize;

use crate::assets;
use crate::figures::{Live, Span, load};
use crate::pages::frame::{Frame, tenant};
use crate::pages::message::Refused;
use crate::pages::rendered;
use crate::session::{Viewer, Watcher};
use crate::state::PortalState;
use crate::text::{ENGLISH, Text};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Page {
    t: &'static Text,
    assets: &'static str,
    frame: Frame,
    live: Live,
}

#[derive(Template)]
#[template(path = "live.html")]
struct Part {
    t: &'static Text,
    live: Live,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    span: String,
}

fn span(wish: Result<Query<Wish>, QueryRejection>) -> Span {
    wish.map_or_else(|_| Span::default(), |Query(wish)| Span::from_word(&wish.span))
}

/// `GET /dashboard`.
pub(crate) async fn page(
    State(state): State<PortalState>,
    viewer: Viewer,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Refused> {
    let services = state.services();
    let live = load(services, &viewer, span(wish)).await?;
    let asked = viewer.clone();
    let name = services.database_for(viewer.scope).read(move |tx| tenant(tx, &asked)).await;
    let name = name.map_err(|failure: StoreError| Problem::from(failure))?;
    let frame = Frame::new(&viewer, name, "/dashboard");
    Ok(rendered(&Page { t: &ENGLISH, assets: assets::folder(), frame, live }))
}

/// `GET /dashboard/live`.
pub(crate) async fn live(
    State(state): State<PortalState>,
    Watcher(viewer): Watcher,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Refused> {
    let live = load(state.services(), &viewer, span(wish)).await?;
    Ok(rendered(&Part { t: &ENGLISH, live }))
}
