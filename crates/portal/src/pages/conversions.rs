//! The list of conversions, and the reasoning behind one.

mod story;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use hopline_api::Problem;
use hopline_control_store::{DatabaseExt, StoreError, conversions};
use hopline_types::ConversionId;
use serde::Deserialize;

use crate::assets;
use crate::figures::{ConversionRow, Names, conversion_rows, hint, newest};
use crate::pages::frame::{Frame, tenant};
use crate::pages::message::Refused;
use crate::pages::rendered;
use crate::session::Viewer;
use crate::state::PortalState;
use crate::text::{ENGLISH, Text};
use story::Story;

/// Conversions on a page.
const PAGE_ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "conversions.html")]
struct ListPage {
    t: &'static Text,
    assets: &'static str,
    frame: Frame,
    zone: String,
    rows: Vec<ConversionRow>,
    hint: &'static str,
    is_later_page: bool,
    older: Option<ConversionId>,
}

#[derive(Template)]
#[template(path = "conversion.html")]
struct StoryPage {
    t: &'static Text,
    assets: &'static str,
    frame: Frame,
    story: Story,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    before: Option<i64>,
}

/// `GET /conversions`.
pub(crate) async fn list(
    State(state): State<PortalState>,
    viewer: Viewer,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Refused> {
    let Ok(Query(wish)) = wish else { return Err(Problem::malformed("").into()) };
    let before = wish.before.map(ConversionId::try_from).transpose();
    let before = before.map_err(|_| Problem::malformed(""))?;
    let services = state.services();
    let asked = viewer.clone();
    let database = services.database_for(viewer.scope);
    let read = database.read(move |tx| {
        let mut names = Names::default();
        let found = newest(tx, &asked, before, PAGE_ROWS + 1, &mut names)?;
        Ok::<_, StoreError>((found, names, tenant(tx, &asked)?))
    });
    let (mut found, names, name) = read.await?;
    let page_rows = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let has_older = found.len() > page_rows;
    found.truncate(page_rows);
    let older = found.last().map(|last| last.id).filter(|_| has_older);
    Ok(rendered(&ListPage {
        t: &ENGLISH,
        assets: assets::folder(),
        frame: Frame::new(&viewer, name, "/conversions"),
        zone: viewer.zone.name.clone(),
        rows: conversion_rows(&viewer, &found, &names, services.clock.now()),
        hint: hint(viewer.role()),
        is_later_page: before.is_some(),
        older,
    }))
}

/// `GET /conversions/{id}`. Another tenant's is not found.
pub(crate) async fn one(
    State(state): State<PortalState>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = id.parse::<i64>().ok().and_then(|id| ConversionId::try_from(id).ok());
    let id = id.ok_or_else(|| Problem::not_found(""))?;
    let asked = viewer.clone();
    let database = state.services().database_for(viewer.scope);
    let read = database.read(move |tx| {
        let Some(conversion) = conversions::get(tx, asked.scope, id)? else { return Ok(None) };
        let mut names = Names::default();
        names.learn(tx, asked.scope, [conversion.offer], conversion.affiliate)?;
        let explained = hopline_books::explain(tx, asked.scope, id);
        Ok::<_, StoreError>(Some((conversion, names, explained, tenant(tx, &asked)?)))
    });
    let Some((conversion, names, explained, name)) = read.await? else {
        return Err(Problem::not_found("").into());
    };
    let record = explained.unwrap_or_else(|failure| {
        tracing::error!(%failure, conversion.id = %id, "a conversion cannot be explained");
        serde_json::Value::Null
    });
    let story = Story::new(&viewer, &conversion, &names, &record);
    let frame = Frame::new(&viewer, name, "/conversions");
    Ok(rendered(&StoryPage { t: &ENGLISH, assets: assets::folder(), frame, story }))
}
