//! `/oauth/token` and its discovery, as clients of the standards meet them.

use axum::body::Body;
use axum::http::Request;
use mayday_app::admin::AdminRequest;
use mayday_app::testing::{APP_ID, create_app};
use mayday_http::HttpSettings;
use serde_json::json;

use crate::harness::{Answer, Server, keys};
use crate::sso::get;

/// What a client of RFC 6749 asks of the token endpoint.
fn token_request(pairs: &[(&str, &str)]) -> Request<Body> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(pairs);
    Request::post("/oauth/token")
        .header("host", "api.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.finish()))
        .unwrap()
}

/// An exchange of the token `t`.
const WHOLE: [(&str, &str); 4] = [
    (
        "grant_type",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ),
    ("client_id", APP_ID),
    ("subject_token", "t"),
    (
        "subject_token_type",
        "urn:ietf:params:oauth:token-type:id_token",
    ),
];

#[tokio::test]
async fn a_standard_client_gets_what_it_asks_for_or_nothing() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    partner.give("t", "ana", server.node.app.now());
    let form = async |pairs: &[(&str, &str)]| server.send(token_request(pairs)).await;
    for more in [
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:jwt",
        ),
        ("actor_token", "t"),
    ] {
        let mut pairs = WHOLE.to_vec();
        pairs.push(more);
        let refused = form(&pairs).await.body(400);
        assert_eq!(refused["error"], "invalid_request", "{more:?}");
    }
    // Nor a token for somebody else, or for less (RFC 8693, 2.2.2; RFC 6749, 3.3).
    for (more, word) in [
        (("resource", "https://other.example"), "invalid_target"),
        (("audience", "other"), "invalid_target"),
        (("scope", "sos:read"), "invalid_scope"),
    ] {
        let mut pairs = WHOLE.to_vec();
        pairs.push(more);
        let refused = form(&pairs).await.body(400);
        assert_eq!(refused["error"], word, "{more:?}");
    }
    // Whoever names us, by as many names as there are, gets it.
    let mut ours = WHOLE.to_vec();
    ours.extend([
        ("resource", "http://api.example"),
        ("resource", "http://api.example/v1/sdk"),
        ("audience", "http://api.example"),
        ("audience", partner.audience()),
        ("scope", ""),
    ]);
    form(&ours).await.body(200);
    ours.push(("resource", "https://other.example"));
    let refused = form(&ours).await.body(400);
    assert_eq!(refused["error"], "invalid_target");
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_client_and_for_no_scope() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    partner.give("t", "ana", server.node.app.now());
    let form = async |pairs: &[(&str, &str)]| server.send(token_request(pairs)).await;
    let granted = form(&WHOLE).await.body(200);
    // RFC 6749, 6: a refresh token is bound to its client. Whoever shows it as
    // another's spends nothing.
    create_app(&server.node.app, "other").await;
    let token = granted["refresh_token"].as_str().unwrap();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", token)];
    for client in ["other", "nobody", "NO"] {
        let mut pairs = refresh.to_vec();
        pairs.push(("client_id", client));
        let refused = form(&pairs).await.body(400);
        assert_eq!(refused["error"], "invalid_grant", "{client}");
    }
    let mut own = refresh.to_vec();
    own.push(("client_id", APP_ID));
    own.push(("scope", "more"));
    let refused = form(&own).await.body(400);
    assert_eq!(refused["error"], "invalid_scope");
    own.pop();
    let renewed = form(&own).await.body(200);
    // Whoever is blocked has tokens that are not good.
    let block = AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: "ana".into(),
        blocked: true,
    };
    server.node.admin(block).await;
    own[1].1 = renewed["refresh_token"].as_str().unwrap();
    let refused = form(&own).await.body(400);
    assert_eq!(refused["error"], "invalid_grant");
    let refused = form(&WHOLE).await.body(400);
    assert_eq!(refused["error"], "invalid_request");
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_where_clients_look() {
    let metadata = async |server: &Server, path: &str| {
        let path = format!("/.well-known/oauth-authorization-server{path}");
        let request = Request::get(path).header("host", "api.example");
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let url = "https://api.example/eu/mayday";
    let server = Server::with(HttpSettings {
        public_url: Some(url.to_owned()),
        ..HttpSettings::default()
    })
    .await;
    for path in ["", "/eu/mayday"] {
        let found = metadata(&server, path).await.body(200);
        assert_eq!(found["issuer"], url);
        assert_eq!(found["token_endpoint"], format!("{url}/oauth/token"));
    }
    for path in ["/eu", "/eu/mayday/more", "/other"] {
        metadata(&server, path).await.error(404, "not_found");
    }
    let plain = Server::start().await;
    metadata(&plain, "/eu").await.error(404, "not_found");
}

#[tokio::test]
async fn a_standard_client_exchanges_and_refreshes() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let form = async |pairs: &[(&str, &str)]| server.send(token_request(pairs)).await;
    let request = Request::get("/.well-known/oauth-authorization-server")
        .header("host", "api.example")
        .body(Body::empty());
    let found = server.send(request.unwrap()).await.body(200);
    assert_eq!(found["issuer"], "http://api.example");
    assert_eq!(found["token_endpoint"], "http://api.example/oauth/token");
    // RFC 8414, 3.2: a list without elements is none.
    assert_eq!(found["response_types_supported"], json!(["none"]));
    let exchange = found["grant_types_supported"][0].as_str().unwrap();
    partner.give("t+1/", "ana", server.node.app.now());
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let whole = [
        ("grant_type", exchange),
        ("client_id", APP_ID),
        ("subject_token", "t+1/"),
        ("subject_token_type", kind),
    ];
    let answer = form(&whole).await.body(200);
    assert_eq!(
        (answer["token_type"].as_str(), &answer["expires_in"]),
        (Some("Bearer"), &json!(900))
    );
    assert_eq!(answer["issued_token_type"], kind);
    let access = answer["access_token"].as_str().unwrap();
    get(&server, "/v1/sdk/me", access).await.body(200);

    let first = answer["refresh_token"].as_str().unwrap();
    let renewed = form(&[("grant_type", "refresh_token"), ("refresh_token", first)])
        .await
        .body(200);
    let second = renewed["refresh_token"].as_str().unwrap();
    form(&[("grant_type", "refresh_token"), ("refresh_token", second)])
        .await
        .body(200);
    let error = |answer: Answer, status: u16, word: &str| {
        let body = answer.body(status);
        assert_eq!(keys(&body), ["error", "error_description"]);
        assert_eq!(body["error"], word, "{body}");
    };
    let reused = form(&[("grant_type", "refresh_token"), ("refresh_token", first)]).await;
    error(reused, 400, "invalid_grant");
    // The token that opened it is spent with it.
    error(form(&whole).await, 400, "invalid_request");
    let unknown = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    error(form(&unknown).await, 400, "invalid_grant");
    for left_out in 0..4 {
        let mut some = whole.to_vec();
        some.remove(left_out);
        error(form(&some).await, 400, "invalid_request");
    }
    let mut twice = whole.to_vec();
    twice.push(("client_id", "other"));
    error(form(&twice).await, 400, "invalid_request");
    error(
        form(&[("grant_type", "password")]).await,
        400,
        "unsupported_grant_type",
    );
    let mut bad = whole;
    bad[2].1 = "unknown";
    error(form(&bad).await, 400, "invalid_request");
    bad[1].1 = "nobody";
    error(form(&bad).await, 401, "invalid_client");
    partner.answer("down", 500, json!({}));
    let mut down = whole;
    down[2].1 = "down";
    error(form(&down).await, 503, "temporarily_unavailable");
}
