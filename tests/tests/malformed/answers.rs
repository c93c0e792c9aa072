//! What may come back.

use url::Url;

use crate::requests::MARKER;

/// Hosts of landing pages, deep links and fallbacks.
const HOSTS: [&str; 2] = ["shop.example", "fallback.example"];
/// 503 only to a prefetch.
const STATUSES: [u16; 15] = [200, 202, 302, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 422, 431];

/// Reads answers one after the other and checks each; gives their statuses. `is_whole`: the connection was closed in
/// order, so that the last answer is whole.
pub(crate) fn check(mut bytes: &[u8], sent: &[u8], is_whole: bool) -> Result<Vec<u16>, String> {
    let mut statuses = Vec::new();
    while !bytes.is_empty() {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if is_whole { Err("an answer has no end of its head".into()) } else { Ok(statuses) };
        };
        let head = str::from_utf8(&bytes[..end]).map_err(|_| "a head is no text")?;
        bytes = &bytes[end + 4..];
        let (status, length) = check_head(head, sent).map_err(|fault| format!("{fault} in {head:?}"))?;
        // Answers to HEAD have a length and no body; no body begins like a head.
        if status >= 200 && !bytes.is_empty() && !bytes.starts_with(b"HTTP/1.") {
            if bytes.len() < length && is_whole {
                return Err(format!("a body of {length} bytes is cut in {head:?}"));
            }
            bytes = &bytes[length.min(bytes.len())..];
        }
        if status >= 200 {
            statuses.push(status);
        }
    }
    Ok(statuses)
}

fn check_head(head: &str, sent: &[u8]) -> Result<(u16, usize), String> {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let rest = line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "))
        .ok_or("no HTTP/1 status line")?;
    let (code, reason) = rest.split_once(' ').ok_or("a status line of one word")?;
    let status: u16 = code.parse().map_err(|_| "a status that is no number")?;
    if code.len() != 3 || reason.contains(|c: char| c.is_control()) {
        return Err("a status line of another form".into());
    }
    let is_prefetch = || names(sent, b"prefetch") || names(sent, b"preview");
    let is_continue = status == 100 && names(sent, b"100-continue");
    if !(STATUSES.contains(&status) || is_continue || status == 503 && is_prefetch()) {
        return Err(format!("status {status}"));
    }
    let (mut location, mut length) = (None, None);
    for line in lines {
        let (name, value) = line
            .split_once(": ")
            .or_else(|| Some((line.strip_suffix(':')?, "")))
            .ok_or("a line without a colon")?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_name || value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(format!("a broken field {line:?}"));
        }
        let again = match name.to_ascii_lowercase().as_str() {
            MARKER => return Err("an injected field".into()),
            "set-cookie" if !value.starts_with("hl_vid=") => return Err("another's cookie".into()),
            "location" => location.replace(value).is_some(),
            "content-length" => {
                length.replace(value.parse().map_err(|_| "a length that is no number")?).is_some()
            }
            _ => false,
        };
        if again {
            return Err(format!("{name} twice"));
        }
    }
    match location {
        Some(location) if status == 302 => check_location(location)?,
        None if status != 302 => (),
        other => return Err(format!("status {status} with location {other:?}")),
    }
    Ok((status, length.unwrap_or(0)))
}

fn check_location(location: &str) -> Result<(), String> {
    let url = Url::parse(location).map_err(|error| format!("{error} of location"))?;
    let is_plain = location.bytes().all(|byte| byte.is_ascii_graphic());
    let is_ours = url.scheme() == "https" && url.host_str().is_some_and(|host| HOSTS.contains(&host));
    let has_user = !url.username().is_empty() || url.password().is_some();
    if is_plain && is_ours && !has_user { Ok(()) } else { Err(format!("it leads to {location:?}")) }
}

fn names(sent: &[u8], word: &[u8]) -> bool {
    sent.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Whether these bytes are frames of HTTP/2, the first of them settings.
pub(crate) fn are_frames(mut bytes: &[u8]) -> bool {
    if bytes.get(3) != Some(&4) {
        return false;
    }
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let Some(behind) = usize::try_from(length).ok().and_then(|length| rest.get(length..)) else {
            return false;
        };
        bytes = behind;
    }
    bytes.is_empty()
}
