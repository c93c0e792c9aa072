//! A file as the body of a request, with an `Idempotency-Key` as for any other change.
//!
//! Limits: at most [`UPLOAD_BYTES_MAX`] bytes, [`UPLOAD_TIME_MAX`] to arrive; [`Upload`] is UTF-8 text.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use hopline_control_store::sha256_hex;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, IdempotencyKey, idempotency_key};

/// The most bytes of a file: all reference rates that the ECB has ever published take 8 MiB as XML.
pub(crate) const UPLOAD_BYTES_MAX: usize = 16 << 20;
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(120);
const TYPES: [&str; 4] = ["text/csv", "text/plain", "text/xml", "application/xml"];

/// An uploaded text.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Who asks; its body is null.
    pub(crate) change: Change,
    pub(crate) text: Arc<str>,
}

/// An uploaded file in whatever encoding it has. What its address asks for is part of what an idempotency key is used for.
#[derive(Debug, Clone)]
pub(crate) struct UploadBytes {
    /// Who asks; its body is null.
    pub(crate) change: Change,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) query: Query,
}

impl FromRequest<Arc<App>> for UploadBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(query) = Query::from_request_parts(&mut parts, app).await;
        let asked = parts.uri.query().unwrap_or_default().to_owned();
        let (mut change, bytes) = received(Request::from_parts(parts, body), app).await?;
        if let Some(key) = &mut change.idempotency {
            key.request_sha256 = sha256_hex(format!("{} {asked}", key.request_sha256).as_bytes());
        }
        Ok(Self { change, bytes: bytes.to_vec().into(), query })
    }
}

impl FromRequest<Arc<App>> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (change, bytes) = received(request, app).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|refusal| Problem::malformed(format!("the file is no UTF-8 text: {refusal}")))?;
        Ok(Self { change, text: text.into() })
    }
}

async fn received(request: Request, app: &Arc<App>) -> Result<(Change, bytes::Bytes), Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, app).await?;
    let key = idempotency_key(&parts.headers)?;
    let given = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !TYPES.contains(&essence.as_str()) {
        let given = given.map_or("none".to_owned(), |given| format!("{given:?}"));
        let expected = TYPES.join(", ");
        return Err(Problem::media_type(format!("the content type is {given}, expected one of {expected}")));
    }
    let bytes = tokio::time::timeout(UPLOAD_TIME_MAX, Limited::new(body, UPLOAD_BYTES_MAX).collect())
        .await
        .map_err(|_| Problem::timeout(format!("the file did not arrive within {UPLOAD_TIME_MAX:?}")))?
        .map_err(|failure| match failure.is::<LengthLimitError>() {
            true => Problem::too_large(format!("the file has more than {UPLOAD_BYTES_MAX} bytes")),
            false => Problem::malformed("the file broke off"),
        })?
        .to_bytes();
    let idempotency = key.map(|key| IdempotencyKey {
        scope: format!("{} {} {}", caller.actor.name, parts.method, parts.uri.path()),
        key,
        request_sha256: sha256_hex(&bytes),
    });
    Ok((Change { caller, body: Value::Null, idempotency }, bytes))
}
