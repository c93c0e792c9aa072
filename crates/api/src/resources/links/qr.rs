//! `/v1/links/{id}/qr.svg` and `/v1/links/{id}/qr.png`: a link's URL as a QR code.
//!
//! Around the code lies the quiet zone of four modules that the standard (ISO/IEC 18004) asks for. The PNG has exactly
//! the size asked for; modules are whole pixels, and what is left over is white around them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hopline_control_store::{DatabaseExt, links};
use hopline_types::LinkId;
use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::png;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::Id;

const SIZE_MIN: u32 = 64;
const SIZE_MAX: u32 = 2_048;
const SIZE: u32 = 512;
/// Modules around the code, on each side.
const QUIET: u32 = 4;
const LEVELS: [(&str, EcLevel); 4] =
    [("L", EcLevel::L), ("M", EcLevel::M), ("Q", EcLevel::Q), ("H", EcLevel::H)];

const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
const PNG: HeaderValue = HeaderValue::from_static("image/png");
const PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// Get a link's URL as a QR code in SVG.
#[utoipa::path(get, path = "/v1/links/{id}/qr.svg", tag = "links", operation_id = "qr_svg",
    params(("id" = i64, Path),
        ("ec" = Option<crate::forms::ErrorCorrection>, Query, description = "Error correction; M where it is absent")),
    responses((status = 200, body = String, content_type = "image/svg+xml"), Problems))]
pub(crate) async fn svg(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<LinkId>,
    mut query: Query,
) -> Result<Response, Problem> {
    let level = level(&mut query);
    query.finish()?;
    let code = code(&app, &caller, id, level).await?;
    let text = code.render::<svg::Color<'_>>().quiet_zone(true).build();
    Ok(([(header::CONTENT_TYPE, SVG), (header::CACHE_CONTROL, PRIVATE)], text).into_response())
}

/// Get a link's URL as a QR code in PNG.
#[utoipa::path(get, path = "/v1/links/{id}/qr.png", tag = "links", operation_id = "qr_png",
    params(("id" = i64, Path),
        ("size" = Option<u32>, Query, description = "Width and height in pixels; 512 where it is absent",
            minimum = 64, maximum = 2048),
        ("ec" = Option<crate::forms::ErrorCorrection>, Query, description = "Error correction; M where it is absent")),
    responses((status = 200, body = Vec<u8>, content_type = "image/png"), Problems))]
pub(crate) async fn png(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<LinkId>,
    mut query: Query,
) -> Result<Response, Problem> {
    let level = level(&mut query);
    let size = query.text("size").map_or(SIZE, |text| match text.parse::<u32>() {
        Ok(size @ SIZE_MIN..=SIZE_MAX) => size,
        _ => {
            query.refuse("size", format!("{text:?} is no whole number from {SIZE_MIN} to {SIZE_MAX}"));
            SIZE
        }
    });
    query.finish()?;
    let code = code(&app, &caller, id, level).await?;
    let picture = picture(&code, size).ok_or_else(|| {
        let needed = side(&code) + 2 * QUIET;
        let message = format!("is {size}, this code has {needed} modules a side: give at least {needed}");
        Problem::parameters(vec![FieldProblem::new("size", message)])
    })?;
    Ok(([(header::CONTENT_TYPE, PNG), (header::CACHE_CONTROL, PRIVATE)], picture).into_response())
}

fn level(query: &mut Query) -> EcLevel {
    let Some(text) = query.text("ec") else { return EcLevel::M };
    let level = LEVELS.into_iter().find(|(name, _)| *name == text);
    if level.is_none() {
        query.refuse("ec", format!("{text:?} is not one of L, M, Q, H"));
    }
    level.map_or(EcLevel::M, |(_, level)| level)
}

async fn code(app: &App, caller: &Caller, id: LinkId, level: EcLevel) -> Result<QrCode, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(links::get(tx, scope, id)?)).await;
    let link = found?.ok_or_else(|| super::unknown(id))?;
    let url = super::url(&link, &app.services.settings.edge_base_url);
    QrCode::with_error_correction_level(url, level).map_err(|refusal| {
        Problem::conflict(format!("the link's URL does not fit into a QR code: {refusal}"))
    })
}

/// Modules a side, without the quiet zone.
fn side(code: &QrCode) -> u32 {
    u32::try_from(code.width()).expect("a QR code has at most 177 modules a side")
}

/// `None` where a module would be smaller than a pixel.
fn picture(code: &QrCode, size: u32) -> Option<Vec<u8>> {
    let side = side(code);
    let scale = Some(size / (side + 2 * QUIET)).filter(|scale| *scale > 0)?;
    let margin = (size - side * scale) / 2;
    let modules = code.to_colors();
    // The module that lies under a pixel's column or row, if any does.
    let module = |at: u32| at.checked_sub(margin).map(|at| at / scale).filter(|module| *module < side);
    Some(png::square(size, |column, row| {
        let place = module(column).zip(module(row)).and_then(|(x, y)| usize::try_from(y * side + x).ok());
        place.and_then(|place| modules.get(place)) == Some(&Color::Dark)
    }))
}
