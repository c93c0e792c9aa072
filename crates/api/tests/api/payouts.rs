//! Payout methods, files, results, minimums, schedules over HTTP.

use axum::http::{Method, Request};
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, World};

async fn upload(world: &World, path: &str, kind: &str, text: &str, key: Option<&str>) -> Answer {
    let mut request = Request::builder().method(Method::POST).uri(path);
    request =
        request.header("authorization", format!("Bearer {}", world.operator)).header("content-type", kind);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    world.send(request.body(text.to_owned().into()).unwrap()).await
}

async fn patch(world: &World, path: &str, body: &Value) -> Answer {
    world.patch_as(&world.operator, path, body).await
}

/// An approved batch of 4.99 EUR; its message id.
async fn approved(world: &World) -> String {
    world.sale("A-1", 1).await;
    let drafted =
        world.post("/v1/payout_batches", &json!({"currency": "EUR", "method": "sepa"})).await.expect(201);
    assert_eq!(drafted["payouts"].as_array().unwrap().len(), 1, "{drafted}");
    let second = world.key(Role::Finance, None, None).await;
    world.post_as(&second, "/v1/payout_batches/1/approve", &json!({})).await.expect(200);
    drafted["message_id"].as_str().unwrap().to_owned()
}

fn report(message: &str, status: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03\"><CstmrPmtStsRpt>\n\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId></OrgnlGrpInfAndSts>\n\
         <OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>PO-1</OrgnlEndToEndId><TxSts>{status}</TxSts></TxInfAndSts>\
         </OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )
}

// P-42
#[tokio::test]
async fn p_42_a_payout_method_is_shown_whole_only_by_a_call_that_is_noted() {
    let world = World::furnished().await;
    let shown = world.get("/v1/affiliates/1").await.expect(200);
    assert_eq!(shown["payout_method"]["iban"], "…3000");
    assert_eq!(shown["payout_method"]["holder"], "Blog GmbH");
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    let whole = world.get_as(&own, "/v1/affiliates/1/payout_method").await.expect(200);
    assert_eq!(whole["payout_method"]["iban"], "DE89370400440532013000");
    let log = world.get("/v1/audit_log?limit=500").await.expect(200);
    let last = log["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["after"]["payout_method"]["iban"]),
        (&json!("affiliate.payout_method.reveal"), &json!("…3000"))
    );
    // Another tenant's is not there, and advertisers see none.
    world.post("/v1/affiliates", &crate::harness::affiliate("Shop", "shop@example.com")).await.expect(201);
    let other = world.key(Role::Affiliate, None, Some(2)).await;
    world.get_as(&other, "/v1/affiliates/1/payout_method").await.problem(404);
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    world.get_as(&advertiser, "/v1/affiliates/1/payout_method").await.problem(403);
    // What is shown cannot be saved by mistake.
    let back = json!({"payout_method": shown["payout_method"]});
    assert_eq!(patch(&world, "/v1/affiliates/1", &back).await.bad_fields(422), ["payout_method.iban"]);
    // Saving the same again is no change.
    let same = json!({"payout_method": {"type": "sepa", "holder": "Blog GmbH", "iban": "DE89 3704 0044 0532 0130 00"}});
    let saved = patch(&world, "/v1/affiliates/1", &same).await.expect(200);
    assert_eq!(saved["payout_method_changed_at"], shown["payout_method_changed_at"]);
}

// P-08
#[tokio::test]
async fn p_08_a_result_file_is_booked_once_and_refused_with_its_line() {
    let world = World::furnished().await;
    let message = approved(&world).await;
    let path = "/v1/payout_batches/1/results?format=pain.002";
    let unknown = report(&message, "RJCT").replace("PO-1", "PO-7");
    let problem = upload(&world, path, "application/xml", &unknown, None).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "line 3");
    let failed = report(&message, "RJCT");
    let done = upload(&world, path, "application/xml", &failed, Some("once")).await.expect(201);
    assert_eq!(
        (&done["lines"][0]["outcome"], &done["payout_batch"]["status"]),
        (&json!("failed"), &json!("settled"))
    );
    // The same request again has the same answer; the same file by another request is refused.
    assert_eq!(upload(&world, path, "application/xml", &failed, Some("once")).await.expect(201), done);
    upload(&world, &format!("{path}&rest=paid"), "application/xml", &failed, Some("once")).await.problem(422);
    let again = upload(&world, path, "application/xml", &failed, None).await.problem(409);
    assert!(again["detail"].as_str().unwrap().starts_with("line 1: the same file"), "{again}");
    let listed = world.get("/v1/payout_batches/1/results").await.expect(200);
    assert_eq!(
        (&listed["items"][0]["lines"][0]["line"], listed["items"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
    assert_eq!(world.get("/v1/balances?affiliate=1").await.expect(200)["items"][0]["payable"], "4.99");
    upload(&world, "/v1/payout_batches/1/results", "application/xml", "", None).await.bad_fields(400);
    let fields = upload(&world, "/v1/payout_batches/1/results?format=docx", "text/csv", "", None)
        .await
        .bad_fields(400);
    assert_eq!(fields, ["format"]);
    upload(&world, "/v1/payout_batches/9/results?format=pain.002", "application/xml", &failed, None)
        .await
        .problem(404);
    upload(&world, path, "application/pdf", "x", None).await.problem(415);
}

// P-32, P-08
#[tokio::test]
async fn p_32_forms_of_files_are_saved_in_versions_and_used_by_name() {
    let world = World::furnished().await;
    let form = json!({"name": "house-bank", "template": {
        "columns": [{"title": "IBAN", "value": "{iban}"}, {"title": "Betrag", "value": "{amount}"}],
        "footer": [["{count}", "{total}"]], "separator": ";", "decimal_mark": ",", "encoding": "iso-8859-1"}});
    assert_eq!(world.post("/v1/payout_templates", &form).await.expect(200)["version"], 1);
    assert_eq!(world.post("/v1/payout_templates", &form).await.expect(200)["version"], 1);
    let wrong = json!({"name": "a b", "template": {"columns": [{"value": "{ibann}"}], "separator": "x"}});
    let fields = world.post("/v1/payout_templates", &wrong).await.bad_fields(422);
    assert_eq!(fields, ["name", "template.columns[0].value", "template.separator"]);
    assert_eq!(world.post("/v1/payout_templates", &json!({})).await.bad_fields(422), ["name", "template"]);
    let mapping = json!({"name": "house-bank", "mapping": {"columns": {"reference": "ref", "status": "st"}, "paid": ["ok"], "failed": ["no"]}});
    world.post("/v1/payout_result_mappings", &mapping).await.expect(200);
    assert_eq!(world.get("/v1/payout_templates").await.expect(200)["items"].as_array().unwrap().len(), 1);
    approved(&world).await;
    let file = world.get("/v1/payout_batches/1/export?format=csv&template=house-bank").await;
    assert_eq!(
        String::from_utf8_lossy(&file.bytes),
        "IBAN;Betrag\r\nDE89370400440532013000;4,99\r\n1;4,99\r\n"
    );
    assert_eq!((file.header("x-hopline-count"), file.header("x-hopline-control-sum")), ("1", "4.99"));
    assert_eq!(file.header("content-type"), "text/csv; charset=iso-8859-1");
    let none = world.get("/v1/payout_batches/1/export?format=csv&template=other").await;
    assert_eq!(none.bad_fields(422), ["template"]);
    let sheet = world.get("/v1/payout_batches/1/export?format=xlsx").await;
    assert!(sheet.bytes.starts_with(b"PK"));
    let path = "/v1/payout_batches/1/results?format=csv&mapping=house-bank";
    let done = upload(&world, path, "text/csv", "ref,st\nPO-1,ok\n", None).await.expect(201);
    assert_eq!(done["payout_batch"]["status"], "settled");
}

#[tokio::test]
async fn minimums_are_set_by_method_and_by_affiliates_themselves() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let set = json!({"method": "sepa", "currency": "EUR", "minimum": "5.00"});
    world.post("/v1/payout_minimums", &set).await.expect(200);
    let draft = json!({"currency": "EUR", "method": "sepa"});
    let drafted = world.post("/v1/payout_batches", &draft).await.expect(201);
    assert_eq!(
        (&drafted["refused"][0]["reason"], &drafted["minimum"]["amount"]),
        (&json!("below_minimum"), &json!("5.00"))
    );
    world
        .post("/v1/payout_minimums", &json!({"method": "sepa", "currency": "EUR", "minimum": "0"}))
        .await
        .expect(200);
    assert!(world.get("/v1/payout_minimums").await.expect(200)["items"].as_array().unwrap().is_empty());
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    let path = "/v1/affiliates/1/payout_minimums";
    world.post_as(&own, path, &json!({"currency": "EUR", "minimum": "100.00"})).await.expect(200);
    let drafted = world.post("/v1/payout_batches", &draft).await.expect(201);
    assert!(drafted["refused"][0]["detail"].as_str().unwrap().contains("that the affiliate wants"));
    let fields = world.post(path, &json!({"currency": "EUX", "minimum": "-1"})).await.bad_fields(422);
    assert_eq!(fields, ["minimum", "currency"]);
    assert_eq!(
        world.post(path, &json!({"currency": "EUR", "minimum": "-1"})).await.bad_fields(422),
        ["minimum"]
    );
    world.post("/v1/affiliates", &crate::harness::affiliate("Shop", "shop@example.com")).await.expect(201);
    let other = world.key(Role::Affiliate, None, Some(2)).await;
    world.post_as(&other, path, &json!({"currency": "EUR", "minimum": "1"})).await.problem(404);
}

#[tokio::test]
async fn schedules_are_entered_changed_and_checked() {
    let world = World::furnished().await;
    let new = json!({"currency": "EUR", "method": "sepa", "when": {"every": "half_month", "days": [1, 16]},
        "net_days": 15, "minimum": "25.00", "time_zone": "Europe/Berlin"});
    let made = world.post("/v1/payout_schedules", &new).await.expect(201);
    assert_eq!(
        (&made["id"], &made["active"], &made["when"]["days"]),
        (&json!(1), &json!(true), &json!([1, 16]))
    );
    let stopped =
        patch(&world, "/v1/payout_schedules/1", &json!({"active": false, "minimum": null})).await.expect(200);
    assert_eq!(
        (&stopped["active"], &stopped["minimum"], &stopped["net_days"]),
        (&json!(false), &Value::Null, &json!(15))
    );
    let wrong = json!({"currency": "USD", "method": "sepa", "when": {"every": "week", "weekday": 9}, "net_days": 999});
    let mut fields = world.post("/v1/payout_schedules", &wrong).await.bad_fields(422);
    fields.sort();
    assert_eq!(fields, ["currency", "net_days", "when.weekday"]);
    let wrong = json!({"currency": "USD", "method": "sepa", "when": {"every": "week", "weekday": 9}, "time_zone": "Mars"});
    let mut fields = world.post("/v1/payout_schedules", &wrong).await.bad_fields(422);
    fields.sort();
    assert_eq!(fields, ["currency", "time_zone", "when.weekday"]);
    assert_eq!(
        world.post("/v1/payout_schedules", &json!({})).await.bad_fields(422),
        ["currency", "method", "when"]
    );
    patch(&world, "/v1/payout_schedules/2", &json!({})).await.problem(404);
    assert_eq!(world.get("/v1/payout_schedules").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

// P-30
#[tokio::test]
async fn p_30_a_batch_may_leave_what_is_below_a_step_on_the_balance() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let draft = json!({"currency": "EUR", "method": "sepa", "round_down_to": "1.00"});
    let drafted = world.post("/v1/payout_batches", &draft).await.expect(201);
    assert_eq!(drafted["payouts"][0]["amount"]["amount"], "4.00");
    assert_eq!(drafted["round_down_to"]["amount"], "1.00");
    assert_eq!(world.get("/v1/balances?affiliate=1").await.expect(200)["items"][0]["payable"], "0.99");
}
