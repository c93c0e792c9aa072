//! What a request says of itself: fetch metadata and user agents.

use std::sync::OnceLock;

use hopline_classify::{Finding, SecPurpose, Signals, UserAgents, is_gpc};
use hopline_record::Device;

/// As a `Sec-Purpose` value, as a `Sec-GPC` value, and line by line as header fields. Nothing is found that the bytes do
/// not name; blanks around a list and more members behind it take nothing away.
///
/// # Panics
/// One of these does not hold.
pub fn fetch_fields(data: &[u8]) {
    let names = |word: &[u8]| data.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    if let Some(purpose) = SecPurpose::parse(data) {
        assert!(!purpose.prefetch || names(b"prefetch"));
        assert!(purpose.prefetch || !(purpose.prerender || purpose.anonymous_client_ip), "{purpose:?}");
        assert_eq!(SecPurpose::parse(&[b" ", data, b" "].concat()), Some(purpose));
        if !data.trim_ascii().is_empty() {
            assert_eq!(SecPurpose::parse(&[data, b", other;x=?0"].concat()), Some(purpose));
        }
    }
    assert_eq!(is_gpc(data), data.trim_ascii() == b"1");

    let mut signals = Signals::default();
    for line in data.split(|byte| *byte == b'\n') {
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], line[at + 1..].trim_ascii()),
            None => (line, &b""[..]),
        };
        if let Ok(name) = str::from_utf8(name) {
            signals.note(name, value);
        }
    }
    match signals.finding() {
        Finding::Prefetch => assert!(names(b"prefetch") || names(b"preview")),
        Finding::Stuffing(word) => assert!(word == "other" || names(word.as_bytes()), "{word}"),
        Finding::Head | Finding::Open => (),
    }
    assert!(!signals.lacks_gesture() || names(b"navigate"));
}

/// A user agent gets words of closed sets; a bot none. Blanks around it say nothing.
///
/// # Panics
/// One of these does not hold.
pub fn user_agent(data: &[u8]) {
    static LISTS: OnceLock<UserAgents> = OnceLock::new();
    let lists = LISTS.get_or_init(UserAgents::built_in);
    let found = lists.read(data);
    assert_eq!(found.bot, found.device == Device::Bot);
    assert_eq!(found.bot, found.os.is_empty() && found.browser.is_empty(), "{found:?}");
    assert_eq!(found, lists.read(&[b" ", data, b"\t"].concat()));
}
