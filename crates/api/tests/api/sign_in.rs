//! Sign-in and sessions.

use axum::http::Method;
use hopline_types::{HOUR_MS, MINUTE_MS, Role};
use serde_json::json;

use crate::harness::{NOW, World};

async fn with_user(role: &str) -> World {
    let world = World::furnished().await;
    let tenant = if role == "affiliate" { json!(1) } else { json!(null) };
    let user =
        json!({"email": "p@example.com", "role": role, "affiliate_id": tenant, "password": "correct horse"});
    world.post("/v1/users", &user).await.expect(201);
    world
}

// S-05
#[tokio::test]
async fn a_session_acts_as_its_user_until_it_ends() {
    let world = with_user("affiliate").await;
    let sign_in = &world.services.sign_in;
    let session = sign_in.login(" P@Example.com", "correct horse", None).await.unwrap();
    assert_eq!(session.user.role, Role::Affiliate);
    let cookie = format!("{}={}", hopline_api::SESSION_COOKIE, session.token);
    let own = world.call("", Method::GET, "/v1/affiliates", None, &[("cookie", &cookie)]).await.expect(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    world.call("", Method::GET, "/v1/users", None, &[("cookie", &cookie)]).await.problem(403);

    // S-06
    let foreign = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    let link = json!({"offer_id": 1});
    world.call("", Method::POST, "/v1/links", Some(&link), &foreign).await.problem(403);
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    world.call("", Method::POST, "/v1/links", Some(&link), &own).await.expect(201);

    sign_in.logout(&session.token).await.unwrap();
    assert!(sign_in.session(&session.token).await.unwrap().is_none());
    world.call("", Method::GET, "/v1/affiliates", None, &[("cookie", &cookie)]).await.problem(401);
    sign_in.logout("no such token").await.unwrap();
}

// S-05
#[tokio::test]
async fn sessions_end_when_unused_and_at_their_limit() {
    let world = with_user("finance").await;
    let sign_in = &world.services.sign_in;
    let session = sign_in.login("p@example.com", "correct horse", None).await.unwrap();
    assert_eq!(session.expires_at, NOW.plus(8 * HOUR_MS));
    for step in 1..=40 {
        world.clock.set(NOW.plus(step * 12 * MINUTE_MS));
        let is_live = sign_in.session(&session.token).await.unwrap().is_some();
        assert_eq!(is_live, step * 12 < 8 * 60, "after {} minutes", step * 12);
    }
    world.clock.set(NOW);
    let session = sign_in.login("p@example.com", "correct horse", None).await.unwrap();
    world.clock.set(NOW.plus(15 * MINUTE_MS));
    assert!(sign_in.session(&session.token).await.unwrap().is_none());
}

// S-07
#[tokio::test]
async fn unknown_users_wrong_passwords_and_shut_out_users_have_one_answer() {
    let world = with_user("operator").await;
    let sign_in = &world.services.sign_in;
    let wrong = sign_in.login("p@example.com", "wrong horse", None).await.unwrap_err();
    let unknown = sign_in.login("nobody@example.com", "wrong horse", None).await.unwrap_err();
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong, unknown);
    let session = sign_in.login("p@example.com", "correct horse", None).await.unwrap();
    let gone = world.call(&world.operator, Method::DELETE, "/v1/users/1", None, &[]).await;
    assert_eq!(gone.status.as_u16(), 204);
    assert!(sign_in.session(&session.token).await.unwrap().is_none());
    assert_eq!(sign_in.login("p@example.com", "correct horse", None).await.unwrap_err(), wrong);
}

// S-07
#[tokio::test]
async fn too_many_failures_make_an_account_wait() {
    let world = with_user("operator").await;
    let sign_in = &world.services.sign_in;
    for _ in 0..10 {
        assert_eq!(sign_in.login("p@example.com", "wrong horse", None).await.unwrap_err().status, 401);
    }
    let refused = sign_in.login("p@example.com", "correct horse", None).await.unwrap_err();
    assert_eq!((refused.status, refused.retry_after), (429, Some(901)));
    world.clock.set(NOW.plus(15 * MINUTE_MS));
    assert!(sign_in.login("p@example.com", "correct horse", None).await.is_ok());
}
