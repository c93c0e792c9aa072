//! A click or impression: looked up, classified, recorded, answered.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hopline_catalogue::template::{Encoder, Macro, encode_query};
use hopline_catalogue::{Catalogue, Target, Template, allowed_deep_link, append_parameter};
use hopline_classify::{Finding, Method, RULES_VERSION, Signals};
use hopline_clickid::{ClickClaims, TOKEN_CHARS};
use hopline_record::{Click, Flags, Kind};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{AffiliateId, Class, OfferId, Reason, UnixMillis, Verdict};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, Request};

use crate::answer;
use crate::service::{Counted, Edge, Step, give_back};
use crate::thread::{Scratch, from_arena};
use crate::{address, cookie, query, referrer};

const TEXT_BYTES_MAX: usize = 256;
/// One character more than may be followed, so that what was cut is refused: half a link leads elsewhere.
const DEEP_LINK_BYTES_MAX: usize = 2048 + 4;
/// Room for a cookie and a usual location.
const ANSWER_BYTES: usize = 1024;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How the link was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way<'a> {
    Code(&'a [u8]),
    Pair,
    Impression(&'a [u8]),
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
}

/// Answers a click or impression.
pub(crate) fn answer<B>(edge: &Edge, request: &Request<B>, way: Way<'_>) -> Step {
    let mut cache = edge.thread.catalogue.borrow_mut();
    let catalogue: &Catalogue = cache.load();
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let target = match way {
        Way::Code(code) | Way::Impression(code) => catalogue.link(code),
        Way::Pair => pair(catalogue, query),
    };
    let Some(target) = target else {
        return Step::ready(answer::not_found(), EdgeOutcome::NotFound);
    };
    let mut scratch = edge.thread.scratch.borrow_mut();
    scratch.clear();
    let mut visit = Visit {
        edge,
        now: edge.thread.shared.clock.now(),
        catalogue,
        target,
        is_impression: matches!(way, Way::Impression(_)),
        signals: Signals::default(),
        known_visitor: None,
    };
    if request.method() == http::Method::HEAD {
        visit.signals.method = Method::Head;
    }
    for (name, value) in request.headers() {
        let value = value.as_bytes();
        if !visit.signals.note(name.as_str(), value) && *name == COOKIE && visit.known_visitor.is_none() {
            visit.known_visitor = cookie::read(value);
        }
    }
    visit.finish(request.headers(), query, &mut scratch)
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
    edge: &'a Edge,
    now: UnixMillis,
    catalogue: &'a Catalogue,
    target: Target<'a>,
    is_impression: bool,
    signals: Signals<'a>,
    known_visitor: Option<u64>,
}

impl Visit<'_> {
    fn finish(&self, headers: &HeaderMap, query: &[u8], scratch: &mut Scratch) -> Step {
        let shared = &self.edge.thread.shared;
        read_query(query, self.target.offer, scratch);
        let click = &mut scratch.click;
        let agent = scratch.agents.read(&shared.agents, self.signals.user_agent);
        let refusal = self.target.refusal(self.now);
        let (mut verdict, detail) = self.verdict(agent.bot, refusal);
        let follows = refusal.is_none() && self.follow_deep_link(&scratch.deep_link, click);
        let goal = self.goal(refusal, follows);
        let is_open = verdict == Verdict::UNIQUE;
        let sets_cookie = is_open && self.known_visitor.is_none() && !self.is_impression;

        scratch.arena.reserve(ANSWER_BYTES);
        let set_cookie = sets_cookie.then(|| {
            let attributes = shared.cookie_attributes.as_bytes();
            let visitor = cookie::write(rand::random(), attributes, &mut scratch.arena);
            (visitor, from_arena(&mut scratch.arena))
        });
        let visitor = self.known_visitor.unwrap_or_else(|| self.pseudonym(headers));
        let mut counted = Counted { offer: self.target.offer.number, visitors: [None; 2] };
        if is_open && !self.is_impression {
            counted.visitors = self.count(visitor, set_cookie.as_ref().map(|(new, _)| *new));
            if counted.visitors[0].is_none() {
                verdict = Verdict::DUPLICATE;
            }
        }

        let Ok(unique) = self.edge.thread.log.next_number(self.now) else {
            return self.not_recorded(counted);
        };
        let claims = ClickClaims {
            at: self.now,
            offer: self.target.offer.id,
            affiliate: self.target.affiliate.id,
            link: self.target.link_id(),
            unique,
            verdict,
        };
        let mut token = [0; TOKEN_CHARS];
        if self.catalogue.keys().sign_into(&claims, &mut token).is_err() {
            return self.not_recorded(counted);
        }
        URL_SAFE_NO_PAD.decode_slice(token, &mut click.token).expect("60 characters make 45 bytes");

        click.advertiser = self.target.advertiser.number;
        click.visitor_key = visitor;
        click.device = agent.device;
        click.rule_version = RULES_VERSION;
        click.os.push_str(agent.os);
        click.browser.push_str(agent.browser);
        click.detail.push_str(detail);
        click.code.push_str(self.target.link.map_or("", |link| link.code));
        referrer::host(self.signals.referer, &mut click.referrer_host);
        referrer::language(self.signals.accept_language, &mut click.language);
        click.flags = self.flags(click.flags, goal);

        let location = match goal {
            Goal::Landing(template) => {
                render(template, self, click, &token, &scratch.passed, &mut scratch.location);
                true
            }
            Goal::Fallback(template) => {
                render(template, self, click, &token, b"", &mut scratch.location);
                true
            }
            Goal::Deep => {
                let parameter = &self.target.offer.click_parameter;
                append_parameter(&click.deep_link, parameter, &token, &mut scratch.location);
                true
            }
            Goal::Nowhere | Goal::Later | Goal::Image => false,
        };
        let location = location.then(|| {
            scratch.arena.extend_from_slice(&scratch.location);
            from_arena(&mut scratch.arena)
        });
        let mut response = match (goal, location) {
            (_, Some(Some(location))) => answer::redirect(std::mem::take(&mut scratch.spare), location),
            (Goal::Image, _) => answer::gif(),
            (Goal::Later, _) => answer::prefetch(),
            _ => answer::not_found(),
        };
        if let Some((_, Some(value))) = set_cookie {
            response.headers_mut().insert(SET_COOKIE, value);
        }
        click.status = response.status().as_u16();
        click.encode(&mut scratch.payload);
        let kind = if self.is_impression { Kind::Impression } else { Kind::Click };
        match self.edge.thread.log.append(self.now, kind, &scratch.payload) {
            Ok(commit) => {
                let outcome = outcome(verdict, goal);
                Step::Recorded { commit, answer: Some((response, outcome)), counted }
            }
            Err(_) => self.not_recorded(counted),
        }
    }

    /// The verdict before the duplicate memory is asked, and more about its reason.
    fn verdict(&self, is_bot: bool, refusal: Option<Reason>) -> (Verdict, &'static str) {
        let invalid = |reason| (Verdict::invalid(reason), "");
        match self.signals.finding() {
            Finding::Prefetch => invalid(Reason::Prefetch),
            Finding::Head => invalid(Reason::Head),
            // An impression is an image: that it is loaded as one says nothing.
            Finding::Stuffing(dest) if !self.is_impression => (Verdict::invalid(Reason::Stuffing), dest),
            Finding::Stuffing(_) | Finding::Open if is_bot => invalid(Reason::Bot),
            Finding::Stuffing(_) | Finding::Open => match refusal {
                Some(reason) => invalid(reason),
                None => (Verdict::UNIQUE, ""),
            },
        }
    }

    /// Takes the deep link into the record if it may be followed, else flags it; tells whether it is followed.
    fn follow_deep_link(&self, text: &str, click: &mut Click) -> bool {
        if text.is_empty() {
            return false;
        }
        match allowed_deep_link(self.target.offer, text) {
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

    fn goal(&self, refusal: Option<Reason>, follows_deep_link: bool) -> Goal<'_> {
        if self.signals.finding() == Finding::Prefetch {
            return Goal::Later;
        }
        if self.is_impression {
            return Goal::Image;
        }
        match refusal {
            Some(_) => self.catalogue.fallback(self.target.offer).map_or(Goal::Nowhere, Goal::Fallback),
            None if follows_deep_link => Goal::Deep,
            None => Goal::Landing(&self.target.offer.landing_page),
        }
    }

    fn pseudonym(&self, headers: &HeaderMap) -> u64 {
        let shared = &self.edge.thread.shared;
        let forwarded = || headers.get_all(X_FORWARDED_FOR).iter().map(http::HeaderValue::as_bytes);
        let address = address::visitor(self.edge.peer, &shared.trusted_proxies, forwarded);
        let keys = self.catalogue.pseudonyms();
        match address {
            std::net::IpAddr::V4(v4) => keys.pseudonym(self.now, &v4.octets(), self.signals.user_agent),
            std::net::IpAddr::V6(v6) => keys.pseudonym(self.now, &v6.octets(), self.signals.user_agent),
        }
    }

    /// Asks the duplicate memory; gives whom it counted for this click. The new cookie's visitor is remembered in either
    /// case, so that the next click with the cookie is known.
    fn count(&self, visitor: u64, new: Option<u64>) -> [Option<u64>; 2] {
        let shared = &self.edge.thread.shared;
        let is_counted = |visitor: u64| {
            let offer = self.target.offer.number;
            let seen = shared.duplicates.seen(visitor, offer, self.now, shared.duplicate_window_ms);
            (!seen).then_some(visitor)
        };
        [is_counted(visitor), new.and_then(is_counted)]
    }

    fn flags(&self, flags: Flags, goal: Goal<'_>) -> Flags {
        let conditions = [
            (self.signals.gpc, Flags::GPC),
            (self.signals.lacks_gesture(), Flags::NO_GESTURE),
            (self.known_visitor.is_none(), Flags::NO_COOKIE),
            (matches!(goal, Goal::Fallback(_)), Flags::FALLBACK),
            (self.signals.anonymous_address, Flags::ANONYMOUS_ADDRESS),
        ];
        conditions.into_iter().filter(|(holds, _)| *holds).fold(flags, |flags, (_, flag)| flags.with(flag))
    }

    #[cold]
    fn not_recorded(&self, counted: Counted) -> Step {
        give_back(&self.edge.thread, counted);
        Step::ready(answer::unavailable(), EdgeOutcome::Unavailable)
    }
}

const fn outcome(verdict: Verdict, goal: Goal<'_>) -> EdgeOutcome {
    match (verdict.class, verdict.reason) {
        (_, Reason::Prefetch) => EdgeOutcome::Prefetch,
        (_, Reason::Head) => EdgeOutcome::Head,
        (Class::Invalid, Reason::Stuffing) => EdgeOutcome::Stuffing,
        _ => match goal {
            Goal::Landing(_) | Goal::Deep => EdgeOutcome::Redirect,
            Goal::Fallback(_) => EdgeOutcome::Fallback,
            Goal::Image => EdgeOutcome::Impression,
            Goal::Later => EdgeOutcome::Prefetch,
            Goal::Nowhere => EdgeOutcome::NotFound,
        },
    }
}

/// Takes what the query says into the record; the deep link and what is passed on beside it.
fn read_query(query: &[u8], offer: &hopline_catalogue::Offer, scratch: &mut Scratch) {
    let Scratch { click, decoded, passed, deep_link, .. } = scratch;
    let mut is_cut = false;
    for (name, value) in query::pairs(query) {
        let (field, bytes_max) = match name {
            [b's', b'u', b'b', number @ ..] if sub(number).is_some() => {
                (&mut click.subs[sub(number).unwrap_or_default()], TEXT_BYTES_MAX)
            }
            b"source" => (&mut click.source, TEXT_BYTES_MAX),
            b"lp" => (&mut click.landing_page, TEXT_BYTES_MAX),
            b"creative" => (&mut click.creative, TEXT_BYTES_MAX),
            b"ext" => (&mut click.ext, TEXT_BYTES_MAX),
            b"email_hash" => (&mut click.email_hash, TEXT_BYTES_MAX),
            b"url" => (&mut *deep_link, DEEP_LINK_BYTES_MAX),
            b"offer" | b"aff" => continue,
            _ => {
                if offer.pass_parameters {
                    // As the shop will read it: an escape must not bring in a second click id.
                    query::decode(name, decoded);
                    if decoded != offer.click_parameter.as_bytes() {
                        pass(name, value, passed);
                    }
                    decoded.clear();
                }
                continue;
            }
        };
        if field.is_empty() {
            is_cut |= query::text(value, bytes_max, decoded, field);
        }
    }
    if is_cut {
        click.flags = click.flags.with(Flags::TEXT_CUT);
    }
}

/// `1` to `10` as 0 to 9.
const fn sub(number: &[u8]) -> Option<usize> {
    match number {
        [digit @ b'1'..=b'9'] => Some((*digit - b'1') as usize),
        b"10" => Some(9),
        _ => None,
    }
}

fn pass(name: &[u8], value: &[u8], passed: &mut Vec<u8>) {
    if !passed.is_empty() {
        passed.push(b'&');
    }
    encode_query(name, passed);
    if !value.is_empty() {
        passed.push(b'=');
        encode_query(value, passed);
    }
}

fn render(
    template: &Template,
    visit: &Visit<'_>,
    click: &Click,
    token: &[u8; TOKEN_CHARS],
    passed: &[u8],
    out: &mut Vec<u8>,
) {
    let number = |id: i64| u64::try_from(id).unwrap_or_default();
    template.render(out, passed, |which, encoder: &mut Encoder<'_>| match which {
        Macro::ClickId => encoder.put(token),
        Macro::OfferId => encoder.put_number(number(visit.target.offer.id.get())),
        Macro::AffiliateId => encoder.put_number(number(visit.target.affiliate.id.get())),
        Macro::AdvertiserId => encoder.put_number(number(visit.target.advertiser.id.get())),
        Macro::LinkCode => encoder.put(click.code.as_bytes()),
        Macro::Sub(index) => encoder.put(click.subs[usize::from(index)].as_bytes()),
        Macro::Source => encoder.put(click.source.as_bytes()),
        Macro::Ext => encoder.put(click.ext.as_bytes()),
        Macro::CreativeId => encoder.put(click.creative.as_bytes()),
        Macro::Country if click.country == [0; 2] => (),
        Macro::Country => encoder.put(&click.country),
        Macro::Device => encoder.put(click.device.as_str().as_bytes()),
        Macro::Os => encoder.put(click.os.as_bytes()),
        Macro::Browser => encoder.put(click.browser.as_bytes()),
        Macro::Timestamp => encoder.put_number(number(visit.now.seconds())),
        Macro::Random => encoder.put_number(u64::from(rand::random::<u32>())),
        Macro::ReferrerHost => encoder.put(click.referrer_host.as_bytes()),
    });
}
