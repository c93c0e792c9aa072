//! Reads a user agent: bot or browser, device, system, browser.
//!
//! The words that mean a bot are data: `lists/user_agents.txt`; one pass of one automaton finds them and the words that
//! tell the kind of machine. Only who is no bot is looked up in [`crate::families`] for system and browser, which say
//! `Other` for what they do not know.

use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use hopline_record::Device;

use crate::families::Families;

const LIST: &str = include_str!("lists/user_agents.txt");

/// Words that tell devices, with their bits.
const HINTS: [(&str, u32); 34] = [
    ("windows nt", DESKTOP),
    ("macintosh", DESKTOP),
    ("cros ", DESKTOP),
    ("linux", DESKTOP),
    ("x11;", DESKTOP),
    ("windows phone", MOBILE),
    ("iphone", MOBILE),
    ("ipod", MOBILE),
    ("kaios", MOBILE),
    ("mobile", MOBILE),
    ("opera mini", MOBILE),
    ("blackberry", MOBILE),
    ("nokia", MOBILE),
    ("android", ANDROID),
    ("ipad", TABLET),
    ("tablet", TABLET),
    ("playbook", TABLET),
    ("kindle", TABLET),
    ("smart-tv", TV),
    ("smarttv", TV),
    ("smart tv", TV),
    ("googletv", TV),
    ("google tv", TV),
    ("android tv", TV),
    ("appletv", TV),
    ("hbbtv", TV),
    ("netcast", TV),
    ("web0s", TV),
    ("bravia", TV),
    ("crkey", TV),
    ("roku", TV),
    ("playstation", TV),
    ("xbox", TV),
    ("; aft", TV),
];

const DESKTOP: u32 = 1;
const MOBILE: u32 = 1 << 1;
const ANDROID: u32 = 1 << 2;
const TABLET: u32 = 1 << 3;
const TV: u32 = 1 << 4;
const BOT: u32 = 1 << 31;

/// What a user agent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserAgent {
    /// A declared bot, a tool, or nothing at all.
    pub bot: bool,
    /// Kind of machine.
    pub device: Device,
    /// Operating system, `Other` if not known, empty for bots.
    pub os: &'static str,
    /// Browser, `Other` if not known, empty for bots.
    pub browser: &'static str,
}

/// Why a list cannot be used.
#[derive(Debug)]
pub enum ListError {
    /// A line is not `bot`, `not` or `browser` with a word.
    Line {
        /// Its number, from 1.
        number: usize,
        /// Its text.
        text: String,
    },
    /// The automaton cannot be built.
    Automaton(BuildError),
}

impl std::fmt::Display for ListError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line { number, text } => {
                write!(
                    f,
                    "line {number} of the user agent list is {text:?}, expected bot, not or browser and a word"
                )
            }
            Self::Automaton(_) => f.write_str("the words of the user agent list make no automaton"),
        }
    }
}

impl std::error::Error for ListError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Line { .. } => None,
            Self::Automaton(source) => Some(source),
        }
    }
}

/// The lists, built; a copy shares them.
#[derive(Debug, Clone)]
pub struct UserAgents(Arc<Lists>);

#[derive(Debug)]
struct Lists {
    words: AhoCorasick,
    meanings: Vec<u32>,
    prefixes: Vec<String>,
    families: &'static Families,
}

impl UserAgents {
    /// The lists that this release carries. The first call in a process builds them (about 0.1 s, 13 MiB), so make it
    /// before the first visitor comes; every other call shares them.
    ///
    /// # Panics
    /// Never: a test builds it.
    #[must_use]
    pub fn built_in() -> Self {
        static BUILT_IN: OnceLock<UserAgents> = OnceLock::new();
        BUILT_IN.get_or_init(|| Self::from_list(LIST).expect("the built-in list is well-formed")).clone()
    }

    /// Reads a list of bots in the form that the built-in one explains in its head; systems and browsers stay the
    /// built-in ones.
    ///
    /// # Errors
    /// Names the line that is wrong.
    pub fn from_list(list: &str) -> Result<Self, ListError> {
        let mut words: Vec<(&str, u32)> = HINTS.to_vec();
        let mut prefixes = Vec::new();
        for (number, line) in (1..).zip(list.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(' ') {
                Some(("bot", word)) if !word.is_empty() => words.push((word, BOT)),
                Some(("not", word)) if !word.is_empty() => words.push((word, 0)),
                Some(("browser", prefix)) if !prefix.is_empty() => prefixes.push(prefix.to_owned()),
                _ => return Err(ListError::Line { number, text: line.to_owned() }),
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words.iter().map(|(word, _)| word))
            .map_err(ListError::Automaton)?;
        Ok(Self(Arc::new(Lists {
            words: automaton,
            meanings: words.into_iter().map(|(_, bits)| bits).collect(),
            prefixes,
            families: Families::built_in(),
        })))
    }

    /// Reads a user agent, in time linear to its length; any bytes will do.
    #[must_use]
    pub fn read(&self, user_agent: &[u8]) -> UserAgent {
        const BOT_AGENT: UserAgent = UserAgent { bot: true, device: Device::Bot, os: "", browser: "" };
        let lists = &*self.0;
        let user_agent = user_agent.trim_ascii();
        let known = |prefix: &String| {
            user_agent.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        if !lists.prefixes.iter().any(known) {
            return BOT_AGENT;
        }
        let mut bits = 0;
        for found in lists.words.find_iter(user_agent) {
            bits |= lists.meanings[found.pattern().as_usize()];
            if bits & BOT != 0 {
                return BOT_AGENT;
            }
        }
        let (os, browser) = lists.families.read(user_agent);
        UserAgent { bot: false, device: device(bits), os, browser }
    }
}

const fn device(bits: u32) -> Device {
    if bits & TV != 0 {
        Device::Tv
    } else if bits & TABLET != 0 || bits & (ANDROID | MOBILE) == ANDROID {
        // Android says "Mobile" on telephones only.
        Device::Tablet
    } else if bits & MOBILE != 0 {
        Device::Mobile
    } else if bits & DESKTOP != 0 {
        Device::Desktop
    } else {
        Device::Unknown
    }
}

#[cfg(test)]
mod tests;
