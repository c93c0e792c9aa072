//! An explanation for people: one page, each number with what it was made of.
//!
//! It is written from the explanation as it was redacted for the reader, so it never says more than that.

use serde_json::Value;

/// Writes an explanation ([`crate::explain`]) as plain text.
#[must_use]
pub fn explain_text(explanation: &Value) -> String {
    let mut page = Page::default();
    page.conversion(explanation);
    page.path(&explanation["decision"]);
    page.earned(&explanation["decision"]);
    page.afterwards(explanation);
    page.0
}

#[derive(Default)]
struct Page(String);

/// A text or number as people read it; `-` where there is none.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(|c: char| c.is_control(), " "),
        other => money(other).unwrap_or_else(|| other.to_string()),
    }
}

fn money(value: &Value) -> Option<String> {
    Some(format!("{} {}", value["amount"].as_str()?, value["currency"].as_str()?))
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

/// `7 days`, `26 h`, `90 min`, `12 s`: the largest unit that is at least two.
fn length(value: &Value) -> String {
    let Some(seconds) = value.as_i64() else { return "-".to_owned() };
    let units = [(86_400, "days"), (3_600, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= 2 * unit);
    unit.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        self.line(text);
        self.line(&"-".repeat(text.chars().count()));
    }

    fn conversion(&mut self, explanation: &Value) {
        let conversion = &explanation["conversion"];
        let title = format!("Conversion {}, order {}", conversion["id"], plain(&conversion["order_id"]));
        self.line(&title);
        self.line(&"=".repeat(title.chars().count()));
        let goal = format!(
            "Offer {}, goal {} ({}), happened {}, received {}.",
            conversion["offer_id"],
            plain(&conversion["goal"]),
            plain(&conversion["kind"]),
            plain(&conversion["converted_at"]),
            plain(&conversion["received_at"])
        );
        self.line(&goal);
        if let Some(amount) = money(&conversion["amount"]) {
            self.line(&format!("Order: {amount}."));
        }
        if let Some(amount) = money(&conversion["converted_amount"]) {
            let exchange = &conversion["exchange"];
            let (rate, source) = (plain(&exchange["rate"]), plain(&exchange["source"]));
            self.line(&format!("Converted at {rate} ({source}, {}): {amount}.", plain(&exchange["at"])));
        }
        let reason = conversion["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
        self.line(&format!("It is {}{reason}.", plain(&conversion["status"])));
        if let Some(detail) = explanation["waits"]["detail"].as_str() {
            self.line(&format!("It waits: {detail}."));
        }
    }

    fn path(&mut self, decision: &Value) {
        self.heading("Who is credited");
        self.line(&format!("{}.", plain(&decision["reason"])));
        let again = &decision["decided_again"];
        if !again.is_null() {
            let (at, because) = (plain(&again["at"]), plain(&again["because"]));
            self.line(&format!("Decided again at {at}, because {because}."));
        }
        if let Some(order) = decision["precedence"].as_array() {
            let order: Vec<String> = order.iter().map(plain).collect();
            self.line(&format!(
                "Model {}; asked in this order: {}.",
                plain(&decision["model"]),
                order.join(", then ")
            ));
        }
        let half_life = &decision["policy"]["half_life_seconds"];
        if !half_life.is_null() {
            self.line(&format!("A touch weighs half after {}.", length(half_life)));
        }
        for (number, touch) in list(decision, "touches").enumerate() {
            let mut text = format!("  {}. {}", number + 1, plain(&touch["at"]));
            if let Some(kind) = touch["kind"].as_str() {
                text.push_str(&format!(" {kind}"));
            }
            if !touch["affiliate_id"].is_null() {
                text.push_str(&format!(" by affiliate {}", touch["affiliate_id"]));
            }
            if !touch["age_seconds"].is_null() {
                text.push_str(&format!(", {} before", length(&touch["age_seconds"])));
            }
            if !touch["window_seconds"].is_null() {
                text.push_str(&format!(" (counts for {})", length(&touch["window_seconds"])));
            }
            text.push_str(&format!(": {}", plain(&touch["outcome"]).replace('_', " ")));
            if let Some(detail) = touch["detail"].as_str() {
                text.push_str(&format!(", {}", detail.replace('_', " ")));
            }
            self.line(&text);
        }
        let coupon = &decision["coupon"];
        if !coupon.is_null() {
            let whose = if coupon["affiliate_id"].is_null() {
                String::new()
            } else {
                format!(" of affiliate {}", coupon["affiliate_id"])
            };
            let outcome = plain(&coupon["outcome"]).replace('_', " ");
            self.line(&format!("  Coupon {}{whose}: {outcome}", plain(&coupon["code"])));
        }
        let customer = &decision["customer"];
        if !customer.is_null() {
            let orders = &customer["earlier_orders"];
            self.line(&format!("  The customer had made {orders} orders before."));
            let bound = &customer["bound"];
            if !bound["affiliate_id"].is_null() {
                self.line(&format!(
                    "  Bound to affiliate {} since {}, by conversion {}: {}",
                    bound["affiliate_id"],
                    plain(&bound["since"]),
                    bound["conversion_id"],
                    plain(&bound["outcome"]).replace('_', " ")
                ));
            }
        }
    }

    fn earned(&mut self, decision: &Value) {
        if list(decision, "lines").next().is_none() {
            return;
        }
        self.heading("What it earns");
        let terms = &decision["terms"];
        self.line(&format!(
            "Terms {}, version {}, in force from {}. Each line is rounded once, half to even.",
            terms["id"],
            terms["version"],
            plain(&terms["effective_from"])
        ));
        for line in list(decision, "lines") {
            self.line(&format!(
                "  {}: {}: {} x {} = {}, rounded {}",
                plain(&line["side"]),
                plain(&line["label"]),
                plain(&line["basis"]),
                plain(&line["rate"]),
                plain(&line["exact"]),
                plain(&line["rounded"])
            ));
        }
        let credits: Vec<&Value> = list(decision, "credits").collect();
        let is_shared = credits.iter().any(|credit| credit["weight"] != credit["weights_total"]);
        if is_shared {
            self.line("Shared by weight; whole cents left over go to the largest remainders, then to the earlier touch:");
        }
        for credit in credits {
            let part = share(&credit["weight"], &credit["weights_total"]);
            let side = |name: &str| money(&credit[name]).map(|amount| format!(", {name} {amount}"));
            let amounts: String = [side("revenue"), side("payout")].into_iter().flatten().collect();
            self.line(&format!(
                "  Affiliate {} by {}: {part}{amounts}",
                credit["affiliate_id"],
                by(&credit["source"])
            ));
        }
    }

    fn afterwards(&mut self, explanation: &Value) {
        if list(explanation, "earlier_decisions").next().is_some() {
            self.heading("Decided before");
        }
        for earlier in list(explanation, "earlier_decisions") {
            let reason = plain(&earlier["decision"]["reason"]);
            self.line(&format!(
                "  {}. {}: {reason}. It stood until {}: {}.",
                earlier["number"],
                plain(&earlier["decided_at"]),
                plain(&earlier["replaced_at"]),
                plain(&earlier["because"])
            ));
            for credit in list(&earlier["decision"], "credits") {
                let side = |name: &str| money(&credit[name]).map(|amount| format!(", {name} {amount}"));
                let amounts: String = [side("revenue"), side("payout")].into_iter().flatten().collect();
                self.line(&format!("      Affiliate {}{amounts}", credit["affiliate_id"]));
            }
        }
        if list(explanation, "commissions").next().is_some() {
            self.heading("Commissions");
        }
        for commission in list(explanation, "commissions") {
            let reversed = &commission["reversed"];
            let back = if reversed["amount"]
                .as_str()
                .is_none_or(|amount| amount.starts_with("0.0") || amount == "0")
            {
                String::new()
            } else {
                format!(", taken back {}", plain(reversed))
            };
            self.line(&format!(
                "  Affiliate {}: {} {}{back}",
                commission["affiliate_id"],
                plain(&commission["payout"]),
                plain(&commission["status"])
            ));
        }
        if list(explanation, "refunds").next().is_some() {
            self.heading("Refunds");
        }
        for refund in list(explanation, "refunds") {
            let (amount, reason) = (plain(&refund["amount"]), plain(&refund["reason"]));
            self.line(&format!("  {} {}: {amount} ({reason})", plain(&refund["at"]), plain(&refund["kind"])));
        }
        if list(explanation, "transactions").next().is_some() {
            self.heading("Ledger");
        }
        for transaction in list(explanation, "transactions") {
            self.line(&format!("  {} {}", plain(&transaction["effective_at"]), plain(&transaction["kind"])));
            for entry in list(transaction, "entries") {
                self.line(&format!("      {} {}", plain(&entry["account"]), plain(&entry["amount"])));
            }
        }
        for payout in list(explanation, "payouts") {
            self.line(&format!(
                "Payout {} to affiliate {}: {} {}",
                payout["payout_id"],
                payout["affiliate_id"],
                plain(&payout["amount"]),
                plain(&payout["status"])
            ));
        }
    }
}

fn by(source: &Value) -> String {
    match source.as_str() {
        Some("coupon") => "its coupon".to_owned(),
        Some("lifetime") => "the customer's binding".to_owned(),
        Some(click) => format!("click {click}"),
        None => "its click".to_owned(),
    }
}

/// `1 of 3`, or as a decimal with six places where the weights are large.
fn share(weight: &Value, total: &Value) -> String {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u128>().ok());
    match (number(weight), number(total)) {
        (Some(weight), Some(total)) if weight == total => "everything".to_owned(),
        (Some(weight), Some(total)) if total <= 10_000 => format!("{weight} of {total} parts"),
        (Some(weight), Some(total)) if total > 0 => {
            let millionths = weight.saturating_mul(1_000_000).saturating_add(total / 2) / total;
            format!("{}.{:06} of the whole", millionths / 1_000_000, millionths % 1_000_000)
        }
        _ => "a share".to_owned(),
    }
}
