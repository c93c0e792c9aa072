//! The host of a `Referer`, and the primary language of an `Accept-Language`: plain cutting, no parsing of URLs.

/// The longest host name.
const HOST_BYTES_MAX: usize = 253;

/// Bytes of a plain host.
const HOST: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        byte += 1;
    }
    table
};

/// Host in lower case into `out`; nothing where the value is no http(s) URL with a plain host.
pub(crate) fn host(referer: &[u8], out: &mut String) {
    let rest = referer.strip_prefix(b"https://").or_else(|| referer.strip_prefix(b"http://"));
    if let Some(rest) = rest {
        authority(rest, out);
    }
}

/// Host of what stands behind a URL's `//`, in lower case, into `out`; nothing where it has no plain host.
pub(crate) fn authority(rest: &[u8], out: &mut String) {
    // Mostly there is nothing but a host.
    let first = rest.iter().position(|byte| !HOST[usize::from(*byte)]);
    let plain = rest.split_at(first.unwrap_or(rest.len()));
    if let (host, [] | [b'/' | b'?' | b'#', ..]) = plain {
        if host.len() <= HOST_BYTES_MAX {
            push_lower_case(host, out);
        }
        return;
    }
    // One pass: up to the path, behind the last `@`, before the first `:`.
    let (mut start, mut end, mut is_plain) = (0, None, true);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'/' | b'?' | b'#' => {
                end = end.or(Some(at));
                break;
            }
            b'@' => (start, end, is_plain) = (at + 1, None, true),
            b':' => end = end.or(Some(at)),
            _ if HOST[usize::from(*byte)] => (),
            _ => is_plain &= end.is_some(),
        }
    }
    let host = rest.get(start..end.unwrap_or(rest.len())).unwrap_or_default();
    if is_plain && host.len() <= HOST_BYTES_MAX {
        push_lower_case(host, out);
    }
}

/// Primary subtag of the first language, in lower case, into `out`.
pub(crate) fn language(accept_language: &[u8], out: &mut String) {
    let end =
        accept_language.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(accept_language.len());
    if (2..=8).contains(&end) {
        out.extend(accept_language[..end].iter().map(|letter| char::from(letter.to_ascii_lowercase())));
    }
}

/// Appends ASCII in lower case.
fn push_lower_case(ascii: &[u8], out: &mut String) {
    let start = out.len();
    out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
    if let Some(added) = out.get_mut(start..) {
        added.make_ascii_lowercase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_cut_out_and_nonsense_gives_none() {
        let table = [
            ("https://Blog.Example/post?x=1", "blog.example"),
            ("http://user:pw@blog.example:8080", "blog.example"),
            ("https://blog.example#top", "blog.example"),
            ("android-app://com.example", ""),
            ("https://bl og/", ""),
            ("https://[::1]/", ""),
            ("https://blog.example", "blog.example"),
            ("https://blog.example:443", "blog.example"),
            ("https://blog.example:443/@x", "blog.example"),
            ("https://blog_1.example?a=b:c@d", "blog_1.example"),
            ("https:///x", ""),
            ("", ""),
        ];
        for (referer, expected) in table {
            let mut out = String::new();
            host(referer.as_bytes(), &mut out);
            assert_eq!(out, expected, "{referer}");
        }
    }

    #[test]
    fn the_first_language_counts() {
        for (value, expected) in
            [("de-DE,de;q=0.9,en;q=0.8", "de"), ("EN", "en"), ("*", ""), ("", ""), ("x", "")]
        {
            let mut out = String::new();
            language(value.as_bytes(), &mut out);
            assert_eq!(out, expected, "{value}");
        }
    }
}
