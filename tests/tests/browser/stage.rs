//! A shop whose pages hold the script, and a stand-in for the edge, with a browser between them.

use hopline_testkit::{Browser, Page, Seen, Site};
use serde_json::{Value, json};

/// Source and product: whatever is told of one holds for the other.
pub(crate) const SCRIPTS: [&str; 2] =
    [include_str!("../../../crates/edge/assets/t.src.js"), include_str!("../../../crates/edge/assets/t.js")];

/// What a shop writes before the script, and what a test wants to know of its pages.
const SNIPPET: &str =
    "<script>window.hopline=window.hopline||function(){(hopline.q=hopline.q||[]).push(arguments)};
    window.wrong=[];window.answers=[];
    addEventListener('error',function(e){wrong.push(String(e.message))});
    addEventListener('unhandledrejection',function(e){wrong.push(String(e.reason))});
    function note(answer){answers.push(answer)}</script>";

pub(crate) struct Stage {
    pub(crate) edge: Site,
    pub(crate) shop: Site,
    pub(crate) browser: Browser,
}

impl Stage {
    pub(crate) async fn new(script: &'static str) -> Self {
        let edge = Site::start(move |request| stand_in(script, request)).await.unwrap();
        let edge_origin = edge.origin("track.test");
        let shop = Site::start(move |request| shop_page(&edge_origin, request)).await.unwrap();
        let secure = [
            edge.origin("track.test"),
            shop.origin("www.shop.test"),
            shop.origin("checkout.shop.test"),
            shop.origin("other.test"),
        ];
        let browser = Browser::start(&secure.each_ref().map(String::as_str)).await.unwrap();
        Self { edge, shop, browser }
    }

    /// Goes to a page of the shop and waits until the script has started there.
    pub(crate) async fn visit(&self, host: &str, path: &str) {
        self.browser.go(&format!("{}{path}", self.shop.origin(host))).await;
        self.browser.wait("window.hopline && hopline.v").await;
    }

    /// What a command answers its callback.
    pub(crate) async fn call(&self, command: &str, fields: Value) -> Value {
        let body = "hopline(arguments[0], arguments[1], done)";
        self.browser.run_async(body, &[json!(command), fields]).await
    }

    /// The click id that the page knows.
    pub(crate) async fn known(&self) -> Value {
        self.browser.run("return hopline('get') || null", &[]).await
    }

    /// The page saw no error; then the browser ends.
    pub(crate) async fn end(self) {
        assert_eq!(self.browser.run("return window.wrong", &[]).await, json!([]));
        self.browser.close().await;
    }
}

/// What the edge answers, as far as the script knows it.
fn stand_in(script: &str, request: &Seen) -> Page {
    let open = |page: Page| page.with("access-control-allow-origin", "*").with("cache-control", "no-store");
    // A shop's server that hands on a folder to the edge.
    let path = request.path.strip_prefix("/folder").unwrap_or(&request.path);
    match path {
        "/t.js" => Page::new(200, "text/javascript", script),
        "/pixel.gif" => {
            let image = open(Page::new(200, "image/gif", *b"GIF89a\x01\0\x01\0\0\0\0;"))
                .with("access-control-expose-headers", "x-hopline-error");
            match request.parameter("order_id") {
                Some("refused") => image.with("x-hopline-error", "amount: is needed for a sale"),
                _ => image,
            }
        }
        "/c.json" if request.parameter("offer") == Some("404") => {
            let problem = json!({"title": "Not Found", "status": 404, "detail": "no such offer"});
            open(Page::new(404, "application/problem+json", problem.to_string()))
        }
        "/c.json" => {
            let id = format!("made-for-{}", request.parameter("sub1").unwrap_or_default());
            open(Page::new(200, "application/json", json!({"click_id": id}).to_string()))
        }
        _ => Page::new(404, "text/plain", "not found"),
    }
}

/// The shop's pages, by path.
fn shop_page(edge: &str, request: &Seen) -> Page {
    let script = |attributes: &str| format!("<script async {attributes} src='{edge}/t.js?v=1/2'></script>");
    let page = |before: &str, attributes: &str, after: &str| {
        Page::html(&format!("{SNIPPET}{before}{}{after}", script(attributes)))
    };
    match request.path.as_str() {
        "/" | "/thanks" => page("", "", ""),
        "/early" => page(
            "<script>
                hopline('get', note);
                hopline('convert', {event: 'sale', order_id: 'A 1&=', amount: 49.9, currency: 'EUR',
                    items: [{sku: 'x', quantity: 2}], adv1: null, adv2: '', adv10: 'ä'}, note);
                hopline('nonsense', note);
                hopline('get', function () { throw new Error('of the page') });
            </script>",
            "",
            "",
        ),
        "/images-only" => page("", "", "").with("content-security-policy", "connect-src 'none'"),
        "/handed-on" => Page::html(&format!("{SNIPPET}<script src='{edge}/folder/t.js'></script>")),
        "/old" => page("<script>window.fetch = undefined</script>", "", ""),
        "/leave" => {
            page("", "", "<a href='/thanks' onclick=\"hopline('convert', {order_id: 'L-1'})\">buy</a>")
        }
        "/direct" => page("<script>hopline('convert', {order_id: 'D-1'}, note)</script>", "", ""),
        "/consent" => page("", "data-consent=required", ""),
        "/settings" => page("", "data-param=ref data-days=2", ""),
        "/remembered" => {
            page("", "", "").with("set-cookie", "hl_click=from-server; Max-Age=31536000; Path=/")
        }
        "/twice" => page("", "", &script("")),
        "/frames" => {
            let query = "hl_offer=1&hl_aff=2&hl_sub1=";
            let host = request.header("host").replace("other.test", "www.shop.test");
            Page::html(&format!(
                "<iframe src='http://{host}/?{query}framed'></iframe>
                 <iframe sandbox=allow-scripts src='http://{host}/?{query}sandboxed'></iframe>"
            ))
        }
        "/ahead" => page(
            "<script>if (document.prerendering) fetch('/ran')</script>",
            "",
            "<script>document.addEventListener('prerenderingchange', function () { window.shown = true })</script>",
        ),
        "/rules" => Page::html(
            r#"<script type=speculationrules>{"prerender": [{"urls": ["/ahead?hl_offer=1&hl_aff=2&hl_sub1=ahead"],
                "eagerness": "immediate"}]}</script><a href="/ahead?hl_offer=1&hl_aff=2&hl_sub1=ahead">on</a>"#,
        ),
        _ => Page::new(404, "text/plain", "not found"),
    }
}
