//! One advertiser, one offer, three affiliates with a link each.

use hopline_testkit::{Hopline, Http, eventually};
use serde_json::{Value, json};

/// Payout for one order, in cents: 10 % of the amount that [`Network::postback`] names.
pub(crate) const PAYOUT_CENTS: i64 = 500;

/// The network of an installation.
#[derive(Debug, Clone)]
pub struct Network {
    /// Paths of the links.
    pub paths: Vec<String>,
    /// Ids of the affiliates.
    pub affiliates: Vec<i64>,
    token: String,
}

impl Network {
    /// Creates it over the API and waits until its links redirect.
    ///
    /// # Panics
    /// The server refuses something.
    pub async fn create(server: &Hopline, api: &Http) -> Self {
        let advertiser =
            api.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
        let offer = json!({
            "advertiser_id": advertiser["id"], "name": "Shoes", "currency": "EUR", "postback_auth": "token",
            "landing_page": "https://shop.example/?c={click_id}&s={sub1}",
            "approval": "automatic", "hold_days": 0,
            "attribution": {"model": "last_click", "window_days": 30},
            "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}],
        });
        let offer = api.post("/v1/offers", &offer).await.expect(201);
        let (mut paths, mut affiliates) = (Vec::new(), Vec::new());
        for number in 0..3 {
            let affiliate =
                json!({"name": "Blog", "email": format!("blog{number}@example.com"), "status": "active"});
            let affiliate = api.post("/v1/affiliates", &affiliate).await.expect(201);
            let link = json!({"offer_id": offer["id"], "affiliate_id": affiliate["id"]});
            let link = api.post("/v1/links", &link).await.expect(201);
            paths.push(format!("/{}", link["code"].as_str().expect("a link has a code")));
            affiliates.push(affiliate["id"].as_i64().expect("an id is a number"));
        }
        let edge = server.edge();
        for path in &paths {
            eventually("the links redirect", async || {
                (edge.send("HEAD", path, &[], Vec::new()).await.ok()?.status == 302).then_some(())
            })
            .await;
        }
        let token = advertiser["postback_token"].as_str().expect("an advertiser has a token").to_owned();
        Self { paths, affiliates, token }
    }

    /// The call by which the shop reports an order for a click that was sent to this address.
    ///
    /// # Panics
    /// The address names no click.
    #[must_use]
    pub fn postback(&self, location: &str, order: &str) -> String {
        let after = location.split_once("?c=").expect("the landing page names the click").1;
        let click = after.split('&').next().unwrap_or_default();
        let token = &self.token;
        format!(
            "/postback?click_id={click}&event=sale&order_id={order}&amount=50.00&currency=EUR&token={token}"
        )
    }

    /// What all affiliates together can be paid, in cents.
    ///
    /// # Panics
    /// The server answers something else than balances.
    pub async fn payable_cents(&self, api: &Http) -> i64 {
        let mut sum = 0;
        for affiliate in &self.affiliates {
            let balances = api.get(&format!("/v1/balances?affiliate={affiliate}")).await.expect(200);
            for balance in balances["items"].as_array().into_iter().flatten() {
                sum += cents(&balance["payable"]);
            }
        }
        sum
    }
}

fn cents(amount: &Value) -> i64 {
    let digits = amount.as_str().expect("an amount is text").replace('.', "");
    digits.parse().expect("an amount has two decimals")
}
