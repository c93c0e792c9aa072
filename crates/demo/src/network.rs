//! Three advertisers, offers of all four kinds, forty affiliates and their links.

use serde_json::{Value, json};

use crate::client::{Client, ClientError};

const AFFILIATES: usize = 40;

/// (name, currency, offers) of an advertiser; an offer is (name, path, goal key, kind, revenue, payout, average order).
type AdvertiserPlan = (&'static str, &'static str, &'static [OfferPlan]);
type OfferPlan = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, u32);

const PLAN: [AdvertiserPlan; 3] = [
    (
        "Northwind Shoes",
        "EUR",
        &[
            ("Running shoes", "shoes", "sale", "pps", "12", "10", 7_900),
            ("Shoe finder clicks", "finder", "click", "ppc", "0.06", "0.05", 0),
        ],
    ),
    ("Lakeside Energy", "EUR", &[("Switch to green power", "switch", "lead", "ppl", "14.00", "11.50", 0)]),
    (
        "Pocket Garden",
        "USD",
        &[
            ("Pocket Garden app", "app", "install", "ppi", "1.80", "1.20", 0),
            ("Seed boxes", "boxes", "sale", "pps", "15", "11", 3_400),
        ],
    ),
];

const KINDS_OF_SITES: [&str; 8] =
    ["Blog", "Reviews", "Deals", "Newsletter", "Podcast", "Videos", "Guides", "Community"];
const TOPICS: [&str; 5] = ["Trail", "Thrift", "Garden", "Home", "City"];

/// An offer of the example network.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The goal that visitors reach.
    pub goal: String,
    /// Currency of its amounts.
    pub currency: String,
    /// The advertiser's postback token.
    pub token: String,
    /// Usual order in minor units; 0 where no order is made.
    pub order_minor: u32,
}

/// The example network.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its offers.
    pub offers: Vec<Offer>,
    /// Codes of its links with the place of their offer in `offers`.
    pub links: Vec<(String, usize)>,
    /// Ids of its advertisers.
    pub advertisers: Vec<i64>,
    /// Ids of its affiliates.
    pub affiliates: Vec<i64>,
}

impl Network {
    /// What there is, in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} advertisers, {} offers, {} affiliates, {} links",
            self.advertisers.len(),
            self.offers.len(),
            self.affiliates.len(),
            self.links.len()
        )
    }

    /// The network of an earlier run, if there is one.
    ///
    /// # Errors
    /// The API did not answer as it should.
    pub async fn find(api: &Client) -> Result<Option<Self>, ClientError> {
        let advertisers = api.list("/v1/advertisers").await?;
        let offers_listed = api.list("/v1/offers").await?;
        let affiliates = api.list("/v1/affiliates").await?;
        let links_listed = api.list("/v1/links").await?;
        let mut offers = Vec::new();
        for plan in PLAN.iter().flat_map(|(_, _, offers)| offers.iter()) {
            let Some(offer) = offers_listed.iter().find(|offer| offer["name"] == plan.0) else {
                return Ok(None);
            };
            let Some(advertiser) = advertisers.iter().find(|one| one["id"] == offer["advertiser_id"]) else {
                return Ok(None);
            };
            offers.push(read_offer(offer, advertiser, plan));
        }
        let links: Vec<_> = links_listed
            .iter()
            .filter_map(|link| {
                let place = offers.iter().position(|offer| link["offer_id"] == offer.id)?;
                Some((link["code"].as_str()?.to_owned(), place))
            })
            .collect();
        // A first run that was cut off midway is not continued but made whole by creating again.
        if links.is_empty() || affiliates.len() < AFFILIATES {
            return Ok(None);
        }
        let ids = |list: &[Value]| list.iter().filter_map(|one| one["id"].as_i64()).collect();
        Ok(Some(Self { offers, links, advertisers: ids(&advertisers), affiliates: ids(&affiliates) }))
    }

    /// Creates the network.
    ///
    /// # Errors
    /// The API refused something or did not answer.
    pub async fn create(api: &Client, progress: &mut impl FnMut(&str)) -> Result<Self, ClientError> {
        let mut network = Self { offers: vec![], links: vec![], advertisers: vec![], affiliates: vec![] };
        for (name, currency, offers) in PLAN {
            let advertiser =
                api.post("/v1/advertisers", &json!({"name": name, "currency": currency})).await?;
            network.advertisers.extend(advertiser["id"].as_i64());
            for plan in offers {
                let body = offer_body(&advertiser["id"], name, currency, plan);
                let offer = api.post("/v1/offers", &body).await?;
                if network.offers.is_empty() {
                    // A second landing page: reports by landing page compare the two.
                    let url = body["landing_page"].as_str().unwrap_or_default().replacen('?', "?page=b&", 1);
                    let page = json!({"offer_id": offer["id"], "name": "B", "url": url, "weight": 1});
                    api.post("/v1/landing_pages", &page).await?;
                }
                network.offers.push(read_offer(&offer, &advertiser, plan));
            }
        }
        progress(&format!("{} advertisers, {} offers", network.advertisers.len(), network.offers.len()));
        let run = rand::random::<u32>();
        for number in 0..AFFILIATES {
            let topic = TOPICS[number % TOPICS.len()];
            let kind = KINDS_OF_SITES[number / TOPICS.len() % KINDS_OF_SITES.len()];
            let body = json!({
                "name": format!("{topic} {kind}"),
                "email": format!("{}-{}-{run:x}@affiliates.example", topic.to_lowercase(), kind.to_lowercase()),
                "status": "active",
                "payout_method": {
                    "type": "sepa",
                    "holder": format!("{topic} {kind} Ltd"),
                    "iban": iban(number),
                },
            });
            let affiliate = api.post("/v1/affiliates", &body).await?;
            network.affiliates.extend(affiliate["id"].as_i64());
            // Every affiliate carries two of the offers, so that no two look the same.
            for turn in 0..2 {
                let place = (number + turn * 2) % network.offers.len();
                let body = json!({"offer_id": network.offers[place].id, "affiliate_id": affiliate["id"]});
                let link = api.post("/v1/links", &body).await?;
                let code = link["code"].as_str().unwrap_or_default().to_owned();
                network.links.push((code, place));
            }
        }
        progress(&format!("{} affiliates with {} links", network.affiliates.len(), network.links.len()));
        Ok(network)
    }
}

fn offer_body(advertiser: &Value, name: &str, currency: &str, plan: &OfferPlan) -> Value {
    let (offer, path, goal, kind, revenue, payout, _) = *plan;
    let price =
        |amount: &str| if kind == "pps" { json!({"percent": amount}) } else { json!({"fixed": amount}) };
    let host = format!("{}.example", name.to_lowercase().replace(' ', "-"));
    json!({
        "advertiser_id": advertiser,
        "name": offer,
        "currency": currency,
        "landing_page": format!("https://{host}/{path}?click={{click_id}}&s={{sub1}}"),
        "fallback_url": format!("https://{host}/"),
        "deep_link_hosts": [host],
        "postback_auth": "token",
        "attribution": {"model": "last_click", "window_days": 30},
        "approval": "automatic",
        "hold_days": if kind == "ppl" { 14 } else { 0 },
        "targeting": {"devices": {"not": ["tv"]}},
        "goals": [{"key": goal, "kind": kind, "revenue": price(revenue), "payout": price(payout)}],
    })
}

fn read_offer(offer: &Value, advertiser: &Value, plan: &OfferPlan) -> Offer {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Offer {
        id: offer["id"].as_i64().unwrap_or_default(),
        name: text(&offer["name"]),
        goal: plan.2.to_owned(),
        currency: text(&offer["currency"]),
        token: text(&advertiser["postback_token"]),
        order_minor: plan.6,
    }
}

/// A German IBAN with right check digits and a bank that does not exist.
fn iban(number: usize) -> String {
    let account = format!("{:018}", 500_000_000_000_000_000_u64 + number as u64);
    // ISO 13616: country as letters A = 10, then 00, modulo 97.
    let remainder = format!("{account}131400")
        .bytes()
        .fold(0_u32, |sum, digit| (sum * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_ibans_have_right_check_digits() {
        for number in 0..AFFILIATES {
            let text = iban(number);
            let (check, account) = text.strip_prefix("DE").expect("a German IBAN").split_at(2);
            let turned = format!("{account}1314{check}");
            let remainder =
                turned.bytes().fold(0_u32, |sum, digit| (sum * 10 + u32::from(digit - b'0')) % 97);
            assert_eq!((text.len(), remainder), (22, 1), "{text}");
        }
    }
}
