//! Runs a change: one transaction for the effect, its audit entry and the answer kept under the idempotency key.
//!
//! A handler reads the request and hands over a job. The job may run again after a conflict in the store, so it has no
//! effect but through its [`Work`]. What was refused is not kept: the same key may be used for the corrected request
//! only where it is the same request, so a client corrects under a new key (L-21, L-22).

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hopline_control_store::idempotency::{self, Answer, Seen};
use hopline_control_store::{DatabaseExt, Tx, audit_log};
use hopline_types::UnixMillis;
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::request::Change;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a job works with.
pub(crate) struct Work<'a> {
    pub(crate) tx: &'a mut dyn Tx,
    pub(crate) caller: &'a Caller,
    pub(crate) now: UnixMillis,
}

impl Work<'_> {
    /// Appends what is done to the audit log.
    pub(crate) fn audit(
        &mut self,
        action: &str,
        object: String,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), Problem> {
        let caller = self.caller;
        let entry = audit_log::NewEntry {
            at: self.now,
            actor: caller.actor.name.clone(),
            action: action.to_owned(),
            object,
            origin: caller.origin.clone(),
            before: before.map(|value| value.to_string()),
            after: after.map(|value| value.to_string()),
            request_id: Some(caller.request_id.clone()).filter(|id| !id.is_empty()),
        };
        audit_log::append(self.tx, &entry)?;
        Ok(())
    }
}

/// What a job has done.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    status: StatusCode,
    body: Value,
    kept: Option<Value>,
    collection: Option<&'static str>,
}

impl Done {
    fn with(status: StatusCode, body: impl Serialize) -> Self {
        let body = serde_json::to_value(body).expect("answers are plain data");
        Self { status, body, kept: None, collection: None }
    }

    /// 201; the new object lies at `collection`/`id`.
    pub(crate) fn created(collection: &'static str, body: impl Serialize) -> Self {
        Self { collection: Some(collection), ..Self::with(StatusCode::CREATED, body) }
    }

    /// 200.
    pub(crate) fn ok(body: impl Serialize) -> Self {
        Self::with(StatusCode::OK, body)
    }

    /// Keeps this under the idempotency key in place of the body, which holds a secret that is shown once.
    pub(crate) fn keeping(self, kept: Value) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// Another status, for a conversion that was there already.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// Who is told after the change is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Nobody.
    Nobody,
    /// Edges: the catalogue is another.
    Edges,
    /// The worker: a conversion waits.
    Worker,
}

/// Runs `job` and answers.
pub(crate) async fn run(
    app: &Arc<App>,
    change: &Change,
    tell: Tell,
    mut job: impl FnMut(&mut Work<'_>) -> Result<Done, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let now = app.services.clock.now();
    let caller = change.caller.clone();
    let key = change.idempotency.clone();
    let database = app.services.database_for(caller.scope);
    let outcome = database.write(move |tx| {
        let Some(key) = &key else {
            return job(&mut Work { tx, caller: &caller, now }).map(Outcome::Done);
        };
        match idempotency::look_up(tx, &key.scope, &key.key, &key.request_sha256)? {
            Seen::Same(answer) => return Ok(Outcome::Replayed(answer)),
            Seen::OtherPayload => {
                return Err(Problem::invalid("the Idempotency-Key was used with another request"));
            }
            Seen::First => {}
        }
        let done = job(&mut Work { tx, caller: &caller, now })?;
        let kept = Kept {
            location: location(&done),
            body: done.kept.clone().unwrap_or_else(|| done.body.clone()),
            is_secret: done.kept.is_some(),
        };
        let body = serde_json::to_string(&kept).expect("answers are plain data");
        let answer = Answer { status: done.status.as_u16(), body };
        idempotency::record(tx, &key.scope, &key.key, &key.request_sha256, &answer, now)?;
        Ok(Outcome::Done(done))
    });
    match outcome.await? {
        Outcome::Replayed(answer) => replayed(&answer),
        Outcome::Done(done) => {
            match tell {
                Tell::Nobody => {}
                Tell::Edges => app.services.catalogue_changed.notify_one(),
                Tell::Worker => app.services.wake_worker.notify_one(),
            }
            Ok(answer(done.status, location(&done), done.body))
        }
    }
}

enum Outcome {
    Done(Done),
    Replayed(Answer),
}

/// What is kept under an idempotency key.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    location: Option<String>,
    body: Value,
    is_secret: bool,
}

fn location(done: &Done) -> Option<String> {
    let id = done.body.get("id")?;
    done.collection.map(|collection| format!("{collection}/{id}"))
}

fn replayed(kept: &Answer) -> Result<Response, Problem> {
    let broken = |what: &str| {
        tracing::error!(what, "an answer kept under an idempotency key makes no sense");
        Problem::internal("the failure has been logged")
    };
    let Kept { location, body, is_secret } =
        serde_json::from_str(&kept.body).map_err(|refusal| broken(&refusal.to_string()))?;
    if is_secret {
        let detail =
            "the same request was carried out before, and its answer held a secret that is shown only once";
        return Err(Problem::conflict(format!("{detail}: {body}")));
    }
    let status = StatusCode::from_u16(kept.status).map_err(|refusal| broken(&refusal.to_string()))?;
    let mut response = answer(status, location, body);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn answer(status: StatusCode, location: Option<String>, body: Value) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
