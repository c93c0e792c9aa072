//! `/v1/ledger/export`: the ledger as plain-text accounting, as a stream.
//!
//! The answer has no limit. It is read in pages and handed to the client through a channel of two, so that memory stays flat.
//! Where the store fails in the middle, the connection is cut: a truncated journal must not look like a whole one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hopline_books::JournalExport;
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_ledger::plain_text::PlainText;
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::app::{App, Services};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;

/// Pages that wait for the client.
const PAGES_WAITING: usize = 2;
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const RECORDS: HeaderName = HeaderName::from_static("hopline-ledger-records");
const LAST_HASH: HeaderName = HeaderName::from_static("hopline-ledger-last-hash");

/// Export the ledger as plain-text accounting, for `hledger` or `beancount`. Days are those of UTC and of the effective time;
/// with `from` the balances before stand first as one transaction. Dates, both times, reasons and hashes stand with each
/// transaction. The headers `Hopline-Ledger-Records` and `Hopline-Ledger-Last-Hash` and the last line name the end of the
/// ledger: keep them outside.
#[utoipa::path(get, path = "/v1/ledger/export", tag = "books", operation_id = "ledger_export",
    params(
        ("format" = String, Query, description = "`hledger` or `beancount`"),
        ("from" = Option<String>, Query, description = "Effective not before this time or day"),
        ("to" = Option<String>, Query, description = "Effective before this time or day")),
    responses((status = 200, content((String = "text/plain"))), Problems))]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    let form: Option<PlainText> = query.parsed("format");
    if form.is_none() && !query.pairs().iter().any(|(name, value)| name == "format" && !value.is_empty()) {
        query.refuse("format", "is missing: expected hledger or beancount");
    }
    let (from, to) = (query.time("from"), query.time("to"));
    query.finish()?;
    let form = form.ok_or_else(|| Problem::internal("a missing form was not remarked on"))?;
    // The first page is read before the answer begins, so that a failure can still be said.
    let (mut export, mut page) =
        next(&app.services, &caller, JournalExport::new(form, from, to)).await.map_err(Problem::from)?;
    let head = export.head().ok_or_else(|| Problem::internal("an export has no end"))?;
    let (send, receive) = mpsc::channel(PAGES_WAITING);
    let services = app.services.clone();
    tokio::spawn(async move {
        while let Some(text) = page {
            if send.send(Ok(Bytes::from(text))).await.is_err() {
                return;
            }
            (export, page) = match next(&services, &caller, export).await {
                Ok(next) => next,
                Err(failure) => {
                    tracing::error!(%failure, "an export of the ledger broke off");
                    // Nobody to tell where the client is gone.
                    send.send(Err(failure)).await.unwrap_or_default();
                    return;
                }
            };
        }
    });
    let hash = HeaderValue::try_from(head.hash.to_string()).expect("a hash is hexadecimal");
    let headers = [(header::CONTENT_TYPE, TEXT), (RECORDS, head.count.into()), (LAST_HASH, hash)];
    Ok((headers, Body::new(Pages(receive))).into_response())
}

async fn next(
    services: &Services,
    caller: &Caller,
    export: JournalExport,
) -> Result<(JournalExport, Option<String>), StoreError> {
    let database = services.database_for(caller.scope);
    let read = database.read(move |tx| {
        let mut export = export.clone();
        let page = export.next(tx)?;
        Ok((export, page))
    });
    read.await
}

/// A body fed by a channel.
struct Pages(mpsc::Receiver<Result<Bytes, StoreError>>);

impl axum::body::HttpBody for Pages {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        self.0.poll_recv(context).map(|page| page.map(|page| page.map(Frame::data)))
    }
}
