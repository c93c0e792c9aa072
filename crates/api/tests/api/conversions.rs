//! Conversions that come in through the API.

use hopline_types::Role;
use serde_json::json;

use crate::harness::{World, offer};

// L-17
#[tokio::test]
async fn wrong_amounts_are_refused_and_never_rounded() {
    let world = World::furnished().await;
    let click = world.click(1, 1, 1).await;
    for amount in [
        json!("49,90"),
        json!("1e3"),
        json!("0.001"),
        json!("-5"),
        json!("+1"),
        json!(" 1"),
        json!(""),
        json!(49.9),
    ] {
        let body =
            json!({"click_id": click, "event": "sale", "order_id": "A", "amount": amount, "currency": "EUR"});
        assert_eq!(world.post("/v1/conversions", &body).await.bad_fields(422), ["amount"], "{amount}");
    }
    assert_eq!(world.get("/v1/conversions").await.expect(200)["items"], json!([]));
    let batch = json!({"currency": "EUR", "method": "sepa", "minimum": "1,00"});
    assert_eq!(world.post("/v1/payout_batches", &batch).await.bad_fields(422), ["minimum"]);
}

#[tokio::test]
async fn a_repeated_order_changes_nothing_and_says_so() {
    let world = World::furnished().await;
    let first = world.sale("A-1", 1).await;
    assert_eq!(first["duplicate"], json!(false));
    let again =
        json!({"offer_id": 1, "event": "sale", "order_id": "A-1", "amount": "59.90", "currency": "EUR"});
    let again = world.post("/v1/conversions", &again).await.expect(200);
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &json!(true)));
    assert_eq!(again["amount"]["amount"], "49.90");
    let differs = again["differences"].as_array().unwrap();
    assert!(differs.iter().any(|one| one["field"] == "amount" && one["now"] == "59.90"), "{differs:?}");
}

#[tokio::test]
async fn a_list_is_answered_item_by_item() {
    let world = World::furnished().await;
    let body = json!([
        {"offer_id": 1, "event": "sale", "order_id": "L-1", "amount": "10.00"},
        {"offer_id": 1, "event": "sale", "order_id": "L-1", "amount": "10.00"},
        {"offer_id": 1, "event": "sale", "order_id": "L-2", "amount": "ten", "colour": "red"},
        {"event": "sale"},
        "x",
        {"offer_id": 1, "event": "lead", "order_id": "L-3"},
    ]);
    let answer = world.post("/v1/conversions", &body).await.expect(200);
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"], &answer["refused"]),
        (&json!(2), &json!(1), &json!(3))
    );
    let items = answer["items"].as_array().unwrap();
    let accepted: Vec<_> = items.iter().map(|item| item["accepted"].as_bool().unwrap()).collect();
    assert_eq!(accepted, [true, true, false, false, false, true]);
    assert_eq!((&items[1]["duplicate"], &items[1]["id"]), (&json!(true), &items[0]["id"]));
    let errors = items[2]["errors"].as_array().unwrap();
    assert_eq!((&errors[0]["field"], &errors[1]["field"]), (&json!("amount"), &json!("colour")));
    assert_eq!(items[3]["errors"][0]["field"], "offer_id");
    assert_eq!(world.get("/v1/conversions").await.expect(200)["items"].as_array().unwrap().len(), 2);
    let many = json!(vec![json!({}); 1001]);
    world.post("/v1/conversions", &many).await.problem(422);
    world.post("/v1/conversions", &json!([])).await.problem(422);
}

#[tokio::test]
async fn a_forged_click_id_is_refused_with_its_reason() {
    let world = World::furnished().await;
    let mut click = world.click(1, 1, 1).await;
    let last = click.pop().unwrap();
    click.push(if last == 'A' { 'B' } else { 'A' });
    let body = json!({"click_id": click, "offer_id": 1, "event": "lead", "order_id": "A-1"});
    let answer = world.post("/v1/conversions", &body).await;
    if answer.status.as_u16() == 422 {
        assert_eq!(answer.bad_fields(422), ["click_id"]);
    } else {
        // Kept, but credited to nobody.
        answer.expect(201);
        world.work().await;
        let kept = world.get("/v1/conversions?order_id=A-1").await.expect(200);
        assert_eq!(kept["items"][0]["affiliate_id"], json!(null));
    }
}

#[tokio::test]
async fn an_advertiser_reports_for_its_own_offers_only() {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    world.post("/v1/offers", &offer(2)).await.expect(201);
    let key = world.key(Role::Advertiser, Some(2), None).await;
    let foreign = json!({"offer_id": 1, "event": "lead", "order_id": "X"});
    let refused = world.post_as(&key, "/v1/conversions", &foreign).await;
    assert!(!refused.status.is_success());
    let own = json!({"offer_id": 2, "event": "lead", "order_id": "X"});
    world.post_as(&key, "/v1/conversions", &own).await.expect(201);
    let all = world.get("/v1/conversions").await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn refunds_and_judgements_are_booked_and_bounded() {
    let world = World::furnished().await;
    let operator = world.operator.clone();
    let id = world.sale("A-1", 1).await["id"].clone();
    let path = format!("/v1/conversions/{id}");
    let refund =
        world.post(&format!("{path}/refund"), &json!({"amount": "24.95", "reason": "returned"})).await;
    let refund = refund.expect(200);
    assert_eq!(refund["refund"]["amount"], json!({"amount": "24.95", "currency": "EUR"}));
    let too_much = json!({"amount": "50.00", "reason": "returned"});
    world.post(&format!("{path}/refund"), &too_much).await.problem(422);
    assert_eq!(world.post(&format!("{path}/refund"), &json!({})).await.bad_fields(422), ["reason"]);
    world.post(&format!("{path}/reject"), &json!({"reason": "late"})).await.problem(409);
    world.post("/v1/conversions/77/approve", &json!({})).await.problem(404);
    let explained = world.get(&format!("{path}/explain")).await.expect(200);
    assert!(explained.is_object());

    world.patch_as(&operator, "/v1/offers/1", &json!({"approval": "manual"})).await.expect(200);
    let id = world.sale("A-2", 2).await["id"].clone();
    let pending = world.get(&format!("/v1/conversions/{id}")).await.expect(200);
    assert_eq!(pending["status"], "pending");
    let approved = world.post(&format!("/v1/conversions/{id}/approve"), &json!({})).await.expect(200);
    assert_eq!(approved["status"], "approved");
    let id = world.sale("A-3", 3).await["id"].clone();
    let rejected =
        world.post(&format!("/v1/conversions/{id}/reject"), &json!({"reason": "fraud"})).await.expect(200);
    assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("rejected"), &json!("fraud")));
    assert_eq!(world.get("/v1/ledger/trial_balance").await.expect(200)["balanced"], json!(true));
}
