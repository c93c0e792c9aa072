//! The OpenAPI document, the page that shows it, and the headers of all answers.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::World;

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        None => schema,
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
    }
}

/// The schema of a request's body, of the single item where it may be a list.
fn body<'a>(document: &'a Value, operation: &'a Value) -> &'a Value {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut schema = resolved(document, schema);
    while let Some(choices) = schema["oneOf"].as_array() {
        schema = resolved(document, choices.iter().find(|one| one["type"] != "null").unwrap());
    }
    schema
}

#[tokio::test]
async fn the_document_describes_every_operation_completely() {
    let world = World::new().await;
    let answer = world.get_as("", "/v1/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let text = String::from_utf8(answer.bytes.clone()).unwrap();
    let document = answer.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["license"]["name"], "Apache-2.0");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} is nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/v1/"), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{name}: id given twice"
            );
            assert!(operation["summary"].is_string(), "{name} has no summary");
            assert!(
                operation["responses"]["422"]["content"]["application/problem+json"].is_object(),
                "{name}"
            );
            let holds_id = operation["parameters"].as_array().is_some_and(|parameters| {
                parameters.iter().any(|parameter| parameter["name"] == "id" && parameter["in"] == "path")
            });
            assert_eq!(holds_id, path.contains("{id}"), "{name}");
        }
    }
}

/// What is read and what is described must not drift apart: a request with a field that nobody knows is answered with
/// the names that are read.
#[tokio::test]
async fn request_bodies_hold_exactly_the_fields_that_are_read() {
    let world = World::furnished().await;
    let document: Value = serde_json::from_str(&hopline_api::openapi_json()).unwrap();
    let mut compared = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = body(&document, operation);
            let Some(properties) = schema["properties"].as_object() else { continue };
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "1");
            let body = json!({"surely_unknown": 1});
            let problem = world.call(&world.operator, method, &path, Some(&body), &[]).await.problem(422);
            let errors = problem["errors"].as_array().unwrap();
            let unknown = errors.iter().find(|error| error["field"] == "surely_unknown").unwrap();
            let known = unknown["message"].as_str().unwrap().split_once("there are ").unwrap().1;
            let known: BTreeSet<&str> = known.split(", ").collect();
            let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(known, described, "{path}");
            let needed = schema["required"].as_array().into_iter().flatten();
            let needed: BTreeSet<&str> = needed.map(|name| name.as_str().unwrap()).collect();
            let missing: BTreeSet<&str> = errors
                .iter()
                .filter(|error| error["message"].as_str().unwrap().starts_with("is missing"))
                .map(|error| error["field"].as_str().unwrap())
                .collect();
            // What is needed only in some cases is described in words.
            let in_words = BTreeSet::from(["affiliate_id", "offer_id"]);
            let missing: BTreeSet<&str> = missing
                .into_iter()
                .filter(|name| needed.contains(name) || !in_words.contains(name))
                .collect();
            assert_eq!(missing, needed, "{path}");
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared}");
}

/// The properties of a schema, those of its parts too, and which of them are always there.
fn properties<'a>(document: &'a Value, schema: &'a Value) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let schema = resolved(document, schema);
    let (mut all, mut required) = (BTreeSet::new(), BTreeSet::new());
    all.extend(schema["properties"].as_object().into_iter().flat_map(|each| each.keys().map(String::as_str)));
    required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (more, needed) = properties(document, part);
        all.extend(more);
        required.extend(needed);
    }
    (all, required)
}

#[tokio::test]
async fn answers_hold_what_the_document_says() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let batch = json!({"currency": "EUR", "method": "sepa"});
    world.post("/v1/payout_batches", &batch).await.expect(201);
    let schedule = json!({"currency": "EUR", "method": "sepa", "when": {"every": "month", "day": 1}});
    world.post("/v1/payout_schedules", &schedule).await.expect(201);
    let minimum = json!({"method": "sepa", "currency": "EUR", "minimum": "0.01"});
    world.post("/v1/payout_minimums", &minimum).await.expect(200);
    world
        .post("/v1/affiliates/1/payout_minimums", &json!({"currency": "EUR", "minimum": "0.01"}))
        .await
        .expect(200);
    world
        .post(
            "/v1/payout_templates",
            &json!({"name": "bank", "template": {"columns": [{"value": "{iban}"}]}}),
        )
        .await
        .expect(200);
    world.post("/v1/click_findings", &crate::click_findings::robots()).await.expect(201);
    let coupon = json!({"advertiser_id": 1, "code": "SUMMER10", "affiliate_id": 1});
    world.post("/v1/coupons", &coupon).await.expect(201);
    world.post("/v1/affiliate_groups", &json!({"name": "Gold"})).await.expect(201);
    world.post("/v1/bonuses", &crate::terms::contest()).await.expect(201);
    crate::installs::furnish(&world).await;
    let document: Value = serde_json::from_str(&hopline_api::openapi_json()).unwrap();
    let mut compared = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if schema.is_null() || path.ends_with("/explain") {
            continue;
        }
        let query = if path == "/v1/goals" { "?offer_id=1" } else { "" };
        let place = path.replace("{id}", "1").replace("{month}", "2026-01");
        let answer = world.get(&format!("{place}{query}")).await;
        if answer.status.as_u16() == 404 {
            assert_eq!(path, "/v1/users/{id}");
            continue;
        }
        let answer = answer.expect(200);
        let mut places = vec![(schema, &answer)];
        if let Some(first) = answer["items"].as_array().and_then(|items| items.first()) {
            let items = &resolved(&document, schema)["properties"]["items"]["items"];
            places.push((items, first));
        }
        for (schema, value) in places {
            let (all, required) = properties(&document, schema);
            let keys: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(keys.is_subset(&all), "{path}: {:?} are not described", keys.difference(&all));
            assert!(required.is_subset(&keys), "{path}: {:?} are not there", required.difference(&keys));
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared}");
}

// S-24
#[tokio::test]
async fn the_page_asks_nobody_else_and_runs_no_inline_script() {
    let world = World::new().await;
    let page = world.get_as("", "/docs").await;
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("onclick"));
    assert_eq!(world.get_as("", "/docs/").await.bytes, page.bytes, "with a slash at its end too");
    for path in ["/docs/docs.js", "/docs/docs.css"] {
        assert!(html.contains(path));
        let part = world.get_as("", path).await;
        assert_eq!(part.status.as_u16(), 200);
        let text = String::from_utf8(part.bytes).unwrap();
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_its_protecting_headers() {
    let world = World::new().await;
    for path in ["/v1/offers", "/v1/nothing", "/docs", "/v1/openapi.json"] {
        let answer = world.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 16, "{path}");
    }
    assert_eq!(world.get("/v1/offers").await.header("cache-control"), "no-store");
    let head = world.call(&world.operator, Method::HEAD, "/v1/offers/9", None, &[]).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (404, 0));
}

/// The page offers them to be tried.
#[tokio::test]
async fn every_example_of_a_body_is_accepted() {
    let document: Value = serde_json::from_str(&hopline_api::openapi_json()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = body(&document, operation);
            if schema.is_null() {
                continue;
            }
            let example = &schema["examples"][0];
            assert!(example.is_object(), "{method} {path} has no example");
            let world = World::furnished().await;
            world.sale("A-9", 1).await;
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "1");
            let answer = world.call(&world.operator, method, &path, Some(example), &[]).await;
            let status = answer.status.as_u16();
            // What stands against it here is the state of things, not the example.
            assert!(
                matches!(status, 200 | 201 | 404 | 409),
                "{path}: {}",
                String::from_utf8_lossy(&answer.bytes)
            );
            tried += 1;
        }
    }
    assert!(tried >= 15, "{tried}");
}

/// The words that the document names are those that are read.
#[tokio::test]
async fn the_words_of_fields_and_parameters_are_those_that_are_read() {
    let world = World::furnished().await;
    let document: Value = serde_json::from_str(&hopline_api::openapi_json()).unwrap();
    let words = |schema: &Value| -> Option<Vec<String>> {
        let schema = resolved(&document, schema);
        let choice =
            schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["$ref"].is_string()));
        let named = choice.map_or(schema, |choice| resolved(&document, choice))["enum"].as_array()?;
        Some(named.iter().map(|word| word.as_str().unwrap().to_owned()).collect())
    };
    let remark = |problem: &Value, field: &str| {
        let errors = problem["errors"].as_array().unwrap();
        let found = errors.iter().find(|error| error["field"] == field);
        found.unwrap_or_else(|| panic!("{field}: {problem}"))["message"].as_str().unwrap().to_owned()
    };
    let mut compared = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let filled = path.replace("{id}", "1");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let Some(words) = words(&parameter["schema"]) else { continue };
                let name = parameter["name"].as_str().unwrap();
                let answer = world.get(&format!("{filled}?{name}=nonsense")).await.problem(400);
                let message = remark(&answer, name);
                for word in &words {
                    assert!(message.contains(word), "{path}: {word} in {message}");
                }
                compared += 1;
            }
            let schema = body(&document, operation);
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let Some(words) = words(field) else { continue };
                let body = json!({ name: "nonsense" });
                let problem =
                    world.call(&world.operator, method.clone(), &filled, Some(&body), &[]).await.problem(422);
                let message = remark(&problem, name);
                assert!(
                    message.ends_with(&format!("is not one of {}", words.join(", "))),
                    "{path}: {message}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= 25, "{compared}");
}

#[tokio::test]
async fn changes_name_their_idempotency_key_and_ids_count_from_one() {
    let document: Value = serde_json::from_str(&hopline_api::openapi_json()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let named = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
            let keeps = matches!(method.as_str(), "post" | "patch") && path != "/v1/click_settlements";
            assert_eq!(named, keeps, "{method} {path}");
            for id in parameters.iter().filter(|parameter| parameter["name"] == "id") {
                assert_eq!(id["schema"]["minimum"], 1, "{method} {path}");
            }
        }
    }
}
