//! A click or impression: looked up, classified, recorded, answered.
//!
//! The same code for every way a request comes in: [`crate::lane`] hands the fields of its parser over, [`crate::service`]
//! those of hyper's map.
//!
//! # Its way
//!
//! 1. The link, or the pair, as far as the host that was asked serves it.
//! 2. [`journey`]: the offer that was clicked, or the first of its chain of fallback offers that takes the visitor.
//! 3. [`verdict`]: unique, duplicate or invalid; what was counted for it ([`counted`]).
//! 4. [`goal`]: where the visitor goes.
//! 5. [`record`]: what is written down. An offer that passed the visitor on has a record of its own, before the one of the
//!    offer that took it.
//!
//! An impression is asked for by a page, not by a person: neither the visitor nor caps decide about it, and nobody is passed on. A
//! shop's script ([`script`]) asks for a visitor who is at the shop already: that one is not passed on either.

mod counted;
mod goal;
mod journey;
mod record;
mod render;
mod script;
mod texts;
mod verdict;

use std::net::IpAddr;

use hopline_catalogue::{Catalogue, Domain, Target, append_parameter, append_query, without_port};
use hopline_classify::{Finding, Method, Signals, UserAgent};
use hopline_clickid::TOKEN_CHARS;
use hopline_geo::Place;
use hopline_record::{Flags, Kind};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{AffiliateId, OfferId, UnixMillis};

use crate::address::Peer;
use crate::commit::Commit;
use crate::field::{Field, Name};
use crate::reply::{Reply, may_stand_in_a_header};
use crate::thread::{Scratch, Thread};
use crate::{address, cookie, query, referrer};
use goal::Goal;
use render::Render;

pub(crate) use counted::Counted;

/// How often a click is judged at most, where others take the last place of a cap in the meantime.
const TRIES: u8 = 3;

/// How the link was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way<'a> {
    Code(&'a [u8]),
    Pair,
    Impression(&'a [u8]),
    /// A click without a redirect, for a shop's script: the click id as JSON.
    Script,
}

/// A request for a click or impression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) way: Way<'a>,
    pub(crate) is_head: bool,
    /// What stands behind the question mark, as sent.
    pub(crate) query: &'a [u8],
    pub(crate) headers: &'a [Field<'a>],
    /// Whom the connection comes from.
    pub(crate) peer: Peer,
    pub(crate) now: UnixMillis,
}

/// What a click is answered with once its record is written.
#[derive(Debug)]
pub(crate) struct Decided<'s> {
    pub(crate) reply: Reply<'s>,
    pub(crate) outcome: EdgeOutcome,
    /// None: there is nothing to wait for.
    pub(crate) commit: Option<Commit>,
    pub(crate) counted: Counted,
}

impl Decided<'_> {
    /// An answer that leaves no record.
    pub(crate) fn unrecorded(reply: Reply<'static>, outcome: EdgeOutcome) -> Decided<'static> {
        Decided { reply, outcome, commit: None, counted: Counted::default() }
    }
}

/// Decides on a click or impression and records it. The reply lies in `scratch` until the next click.
pub(crate) fn answer<'s>(
    thread: &Thread,
    catalogue: &Catalogue,
    ask: &Ask<'_>,
    scratch: &'s mut Scratch,
) -> Decided<'s> {
    let domain = domain(catalogue, ask.headers);
    let target = match ask.way {
        Way::Code(code) | Way::Impression(code) => catalogue.link(code),
        Way::Pair | Way::Script => pair(catalogue, ask.query),
    };
    let target = target.filter(|target| domain.is_none_or(|domain| domain.serves(target)));
    let Some(target) = target else {
        return match ask.way {
            Way::Script => Decided::unrecorded(Reply::Json(script::UNKNOWN), EdgeOutcome::NotFound),
            Way::Impression(_) => Decided::unrecorded(Reply::NotFound, EdgeOutcome::NotFound),
            Way::Code(_) | Way::Pair => nowhere(domain, scratch),
        };
    };
    scratch.clear();
    let mut visit = Visit {
        thread,
        ask,
        catalogue,
        is_impression: matches!(ask.way, Way::Impression(_)),
        signals: Signals::default(),
        cookie: None,
        origin: b"",
        forwarded: &[],
    };
    if ask.is_head {
        visit.signals.method = Method::Head;
    }
    for (place, field) in ask.headers.iter().enumerate() {
        match field.name {
            Name::Signal(header) => visit.signals.take(header, field.value),
            Name::Cookie if visit.cookie.is_none() => visit.cookie = cookie::read(field.value),
            Name::Origin => visit.origin = field.value,
            Name::Forwarded if visit.forwarded.is_empty() => {
                visit.forwarded = ask.headers.get(place..).unwrap_or_default();
            }
            _ => (),
        }
    }
    visit.decide(target, TRIES, scratch)
}

/// A path that names no link at all: to the page of the host that was asked, if it has one.
pub(crate) fn unknown<'s>(
    catalogue: &Catalogue,
    headers: &[Field<'_>],
    scratch: &'s mut Scratch,
) -> Decided<'s> {
    nowhere(domain(catalogue, headers), scratch)
}

fn nowhere<'s>(domain: Option<&Domain>, scratch: &'s mut Scratch) -> Decided<'s> {
    let Some(url) = domain.and_then(|domain| domain.default_url.as_deref()) else {
        return Decided::unrecorded(Reply::NotFound, EdgeOutcome::NotFound);
    };
    scratch.clear();
    scratch.location.extend_from_slice(url.as_bytes());
    let reply = Reply::Redirect { location: &scratch.location, cookie: b"" };
    Decided { reply, outcome: EdgeOutcome::Fallback, commit: None, counted: Counted::default() }
}

/// The domain that was asked, where there are any.
fn domain<'a>(catalogue: &'a Catalogue, headers: &[Field<'_>]) -> Option<&'a Domain> {
    if !catalogue.has_domains() {
        return None;
    }
    let host = headers.iter().find(|header| header.name == Name::Host)?;
    catalogue.domain(without_port(host.value))
}

/// The pair named by `offer` and `aff`.
fn pair<'a>(catalogue: &'a Catalogue, query: &[u8]) -> Option<Target<'a>> {
    let find = |wanted: &[u8]| std::str::from_utf8(query::first(query, wanted)?).ok()?.parse::<i64>().ok();
    catalogue.pair(OfferId::new(find(b"offer")?).ok()?, AffiliateId::new(find(b"aff")?).ok()?)
}

/// A request with what its fields say.
struct Visit<'a> {
    thread: &'a Thread,
    ask: &'a Ask<'a>,
    catalogue: &'a Catalogue,
    is_impression: bool,
    signals: Signals<'a>,
    /// The visitor by the cookie that was brought.
    cookie: Option<u64>,
    /// `Origin`, which only matters to scripts.
    origin: &'a [u8],
    /// The header from its first `X-Forwarded-For` on; empty without one.
    forwarded: &'a [Field<'a>],
}

/// Who asks.
struct Who {
    address: IpAddr,
    place: Place,
    agent: UserAgent,
    agent_digest: [u8; 32],
}

impl Visit<'_> {
    /// Decides on the click; `tries` says how often that may be done at most.
    fn decide<'s>(&self, first: Target<'_>, tries: u8, scratch: &'s mut Scratch) -> Decided<'s> {
        let who = self.who(scratch);
        let journey = self.journey(first, &who, scratch.click.language.as_bytes());
        texts::read(self.ask.query, journey.target.offer, scratch);
        let judged = self.judge(&journey, &who, scratch);
        if judged.is_too_late && tries > 1 {
            // Once more: now the cap is known to be reached, and there may be another offer.
            scratch.clear();
            return self.decide(first, tries - 1, scratch);
        }
        let click = &mut scratch.click;
        self.describe(&who, &judged, &mut scratch.decoded, click);
        let mut failure = journey
            .passed_on
            .and_then(|why| self.leave_record(&first, why, &who, click, &mut scratch.payload).err());
        let target = &journey.target;
        let goal = self.goal(target, &judged, &scratch.deep_link, click);
        let mut token = [0; TOKEN_CHARS];
        if failure.is_none() {
            failure = self.sign(target, judged.verdict, click, &mut token).err();
        }
        // Where no record can be, there is no id either.
        let token: &[u8] = if failure.is_none() { &token } else { b"" };
        click.detail.push_str(judged.detail);
        click.code.push_str(target.link.map_or("", |link| link.code));
        let more = [
            (matches!(goal, Goal::Fallback(_)), Flags::FALLBACK),
            (journey.passed_on.is_some(), Flags::PASSED_ON),
        ];
        click.flags = record::with(click.flags, &more);

        let location = &mut scratch.location;
        let render = Render { visit: self, target, click, token };
        match goal {
            Goal::Landing(template) => render.render(template, &scratch.passed, location),
            Goal::Fallback(template) => render.render(template, b"", location),
            Goal::Deep => {
                append_parameter(&click.deep_link, &target.offer.click_parameter, token, location);
                append_query(click.consent.as_bytes(), location);
            }
            Goal::Script => script::answer(judged.verdict, token, location),
            Goal::Nowhere | Goal::Later | Goal::Image => (),
        }
        // Templates, encoders and the URL parser see to it; a line break in a header would be another answer.
        let is_safe = may_stand_in_a_header(location);
        debug_assert!(is_safe, "{location:?}");
        let reply = match goal {
            Goal::Landing(_) | Goal::Fallback(_) | Goal::Deep if is_safe => {
                Reply::Redirect { location: &scratch.location, cookie: &scratch.cookie }
            }
            Goal::Script => Reply::Json(&scratch.location),
            Goal::Image => Reply::Image,
            Goal::Later => Reply::Later,
            Goal::Landing(_) | Goal::Fallback(_) | Goal::Deep | Goal::Nowhere => Reply::NotFound,
        };
        click.status = reply.status();
        scratch.payload.clear();
        click.encode(&mut scratch.payload);
        let kind = if self.is_impression { Kind::Impression } else { Kind::Click };
        let outcome = goal::outcome(judged.verdict, goal);
        let taken = match failure {
            None => self.thread.log.append(self.ask.now, kind, &scratch.payload),
            Some(why) => Err(why),
        };
        match taken {
            Ok(commit) => Decided { reply, outcome, commit: Some(commit), counted: judged.counted },
            Err(why) => self.not_recorded(why, reply, judged.counted),
        }
    }

    /// Who asks; takes the language into the record.
    fn who(&self, scratch: &mut Scratch) -> Who {
        let shared = &self.thread.shared;
        let address = self.address();
        let place = shared.places.as_ref().map(|places| places.find(address)).unwrap_or_default();
        let (agent, agent_digest) = scratch.agents.read(&shared.agents, self.signals.user_agent);
        referrer::language(self.signals.accept_language, &mut scratch.click.language);
        Who { address, place, agent, agent_digest }
    }

    fn address(&self) -> IpAddr {
        let forwarded =
            || self.forwarded.iter().filter(|field| field.name == Name::Forwarded).map(|field| field.value);
        address::visitor(self.ask.peer, &self.thread.shared.trusted_proxies, forwarded)
    }

    /// A parameter of the query, as sent.
    fn parameter(&self, wanted: &[u8]) -> Option<&[u8]> {
        query::first(self.ask.query, wanted)
    }

    fn is_script(&self) -> bool {
        self.ask.way == Way::Script
    }

    fn is_speculative(&self) -> bool {
        self.signals.finding() == Finding::Prefetch
    }
}
