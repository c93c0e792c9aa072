//! What the method and the headers say about a request, gathered in one pass over them.

use crate::fields::{SecPurpose, is_gpc};

/// How the link was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// `GET`.
    #[default]
    Get,
    /// `HEAD`.
    Head,
}

/// What the rules without memory say, before the user agent is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing against it.
    Open,
    /// A speculative fetch.
    Prefetch,
    /// Asked for with `HEAD`.
    Head,
    /// Loaded as something else than a document; the word is `Sec-Fetch-Dest`'s, or `other`.
    Stuffing(&'static str),
}

/// A header that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `User-Agent`.
    UserAgent,
    /// `Referer`.
    Referer,
    /// `Accept-Language`.
    AcceptLanguage,
    /// `Sec-Fetch-Dest`.
    FetchDest,
    /// `Sec-Fetch-Mode`.
    FetchMode,
    /// `Sec-Fetch-User`.
    FetchUser,
    /// `Sec-GPC`.
    Gpc,
    /// `Sec-Purpose`.
    SecPurpose,
    /// `Purpose`.
    Purpose,
    /// `X-Purpose`.
    ElderPurpose,
    /// `X-Moz`.
    Moz,
}

impl Header {
    /// The header of a name, in any case; none where it does not count.
    #[inline]
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        // By length first: most headers are none of these, and are passed over without a comparison.
        let header = match name.len() {
            5 if is(name, b"x-moz") => Self::Moz,
            7 if is(name, b"referer") => Self::Referer,
            7 if is(name, b"sec-gpc") => Self::Gpc,
            7 if is(name, b"purpose") => Self::Purpose,
            9 if is(name, b"x-purpose") => Self::ElderPurpose,
            10 if is(name, b"user-agent") => Self::UserAgent,
            11 if is(name, b"sec-purpose") => Self::SecPurpose,
            14 if is(name, b"sec-fetch-dest") => Self::FetchDest,
            14 if is(name, b"sec-fetch-mode") => Self::FetchMode,
            14 if is(name, b"sec-fetch-user") => Self::FetchUser,
            15 if is(name, b"accept-language") => Self::AcceptLanguage,
            _ => return None,
        };
        Some(header)
    }
}

/// The headers that count, as slices of the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signals<'a> {
    /// How it was asked for.
    pub method: Method,
    /// `User-Agent`, empty if absent.
    pub user_agent: &'a [u8],
    /// `Referer`, empty if absent.
    pub referer: &'a [u8],
    /// `Accept-Language`, empty if absent.
    pub accept_language: &'a [u8],
    /// `Sec-GPC: 1` was said.
    pub gpc: bool,
    /// The address is a proxy's (`Sec-Purpose: prefetch;anonymous-client-ip`).
    pub anonymous_address: bool,
    prefetch: bool,
    dest: Option<&'a [u8]>,
    navigate: bool,
    activated: bool,
}

impl<'a> Signals<'a> {
    /// Takes one header by its name, in any case. Tells whether it was one that counts here.
    pub fn note(&mut self, name: &str, value: &'a [u8]) -> bool {
        let header = Header::named(name.as_bytes());
        if let Some(header) = header {
            self.take(header, value);
        }
        header.is_some()
    }

    /// Takes one header.
    #[inline]
    pub fn take(&mut self, header: Header, value: &'a [u8]) {
        match header {
            Header::UserAgent => first(&mut self.user_agent, value),
            Header::Referer => first(&mut self.referer, value),
            Header::AcceptLanguage => first(&mut self.accept_language, value),
            Header::FetchDest => self.dest = self.dest.or(Some(value)),
            Header::FetchMode => self.navigate = value == b"navigate",
            Header::FetchUser => self.activated = value == b"?1",
            Header::Gpc => self.gpc |= is_gpc(value),
            Header::Purpose | Header::Moz => self.prefetch |= value.eq_ignore_ascii_case(b"prefetch"),
            Header::ElderPurpose => self.prefetch |= value.eq_ignore_ascii_case(b"preview"),
            Header::SecPurpose => {
                let purpose = SecPurpose::parse(value).unwrap_or_default();
                self.prefetch |= purpose.prefetch;
                self.anonymous_address |= purpose.anonymous_client_ip;
            }
        }
    }

    /// What the rules say.
    #[must_use]
    #[inline]
    pub fn finding(&self) -> Finding {
        if self.prefetch {
            return Finding::Prefetch;
        }
        if self.method == Method::Head {
            return Finding::Head;
        }
        match self.dest {
            None | Some(b"document") => Finding::Open,
            Some(dest) => Finding::Stuffing(destination(dest)),
        }
    }

    /// Whether a navigation was started without a person (a sign, not a verdict).
    #[must_use]
    pub fn lacks_gesture(&self) -> bool {
        self.navigate && self.dest == Some(b"document") && !self.activated
    }
}

/// Whether a header's name is this one, in any case: first its last letter, in which names of one length mostly differ,
/// then all of it at once.
#[inline]
fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name) else { return false };
    let differs = |byte: u8, known: u8| (if known == b'-' { byte } else { byte | 0x20 }) ^ known;
    differs(name[N - 1], known[N - 1]) == 0
        && name.iter().zip(known).fold(0, |sum, (byte, known)| sum | differs(*byte, *known)) == 0
}

fn first<'a>(place: &mut &'a [u8], value: &'a [u8]) {
    if place.is_empty() {
        *place = value;
    }
}

/// The destination's own word where it is one of the standard's, so that what is stored comes from a closed set.
fn destination(value: &[u8]) -> &'static str {
    const WORDS: [&str; 20] = [
        "image",
        "iframe",
        "script",
        "style",
        "empty",
        "frame",
        "object",
        "embed",
        "audio",
        "video",
        "track",
        "font",
        "worker",
        "sharedworker",
        "serviceworker",
        "manifest",
        "fencedframe",
        "report",
        "xslt",
        "json",
    ];
    WORDS.into_iter().find(|word| word.as_bytes() == value).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-07, C-09: requests recorded from a real browser
    #[test]
    fn recorded_requests_are_told_apart() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/fetch_metadata.json")).unwrap();
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 17);
        for case in cases.iter().filter(|case| case["method"] == "GET") {
            let mut signals = Signals::default();
            for (name, value) in case["headers"].as_object().unwrap() {
                signals.note(name, value.as_str().unwrap().as_bytes());
            }
            let dest = case["headers"]["sec-fetch-dest"].as_str();
            let (finding, gesture_missing) = match case["expect"].as_str().unwrap() {
                "human_click" | "no_metadata" => (Finding::Open, false),
                "navigation_without_gesture" => (Finding::Open, true),
                "speculative" => (Finding::Prefetch, signals.lacks_gesture()),
                "not_a_navigation" => (Finding::Stuffing(destination(dest.unwrap().as_bytes())), false),
                other => panic!("{other} is not a GET"),
            };
            assert_eq!(signals.finding(), finding, "{case}");
            assert_eq!(signals.lacks_gesture(), gesture_missing, "{case}");
        }
    }

    #[test]
    fn elder_prefetch_headers_mean_the_same() {
        for (name, value) in [("purpose", "prefetch"), ("x-purpose", "preview"), ("x-moz", "Prefetch")] {
            let mut signals = Signals::default();
            assert!(signals.note(name, value.as_bytes()));
            assert_eq!(signals.finding(), Finding::Prefetch, "{name}");
        }
        let mut signals = Signals::default();
        signals.note("purpose", b"preview");
        assert_eq!(signals.finding(), Finding::Open);
    }

    #[test]
    fn names_count_in_any_case_and_others_of_their_length_do_not() {
        let mut signals = Signals::default();
        assert!(signals.note("USER-AGENT", b"x") && signals.note("Sec-Fetch-Dest", b"image"));
        assert_eq!((signals.user_agent, signals.finding()), (&b"x"[..], Finding::Stuffing("image")));
        for name in ["accept-encoding", "sec-fetch-site", "connection", "sec-ch-ua", "x-foo", ""] {
            assert!(!signals.note(name, b"prefetch"), "{name}");
        }
        assert_eq!(signals.finding(), Finding::Stuffing("image"));
    }

    // C-05
    #[test]
    fn head_is_not_countable_but_a_prefetch_by_head_stays_a_prefetch() {
        let mut signals = Signals { method: Method::Head, ..Signals::default() };
        assert_eq!(signals.finding(), Finding::Head);
        signals.note("sec-purpose", b"prefetch;anonymous-client-ip");
        assert_eq!(signals.finding(), Finding::Prefetch);
        assert!(signals.anonymous_address);
    }

    #[test]
    fn an_unknown_destination_is_stored_as_other() {
        let mut signals = Signals::default();
        signals.note("sec-fetch-dest", b"\xffnonsense");
        assert_eq!(signals.finding(), Finding::Stuffing("other"));
    }
}
