//! Scripts and styles, embedded in the program.
//!
//! All of them are served under one folder whose name is a hash over all of them: `/assets/3f9c…/portal.css`. Modules
//! can so import each other by relative names, a page never meets a script of another version, and browsers may keep
//! files for a year. A file asked for under another hash (a page kept open over an update) is answered with the file of
//! today, not to be kept.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// Hex digits of the hash in the folder's name.
const HASH_CHARS: usize = 16;

static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    let mut hash = Sha256::new();
    for name in names {
        hash.update(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            hash.update(file.metadata.sha256_hash());
        }
    }
    hex(&hash.finalize(), HASH_CHARS)
});

static FOLDER: LazyLock<String> = LazyLock::new(|| format!("/assets/{}", *HASH));

/// Where pages find their scripts and styles; no slash at the end.
pub(crate) fn folder() -> &'static str {
    &FOLDER
}

pub(crate) fn hex(bytes: &[u8], chars_max: usize) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(chars_max).map(digit).collect()
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).expect("four bits are one hex digit")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// `GET /assets/{hash}/{name}`.
pub(crate) async fn serve(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let found = path.split_once('/').and_then(|(hash, name)| Some((hash, name, Files::get(name)?)));
    let Some((hash, name, file)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_current = hash == HASH.as_str();
    let kept = if is_current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash(), 2 * HASH_CHARS));
    let is_known =
        headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, media_type(name))], file.data).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENDORED: &str = include_str!("../assets/vendor/README.md");

    #[test]
    fn vendored_files_are_exactly_those_listed_with_their_hashes() {
        let mut listed: Vec<(String, String)> = VENDORED
            .lines()
            .filter(|line| line.starts_with("| ") && line.ends_with(" |"))
            .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
            .filter(|cells| cells.len() == 7 && cells[5].len() == 64)
            .map(|cells| (format!("vendor/{}", cells[1]), cells[5].clone()))
            .collect();
        let mut found: Vec<(String, String)> = Files::iter()
            .filter(|name| name.starts_with("vendor/") && !name.ends_with(".md"))
            .map(|name| {
                let hash = Sha256::digest(&Files::get(&name).unwrap().data);
                (name.into_owned(), hex(&hash, 64))
            })
            .collect();
        listed.sort();
        found.sort();
        assert_eq!(found.len(), 5);
        assert_eq!(found, listed);
    }

    #[test]
    fn scripts_and_styles_of_the_first_view_stay_small() {
        let first_view: usize = Files::iter()
            .filter(|name| name.ends_with(".js") || name.ends_with(".css"))
            .map(|name| Files::get(&name).unwrap().data.len())
            .sum();
        // Not compressed; compressed it is about 45 kB, of 100 kB allowed.
        assert!(first_view < 130_000, "{first_view} bytes");
    }

    #[test]
    fn no_page_holds_a_script_or_style_inline() {
        let templates = [
            include_str!("../templates/base.html"),
            include_str!("../templates/frame.html"),
            include_str!("../templates/sign_in.html"),
            include_str!("../templates/dashboard.html"),
            include_str!("../templates/live.html"),
            include_str!("../templates/chart.html"),
            include_str!("../templates/top.html"),
            include_str!("../templates/due.html"),
            include_str!("../templates/balance.html"),
            include_str!("../templates/links.html"),
            include_str!("../templates/conversion_rows.html"),
            include_str!("../templates/conversions.html"),
            include_str!("../templates/conversion.html"),
            include_str!("../templates/message.html"),
            include_str!("../templates/logo.html"),
        ];
        for template in templates {
            for refused in ["<style", " style=", " onclick=", " onload=", "javascript:", "hx-on"] {
                assert!(!template.contains(refused), "{refused} in {template}");
            }
            for script in template.split("<script").skip(1) {
                let tag = script.split('>').next().unwrap();
                assert!(tag.contains(" src=") || tag.contains("application/json"), "<script{tag}>");
            }
        }
    }
}
