//! What a request asks for, by its method and path: the same for every way a request comes in.

use crate::click::Way;
use crate::postback::Report;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Click(Way<'a>),
    Postback,
    Pixel,
    /// A report of an install.
    Install(Report),
    Robots,
    /// `/t.js`.
    Script,
    /// `/.well-known/gpc.json`.
    Gpc,
    NotFound,
    /// The path is known, the method is none of these.
    NotAllowed(&'static str),
}

/// Finds the route; `path` as it was sent.
pub(crate) fn of<'a>(method: &str, path: &'a [u8]) -> Route<'a> {
    let is_read = matches!(method, "GET" | "HEAD");
    let read = |route| if is_read { route } else { Route::NotAllowed("GET, HEAD") };
    let posted = |report| if method == "POST" { Route::Install(report) } else { Route::NotAllowed("POST") };
    let sent = |report| match method {
        "GET" | "POST" => Route::Install(report),
        _ => Route::NotAllowed("GET, POST"),
    };
    match path {
        b"/c" => read(Route::Click(Way::Pair)),
        b"/c.json" if method == "GET" => Route::Click(Way::Script),
        b"/c.json" => Route::NotAllowed("GET"),
        b"/t.js" => read(Route::Script),
        b"/.well-known/gpc.json" => read(Route::Gpc),
        b"/robots.txt" => read(Route::Robots),
        b"/postback" if matches!(method, "GET" | "POST") => Route::Postback,
        b"/postback" => Route::NotAllowed("GET, POST"),
        b"/installs/skadnetwork"
        | b"/.well-known/skadnetwork/report-attribution"
        | b"/.well-known/skadnetwork/report-attribution/" => posted(Report::SkAdNetwork),
        b"/installs/adattributionkit"
        | b"/.well-known/appattribution/report-attribution"
        | b"/.well-known/appattribution/report-attribution/" => posted(Report::AdAttributionKit),
        b"/installs/play" => sent(Report::Play),
        b"/installs/measurement" => sent(Report::Measurement),
        b"/pixel.gif" if method == "GET" => Route::Pixel,
        b"/pixel.gif" => Route::NotAllowed("GET"),
        [b'/', b'i', b'/', code @ ..] if is_code(code) => read(Route::Click(Way::Impression(code))),
        [b'/', code @ ..] if is_code(code) => read(Route::Click(Way::Code(code))),
        _ => Route::NotFound,
    }
}

/// Whether a path can be a link's code at all.
fn is_code(path: &[u8]) -> bool {
    (3..=64).contains(&path.len())
        && path.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_lead_where_the_table_of_the_crate_says() {
        let table = [
            ("GET", "/abc1234", Route::Click(Way::Code(b"abc1234"))),
            ("HEAD", "/i/abc1234", Route::Click(Way::Impression(b"abc1234"))),
            ("GET", "/c", Route::Click(Way::Pair)),
            ("POST", "/c", Route::NotAllowed("GET, HEAD")),
            ("PUT", "/abc1234", Route::NotAllowed("GET, HEAD")),
            ("POST", "/postback", Route::Postback),
            ("HEAD", "/postback", Route::NotAllowed("GET, POST")),
            ("GET", "/pixel.gif", Route::Pixel),
            ("POST", "/installs/skadnetwork", Route::Install(Report::SkAdNetwork)),
            ("GET", "/installs/skadnetwork", Route::NotAllowed("POST")),
            ("POST", "/.well-known/skadnetwork/report-attribution/", Route::Install(Report::SkAdNetwork)),
            (
                "POST",
                "/.well-known/appattribution/report-attribution/",
                Route::Install(Report::AdAttributionKit),
            ),
            ("GET", "/installs/play", Route::Install(Report::Play)),
            ("PUT", "/installs/measurement", Route::NotAllowed("GET, POST")),
            ("HEAD", "/pixel.gif", Route::NotAllowed("GET")),
            ("HEAD", "/robots.txt", Route::Robots),
            ("GET", "/c.json", Route::Click(Way::Script)),
            ("POST", "/c.json", Route::NotAllowed("GET")),
            ("GET", "/t.js", Route::Script),
            ("GET", "/.well-known/gpc.json", Route::Gpc),
            ("GET", "/", Route::NotFound),
            ("GET", "/ab", Route::NotFound),
            ("GET", "/i/ab", Route::NotFound),
            ("DELETE", "/a/b", Route::NotFound),
            ("GET", "/%61bc1234", Route::NotFound),
        ];
        for (method, path, expected) in table {
            assert_eq!(of(method, path.as_bytes()), expected, "{method} {path}");
        }
    }
}
