//! Landing page and fallback URLs with macros, compiled to segments.
//!
//! # Macros
//!
//! `{name}`, `{{name}}`, `[[name]]` and `{$name}`; names are letters, digits and `_`, compared exactly. Known:
//! [`Macro::NAMES`] and `sub1` to `sub10`. An unknown name becomes empty ([`Warning::UnknownMacro`]); braces around
//! anything else stay as they are.
//!
//! # What a URL must be
//!
//! It must parse by the WHATWG rules with its macros replaced by letters, with scheme https or http, a host, and no
//! user information; no macro may stand in scheme, host or port (S-22). What is kept is the serialised form, so
//! spaces, non-ASCII letters, tabs and line breaks are gone before any request comes.
//!
//! # Values
//!
//! Every byte of a value but `A-Z a-z 0-9 - . _ ~` is percent-encoded, so a value can neither end its parameter nor
//! break a header line.

mod scan;

use url::Url;

pub(crate) use scan::{Piece, pieces};

/// What a macro stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Macro {
    /// The signed click id.
    ClickId,
    /// The offer's id.
    OfferId,
    /// The affiliate's id.
    AffiliateId,
    /// The advertiser's id.
    AdvertiserId,
    /// The link's code.
    LinkCode,
    /// A sub id; 0 is `sub1`.
    Sub(u8),
    /// The affiliate's traffic source.
    Source,
    /// The affiliate's own click id.
    Ext,
    /// The creative.
    CreativeId,
    /// Two letters.
    Country,
    /// Kind of machine.
    Device,
    /// Operating system.
    Os,
    /// Browser.
    Browser,
    /// Unix seconds.
    Timestamp,
    /// A random number.
    Random,
    /// Host of the page that carried the link.
    ReferrerHost,
}

impl Macro {
    /// Names and meanings, but for `sub1` to `sub10`.
    pub const NAMES: [(&'static str, Self); 15] = [
        ("click_id", Self::ClickId),
        ("offer_id", Self::OfferId),
        ("affiliate_id", Self::AffiliateId),
        ("advertiser_id", Self::AdvertiserId),
        ("link_code", Self::LinkCode),
        ("source", Self::Source),
        ("ext", Self::Ext),
        ("creative_id", Self::CreativeId),
        ("country", Self::Country),
        ("device", Self::Device),
        ("os", Self::Os),
        ("browser", Self::Browser),
        ("timestamp", Self::Timestamp),
        ("random", Self::Random),
        ("referrer_host", Self::ReferrerHost),
    ];

    fn named(name: &str) -> Option<Self> {
        if let Some(number) = name.strip_prefix("sub") {
            let known = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
            let index = known.iter().position(|known| *known == number)?;
            return u8::try_from(index).ok().map(Self::Sub);
        }
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, which)| which)
    }
}

/// Something that whoever saves the URL should know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// It will become empty.
    #[error("macro {name:?} is not known and becomes empty")]
    UnknownMacro {
        /// The name between the braces.
        name: String,
    },
}

/// Why a URL cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Too long to be sent.
    #[error("URL has {given} bytes, at most {URL_BYTES_MAX} are accepted")]
    TooLong {
        /// Bytes given.
        given: usize,
    },
    /// The URL standard's parser refuses it.
    #[error("URL {given:?} does not parse: {reason}")]
    Unparsable {
        /// The text.
        given: String,
        /// Why.
        reason: String,
    },
    /// Neither https nor http.
    #[error("URL {given:?} has scheme {scheme:?}, expected https or http, without macros")]
    Scheme {
        /// The text.
        given: String,
        /// Its scheme.
        scheme: String,
    },
    /// A macro could choose the host.
    #[error("URL {given:?} has a macro in its host or port")]
    MacroInHost {
        /// The text.
        given: String,
    },
    /// User name or password.
    #[error("URL {given:?} holds a user name or password")]
    UserInfo {
        /// The text.
        given: String,
    },
}

/// Longest URL, as saved.
pub const URL_BYTES_MAX: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Box<[u8]>),
    Macro(Macro),
}

/// A compiled URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Up to the fragment.
    head: Box<[Segment]>,
    /// The fragment with its `#`.
    tail: Box<[Segment]>,
    /// What comes before one more query parameter.
    joint: &'static [u8],
    size_hint: usize,
    /// Serialised, without port.
    host: Box<str>,
}

/// Checks a URL as it is saved: warnings if it can be used.
///
/// # Errors
/// Says why it cannot.
pub fn check_template(text: &str) -> Result<Vec<Warning>, TemplateError> {
    Template::compile(text, None)?;
    let unknown = pieces(text).filter_map(|piece| match piece {
        Piece::Macro(name) if Macro::named(name).is_none() => {
            Some(Warning::UnknownMacro { name: name.to_owned() })
        }
        Piece::Macro(_) | Piece::Text(_) => None,
    });
    Ok(unknown.collect())
}

impl Template {
    /// Compiles a URL; with `click_parameter`, one that names no `{click_id}` gets `click_parameter={click_id}` as its
    /// last query parameter.
    ///
    /// # Errors
    /// Says why it cannot be used.
    pub fn compile(text: &str, click_parameter: Option<&str>) -> Result<Self, TemplateError> {
        if text.len() > URL_BYTES_MAX {
            return Err(TemplateError::TooLong { given: text.len() });
        }
        let mark = free_mark(text);
        let mut marked = String::with_capacity(text.len());
        let mut macros = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => marked.push_str(text),
                Piece::Macro(name) => {
                    marked.push_str(&format!("{mark}{:04}z", macros.len()));
                    macros.push(Macro::named(name));
                }
            }
        }
        let (url, host) = parse(text, &marked, &mark)?;
        let (head, tail) = url.find('#').map_or((url.as_str(), ""), |at| url.split_at(at));
        let mut head = segments(head, &mark, &macros);
        let tail = segments(tail, &mark, &macros);
        let names_click = [&head, &tail].iter().any(|part| part.contains(&Segment::Macro(Macro::ClickId)));
        if let Some(name) = click_parameter.filter(|_| !names_click) {
            let mut literal = joint(&head).to_vec();
            encode(name.as_bytes(), &mut literal);
            literal.push(b'=');
            head.push(Segment::Literal(literal.into()));
            head.push(Segment::Macro(Macro::ClickId));
        }
        let joint = joint(&head);
        let size_hint = url.len() + 64;
        Ok(Self { head: head.into(), tail: tail.into(), joint, size_hint, host })
    }

    /// The URL's host, serialised, without port: no macro can choose it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Appends the URL to `out`. `value` appends a macro's value through the encoder that it is handed; `passed` holds
    /// further query parameters, already encoded and joined by `&`, or nothing.
    pub fn render(&self, out: &mut Vec<u8>, passed: &[u8], mut value: impl FnMut(Macro, &mut Encoder<'_>)) {
        out.reserve(self.size_hint + passed.len());
        for segment in &self.head {
            segment.render(out, &mut value);
        }
        if !passed.is_empty() {
            out.extend_from_slice(self.joint);
            out.extend_from_slice(passed);
        }
        for segment in &self.tail {
            segment.render(out, &mut value);
        }
    }
}

impl Segment {
    fn render(&self, out: &mut Vec<u8>, value: &mut impl FnMut(Macro, &mut Encoder<'_>)) {
        match self {
            Self::Literal(bytes) => out.extend_from_slice(bytes),
            Self::Macro(which) => value(*which, &mut Encoder { out }),
        }
    }
}

/// Takes a macro's value and appends it encoded.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    /// Appends bytes, percent-encoded.
    pub fn put(&mut self, value: &[u8]) {
        encode(value, self.out);
    }

    /// Appends bytes that need no encoding: a click id, a link's code, words of a closed set.
    pub fn put_plain(&mut self, value: &[u8]) {
        debug_assert!(value.iter().all(|byte| is_plain(*byte)), "{value:?}");
        self.out.extend_from_slice(value);
    }

    /// Appends a number.
    pub fn put_number(&mut self, value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = value;
        loop {
            at -= 1;
            digits[at] = b"0123456789"[usize::try_from(rest % 10).expect("a digit")];
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }
}

/// Appends bytes percent-encoded: all but `A-Z a-z 0-9 - . _ ~`.
pub fn encode(value: &[u8], out: &mut Vec<u8>) {
    encode_but(value, out, &PLAIN);
}

/// Which bytes stand for themselves.
type Table = [bool; 256];

const PLAIN: Table = table(b"-._~");
const PLAIN_IN_QUERY: Table = table(b"-._~!$()*+,;=:@/?%");

const fn is_plain(byte: u8) -> bool {
    PLAIN[byte as usize]
}

/// Letters, digits and these.
const fn table(more: &[u8]) -> Table {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut next = 0;
    while next < more.len() {
        table[more[next] as usize] = true;
        next += 1;
    }
    table
}

/// Appends a raw query parameter of a request so that it is safe in a query: escapes stay as they are, every byte that
/// may not stand in a query is encoded.
pub fn encode_query(value: &[u8], out: &mut Vec<u8>) {
    encode_but(value, out, &PLAIN_IN_QUERY);
}

fn encode_but(value: &[u8], out: &mut Vec<u8>, plain: &Table) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = value;
    while let Some(end) = rest.iter().position(|byte| !plain[usize::from(*byte)]) {
        let (before, after) = rest.split_at(end);
        out.extend_from_slice(before);
        let byte = after[0];
        out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        rest = &after[1..];
    }
    out.extend_from_slice(rest);
}

/// Whether a URL without fragment has a query, and if so, whether one more parameter needs `&`.
pub(crate) fn has_query(head: &[u8]) -> Option<bool> {
    let question = head.iter().position(|byte| *byte == b'?')?;
    let last = *head.last().expect("it holds a question mark");
    Some(question + 1 < head.len() && last != b'&')
}

/// What stands between these segments and one more query parameter.
fn joint(head: &[Segment]) -> &'static [u8] {
    let literal = |segment: &Segment| match segment {
        Segment::Literal(bytes) => bytes.to_vec(),
        // A macro's value holds neither `?` nor `&`.
        Segment::Macro(_) => vec![b'x'],
    };
    match has_query(&head.iter().flat_map(literal).collect::<Vec<u8>>()) {
        None => b"?",
        Some(true) => b"&",
        Some(false) => b"",
    }
}

/// Letters that do not occur in the text and survive parsing unchanged.
fn free_mark(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    (0..)
        .map(|number| format!("hlmacro{number}q"))
        .find(|mark| !lower.contains(mark.as_str()))
        .expect("a text of bounded length cannot hold all of them")
}

/// Parses the marked text and checks what may not depend on a macro; gives the serialised form and its host.
fn parse(given: &str, marked: &str, mark: &str) -> Result<(String, Box<str>), TemplateError> {
    let given = || given.to_owned();
    let url = match Url::parse(marked) {
        Ok(url) => url,
        Err(url::ParseError::InvalidPort) if marked.contains(mark) => {
            return Err(TemplateError::MacroInHost { given: given() });
        }
        Err(error) => return Err(TemplateError::Unparsable { given: given(), reason: error.to_string() }),
    };
    if !matches!(url.scheme(), "https" | "http") {
        return Err(TemplateError::Scheme { given: given(), scheme: url.scheme().to_owned() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TemplateError::UserInfo { given: given() });
    }
    match url.host_str() {
        Some(host) if !host.contains(mark) => {
            let host = host.into();
            Ok((url.into(), host))
        }
        _ => Err(TemplateError::MacroInHost { given: given() }),
    }
}

/// Cuts serialised text at its marks.
fn segments(text: &str, mark: &str, macros: &[Option<Macro>]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut literal = Vec::new();
    let mut parts = text.split(mark);
    literal.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (number, rest) = part.split_once('z').unwrap_or((part, ""));
        if let Some(which) = number.parse().ok().and_then(|index: usize| *macros.get(index)?) {
            if !literal.is_empty() {
                segments.push(Segment::Literal(std::mem::take(&mut literal).into()));
            }
            segments.push(Segment::Macro(which));
        }
        literal.extend_from_slice(rest.as_bytes());
    }
    if !literal.is_empty() {
        segments.push(Segment::Literal(literal.into()));
    }
    segments
}

#[cfg(test)]
mod tests;
