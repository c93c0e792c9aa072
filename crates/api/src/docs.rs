//! `/docs`: a page that reads the OpenAPI document and lets people try it. It asks nobody but this server.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE: &str = include_str!("docs/docs.html");
const SCRIPT: &str = include_str!("docs/docs.js");
const STYLE: &str = include_str!("docs/docs.css");

fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text)
}

/// The page, its parts and the document itself.
pub(crate) fn router(document: &utoipa::openapi::OpenApi) -> Router {
    let json = serde_json::to_vec(document).expect("the document is plain data");
    let json: Arc<Bytes> = Arc::new(json.into());
    let openapi = move || {
        let json = Bytes::clone(&json);
        async move {
            let json_type = HeaderValue::from_static("application/json");
            let may_keep = HeaderValue::from_static("no-cache");
            ([(header::CONTENT_TYPE, json_type), (header::CACHE_CONTROL, may_keep)], json)
        }
    };
    Router::new()
        .route("/v1/openapi.json", get(openapi))
        .route("/docs", get(async || file("text/html; charset=utf-8", PAGE)))
        .route("/docs/", get(async || file("text/html; charset=utf-8", PAGE)))
        .route("/docs/docs.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/docs/docs.css", get(async || file("text/css; charset=utf-8", STYLE)))
}
