//! From a request to its answer: routing, and waiting for the commit.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hopline_runtime::telemetry::EdgeOutcome;
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;

use crate::answer::{self, Body};
use crate::click::{self, Way};
use crate::commit::Commit;
use crate::postback;
use crate::thread::Thread;

/// Serves one connection.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) thread: Rc<Thread>,
    pub(crate) peer: IpAddr,
}

/// An answer that is ready, or waits for its record, or for a body.
pub(crate) struct Answer {
    thread: Rc<Thread>,
    started: Instant,
    step: Step,
}

type Slow = Pin<Box<dyn Future<Output = (Response<Body>, EdgeOutcome)>>>;

pub(crate) enum Step {
    Ready(Option<(Response<Body>, EdgeOutcome)>),
    Recorded { commit: Commit, answer: Option<(Response<Body>, EdgeOutcome)>, counted: Counted },
    Slow(Slow),
}

/// What the duplicate memory took for this click, to be given back if the click is not written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) offer: u32,
    pub(crate) visitors: [Option<u64>; 2],
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
        let step = self.route(request);
        Answer { thread: Rc::clone(&self.thread), started, step }
    }
}

impl Edge {
    fn route(&self, mut request: Request<Incoming>) -> Step {
        let path = request.uri().path().as_bytes();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let step = match path {
            b"/c" if is_read => click::answer(self, &request, Way::Pair),
            b"/postback" => match *request.method() {
                Method::GET | Method::POST => {
                    return Step::Slow(Box::pin(postback::answer(self.clone(), request)));
                }
                _ => refused_method("GET, POST"),
            },
            b"/pixel.gif" if request.method() == Method::GET => {
                return Step::Slow(Box::pin(postback::pixel(self.clone(), request)));
            }
            b"/pixel.gif" => refused_method("GET"),
            b"/robots.txt" if is_read => Step::ready(answer::robots(), EdgeOutcome::Asset),
            [b'/', b'i', b'/', code @ ..] if is_code(code) => match is_read {
                true => click::answer(self, &request, Way::Impression(code)),
                false => refused_method("GET, HEAD"),
            },
            [b'/', code @ ..] if is_code(code) => match is_read {
                true => click::answer(self, &request, Way::Code(code)),
                false => refused_method("GET, HEAD"),
            },
            b"/c" | b"/robots.txt" => refused_method("GET, HEAD"),
            _ => Step::ready(answer::not_found(), EdgeOutcome::NotFound),
        };
        self.thread.keep(std::mem::take(request.headers_mut()));
        step
    }
}

/// Whether a path can be a link's code at all.
fn is_code(path: &[u8]) -> bool {
    (3..=64).contains(&path.len())
        && path.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cold]
fn refused_method(allow: &'static str) -> Step {
    Step::ready(answer::method_not_allowed(allow), EdgeOutcome::Refused)
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let ((mut response, outcome), finished) = match &mut this.step {
            Step::Ready(answer) => (answer.take().expect("polled once after completion"), Instant::now()),
            Step::Recorded { commit, answer, counted } => match ready!(Pin::new(commit).poll(context)) {
                Ok(at) => (answer.take().expect("polled once after completion"), at),
                Err(_) => {
                    give_back(&this.thread, *counted);
                    ((answer::unavailable(), EdgeOutcome::Unavailable), Instant::now())
                }
            },
            Step::Slow(future) => (ready!(future.as_mut().poll(context)), Instant::now()),
        };
        this.thread.count(outcome, this.started, finished);
        if this.thread.is_draining.get() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(Ok(response))
    }
}

/// The click was not written, so it was not counted.
#[cold]
pub(crate) fn give_back(thread: &Thread, counted: Counted) {
    for visitor in counted.visitors.into_iter().flatten() {
        thread.shared.duplicates.forget(visitor, counted.offer);
    }
}
