//! `/v1/clicks`: raw clicks as a stream.
//!
//! The answer has no row limit. It is read from the click store in pages of [`PAGE_CLICKS`] and handed to the client
//! through a channel of two pages, so that memory stays flat and a slow client slows only itself. Where the store fails
//! in the middle, the connection is cut: a truncated answer must not look like a whole one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hopline_click_store::{ClickStoreError, EXPORT_COLUMNS, StoredClick};
use hopline_report::{ClickQuery, Format};
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::reports::{CSV, refused};

/// Clicks read at a time: about half a megabyte.
const PAGE_CLICKS: usize = 1_000;
/// Pages that wait for the client.
const PAGES_WAITING: usize = 2;
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Stream raw clicks. `format=ndjson` or `csv`.
#[utoipa::path(get, path = "/v1/clicks", tag = "reports",
    params(crate::forms::ClickParameters),
    responses((status = 200, content((String = "application/x-ndjson"), (String = "text/csv"))), Problems))]
pub(crate) async fn clicks(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    let pairs = query.pairs().iter().map(|(name, value)| (name, value));
    let query = ClickQuery::parse(pairs, app.services.clock.now(), caller.report_scope()).map_err(refused)?;
    // The first page is read before the answer begins, so that a failure can still be said.
    let first = app.services.click_store.clicks(query.clone(), None, PAGE_CLICKS).await?;
    let is_csv = query.format == Format::Csv;
    let (send, receive) = mpsc::channel(PAGES_WAITING);
    let store = Arc::clone(&app.services.click_store);
    tokio::spawn(async move {
        let mut page = first;
        let mut lines = Lines::new(is_csv);
        loop {
            if send.send(Ok(lines.page(&page.clicks))).await.is_err() {
                return;
            }
            let Some(next) = page.next else { return };
            page = match store.clicks(query.clone(), Some(next), PAGE_CLICKS).await {
                Ok(page) => page,
                Err(failure) => {
                    tracing::error!(%failure, "an export of clicks broke off");
                    // Nobody to tell where the client is gone.
                    send.send(Err(failure)).await.unwrap_or_default();
                    return;
                }
            };
        }
    });
    let content_type = if is_csv { CSV } else { NDJSON };
    Ok(([(header::CONTENT_TYPE, content_type)], Body::new(Pages(receive))).into_response())
}

/// A body fed by a channel.
struct Pages(mpsc::Receiver<Result<Bytes, ClickStoreError>>);

impl axum::body::HttpBody for Pages {
    type Data = Bytes;
    type Error = ClickStoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClickStoreError>>> {
        self.0.poll_recv(context).map(|page| page.map(|page| page.map(Frame::data)))
    }
}

/// Writes clicks as text.
struct Lines {
    is_csv: bool,
    has_header: bool,
}

impl Lines {
    const fn new(is_csv: bool) -> Self {
        Self { is_csv, has_header: false }
    }

    fn page(&mut self, clicks: &[StoredClick]) -> Bytes {
        if !self.is_csv {
            let mut text = String::new();
            for click in clicks {
                text.push_str(&click.to_json().to_string());
                text.push('\n');
            }
            return text.into();
        }
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let mut write = |record: Vec<String>| {
            writer.write_record(record).expect("memory takes all text, and every record has as many cells");
        };
        if !std::mem::replace(&mut self.has_header, true) {
            write(EXPORT_COLUMNS.iter().map(|name| (*name).to_owned()).collect());
        }
        for click in clicks {
            write(click.export().iter().map(cell).collect());
        }
        writer.into_inner().expect("memory takes all text").into()
    }
}

/// Text that a spreadsheet would take for a formula gets an apostrophe (P-32).
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => hopline_payfile::text_cell(text),
        other => other.to_string(),
    }
}
