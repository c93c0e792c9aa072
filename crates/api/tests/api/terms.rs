//! Plans of terms, groups, recruiters, bonuses, previews and dry runs over the API.

use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, World, affiliate};

pub(crate) fn contest() -> Value {
    json!({"offer_id": 1, "name": "Spring", "bonus": {"kind": "contest", "by": "amount",
        "from": "2020-01-01T00:00:00Z", "to": "2035-01-01T00:00:00Z", "prizes": ["100.00", "50.00"]}})
}

async fn enter(world: &World, more: Value) -> Answer {
    let mut body = json!({"revenue": {"percent": "12"}, "payout": {"percent": "10"}});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.post("/v1/goals/1/terms", &body).await
}

/// Fields and what is said of them.
async fn refused(world: &World, more: Value) -> Vec<(String, String)> {
    let problem = enter(world, more).await.problem(422);
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| (text(error, "field"), text(error, "message"))).collect()
}

#[tokio::test]
async fn contradictory_terms_are_refused_at_saving_with_both_sides_named() {
    let world = World::furnished().await;
    let step = |from: &str| json!({"from": from, "payout": {"percent": "10"}});
    let tiers = |steps: Value| json!({"tiers": {"by": "count", "period": "month", "mode": "marginal", "steps": steps}});

    let gap = refused(&world, tiers(json!([step("5"), step("10")]))).await;
    assert!(gap[0].1.contains("5 leaves a gap"), "{gap:?}");
    let twice = refused(&world, tiers(json!([step("0"), step("10"), step("10")]))).await;
    assert_eq!(twice[0].0, "tiers.steps[2].from");
    assert!(twice[0].1.contains("tiers.steps[1].from"), "{twice:?}");
    let above = refused(&world, json!({"payout": {"percent": "150"}})).await;
    assert_eq!(above[0].0, "payout.percent");
    enter(&world, json!({"payout": {"percent": "150"}, "allow_above_100": true})).await.expect(201);

    let whose = refused(&world, json!({"affiliate_id": 9, "until": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(whose.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["until", "affiliate_id"]);
    let both = refused(&world, json!({"affiliate_id": 1, "group_id": 1})).await;
    assert_eq!(both[0].0, "group_id");
    let unread = refused(&world, json!({"rates": [{"name": "x", "whem": {}}], "levels": "ten"})).await;
    assert_eq!(unread.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["rates", "levels"]);
}

#[tokio::test]
async fn the_terms_of_one_affiliate_go_before_its_groups_before_the_goals() {
    let world = World::furnished().await;
    let group = world.post("/v1/affiliate_groups", &json!({"name": "Gold"})).await.expect(201);
    assert_eq!((&group["id"], &group["members"]), (&json!(1), &json!([])));
    world.post("/v1/affiliate_groups", &json!({"name": "Gold"})).await.problem(409);
    world.post("/v1/affiliates/1/group", &json!({"group_id": 1})).await.expect(200);
    assert_eq!(
        world.post("/v1/affiliates/1/group", &json!({"group_id": 9})).await.bad_fields(422),
        ["group_id"]
    );
    assert_eq!(world.get("/v1/affiliate_groups").await.expect(200)["items"][0]["members"], json!([1]));

    enter(&world, json!({"group_id": 1, "payout": {"percent": "11"}})).await.expect(201);
    world.sale("A-1", 1).await;
    let paid = async |id: i64| {
        world.get(&format!("/v1/conversions/{id}")).await.expect(200)["payout"]["amount"].clone()
    };
    // 11 % and 11.5 % of 49.90, half to even.
    assert_eq!(paid(1).await, "5.49");
    let own = enter(&world, json!({"affiliate_id": 1, "payout": {"percent": "11.5"}})).await.expect(201);
    assert_eq!((&own["affiliate_id"], &own["version"]), (&json!(1), &json!(3)));
    world.sale("A-2", 2).await;
    assert_eq!(paid(2).await, "5.74");
    let explained = world.get("/v1/conversions/2/explain").await.expect(200);
    assert_eq!(explained["decision"]["terms"]["applies"], "version 3: terms of affiliate 1 alone");

    let preview = world.post("/v1/terms/preview", &json!({"conversion_id": 1})).await.expect(200);
    assert_eq!(preview["applies"], "version 3: terms of affiliate 1 alone", "{preview:#}");
    assert_eq!(
        (&preview["revenue"]["amount"], &preview["margin"]["amount"]),
        (&json!("5.99"), &json!("0.25"))
    );

    let blog = world.key(Role::Affiliate, None, Some(1)).await;
    assert_eq!(world.get_as(&blog, "/v1/affiliates/1/group").await.expect(200)["group_id"], 1);
    world.get_as(&blog, "/v1/affiliate_groups").await.problem(403);
    world.post_as(&blog, "/v1/affiliates/1/group", &json!({"group_id": null})).await.problem(403);
    world.post("/v1/affiliates/1/group", &json!({"group_id": null})).await.expect(200);
    assert_eq!(world.get("/v1/affiliates/1/group").await.expect(200)["group_id"], Value::Null);
}

#[tokio::test]
async fn recruiters_get_their_levels_and_nobody_recruits_himself() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Coach", "coach@example.com")).await.expect(201);
    world.post("/v1/affiliates/1/recruiter", &json!({"recruited_by": 2})).await.expect(200);
    let circle = world.post("/v1/affiliates/2/recruiter", &json!({"recruited_by": 1})).await;
    assert_eq!(circle.bad_fields(422), ["recruited_by"]);
    let unknown = world.post("/v1/affiliates/2/recruiter", &json!({"recruited_by": 7})).await;
    assert_eq!(unknown.bad_fields(422), ["recruited_by"]);
    enter(&world, json!({"levels": [{"of": "payout", "percent": "10"}]})).await.expect(201);
    world.sale("A-1", 1).await;
    let coach = world.key(Role::Affiliate, None, Some(2)).await;
    let balances = world.get_as(&coach, "/v1/balances").await.expect(200);
    // 10 % of 4.99.
    assert_eq!(balances["items"][0]["payable"], "0.50", "{balances:#}");
    assert_eq!(
        world.get_as(&coach, "/v1/affiliates/2/recruiter").await.expect(200)["recruited_by"],
        Value::Null
    );
    world.get_as(&coach, "/v1/affiliates/1/recruiter").await.problem(404);
}

#[tokio::test]
async fn a_dry_run_says_who_would_gain_and_lose_and_books_nothing() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let before = world.get("/v1/ledger/trial_balance").await.expect(200);
    let run = json!({"goal_id": 1, "from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z",
        "revenue": {"percent": "12"}, "payout": {"percent": "8"}, "rates": [
            {"name": "large", "when": {"amount_from": "40"}, "payout": {"percent": "20"}}]});
    let answer = world.post("/v1/terms/dry_run", &run).await.expect(200);
    assert_eq!(answer["affiliates"][0]["affiliate_id"], 1);
    // 20 % of 49.90 instead of 10 %.
    assert_eq!(
        (&answer["total"]["payout_before"], &answer["total"]["payout_after"]),
        (&json!("4.99"), &json!("9.98"))
    );
    assert_eq!(world.get("/v1/ledger/trial_balance").await.expect(200), before);
    let fields = world.post("/v1/terms/dry_run", &json!({"goal_id": 1})).await.bad_fields(422);
    assert_eq!(fields, ["from", "to", "revenue", "payout"]);
    let acme = world.key(Role::Advertiser, Some(1), None).await;
    world.post_as(&acme, "/v1/terms/dry_run", &run).await.problem(403);
}

#[tokio::test]
async fn a_contest_shows_who_leads_and_of_others_only_their_volumes() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Deals", "deals@example.com")).await.expect(201);
    let wrong = json!({"offer_id": 1, "name": "Spring", "bonus": {"kind": "contest", "by": "count", "from": "soon", "prizes": []}});
    assert_eq!(world.post("/v1/bonuses", &wrong).await.bad_fields(422), ["bonus.from", "bonus.to"]);
    let wrong = json!({"offer_id": 1, "name": "Spring", "bonus": {"kind": "ladder", "by": "count", "period": "month",
        "rungs": [{"from": "5", "amount": "1.00"}, {"from": "3", "amount": "2.001"}]}});
    let fields = world.post("/v1/bonuses", &wrong).await.bad_fields(422);
    assert_eq!(fields, ["bonus.rungs[1].amount", "bonus.rungs[1].from"]);
    let made = world.post("/v1/bonuses", &contest()).await.expect(201);
    assert_eq!(made["bonus"]["to"], "2035-01-01T00:00:00.000Z");

    world.sale("A-1", 1).await;
    let click = world.click(1, 2, 2).await;
    let sale =
        json!({"click_id": click, "event": "sale", "order_id": "B-1", "amount": "80.00", "currency": "EUR"});
    world.post("/v1/conversions", &sale).await.expect(201);
    world.work().await;
    let all = world.get("/v1/bonuses/1/leaderboard").await.expect(200);
    let of = |board: &Value, name: &str| -> Vec<Value> {
        board["places"].as_array().unwrap().iter().map(|place| place[name].clone()).collect()
    };
    assert_eq!((of(&all, "name"), &all["has_ended"]), (vec![json!("Deals"), json!("Blog")], &json!(false)));
    assert_eq!(all["places"][0]["prize"]["amount"], "100.00");
    let blog = world.key(Role::Affiliate, None, Some(1)).await;
    let seen = world.get_as(&blog, "/v1/bonuses/1/leaderboard").await.expect(200);
    assert_eq!(of(&seen, "affiliate_id"), [Value::Null, json!(1)]);
    assert_eq!(of(&seen, "name"), [Value::Null, json!("Blog")]);
    assert_eq!(seen["places"][0]["amount"]["amount"], "80.00");
    assert_eq!(world.get_as(&blog, "/v1/bonuses").await.expect(200)["items"].as_array().unwrap().len(), 1);
    let acme = world.key(Role::Advertiser, Some(1), None).await;
    world.get_as(&acme, "/v1/bonuses/1").await.problem(403);

    assert!(world.post("/v1/bonuses/1/end", &json!({})).await.expect(200)["ended_at"].is_string());
    world.post("/v1/bonuses/1/end", &json!({})).await.problem(409);
    let ladder = json!({"offer_id": 1, "name": "Steps", "bonus": {"kind": "sign_up", "on": "approval", "amount": "5.00"}});
    world.post("/v1/bonuses", &ladder).await.expect(201);
    world.get("/v1/bonuses/2/leaderboard").await.problem(409);
    world.get("/v1/bonuses/9").await.problem(404);
}
