//! hyper's way from a request to its answer, for what is not plain: routing, and waiting for the commit.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use hopline_runtime::telemetry::EdgeOutcome;
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, HeaderName, HeaderValue, IF_NONE_MATCH};
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::Service;

use crate::address::Peer;
use crate::answer::{self, Body};
use crate::click::{self, Ask, Counted, Way};
use crate::commit::Commit;
use crate::field::Field;
use crate::route::{self, Route};
use crate::thread::Thread;
use crate::{postback, script};

/// Serves one connection.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) thread: Rc<Thread>,
    pub(crate) peer: Peer,
}

/// An answer that is ready, or waits for its record, or for a body.
pub(crate) struct Answer {
    thread: Rc<Thread>,
    started: Instant,
    /// HTTP/2 has other ways to end a connection.
    may_close: bool,
    step: Step,
}

type Slow = Pin<Box<dyn Future<Output = (Response<Body>, EdgeOutcome)>>>;

pub(crate) enum Step {
    Ready(Option<(Response<Body>, EdgeOutcome)>),
    Recorded { commit: Commit, answer: Option<(Response<Body>, EdgeOutcome)>, counted: Counted },
    Slow(Slow),
}

impl Step {
    pub(crate) fn ready(response: Response<Body>, outcome: EdgeOutcome) -> Self {
        Self::Ready(Some((response, outcome)))
    }
}

impl Service<Request<Incoming>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let started = Instant::now();
        let may_close = request.version() != Version::HTTP_2;
        let step = self.route(request);
        Answer { thread: Rc::clone(&self.thread), started, may_close, step }
    }
}

impl Edge {
    fn route(&self, request: Request<Incoming>) -> Step {
        match route::of(request.method().as_str(), request.uri().path().as_bytes()) {
            Route::Click(way) => self.click(way, &request),
            Route::Postback => Step::Slow(Box::pin(postback::answer(self.clone(), request))),
            Route::Pixel => Step::Slow(Box::pin(postback::pixel(self.clone(), request))),
            Route::Install(report) => Step::Slow(Box::pin(postback::install(self.clone(), request, report))),
            Route::Robots => Step::ready(answer::robots(), EdgeOutcome::Asset),
            Route::Script => {
                let (accepts, known) = (field(&request, ACCEPT_ENCODING), field(&request, IF_NONE_MATCH));
                Step::ready(fixed(script::script_answer(accepts, known)), EdgeOutcome::Asset)
            }
            Route::Gpc if self.thread.shared.honours_gpc => {
                let known = field(&request, IF_NONE_MATCH);
                Step::ready(fixed(script::gpc_answer(known)), EdgeOutcome::Asset)
            }
            Route::Gpc | Route::NotFound => self.unknown(&request),
            Route::NotAllowed(allow) => Step::ready(answer::method_not_allowed(allow), EdgeOutcome::Refused),
        }
    }

    /// A path that means nothing, but perhaps to a domain.
    fn unknown(&self, request: &Request<Incoming>) -> Step {
        let headers = fields(request);
        let mut cache = self.thread.catalogue.borrow_mut();
        let mut scratch = self.thread.scratch.borrow_mut();
        let decided = click::unknown(cache.load(), &headers, &mut scratch);
        Step::ready(answer::of(decided.reply), decided.outcome)
    }

    fn click(&self, way: Way<'_>, request: &Request<Incoming>) -> Step {
        let thread = &*self.thread;
        let headers = fields(request);
        let ask = Ask {
            way,
            is_head: request.method() == Method::HEAD,
            query: request.uri().query().unwrap_or_default().as_bytes(),
            headers: &headers,
            peer: self.peer,
            now: thread.turn().now,
        };
        let mut cache = thread.catalogue.borrow_mut();
        let mut scratch = thread.scratch.borrow_mut();
        let decided = click::answer(thread, cache.load(), &ask, &mut scratch);
        let answer = Some((answer::of(decided.reply), decided.outcome));
        match decided.commit {
            Some(commit) => Step::Recorded { commit, answer, counted: decided.counted },
            None => Step::Ready(answer),
        }
    }
}

/// The fields as the lane's parser has them. HTTP/2 names the host in the target.
fn fields(request: &Request<Incoming>) -> Vec<Field<'_>> {
    let authority = request.uri().authority().filter(|_| !request.headers().contains_key(HOST));
    let host = authority.map(|host| Field::new(b"host", host.as_str().as_bytes()));
    let own = request.headers().iter().map(|(name, value)| {
        let (name, value): (&HeaderName, &HeaderValue) = (name, value);
        Field::new(name.as_str().as_bytes(), value.as_bytes())
    });
    own.chain(host).collect()
}

fn field(request: &Request<Incoming>, name: HeaderName) -> Option<&[u8]> {
    request.headers().get(name).map(HeaderValue::as_bytes)
}

/// A fixed file.
fn fixed(response: Response<&'static [u8]>) -> Response<Body> {
    response.map(|bytes| Body::new(Bytes::from_static(bytes)))
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let ((mut response, outcome), finished) = match &mut this.step {
            Step::Ready(answer) => (answer.take().expect("polled once after completion"), Instant::now()),
            Step::Recorded { commit, answer, counted } => match ready!(Pin::new(commit).poll(context)) {
                Ok(at) => (answer.take().expect("polled once after completion"), at),
                Err(why) => {
                    let thread = &this.thread;
                    counted.give_back(thread, thread.catalogue.borrow_mut().load());
                    let (prepared, _) = answer.take().expect("polled once after completion");
                    if why.lets_pass(thread.shared.full_disk, prepared.status().as_u16()) {
                        ((prepared, EdgeOutcome::Unrecorded), Instant::now())
                    } else {
                        ((answer::unavailable(), EdgeOutcome::Unavailable), Instant::now())
                    }
                }
            },
            Step::Slow(future) => (ready!(future.as_mut().poll(context)), Instant::now()),
        };
        this.thread.count(outcome, this.started, finished);
        if this.may_close && this.thread.is_draining.get() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(Ok(response))
    }
}
