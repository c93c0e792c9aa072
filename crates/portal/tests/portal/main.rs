//! The portal over real stores, through its router.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "network.rs"]
mod network;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use hopline_portal::{PortalState, router};
use hopline_runtime::clock::ManualClock;
use hopline_types::{HOUR_MS, MINUTE_MS, UnixMillis, Verdict};
use http_body_util::BodyExt;
use network::{HOSTILE, Network, PASSWORD, bot};
use tower::ServiceExt;

/// 2026-11-22T14:37:11Z, a Sunday.
const NOW: UnixMillis = UnixMillis(1_795_358_231_000);

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `name=value` of a cookie that was set.
    fn cookie(&self, name: &str) -> String {
        let all = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let found = all.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with(name));
        found.unwrap_or_default().to_owned()
    }

    fn csrf(&self) -> &str {
        self.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap()
    }
}

struct Portal {
    network: Network,
    clock: ManualClock,
    router: Router,
}

async fn portal_at(base_url: &str) -> Portal {
    let clock = ManualClock::starting_at(NOW);
    let network = Network::new(clock.clock()).await;
    let router = router(PortalState::new(network.services.clone(), base_url));
    Portal { network, clock, router }
}

async fn portal() -> Portal {
    portal_at("http://127.0.0.1:8081").await
}

impl Portal {
    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str, more: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::HOST, "127.0.0.1:8081")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn try_sign_in(&self, email: &str, password: &str) -> Answer {
        let form = self.get("/sign-in", "").await;
        let fields = format!("csrf={}&email={email}&password={}", form.csrf(), password.replace(' ', "+"));
        self.post("/sign-in", &form.cookie("hl_form"), &fields, &[("sec-fetch-site", "same-origin")]).await
    }

    /// Signs in and gives back the session's cookie.
    async fn sign_in(&self, email: &str) -> String {
        let answer = self.try_sign_in(email, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer.cookie("hl_session")
    }

    /// Sells on two offers: Acme's shoes by Blog of the North, Globex's by Dealfinder.
    async fn sell(&mut self) {
        let at = NOW.plus(-HOUR_MS);
        let shoes = self.network.clicks(0, 0, at, 40, Verdict::UNIQUE).await;
        self.network.clicks(0, 0, at, 7, bot()).await;
        self.network.conversion(0, &shoes, "A-1", "49.90", at.plus(MINUTE_MS)).await;
        let other = self.network.clicks(2, 1, at, 1_300, Verdict::UNIQUE).await;
        self.network.conversion(2, &other, "B-1", "200.00", at.plus(MINUTE_MS)).await;
    }
}

#[tokio::test]
async fn nobody_gets_in_without_signing_in_and_everybody_is_led_to_the_form() {
    let portal = portal().await;
    for (path, place) in [
        ("/", "/sign-in"),
        ("/dashboard", "/sign-in?next=/dashboard"),
        ("/conversions", "/sign-in?next=/conversions"),
        ("/conversions/1", "/sign-in?next=/conversions/1"),
        ("/dashboard/live", "/sign-in?next=/dashboard/live"),
    ] {
        let answer = portal.get(path, "").await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, place), "{path}");
    }
    let forged = portal.get("/dashboard", "hl_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!(forged.header("location"), "/sign-in?next=/dashboard&ended=1");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_page() {
    let portal = portal().await;
    let wrong = portal.try_sign_in("ops@example.com", "wrong horse").await;
    let unknown = portal.try_sign_in("xyz@example.com", "wrong horse").await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    let plain = |answer: &Answer| {
        let token = answer.csrf();
        answer.body.replace(token, "").replace("ops@", "xyz@")
    };
    assert_eq!(plain(&wrong), plain(&unknown));
    assert!(wrong.body.contains("do not match"));
    assert_eq!(wrong.cookie("hl_session"), "");
}

// S-05
#[tokio::test]
async fn s_05_the_session_cookie_is_kept_from_scripts_and_on_https_from_other_hosts() {
    let plain = portal().await.try_sign_in("ops@example.com", PASSWORD).await;
    let cookie = plain.header("set-cookie");
    assert!(cookie.starts_with("hl_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(plain.cookie("hl_session").len() >= "hl_session=".len() + 32, "{cookie}");

    let secure = portal_at("https://portal.example").await;
    let form = secure.get("/sign-in", "").await;
    assert!(form.header("set-cookie").starts_with("__Host-hl_form="), "{}", form.header("set-cookie"));
    assert!(form.header("strict-transport-security").starts_with("max-age="));
    let fields = format!("csrf={}&email=ops@example.com&password=correct+horse", form.csrf());
    let signed_in = secure.post("/sign-in", &form.cookie("__Host-hl_form"), &fields, &[]).await;
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.starts_with("__Host-hl_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let page = secure.get("/dashboard", &signed_in.cookie("__Host-hl_session")).await;
    assert_eq!(page.status, StatusCode::OK);
}

// S-05
#[tokio::test]
async fn s_05_signing_in_again_gives_a_new_session_and_ends_the_one_before() {
    let portal = portal().await;
    let first = portal.sign_in("ops@example.com").await;
    let form = portal.get("/sign-in", "").await;
    let fields = format!("csrf={}&email=ops@example.com&password=correct+horse", form.csrf());
    let cookies = format!("{}; {first}", form.cookie("hl_form"));
    let second = portal.post("/sign-in", &cookies, &fields, &[]).await.cookie("hl_session");
    assert_ne!(first, second);
    assert_eq!(portal.get("/dashboard", &first).await.status, StatusCode::SEE_OTHER);
    assert_eq!(portal.get("/dashboard", &second).await.status, StatusCode::OK);
}

// S-05
#[tokio::test]
async fn s_05_a_session_of_finance_ends_after_15_minutes_even_while_its_page_renews_itself() {
    let portal = portal().await;
    let session = portal.sign_in("finance@example.com").await;
    for _ in 0..14 {
        portal.clock.advance(MINUTE_MS);
        assert_eq!(portal.get("/dashboard/live", &session).await.status, StatusCode::OK);
    }
    portal.clock.advance(MINUTE_MS);
    let part = Request::get("/dashboard/live").header(header::COOKIE, &session).header("hx-request", "true");
    let part = portal.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!(part.status, StatusCode::UNAUTHORIZED);
    assert_eq!(part.header("hx-redirect"), "/sign-in?next=/dashboard&ended=1");
    let page = portal.get("/dashboard", &session).await;
    assert_eq!(page.header("location"), "/sign-in?next=/dashboard&ended=1");
    let form = portal.get("/sign-in?next=/dashboard&ended=1", &session).await;
    assert!(form.body.contains("Your session has ended"), "{}", form.body);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let portal = portal().await;
    let session = portal.sign_in("ops@example.com").await;
    let page = portal.get("/dashboard", &session).await;
    let left = portal.post("/sign-out", &session, &format!("csrf={}", page.csrf()), &[]).await;
    assert_eq!((left.status, left.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(portal.get("/dashboard", &session).await.status, StatusCode::SEE_OTHER);
}

// S-06
#[tokio::test]
async fn s_06_forms_of_other_sites_and_without_the_sessions_token_change_nothing() {
    let portal = portal().await;
    let session = portal.sign_in("ops@example.com").await;
    let csrf = portal.get("/dashboard", &session).await.csrf().to_owned();
    let good = format!("csrf={csrf}");
    let other = portal.sign_in("finance@example.com").await;
    let other_csrf = portal.get("/dashboard", &other).await.csrf().to_owned();
    for (form, headers) in [
        (good.as_str(), vec![("sec-fetch-site", "cross-site")]),
        (good.as_str(), vec![("sec-fetch-site", "same-site")]),
        (good.as_str(), vec![("origin", "https://evil.example")]),
        (good.as_str(), vec![("origin", "null")]),
        ("", vec![("sec-fetch-site", "same-origin")]),
        ("csrf=", vec![]),
        (&format!("csrf={other_csrf}"), vec![("sec-fetch-site", "same-origin")]),
    ] {
        let refused = portal.post("/sign-out", &session, form, &headers).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{form} {headers:?}");
    }
    assert_eq!(portal.get("/dashboard", &session).await.status, StatusCode::OK);

    let form = portal.get("/sign-in", "").await;
    let fields = format!("csrf={}&email=ops@example.com&password=correct+horse", form.csrf());
    let without_cookie = portal.post("/sign-in", "", &fields, &[]).await;
    assert_eq!(without_cookie.status, StatusCode::FORBIDDEN);
    assert_eq!(without_cookie.cookie("hl_session"), "");
    let foreign = [("sec-fetch-site", "cross-site")];
    let refused = portal.post("/sign-in", &form.cookie("hl_form"), &fields, &foreign).await;
    assert_eq!((refused.status, refused.cookie("hl_session").as_str()), (StatusCode::FORBIDDEN, ""));
}

// S-07
#[tokio::test]
async fn s_07_after_too_many_tries_the_form_says_how_long_to_wait() {
    let portal = portal().await;
    let mut last = portal.try_sign_in("ops@example.com", "wrong horse").await;
    for _ in 0..10 {
        last = portal.try_sign_in("ops@example.com", "wrong horse").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!last.header("retry-after").is_empty());
    assert!(last.body.contains("Too many tries. Wait 16 min"), "{}", last.body);
}

// S-24
#[tokio::test]
async fn s_24_every_answer_forbids_what_is_inline_foreign_framed_or_sniffed() {
    let mut portal = portal().await;
    portal.sell().await;
    let session = portal.sign_in("ops@example.com").await;
    let form = portal.get("/sign-in", "").await;
    let style = form.body.split("stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for path in [
        "/sign-in",
        "/dashboard",
        "/dashboard/live",
        "/conversions",
        "/conversions/1",
        "/conversions/99",
        &style,
    ] {
        let answer = portal.get(path, if path == "/sign-in" { "" } else { &session }).await;
        let policy = answer.header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        if answer.header("content-type").starts_with("text/html") {
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            for refused in ["<style", " style=\"", "javascript:", " onclick", " onload"] {
                assert!(!answer.body.contains(refused), "{path} holds {refused}");
            }
            for script in answer.body.split("<script").skip(1) {
                let tag = script.split('>').next().unwrap();
                assert!(
                    tag.contains(" src=\"/assets/") || tag.contains("application/json"),
                    "{path}: <script{tag}>"
                );
            }
        }
    }
}

#[tokio::test]
async fn scripts_and_styles_are_kept_for_a_year_and_renamed_when_they_change() {
    let portal = portal().await;
    let form = portal.get("/sign-in", "").await;
    let style = form.body.split("stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let current = portal.get(&style, "").await;
    assert_eq!(current.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(current.header("cache-control"), "public, max-age=31536000, immutable");
    let stale = portal.get("/assets/0000000000000000/portal.css", "").await;
    assert_eq!((stale.status, stale.header("cache-control")), (StatusCode::OK, "no-cache"));
    let known = Request::get(&style).header(header::IF_NONE_MATCH, current.header("etag"));
    let known = portal.send(known.body(Body::empty()).unwrap()).await;
    assert_eq!((known.status, known.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    for path in ["/assets/x/nothing.css", "/assets/portal.css", "/assets/x/../../Cargo.toml"] {
        assert_eq!(portal.get(path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

// S-10
#[tokio::test]
async fn s_10_each_role_sees_its_own_figures_and_nobody_elses() {
    let mut portal = portal().await;
    portal.sell().await;
    // Revenue 12 % and 15 %, payout 10 % and 11 %; 1,300 clicks and 22.00 belong to Dealfinder and Globex.
    let table: [(&str, &[&str], &[&str]); 5] = [
        (
            "ops@example.com",
            &["35.99", "26.99", "9.00", "1,340", "Dealfinder", "Trail shoes"],
            &["Your links"],
        ),
        ("finance@example.com", &["35.99", "26.99", "Balances due", "22.00"], &["Your links"]),
        (
            "acme@example.com",
            &["5.99", "Trail shoes", "Affiliate 1", "A-1"],
            &["30.00", "4.99", "1,300", "B-1", "Blog"],
        ),
        (
            "blog@example.com",
            &["4.99", "Trail shoes", "Your links", "http://127.0.0.1:8080/"],
            &["5.99", "30.00", "22.00", "1,300", "B-1", "Dealfinder"],
        ),
        ("deals@example.com", &["22.00", "1,300"], &["4.99", "30.00", "A-1", "Blog"]),
    ];
    for (email, seen, hidden) in table {
        let session = portal.sign_in(email).await;
        for path in ["/dashboard", "/dashboard/live", "/dashboard?span=fortnight"] {
            let page = portal.get(path, &session).await;
            assert_eq!(page.status, StatusCode::OK, "{email} {path}");
            for text in seen {
                assert!(page.body.contains(text), "{email} does not see {text} at {path}");
            }
            for text in hidden {
                assert!(!page.body.contains(text), "{email} sees {text} at {path}");
            }
        }
        let list = portal.get("/conversions", &session).await;
        for text in hidden.iter().filter(|text| **text != "Your links") {
            assert!(!list.body.contains(text), "{email} sees {text} in the list");
        }
    }
}

// S-10
#[tokio::test]
async fn s_10_another_tenants_conversion_is_not_found() {
    let mut portal = portal().await;
    portal.sell().await;
    let acme = portal.sign_in("acme@example.com").await;
    assert_eq!(portal.get("/conversions/1", &acme).await.status, StatusCode::OK);
    assert_eq!(portal.get("/conversions/2", &acme).await.status, StatusCode::NOT_FOUND);
    let blog = portal.sign_in("blog@example.com").await;
    assert_eq!(portal.get("/conversions/2", &blog).await.status, StatusCode::NOT_FOUND);
    for nonsense in
        ["/conversions/0", "/conversions/-1", "/conversions/x", "/conversions/99999999999999999999"]
    {
        assert_eq!(portal.get(nonsense, &blog).await.status, StatusCode::NOT_FOUND, "{nonsense}");
    }
}

#[tokio::test]
async fn a_conversion_is_explained_to_each_role_without_the_other_sides_money() {
    let mut portal = portal().await;
    portal.sell().await;
    let ops = portal.sign_in("ops@example.com").await;
    let page = portal.get("/conversions/1", &ops).await.body;
    for text in ["Revenue: 5.99", "Payout: 4.99", "Credited to Blog of the North", "last_click", "A-1"] {
        assert!(page.contains(text), "{text}");
    }
    let blog = portal.sign_in("blog@example.com").await;
    let page = portal.get("/conversions/1", &blog).await.body;
    assert!(page.contains("Payout: 4.99") && page.contains("Credited to you"));
    assert!(!page.contains("5.99"), "an affiliate sees what the advertiser pays");
    let acme = portal.sign_in("acme@example.com").await;
    let page = portal.get("/conversions/1", &acme).await.body;
    assert!(page.contains("Revenue: 5.99"));
    for text in ["4.99<", "Payout: 4.99", "Blog of the North"] {
        assert!(!page.contains(text), "an advertiser sees {text}");
    }
}

#[tokio::test]
async fn a_hostile_name_is_shown_as_text_wherever_it_stands() {
    let mut portal = portal().await;
    portal.sell().await;
    let session = portal.sign_in("deals@example.com").await;
    for path in ["/dashboard", "/conversions", "/conversions/2"] {
        let page = portal.get(path, &session).await.body;
        assert!(!page.contains(HOSTILE), "{path}");
        assert!(page.contains("&#60;script&#62;alert(&#39;x&#39;)"), "{path}");
    }
    let again = portal.try_sign_in("%22%3E%3Cscript%3E@example.com", "x").await;
    assert!(!again.body.contains("\"><script>@"), "{}", again.body);
}

#[tokio::test]
async fn today_begins_where_the_viewer_is_and_the_zone_is_printed() {
    let mut portal = portal().await;
    // 23:30 UTC of the day before is 00:30 of today in Berlin.
    let late = UnixMillis(NOW.get() / 86_400_000 * 86_400_000 - 30 * MINUTE_MS);
    portal.network.clicks(0, 0, late, 777, Verdict::UNIQUE).await;
    let session = portal.sign_in("acme@example.com").await;
    let tile = |page: &Answer| {
        let tile = page.body.split("<dt>Unique clicks</dt>").nth(1).unwrap();
        tile.split("<dd>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let utc = portal.get("/dashboard", &session).await;
    assert_eq!(tile(&utc), "0");
    assert!(utc.body.contains("Sunday, 22 November 2026 · UTC"));
    let berlin = portal.get("/dashboard", &format!("{session}; hl_tz=Europe%2FBerlin")).await;
    assert_eq!(tile(&berlin), "777");
    assert!(berlin.body.contains("Europe/Berlin"));
    let nonsense = portal.get("/dashboard", &format!("{session}; hl_tz=%3Cscript%3E")).await;
    assert!(nonsense.body.contains("· UTC"));
}

#[tokio::test]
async fn an_empty_network_says_what_to_do_next() {
    let portal = portal().await;
    for (email, hint) in [
        ("ops@example.com", "when an advertiser&#39;s postback or API call arrives"),
        ("finance@example.com", "Nothing to pay"),
        ("acme@example.com", "when your shop calls the postback with your token"),
        ("blog@example.com", "Share one of your links"),
    ] {
        let session = portal.sign_in(email).await;
        let page = portal.get("/dashboard", &session).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains(hint), "{email}: {hint}");
    }
}

#[tokio::test]
async fn portal_and_api_share_one_router() {
    let mut portal = portal().await;
    portal.router = hopline_api::router(portal.network.services.clone()).merge(portal.router);
    assert_eq!(portal.get("/sign-in", "").await.status, StatusCode::OK);
    assert_eq!(portal.get("/v1/offers", "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(portal.get("/nothing", "").await.header("content-type"), "application/problem+json");
    // Somebody signed in may also ask the API.
    let session = portal.sign_in("ops@example.com").await;
    assert_eq!(portal.get("/v1/offers", &session).await.status, StatusCode::OK);
}
