//! A network by the real binary: one shop, one affiliate with a blog, and a browser.

use hopline_testkit::{Browser, Hopline, Http, Page, Seen, Setup, Site, eventually};
use serde_json::{Value, json};

pub(crate) struct Network {
    /// The edge's origin as the browser calls it.
    pub(crate) track: String,
    pub(crate) api: Http,
    pub(crate) shop: Site,
    pub(crate) blog: Site,
    pub(crate) browser: Browser,
    _server: Hopline,
    _home: tempfile::TempDir,
}

impl Network {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data_dir = home.path().join("data");
        Hopline::init(&data_dir, &Setup::default()).unwrap();
        let operator = Hopline::key(&data_dir, &Setup::default(), &["--role", "operator"], "ops").unwrap();
        let server = Hopline::serve(&data_dir, &Setup::default()).unwrap();
        let api = server.api().with_key(&operator);
        let track = server.edge.replace("127.0.0.1", "track.test");

        let edge = track.clone();
        let shop = Site::start(move |request| shop_page(&edge, request)).await.unwrap();
        let landing_page = format!("{}/shoes", shop.origin("www.shop.test"));
        let offer = json!({
            "advertiser_id": 1, "name": "Shoes", "currency": "EUR",
            "landing_page": landing_page, "fallback_url": landing_page,
            "postback_auth": "token", "attribution": {"model": "last_click", "window_days": 30},
            "approval": "automatic", "hold_days": 0,
            "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}],
        });
        let affiliate = json!({"name": "Blog", "email": "blog@example.com", "status": "active"});
        let advertiser = json!({"name": "Acme", "currency": "EUR"});
        for (path, body) in
            [("/v1/advertisers", advertiser), ("/v1/offers", offer), ("/v1/affiliates", affiliate)]
        {
            assert_eq!(api.post(path, &body).await.expect(201)["id"], 1);
        }
        let link = api.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
        let code = link["code"].as_str().unwrap().to_owned();
        // A request by HEAD is no click: it tells whether the edge knows the link already.
        let edge = server.edge();
        eventually("the new link is known", async || {
            let answer = edge.send("HEAD", &format!("/{code}"), &[], Vec::new()).await.unwrap();
            (answer.status == 302).then_some(())
        })
        .await;

        let href = format!("{track}/{code}");
        let blog = Site::start(move |request| blog_page(&href, request)).await.unwrap();
        let secure = [
            track.clone(),
            blog.origin("blog.test"),
            shop.origin("www.shop.test"),
            shop.origin("checkout.shop.test"),
        ];
        let browser = Browser::start(&secure.each_ref().map(String::as_str)).await.unwrap();
        Self { track, api, shop, blog, browser, _server: server, _home: home }
    }

    /// Reads a page of the blog.
    pub(crate) async fn read(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.blog.origin("blog.test"))).await;
    }

    /// The link's clicks in the store, oldest first, once there are so many; those by HEAD are left out.
    pub(crate) async fn clicks(&self, count: usize) -> Vec<Value> {
        eventually("the clicks are stored", async || {
            let answer = self.api.get("/v1/clicks?format=ndjson").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut rows: Vec<Value> = answer
                .text()
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .filter(|row: &Value| row["reason"] != "head")
                .collect();
            rows.sort_by_key(|row| row["at"].as_str().map(str::to_owned));
            assert!(rows.len() <= count, "{count} clicks were made: {rows:#?}");
            (rows.len() == count).then_some(rows)
        })
        .await
    }
}

/// Class and reason of a click.
pub(crate) fn verdict(click: &Value) -> (&str, &str) {
    (click["class"].as_str().unwrap(), click["reason"].as_str().unwrap())
}

fn shop_page(edge: &str, request: &Seen) -> Page {
    let snippet =
        "<script>window.hopline=window.hopline||function(){(hopline.q=hopline.q||[]).push(arguments)};
        window.answers=[];function note(answer){answers.push(answer)}</script>";
    let script = format!("<script async src='{edge}/t.js'></script>");
    match request.path.as_str() {
        "/shoes" => Page::html(&format!("{snippet}{script}<h1>Shoes</h1>")),
        // The call stands before the script.
        "/thanks" => Page::html(&format!(
            "{snippet}<script>
                hopline('convert', {{event: 'sale', order_id: 'B-1', amount: '49.90', currency: 'EUR'}}, note)
            </script>{script}"
        )),
        _ => Page::new(404, "text/plain", "not found"),
    }
}

fn blog_page(href: &str, request: &Seen) -> Page {
    let link = format!("<a href='{href}'>Shoes</a>");
    match request.path.as_str() {
        "/" => Page::html(&link),
        "/prefetch" => Page::html(&format!("<link rel=prefetch href='{href}'>{link}")),
        "/rules" => Page::html(&format!(
            "<script type=speculationrules>{{\"prefetch\": [{{\"urls\": [\"{href}\"], \"eagerness\": \"immediate\"}}]}}\
             </script>{link}"
        )),
        "/image" => Page::html(&format!("<img src='{href}'>{link}")),
        "/frame" => Page::html(&format!("<iframe src='{href}'></iframe>{link}")),
        _ => Page::new(404, "text/plain", "not found"),
    }
}
