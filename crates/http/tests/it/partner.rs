//! `/v1/partner`: what an app's backend may do with its key, and nobody without one.

use axum::body::Body;
use axum::http::Request;
use mayday_app::admin::{AdminReply, AdminRequest, PartnerKeyRequest, PartnerKeyView};
use mayday_app::testing::{APP_ID, Partner, create_app};
use serde_json::{Value, json};

use crate::harness::{Answer, Server};

async fn key(server: &Server, app: &str) -> (String, PartnerKeyView) {
    let create = PartnerKeyRequest::Create {
        app_id: app.to_owned(),
        name: Some("backend".to_owned()),
        replaces_within_hours: None,
    };
    match server.node.admin(AdminRequest::PartnerKey(create)).await {
        AdminReply::PartnerKeyCreated { key, secret } => (secret.0, key),
        other => panic!("a key, not {other:?}"),
    }
}

async fn end(server: &Server, key: &str, user: &str) -> Answer {
    let request = Request::post("/v1/partner/sessions/end")
        .header("authorization", format!("Bearer {key}"))
        .body(Body::from(json!({"user": user}).to_string()));
    server.send(request.unwrap()).await
}

async fn me(server: &Server, access: &str) -> Answer {
    let request = Request::get("/v1/sdk/me")
        .header("authorization", format!("Bearer {access}"))
        .body(Body::empty());
    server.send(request.unwrap()).await
}

async fn log_in(server: &Server, partner: &Partner, user: &str, device: &str) -> String {
    let grant = server.node.log_in(partner, user, device).await;
    grant.access_token.expose().to_owned()
}

#[tokio::test]
async fn a_backend_ends_all_sessions_of_its_user_and_of_nobody_else() {
    let server = Server::start().await;
    let partner = server.node.partner(3).await;
    let (shown, _) = key(&server, APP_ID).await;
    let mut anas = Vec::new();
    for device in ["phone", "tablet"] {
        anas.push(log_in(&server, &partner, "ana", device).await);
    }
    let ben = log_in(&server, &partner, "ben", "phone").await;
    let ended = end(&server, &shown, "ana").await.body(200);
    assert_eq!(ended, json!({"responseCode": "ok", "ended": 2}));
    for access in &anas {
        me(&server, access).await.error(401, "session_revoked");
    }
    me(&server, &ben).await.body(200);
    // Asked again, as after a lost answer: the same end, and nothing more.
    for user in ["ana", "nobody-knows"] {
        let ended = end(&server, &shown, user).await.body(200);
        assert_eq!(ended["ended"], 0);
    }
    // She logs in anew; the partner says who is let in.
    let again = log_in(&server, &partner, "ana", "phone").await;
    me(&server, &again).await.body(200);
}

#[tokio::test]
async fn a_key_is_good_for_its_own_app_alone() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    create_app(&server.node.app, "other").await;
    let (foreign, _) = key(&server, "other").await;
    let ana = log_in(&server, &partner, "ana", "phone").await;
    let ended = end(&server, &foreign, "ana").await.body(200);
    assert_eq!(ended["ended"], 0);
    me(&server, &ana).await.body(200);
    // An access token is no key, and a key is no access token.
    let error = end(&server, &ana, "ana").await.error(401, "unauthorized");
    let said = error["message"].as_str().unwrap();
    assert!(said.contains("partner key"), "{said}");
    me(&server, &foreign).await.error(401, "unauthorized");
}

#[tokio::test]
async fn a_key_that_is_wrong_revoked_or_replaced_ends_nothing() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let ana = log_in(&server, &partner, "ana", "phone").await;
    let (shown, known) = key(&server, APP_ID).await;
    let mut wrong = shown.clone();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    for not_it in [wrong.as_str(), "", "pk_", "pk_1"] {
        end(&server, not_it, "ana").await.error(401, "unauthorized");
    }
    let bare = Request::post("/v1/partner/sessions/end").body(Body::from("{\"user\":\"ana\"}"));
    server.send(bare.unwrap()).await.error(401, "unauthorized");
    // A rotation that leaves the old key no time.
    let rotate = PartnerKeyRequest::Create {
        app_id: APP_ID.to_owned(),
        name: None,
        replaces_within_hours: Some(0),
    };
    let AdminReply::PartnerKeyCreated { key: next, secret } =
        server.node.admin(AdminRequest::PartnerKey(rotate)).await
    else {
        panic!("a key")
    };
    end(&server, &shown, "ana").await.error(401, "unauthorized");
    let listed = PartnerKeyRequest::List {
        app_id: APP_ID.to_owned(),
    };
    let AdminReply::PartnerKeys { keys } =
        server.node.admin(AdminRequest::PartnerKey(listed)).await
    else {
        panic!("keys")
    };
    let live: Vec<_> = keys.iter().filter(|key| key.live).collect();
    assert_eq!((keys.len(), live.len()), (2, 1), "{keys:?}");
    assert!(
        live.iter()
            .all(|key| key.key_id == next.key_id && key.key_id != known.key_id)
    );
    let revoke = PartnerKeyRequest::Revoke {
        app_id: APP_ID.to_owned(),
        key_id: next.key_id.to_string(),
    };
    server.node.admin(AdminRequest::PartnerKey(revoke)).await;
    end(&server, &secret.0, "ana")
        .await
        .error(401, "unauthorized");
    me(&server, &ana).await.body(200);
}

#[tokio::test]
async fn guesses_are_limited_and_a_good_key_is_not() {
    let server = Server::start().await;
    let (shown, _) = key(&server, APP_ID).await;
    let mut said = Vec::new();
    while said.last() != Some(&429) && said.len() < 200 {
        said.push(end(&server, "pk_guess", "ana").await.status.as_u16());
    }
    assert_eq!((said[0], said.last()), (401, Some(&429)));
    end(&server, &shown, "ana").await.body(200);
}

#[tokio::test]
async fn no_list_and_no_refusal_holds_a_key() {
    let server = Server::start().await;
    let (shown, known) = key(&server, APP_ID).await;
    let listed = PartnerKeyRequest::List {
        app_id: APP_ID.to_owned(),
    };
    let reply = server.node.admin(AdminRequest::PartnerKey(listed)).await;
    let json: Value = serde_json::to_value(&reply).unwrap();
    assert!(json.to_string().contains(&known.key_id.to_string()));
    assert!(!json.to_string().contains(&shown[3..]), "{json}");
    let refused = end(&server, &format!("{shown}0"), "ana").await;
    let body = refused.error(401, "unauthorized");
    assert!(!body.to_string().contains(&shown[3..]), "{body}");
}
