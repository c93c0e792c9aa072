//! Consent as a link's query says it: the IAB's `gdpr`, `gdpr_consent` (a TC string), `gpp` and `gpp_sid`.
//!
//! They are stored and handed on as they were sent, each under its own name. What is read out of them is one thing:
//! whether the visitor agreed to information being stored on the device, purpose 1 of the TC string's core segment
//! (IAB Tech Lab, Consent string and vendor list formats v2, bit 152). A GPP string is never taken for a TC string:
//! the first six bits are 2 in one and 3 in the other.

/// The longest signals that are stored, all four together.
const BYTES_MAX: usize = 4096;
const NAMES: [&[u8]; 4] = [b"gdpr", b"gdpr_consent", b"gpp", b"gpp_sid"];
/// First bit of the purposes in a core segment.
const PURPOSE_1: usize = 152;
const TC_VERSION: u8 = 2;

/// Whether a parameter is one of the four.
pub(crate) fn is_signal(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'g')) && NAMES.contains(&name)
}

/// Adds a signal as sent to those that were stored; a second one of the same name, or one that holds what such strings
/// never hold, is not.
pub(crate) fn store(name: &[u8], value: &[u8], stored: &mut String) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~,%+*".contains(byte);
    let room = BYTES_MAX.saturating_sub(stored.len());
    let (Ok(name), Ok(text)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else { return };
    let fits = name.len() + value.len() + 2 <= room && value.iter().all(is_plain);
    if !fits || find(stored, name).is_some() {
        return;
    }
    if !stored.is_empty() {
        stored.push('&');
    }
    stored.push_str(name);
    stored.push('=');
    stored.push_str(text);
}

/// Whether the visitor agreed to a cookie, or lives where no agreement is asked for (`gdpr=0`).
pub(crate) fn is_given(stored: &str) -> bool {
    !stored.is_empty()
        && (find(stored, "gdpr") == Some("0") || find(stored, "gdpr_consent").is_some_and(allows_storage))
}

fn find<'a>(stored: &'a str, name: &str) -> Option<&'a str> {
    stored.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Purpose 1 of a TC string.
fn allows_storage(tc: &str) -> bool {
    let core = tc.split('.').next().unwrap_or_default().as_bytes();
    core.first().and_then(|first| sextet(*first)) == Some(TC_VERSION) && bit(core, PURPOSE_1) == Some(true)
}

fn bit(core: &[u8], number: usize) -> Option<bool> {
    let sextet = sextet(*core.get(number / 6)?)?;
    Some(sextet >> (5 - number % 6) & 1 == 1)
}

/// Six bits of base64url.
const fn sextet(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core segment of version 2 with these purposes.
    fn tc(purposes: &[usize]) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut bits = vec![0_u8; 240];
        bits[4] = 1;
        for purpose in purposes {
            bits[PURPOSE_1 + purpose - 1] = 1;
        }
        let letter = |six: &[u8]| LETTERS[usize::from(six.iter().fold(0, |sum, bit| sum << 1 | bit))];
        bits.chunks(6).map(|six| char::from(letter(six))).collect()
    }

    //
    #[test]
    fn r_05_only_purpose_one_of_a_tc_string_allows_a_cookie_and_a_gpp_string_is_none() {
        assert!(allows_storage(&tc(&[1])) && allows_storage(&format!("{}.YAAAAAAAAAAA", tc(&[1, 2, 10]))));
        assert!(!allows_storage(&tc(&[])) && !allows_storage(&tc(&[2, 3])));
        // The example of the GPP specification, handed over under the wrong name.
        assert!(!allows_storage("DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"));
        assert!(!allows_storage("") && !allows_storage("C") && !allows_storage("C!"));
        // The example string of the TC specification: purposes 1, 2 and 3 among others.
        assert!(
            allows_storage("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA")
                == (bit(b"CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", PURPOSE_1) == Some(true))
        );
    }

    #[test]
    fn signals_are_stored_as_sent_once_each_and_nothing_else_is() {
        let mut stored = String::new();
        for (name, value) in [
            ("gdpr", "1"),
            ("gdpr_consent", "CPX-_.YA"),
            ("gdpr", "0"),
            ("gpp", "DBAB~C"),
            ("gpp_sid", "2,6"),
        ] {
            assert!(is_signal(name.as_bytes()));
            store(name.as_bytes(), value.as_bytes(), &mut stored);
        }
        assert_eq!(stored, "gdpr=1&gdpr_consent=CPX-_.YA&gpp=DBAB~C&gpp_sid=2,6");
        store(b"gpp_sid", b"a&b", &mut stored);
        let mut other = String::new();
        store(b"gpp", b"a\r\nb", &mut other);
        store(b"gpp", "é".as_bytes(), &mut other);
        store(b"gdpr_consent", &[b'A'; 5000], &mut other);
        assert_eq!(other, "");
        assert!(!is_signal(b"gclid") && !is_signal(b"") && !is_signal(b"gdprx"));
    }

    #[test]
    fn consent_is_given_by_a_string_or_where_none_is_asked_for() {
        assert!(is_given("gdpr=0"));
        assert!(is_given(&format!("gdpr=1&gdpr_consent={}", tc(&[1]))));
        assert!(
            !is_given("")
                && !is_given("gdpr=1")
                && !is_given("gdpr=1&gdpr_consent=CPX")
                && !is_given("gpp=DBAB")
        );
    }
}
