//! A click or impression: looked up, classified, recorded, answered.
//!
//! The same code for every way a request comes in: [`crate::lane`] hands the fields of its parser over, [`crate::service`]
//! those of hyper's map.

mod journey;
mod render;
mod texts;

use std::fmt::Write as _;
use std::net::IpAddr;

use hopline_catalogue::targeting::{Refused, Visitor};
use hopline_catalogue::{
    Catalogue, Domain, Offer, Target, Template, allowed_deep_link, append_parameter, append_query,
    without_port,
};
use hopline_classify::{Finding, Method, NetworkSigns, RULES_VERSION, Signals, judge_network};
use hopline_clickid::{ClickClaims, TOKEN_CHARS};
use hopline_geo::Region;
use hopline_record::{Click, Flags, Kind};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{AffiliateId, Class, OfferId, Reason, UnixMillis, Verdict};
use httparse::Header;

use crate::commit::{Commit, NotWritten};
use crate::reply::{Reply, may_stand_in_a_header};
use crate::thread::{Scratch, Thread};
use crate::{address, consent, cookie, query, referrer};
use journey::Journey;
use render::Render;

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
    /// Names in any case.
    pub(crate) headers: &'a [Header<'a>],
    /// Whom the connection comes from.
    pub(crate) peer: IpAddr,
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

/// What the duplicate memory and the caps took for this click, to be given back if the click is not written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    offer: u32,
    visitors: [Option<u64>; 2],
    /// Whose caps took it, and when.
    caps: Option<(OfferId, AffiliateId, UnixMillis)>,
}

impl Counted {
    /// The click was not written, so it was not counted.
    #[cold]
    pub(crate) fn give_back(self, thread: &Thread, catalogue: &Catalogue) {
        for visitor in self.visitors.into_iter().flatten() {
            thread.shared.duplicates.forget(visitor, self.offer);
        }
        if let Some((offer, affiliate, at)) = self.caps
            && let Some(offer) = catalogue.offer(offer)
        {
            thread.shared.counters.give_back(offer, affiliate, at);
            thread.tally.borrow_mut().give_back(offer, affiliate, at);
        }
    }
}

impl Decided<'_> {
    /// An answer that leaves no record.
    pub(crate) fn unrecorded(reply: Reply<'static>, outcome: EdgeOutcome) -> Decided<'static> {
        Decided { reply, outcome, commit: None, counted: Counted::default() }
    }
}

/// Where the visitor is sent.
#[derive(Clone, Copy)]
enum Goal<'a> {
    Landing(&'a Template),
    Deep,
    Fallback(&'a Template),
    Nowhere,
    /// Asked to come again.
    Later,
    Image,
    /// A shop's script is told the click id.
    Script,
}

/// To a script that names no offer or affiliate.
const UNKNOWN: &[u8] = b"{\"click_id\":null,\"reason\":\"unknown\"}";

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
            Way::Script => Decided::unrecorded(Reply::Json(UNKNOWN), EdgeOutcome::NotFound),
            Way::Code(_) | Way::Pair | Way::Impression(_) => nowhere(domain, scratch),
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
    };
    if ask.is_head {
        visit.signals.method = Method::Head;
    }
    for Header { name, value } in ask.headers {
        if visit.signals.note(name, value) {
            continue;
        }
        match name.len() {
            6 if visit.cookie.is_none() && name.eq_ignore_ascii_case("cookie") => {
                visit.cookie = cookie::read(value);
            }
            6 if name.eq_ignore_ascii_case("origin") => visit.origin = value,
            _ => (),
        }
    }
    visit.finish(target, scratch)
}

/// A path that names no link at all: to the page of the host that was asked, if it has one.
pub(crate) fn unknown<'s>(
    catalogue: &Catalogue,
    headers: &[Header<'_>],
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
fn domain<'a>(catalogue: &'a Catalogue, headers: &[Header<'_>]) -> Option<&'a Domain> {
    if !catalogue.has_domains() {
        return None;
    }
    let host = headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"))?;
    catalogue.domain(without_port(host.value))
}

/// The pair named by `offer` and `aff`.
fn pair<'a>(catalogue: &'a Catalogue, query: &[u8]) -> Option<Target<'a>> {
    let find = |wanted: &[u8]| {
        let (_, value) = query::pairs(query).find(|(name, _)| *name == wanted)?;
        std::str::from_utf8(value).ok()?.parse::<i64>().ok()
    };
    catalogue.pair(OfferId::new(find(b"offer")?).ok()?, AffiliateId::new(find(b"aff")?).ok()?)
}

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
}

impl Visit<'_> {
    fn finish<'s>(&self, first: Target<'_>, scratch: &'s mut Scratch) -> Decided<'s> {
        let (shared, now) = (&self.thread.shared, self.ask.now);
        let address = self.address();
        let place = shared.places.as_ref().map(|places| places.find(address)).unwrap_or_default();
        let (agent, agent_digest) = scratch.agents.read(&shared.agents, self.signals.user_agent);
        referrer::language(self.signals.accept_language, &mut scratch.click.language);
        let Journey { target, refusal, passed_on } = if self.is_impression || self.is_speculative() {
            let refusal = first.refusal(now).map(|reason| (reason, ""));
            Journey { target: first, refusal, passed_on: None }
        } else {
            let visitor = Visitor {
                country: place.country,
                region: place.region.as_ref().map_or("", Region::as_str).as_bytes(),
                device: agent.device.as_str(),
                os: agent.os,
                browser: agent.browser,
                language: scratch.click.language.as_bytes(),
            };
            Journey::of(first, self.catalogue, &shared.counters, &visitor, now)
        };
        let mut refusal = refusal;
        texts::read(self.ask.query, target.offer, scratch);

        let click = &mut scratch.click;
        let is_allowed = target.offer.sets_cookie(consent::is_given(&click.consent), place.country);
        // Where no cookie may be set, one that was brought is not looked at either.
        let known_visitor = self.cookie.filter(|_| is_allowed);
        let (mut verdict, mut detail) = self.verdict(&target, agent.bot, place.network, refusal);
        let is_open = verdict == Verdict::UNIQUE;
        let is_script = self.ask.way == Way::Script;
        let sets_cookie =
            is_open && is_allowed && known_visitor.is_none() && !self.is_impression && !is_script;
        let attributes = shared.cookie_attributes.as_bytes();
        let new_visitor = sets_cookie.then(|| cookie::write(rand::random(), attributes, &mut scratch.cookie));
        // 0 stands for a visitor with a cookie.
        let pseudonym = match known_visitor {
            Some(_) => 0,
            None => self.pseudonym(address, &agent_digest).max(1),
        };
        let mut counted = Counted { offer: target.offer.number, ..Counted::default() };
        if is_open && !self.is_impression {
            counted.visitors = self.count(target.offer, known_visitor.unwrap_or(pseudonym), new_visitor);
            if counted.visitors[0].is_none() {
                verdict = Verdict::DUPLICATE;
            } else if self.takes_from_caps(&target) {
                counted.caps = Some((target.offer.id, target.affiliate.id, now));
            } else {
                // Somebody else took the last place since the offer was asked.
                counted.give_back(self.thread, self.catalogue);
                counted.visitors = [None; 2];
                scratch.cookie.clear();
                refusal = Some((Reason::Cap, "clicks"));
                (verdict, detail) = (Verdict::invalid(Reason::Cap), "clicks");
            }
        }
        let follows = refusal.is_none() && follow_deep_link(target.offer, &scratch.deep_link, click);
        let visitor_key = known_visitor.or(new_visitor).unwrap_or(pseudonym);
        let goal = self.goal(&target, refusal.is_some(), follows, visitor_key, click);

        click.visitor_key = visitor_key;
        click.pseudonym = pseudonym;
        click.device = agent.device;
        click.rule_version = RULES_VERSION;
        click.os.push_str(agent.os);
        click.browser.push_str(agent.browser);
        if is_script {
            // Its own referrer is the shop's page; it tells the host that the visitor came from.
            let from = [b"https://", self.parameter(b"ref").unwrap_or_default()].concat();
            referrer::host(&from, &mut click.referrer_host);
        } else {
            referrer::host(self.signals.referer, &mut click.referrer_host);
        }
        click.country = place.country;
        click.network = place.network;
        if let Some(region) = &place.region {
            click.region.extend([place.country(), "-", region.as_str()]);
        }
        click.flags = self.flags(click.flags, known_visitor.is_none());
        if let Some(why) = passed_on
            && self.leave_record(&first, why, agent.bot, place.network, click, &mut scratch.payload).is_err()
        {
            return self.not_recorded(counted);
        }

        let mut token = [0; TOKEN_CHARS];
        if self.sign(&target, verdict, click, &mut token).is_err() {
            return self.not_recorded(counted);
        }
        click.detail.push_str(detail);
        let link = target.link.filter(|_| passed_on.is_none());
        click.code.push_str(link.map_or("", |link| link.code));
        let more =
            [(matches!(goal, Goal::Fallback(_)), Flags::FALLBACK), (passed_on.is_some(), Flags::PASSED_ON)];
        click.flags = with(click.flags, &more);

        let location = &mut scratch.location;
        let render = Render { visit: self, target: &target, click, token: &token };
        match goal {
            Goal::Landing(template) => render.render(template, &scratch.passed, location),
            Goal::Fallback(template) => render.render(template, b"", location),
            Goal::Deep => {
                let parameter = &target.offer.click_parameter;
                append_parameter(&click.deep_link, parameter, &token, location);
                append_query(click.consent.as_bytes(), location);
            }
            Goal::Script => script_answer(verdict, &token, location),
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
        match self.thread.log.append(now, kind, &scratch.payload) {
            Ok(commit) => Decided { reply, outcome: outcome(verdict, goal), commit: Some(commit), counted },
            Err(_) => self.not_recorded(counted),
        }
    }

    /// The record of an offer that did not want the click, which went on to another one.
    #[cold]
    fn leave_record(
        &self,
        target: &Target<'_>,
        why: Refused,
        is_bot: bool,
        network: u32,
        click: &mut Click,
        payload: &mut Vec<u8>,
    ) -> Result<(), NotWritten> {
        let (verdict, detail) = self.verdict(target, is_bot, network, Some(why));
        let mut left = click.clone();
        let mut token = [0; TOKEN_CHARS];
        self.sign(target, verdict, &mut left, &mut token)?;
        left.detail.push_str(detail);
        left.code.push_str(target.link.map_or("", |link| link.code));
        left.landing_page.clear();
        left.deep_link.clear();
        left.flags = left.flags.with(Flags::FALLBACK);
        left.status = Reply::Redirect { location: b"", cookie: b"" }.status();
        payload.clear();
        left.encode(payload);
        // The record that comes behind it in the log is waited for.
        self.thread.log.append(self.ask.now, Kind::Click, payload).map(drop)
    }

    /// Numbers and signs the click.
    fn sign(
        &self,
        target: &Target<'_>,
        verdict: Verdict,
        click: &mut Click,
        token: &mut [u8; TOKEN_CHARS],
    ) -> Result<(), NotWritten> {
        let claims = ClickClaims {
            at: self.ask.now,
            offer: target.offer.id,
            affiliate: target.affiliate.id,
            link: target.link_id(),
            unique: self.thread.log.next_number(self.ask.now)?,
            verdict,
        };
        click.advertiser = target.advertiser.number;
        let signed = self.catalogue.keys().sign_both_into(&claims, &mut click.token, token);
        signed.map_err(|_| NotWritten)
    }

    /// Takes the click from the offer's caps, if it has any.
    fn takes_from_caps(&self, target: &Target<'_>) -> bool {
        if target.offer.click_caps().is_empty() {
            return true;
        }
        let (offer, affiliate, now) = (target.offer, target.affiliate.id, self.ask.now);
        let is_taken = self.thread.shared.counters.try_take(offer, affiliate, now).is_ok();
        if is_taken {
            self.thread.tally.borrow_mut().add(offer, affiliate, now);
        }
        is_taken
    }

    /// A parameter of the query, as sent, if it is not empty.
    fn parameter(&self, wanted: &[u8]) -> Option<&[u8]> {
        let (_, value) = query::pairs(self.ask.query).find(|(name, _)| *name == wanted)?;
        Some(value).filter(|value| !value.is_empty())
    }

    fn is_speculative(&self) -> bool {
        self.signals.finding() == Finding::Prefetch
    }

    /// The verdict before the duplicate memory and the caps are asked, and more about its reason.
    fn verdict(
        &self,
        target: &Target<'_>,
        is_bot: bool,
        network: u32,
        refusal: Option<Refused>,
    ) -> (Verdict, &'static str) {
        let invalid = |reason| (Verdict::invalid(reason), "");
        match self.signals.finding() {
            Finding::Prefetch => return invalid(Reason::Prefetch),
            Finding::Head => return invalid(Reason::Head),
            // A script asks by a fetch: from a page of the shop, or it is nobody's click.
            Finding::Stuffing("empty") | Finding::Open if self.ask.way == Way::Script => {
                if self.parameter(b"frame").is_some() {
                    return (Verdict::invalid(Reason::Stuffing), "iframe");
                }
                if !is_of_shop(self.origin, target.offer) {
                    return (Verdict::invalid(Reason::Stuffing), "origin");
                }
            }
            // An impression is an image: that it is loaded as one says nothing.
            Finding::Stuffing(dest) if !self.is_impression => {
                return (Verdict::invalid(Reason::Stuffing), dest);
            }
            Finding::Stuffing(_) | Finding::Open => (),
        }
        if is_bot {
            return invalid(Reason::Bot);
        }
        let networks = &self.thread.shared.networks;
        let kind = if network == 0 { None } else { networks.judge(network) };
        if kind.is_some_and(|kind| judge_network(kind, NetworkSigns::of(&self.signals))) {
            return invalid(Reason::Datacenter);
        }
        refusal.map_or((Verdict::UNIQUE, ""), |(reason, detail)| (Verdict::invalid(reason), detail))
    }

    /// Where the visitor goes; takes the chosen landing page into the record.
    fn goal<'a>(
        &'a self,
        target: &Target<'a>,
        is_refused: bool,
        follows_deep_link: bool,
        visitor: u64,
        click: &mut Click,
    ) -> Goal<'a> {
        let named = std::mem::take(&mut click.landing_page);
        if self.is_speculative() {
            return Goal::Later;
        }
        if self.is_impression {
            return Goal::Image;
        }
        if self.ask.way == Way::Script {
            return Goal::Script;
        }
        if is_refused {
            return self.catalogue.fallback(target.offer).map_or(Goal::Nowhere, Goal::Fallback);
        }
        if follows_deep_link {
            return Goal::Deep;
        }
        let page = target.offer.page_named(&named, visitor);
        click.landing_page = named;
        click.landing_page.clear();
        if let Some(id) = page.id {
            write!(click.landing_page, "{id}").expect("a string takes all");
        }
        click.flags = with(click.flags, &[(page.named_unknown, Flags::LANDING_PAGE_UNKNOWN)]);
        Goal::Landing(page.template)
    }

    fn address(&self) -> IpAddr {
        let forwarded = || {
            let named = |header: &&Header<'_>| header.name.eq_ignore_ascii_case("x-forwarded-for");
            self.ask.headers.iter().filter(named).map(|header| header.value)
        };
        address::visitor(self.ask.peer, &self.thread.shared.trusted_proxies, forwarded)
    }

    fn pseudonym(&self, address: IpAddr, agent_digest: &[u8; 32]) -> u64 {
        let keys = self.catalogue.pseudonyms();
        match address {
            IpAddr::V4(v4) => keys.pseudonym(self.ask.now, &v4.octets(), agent_digest),
            IpAddr::V6(v6) => keys.pseudonym(self.ask.now, &v6.octets(), agent_digest),
        }
    }

    /// Asks the duplicate memory; gives whom it counted for this click. The new cookie's visitor is remembered in either
    /// case, so that the next click with the cookie is known.
    fn count(&self, offer: &Offer, visitor: u64, new: Option<u64>) -> [Option<u64>; 2] {
        let shared = &self.thread.shared;
        let is_counted = |visitor: u64| {
            let window_ms = shared.duplicate_window_ms;
            let seen = shared.duplicates.seen(visitor, offer.number, self.ask.now, window_ms);
            (!seen).then_some(visitor)
        };
        [is_counted(visitor), new.and_then(is_counted)]
    }

    fn flags(&self, flags: Flags, is_without_cookie: bool) -> Flags {
        let conditions = [
            (self.signals.gpc, Flags::GPC),
            (self.signals.lacks_gesture(), Flags::NO_GESTURE),
            (is_without_cookie, Flags::NO_COOKIE),
            (self.signals.anonymous_address, Flags::ANONYMOUS_ADDRESS),
            (self.ask.way == Way::Script, Flags::SCRIPT),
        ];
        with(flags, &conditions)
    }

    #[cold]
    fn not_recorded(&self, counted: Counted) -> Decided<'static> {
        counted.give_back(self.thread, self.catalogue);
        Decided::unrecorded(Reply::Unavailable, EdgeOutcome::Unavailable)
    }
}

fn with(flags: Flags, conditions: &[(bool, Flags)]) -> Flags {
    conditions.iter().filter(|(holds, _)| *holds).fold(flags, |flags, (_, flag)| flags.with(*flag))
}

/// Takes the deep link into the record if it may be followed, else flags it; tells whether it is followed.
fn follow_deep_link(offer: &Offer, text: &str, click: &mut Click) -> bool {
    if text.is_empty() {
        return false;
    }
    match allowed_deep_link(offer, text) {
        Some(url) => {
            click.deep_link.push_str(&url);
            true
        }
        None => {
            click.flags = click.flags.with(Flags::DEEP_LINK_REFUSED);
            false
        }
    }
}

/// Whether a page of this origin is the shop's: its host is that of the landing page, or one of those that deep links may
/// name.
fn is_of_shop(origin: &[u8], offer: &Offer) -> bool {
    let Ok(origin) = std::str::from_utf8(origin) else { return false };
    let Some(host) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return false;
    };
    let host = without_port(host.as_bytes());
    let is = |known: &str| host.eq_ignore_ascii_case(known.as_bytes());
    is(offer.landing_page.host()) || offer.deep_link_hosts.iter().any(|known| is(known))
}

/// What a shop's script is told: the id of a click that may win a conversion, else why there is none.
fn script_answer(verdict: Verdict, token: &[u8; TOKEN_CHARS], out: &mut Vec<u8>) {
    if verdict.class == Class::Invalid {
        out.extend_from_slice(b"{\"click_id\":null,\"reason\":\"");
        out.extend_from_slice(verdict.reason.as_str().as_bytes());
    } else {
        out.extend_from_slice(b"{\"click_id\":\"");
        out.extend_from_slice(token);
    }
    out.extend_from_slice(b"\"}");
}

const fn outcome(verdict: Verdict, goal: Goal<'_>) -> EdgeOutcome {
    match (verdict.class, verdict.reason) {
        (_, Reason::Prefetch) => EdgeOutcome::Prefetch,
        (_, Reason::Head) => EdgeOutcome::Head,
        (Class::Invalid, Reason::Stuffing) => EdgeOutcome::Stuffing,
        _ => match goal {
            Goal::Landing(_) | Goal::Deep => EdgeOutcome::Redirect,
            Goal::Script => EdgeOutcome::Script,
            Goal::Fallback(_) => EdgeOutcome::Fallback,
            Goal::Image => EdgeOutcome::Impression,
            Goal::Later => EdgeOutcome::Prefetch,
            Goal::Nowhere => EdgeOutcome::NotFound,
        },
    }
}
