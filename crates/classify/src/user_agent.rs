//! Reads a user agent in one pass of one automaton: bot or browser, device, system, browser.
//!
//! The words that mean a bot are data: `lists/user_agents.txt`. The guess at device, system and browser knows only
//! the common ones and says `Other` for the rest.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use hopline_record::Device;

const LIST: &str = include_str!("lists/user_agents.txt");

/// Words that tell devices, systems and browsers, with their bits.
const HINTS: [(&str, u32); 36] = [
    ("windows nt", WINDOWS),
    ("windows phone", WINDOWS_PHONE),
    ("mac os x", MAC),
    ("macintosh", MAC),
    ("iphone", IPHONE),
    ("ipod", IPHONE),
    ("ipad", IPAD),
    ("android", ANDROID),
    ("cros ", CHROME_OS),
    ("linux", LINUX),
    ("x11;", LINUX),
    ("kaios", KAI_OS),
    ("mobile", MOBILE),
    ("tablet", TABLET),
    ("smart-tv", TV),
    ("smarttv", TV),
    ("appletv", TV),
    ("hbbtv", TV),
    ("playstation", TV),
    ("xbox", TV),
    ("; aft", TV),
    ("chrome/", CHROME),
    ("crios/", CHROME),
    ("chromium/", CHROME),
    ("firefox/", FIREFOX),
    ("fxios/", FIREFOX),
    ("edg/", EDGE),
    ("edga/", EDGE),
    ("edgios/", EDGE),
    ("opr/", OPERA),
    ("opera", OPERA),
    ("samsungbrowser/", SAMSUNG),
    ("instagram", INSTAGRAM),
    ("[fb", FACEBOOK),
    ("safari/", SAFARI),
    ("trident/", IE),
];

const WINDOWS: u32 = 1;
const MAC: u32 = 1 << 1;
const IPHONE: u32 = 1 << 2;
const IPAD: u32 = 1 << 3;
const ANDROID: u32 = 1 << 4;
const CHROME_OS: u32 = 1 << 5;
const LINUX: u32 = 1 << 6;
const KAI_OS: u32 = 1 << 7;
const MOBILE: u32 = 1 << 8;
const TABLET: u32 = 1 << 9;
const TV: u32 = 1 << 10;
const CHROME: u32 = 1 << 11;
const FIREFOX: u32 = 1 << 12;
const EDGE: u32 = 1 << 13;
const OPERA: u32 = 1 << 14;
const SAMSUNG: u32 = 1 << 15;
const INSTAGRAM: u32 = 1 << 16;
const FACEBOOK: u32 = 1 << 17;
const SAFARI: u32 = 1 << 18;
const IE: u32 = 1 << 19;
const WINDOWS_PHONE: u32 = 1 << 20;
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

/// The automaton; built once, shared by reference.
#[derive(Debug)]
pub struct UserAgents {
    words: AhoCorasick,
    meanings: Vec<u32>,
    prefixes: Vec<String>,
}

impl UserAgents {
    /// The list that this release carries.
    ///
    /// # Panics
    /// Never: a test builds it.
    #[must_use]
    pub fn built_in() -> Self {
        Self::from_list(LIST).expect("the built-in list is well-formed")
    }

    /// Reads a list in the form that the built-in one explains in its head.
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
        Ok(Self { words: automaton, meanings: words.into_iter().map(|(_, bits)| bits).collect(), prefixes })
    }

    /// Reads a user agent; allocates nothing.
    #[must_use]
    pub fn read(&self, user_agent: &[u8]) -> UserAgent {
        const BOT_AGENT: UserAgent = UserAgent { bot: true, device: Device::Bot, os: "", browser: "" };
        let user_agent = user_agent.trim_ascii();
        let known = |prefix: &String| {
            user_agent.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        if !self.prefixes.iter().any(known) {
            return BOT_AGENT;
        }
        let mut bits = 0;
        for found in self.words.find_iter(user_agent) {
            bits |= self.meanings[found.pattern().as_usize()];
            if bits & BOT != 0 {
                return BOT_AGENT;
            }
        }
        UserAgent { bot: false, device: device(bits), os: os(bits), browser: browser(bits) }
    }
}

/// The name that belongs to the first set bit.
fn first(bits: u32, table: &[(u32, &'static str)]) -> &'static str {
    table.iter().find(|(bit, _)| bits & bit != 0).map_or("Other", |(_, name)| name)
}

const fn device(bits: u32) -> Device {
    if bits & TV != 0 {
        Device::Tv
    } else if bits & (IPAD | TABLET) != 0 || bits & (ANDROID | MOBILE | WINDOWS_PHONE) == ANDROID {
        Device::Tablet
    } else if bits & (IPHONE | ANDROID | MOBILE | KAI_OS | WINDOWS_PHONE) != 0 {
        Device::Mobile
    } else if bits & (WINDOWS | MAC | LINUX | CHROME_OS) != 0 {
        Device::Desktop
    } else {
        Device::Unknown
    }
}

fn os(bits: u32) -> &'static str {
    // In order: an iPhone says "like Mac OS X", a Windows telephone says Android, Android says Linux.
    first(
        bits,
        &[
            (WINDOWS_PHONE, "Windows Phone"),
            (IPHONE | IPAD, "iOS"),
            (KAI_OS, "KaiOS"),
            (ANDROID, "Android"),
            (WINDOWS, "Windows"),
            (MAC, "macOS"),
            (CHROME_OS, "ChromeOS"),
            (LINUX, "Linux"),
        ],
    )
}

fn browser(bits: u32) -> &'static str {
    // In order: nearly all say Safari, most say Chrome, so the special ones come first.
    first(
        bits,
        &[
            (INSTAGRAM, "Instagram"),
            (FACEBOOK, "Facebook"),
            (SAMSUNG, "Samsung Internet"),
            (EDGE, "Edge"),
            (OPERA, "Opera"),
            (FIREFOX, "Firefox"),
            (CHROME, "Chrome"),
            (SAFARI, "Safari"),
            (IE, "Internet Explorer"),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-12
    #[test]
    fn c_12_no_browser_is_flagged_and_nearly_all_others_are() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/user_agents.json")).unwrap();
        let agents = UserAgents::built_in();
        let (mut bots, mut missed) = (0, Vec::new());
        for case in fixture["cases"].as_array().unwrap() {
            let text = case["user_agent"].as_str().unwrap();
            let bot = agents.read(text.as_bytes()).bot;
            if case["expect_bot"] == false {
                assert!(!bot, "a browser was flagged: {text}");
                continue;
            }
            bots += 1;
            if !bot {
                missed.push(text);
            }
        }
        assert!(bots > 60);
        assert!(missed.len() * 100 <= bots * 3, "missed: {missed:#?}");
    }

    #[test]
    fn a_telephone_named_cubot_is_no_bot_but_a_bot_on_it_is() {
        let agents = UserAgents::built_in();
        let phone = "Mozilla/5.0 (Linux; Android 12; CUBOT X50) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36";
        assert!(!agents.read(phone.as_bytes()).bot);
        assert!(agents.read(format!("{phone} Googlebot/2.1").as_bytes()).bot);
    }

    #[test]
    fn nothing_and_bytes_that_are_no_text_are_tools() {
        let agents = UserAgents::built_in();
        assert!(agents.read(b"").bot);
        assert!(agents.read(b"  ").bot);
        assert!(agents.read(b"\xff\xfe").bot);
    }

    #[test]
    fn common_browsers_are_told_apart() {
        let agents = UserAgents::built_in();
        let table = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
                Device::Desktop,
                "Windows",
                "Edge",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                Device::Desktop,
                "Windows",
                "Chrome",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
                Device::Desktop,
                "macOS",
                "Safari",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
                Device::Desktop,
                "Linux",
                "Firefox",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                Device::Mobile,
                "iOS",
                "Safari",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
                Device::Mobile,
                "Android",
                "Samsung Internet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36",
                Device::Tablet,
                "Android",
                "Chrome",
            ),
            ("Mozilla/5.0 (Unknown)", Device::Unknown, "Other", "Other"),
        ];
        for (text, device, os, browser) in table {
            assert_eq!(agents.read(text.as_bytes()), UserAgent { bot: false, device, os, browser }, "{text}");
        }
    }

    #[test]
    fn a_wrong_line_of_a_list_is_named() {
        let error = UserAgents::from_list("browser Mozilla/\n\nbots x\n").unwrap_err();
        assert!(error.to_string().starts_with("line 3 of the user agent list is \"bots x\""), "{error}");
    }
}
