//! The host of a `Referer`, and the primary language of an `Accept-Language`: plain cutting, no parsing of URLs.

/// Host in lower case into `out`; nothing where the value is no http(s) URL with a plain host.
pub(crate) fn host(referer: &[u8], out: &mut String) {
    let rest = referer.strip_prefix(b"https://").or_else(|| referer.strip_prefix(b"http://"));
    let Some(rest) = rest else { return };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let host = host.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.len() <= 253 && host.iter().all(is_plain) {
        out.extend(host.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }
}

/// Primary subtag of the first language, in lower case, into `out`.
pub(crate) fn language(accept_language: &[u8], out: &mut String) {
    let end =
        accept_language.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(accept_language.len());
    if (2..=8).contains(&end) {
        out.extend(accept_language[..end].iter().map(|byte| char::from(byte.to_ascii_lowercase())));
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
