//! The admin API: what a key of an operator is good for, that it does what the command
//! line does, and that nothing is done without one.

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::admin::{
    AdminKeyRequest, AdminKeyView, AdminReply, AdminRequest, PolicyRequest, SsoRequest,
};
use mayday_app::testing::{APP_ID, TestApp, create_app};
use mayday_http::{AdminHost, HttpSettings, admin_openapi_json, admin_router};
use serde_json::{Value, json};

use crate::harness::{Answer, Server};

/// What stands for the segments of a path that nothing is named by.
const NOBODY: &str = "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01";

/// The admin listener before a node.
pub(crate) fn listener(node: TestApp, settings: HttpSettings) -> Server {
    let router = admin_router(node.app.clone(), settings, AdminHost::Loopback);
    Server { node, router }
}

async fn start() -> Server {
    listener(TestApp::sqlite().await, HttpSettings::default())
}

/// One before each kind of store.
async fn both() -> Vec<Server> {
    let nodes = [Some(TestApp::sqlite().await), TestApp::postgres().await];
    let nodes = nodes.into_iter().flatten();
    nodes
        .map(|node| listener(node, HttpSettings::default()))
        .collect()
}

pub(crate) async fn key(
    server: &Server,
    app: Option<&str>,
    read_only: bool,
) -> (String, AdminKeyView) {
    let create = AdminKeyRequest::Create {
        app_id: app.map(str::to_owned),
        name: Some("panel".to_owned()),
        read_only,
    };
    match server.node.admin(AdminRequest::AdminKey(create)).await {
        AdminReply::AdminKeyCreated { key, secret } => (secret.0, key),
        other => panic!("a key, not {other:?}"),
    }
}

pub(crate) fn request(method: Method, path: &str, key: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:9090")
        .header("authorization", format!("Bearer {key}"))
        .body(body)
        .unwrap()
}

pub(crate) async fn ask(server: &Server, method: Method, path: &str, key: &str) -> Answer {
    server.send(request(method, path, key, Body::empty())).await
}

pub(crate) async fn put(server: &Server, path: &str, key: &str, body: Value) -> Answer {
    let body = Body::from(body.to_string());
    server.send(request(Method::PUT, path, key, body)).await
}

pub(crate) fn of(app: &str, rest: &str) -> String {
    format!("/v1/admin/apps/{app}/{rest}")
}

/// Every operation of the document, about an app.
pub(crate) fn operations(app: &str) -> Vec<(String, Method, String)> {
    let document: Value = serde_json::from_str(&admin_openapi_json()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("responses").is_none() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let name = format!("{method} {path}");
            let filled = path
                .replace("{app}", app)
                .replace("{mail}", "new_sign_in")
                .replace("{language}", "es")
                .replace("{id}", NOBODY);
            assert!(!filled.contains('{'), "{filled}");
            found.push((name, method, filled));
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

#[tokio::test]
async fn no_route_answers_without_a_key_for_the_app_and_the_method() {
    let server = start().await;
    create_app(&server.node.app, "other").await;
    let (foreign, _) = key(&server, Some("other"), false).await;
    let (looks, _) = key(&server, None, true).await;
    let (revoked, view) = key(&server, None, false).await;
    let revoke = AdminKeyRequest::Revoke {
        key_id: view.key_id.to_string(),
    };
    server.node.admin(AdminRequest::AdminKey(revoke)).await;
    for (name, method, path) in operations(APP_ID) {
        for shown in ["", "ak_", revoked.as_str()] {
            let answer = ask(&server, method.clone(), &path, shown).await;
            answer.error(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            // Each from a minute without failures.
            let clock = &server.node.store.clock;
            clock.advance(std::time::Duration::from_mins(2));
        }
        let answer = ask(&server, method.clone(), &path, &foreign).await;
        answer.error(403, "unauthorized");
        let answer = ask(&server, method.clone(), &path, &looks).await;
        if method == Method::GET {
            assert_ne!(answer.status.as_u16(), 403, "{name}: {}", answer.text);
        } else {
            answer.error(403, "unauthorized");
        }
    }
    let show = PolicyRequest::History {
        app_id: APP_ID.to_owned(),
        page: mayday_app::admin::PageRequest::default(),
    };
    let AdminReply::PolicyHistory(page) = server.node.admin(AdminRequest::Policy(show)).await
    else {
        panic!("a history");
    };
    assert!(page.items.is_empty(), "nothing was changed: {page:?}");
}

#[tokio::test]
async fn a_key_of_an_app_is_told_nothing_of_others() {
    let server = start().await;
    create_app(&server.node.app, "other").await;
    let (scoped, _) = key(&server, Some(APP_ID), false).await;
    let there = ask(&server, Method::GET, &of("other", "policy"), &scoped).await;
    let nowhere = ask(&server, Method::GET, &of("nobody", "policy"), &scoped).await;
    let there = there.error(403, "unauthorized");
    let nowhere = nowhere.error(403, "unauthorized");
    assert_eq!(there["message"], nowhere["message"]);
    let (every, _) = key(&server, None, false).await;
    for app in ["nobody", "No%20App"] {
        let answer = ask(&server, Method::GET, &of(app, "policy"), &every).await;
        answer.error(404, "not_found");
    }
}

#[tokio::test]
async fn other_proofs_are_no_admin_keys_and_the_public_listener_knows_none() {
    let server = start().await;
    let (shown, _) = key(&server, None, false).await;
    let hash = server.node.hash("ana");
    let partner = shown.replace("ak_", "pk_");
    for other in [hash.as_str(), partner.as_str()] {
        let answer = ask(&server, Method::GET, &of(APP_ID, "policy"), other).await;
        answer.error(401, "unauthorized");
    }
    let public = Server::on(server.node);
    let answer = ask(&public, Method::GET, &of(APP_ID, "policy"), &shown).await;
    answer.error(404, "not_found");
}

#[tokio::test]
async fn guesses_are_limited_and_a_good_key_is_not() {
    let server = start().await;
    let (shown, _) = key(&server, None, false).await;
    let path = of(APP_ID, "policy");
    let guess = format!("ak_{}", "0".repeat(64));
    let mut said = Vec::new();
    while said.last() != Some(&429) && said.len() < 200 {
        let answer = ask(&server, Method::GET, &path, &guess).await;
        said.push(answer.status.as_u16());
    }
    assert_eq!((said[0], said.last()), (401, Some(&429)));
    ask(&server, Method::GET, &path, &shown).await.body(200);
}

#[tokio::test]
async fn no_list_and_no_refusal_holds_a_key() {
    let server = start().await;
    let (shown, known) = key(&server, None, false).await;
    let listed = AdminRequest::AdminKey(AdminKeyRequest::List);
    let reply = server.node.admin(listed).await;
    let json = serde_json::to_value(&reply).unwrap().to_string();
    assert!(json.contains(&known.key_id.to_string()), "{json}");
    assert!(!json.contains(&shown[3..]), "{json}");
    let refused = ask(
        &server,
        Method::GET,
        &of(APP_ID, "sso"),
        &format!("{shown}0"),
    )
    .await;
    let body = refused.error(401, "unauthorized").to_string();
    assert!(!body.contains(&shown[3..]), "{body}");
}

#[tokio::test]
async fn a_policy_is_set_with_its_version_and_tells_which_key_set_it() {
    for server in both().await {
        let (shown, known) = key(&server, Some(APP_ID), false).await;
        let path = of(APP_ID, "policy");
        let first = ask(&server, Method::GET, &path, &shown).await;
        assert_eq!(first.body(200)["version"], 0);
        assert_eq!(first.header("etag"), Some("\"0\""));
        let put_at = async |tag: &str, body: &str| {
            let body = Body::from(body.to_owned());
            let mut request = request(Method::PUT, &path, &shown, body);
            request
                .headers_mut()
                .insert("if-match", tag.parse().unwrap());
            server.send(request).await
        };
        let set = put_at("\"0\"", r#"{"grace_seconds": 30}"#).await;
        assert_eq!(set.header("etag"), Some("\"1\""));
        let set = set.body(200);
        assert_eq!(set["set_by"], format!("admin-key:{}", known.key_id));
        assert_eq!(set["set_from"], "192.0.2.7");
        assert_eq!(set["policy"]["grace_seconds"], 30);
        // Somebody else was faster.
        put_at("\"0\"", r#"{"grace_seconds": 40}"#)
            .await
            .error(412, "conflict");
        put_at("3", "{}").await.error(400, "validation_error");
        // The command line shows the same.
        let show = AdminRequest::Policy(PolicyRequest::Show {
            app_id: APP_ID.to_owned(),
        });
        let AdminReply::Policy(view) = server.node.admin(show).await else {
            panic!("a policy");
        };
        assert_eq!(serde_json::to_value(&view).unwrap(), set);
        let history = ask(&server, Method::GET, &of(APP_ID, "policy/history"), &shown).await;
        let history = history.body(200);
        assert_eq!(history["items"].as_array().unwrap().len(), 1);
        assert_eq!(
            history["items"][0]["changes"][0]["setting"],
            "grace_seconds"
        );
    }
}

#[tokio::test]
async fn a_policy_that_is_none_changes_nothing_and_names_each_setting() {
    let server = start().await;
    let (shown, _) = key(&server, Some(APP_ID), false).await;
    let path = of(APP_ID, "policy");
    let wrong = json!({"grace_seconds": 301, "mode": "random"});
    let error = put(&server, &path, &shown, wrong).await;
    let error = error.error(400, "validation_error");
    let pointers: Vec<_> = error["fields"].as_array().unwrap().iter().collect();
    let pointers: Vec<_> = pointers.iter().map(|field| &field["pointer"]).collect();
    assert_eq!(pointers, ["/mode", "/grace_seconds"]);
    // An empty body is no policy, though `{}` is the default.
    let empty = ask(&server, Method::PUT, &path, &shown).await;
    empty.error(400, "validation_error");
    let now = ask(&server, Method::GET, &path, &shown).await.body(200);
    assert_eq!(now["version"], 0);
    let set = put(&server, &path, &shown, json!({})).await.body(200);
    assert_eq!(set["version"], 1);
}

#[tokio::test]
async fn the_cap_and_the_time_outs_are_set_and_nothing_else_of_sso() {
    for server in both().await {
        let (shown, _) = key(&server, Some(APP_ID), false).await;
        let path = of(APP_ID, "sso");
        let none = put(&server, &path, &shown, json!({"sessions": 2})).await;
        none.error(404, "not_found");
        let _partner = server.node.partner(1).await;
        let shown_sso = AdminRequest::Sso(SsoRequest::Show {
            app_id: APP_ID.to_owned(),
        });
        let AdminReply::Sso(before) = server.node.admin(shown_sso.clone()).await else {
            panic!("settings");
        };
        let change = json!({
            "sessions": 2,
            "idle_seconds": 604_800,
            "token_info_url": "https://evil.example/",
        });
        let set = put(&server, &path, &shown, change).await.body(200);
        assert_eq!(
            (&set["sessions"], &set["idle_seconds"]),
            (&json!(2), &json!(604_800))
        );
        let AdminReply::Sso(after) = server.node.admin(shown_sso).await else {
            panic!("settings");
        };
        assert_eq!(after.token_info_url, before.token_info_url);
        assert_eq!((after.sessions, after.idle_seconds), (2, 604_800));
        let now = ask(&server, Method::GET, &path, &shown).await;
        assert_eq!(now.body(200), set);
        let error = put(&server, &path, &shown, json!({"sessions": 101})).await;
        let error = error.error(400, "validation_error");
        assert_eq!(error["fields"][0]["pointer"], "/sessions");
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_a_users_and_an_apps() {
    for server in both().await {
        let (shown, _) = key(&server, Some(APP_ID), false).await;
        let partner = server.node.partner(3).await;
        for (user, device) in [("ana", "phone"), ("ana", "tablet"), ("ben", "phone")] {
            server.node.log_in(&partner, user, device).await;
            let clock = &server.node.store.clock;
            clock.advance(std::time::Duration::from_secs(1));
        }
        let path = of(APP_ID, "sessions");
        let list = async |query: &str| {
            let path = format!("{path}{query}");
            ask(&server, Method::GET, &path, &shown).await.body(200)
        };
        let end = async |rest: &str| {
            let path = format!("{path}{rest}");
            ask(&server, Method::DELETE, &path, &shown).await
        };
        let page = list("?limit=2").await;
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = list(&format!("?cursor={cursor}")).await;
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        let anas = list("?user=ana").await;
        assert_eq!(anas["items"].as_array().unwrap().len(), 2);
        let id = anas["items"][0]["session_id"].as_str().unwrap();
        for (left, ended) in [(2, 1), (2, 0)] {
            let answer = end(&format!("/{id}")).await.body(200);
            assert_eq!(answer, json!({"ended": ended}));
            assert_eq!(list("").await["items"].as_array().unwrap().len(), left);
        }
        // A slip of the pen logs nobody out.
        for odd in ["", "?usr=ana", "?all=yes", "?user=ana&all=true"] {
            end(odd).await.error(400, "validation_error");
        }
        end("?user=nobody").await.error(404, "not_found");
        assert_eq!(end("?user=ana").await.body(200)["ended"], 1);
        assert_eq!(end("?all=true").await.body(200)["ended"], 1);
        assert_eq!(list("").await["items"], json!([]));
    }
}

#[tokio::test]
async fn mails_are_written_anew_and_go_back() {
    for server in both().await {
        let (shown, _) = key(&server, Some(APP_ID), false).await;
        let path = of(APP_ID, "mail-templates/new_sign_in/es");
        let ours = ask(&server, Method::GET, &path, &shown).await.body(200);
        assert_eq!(ours["own"], false);
        let own = json!({"subject": "{{ app }}: ¿es usted?"});
        let sample = put(&server, &path, &shown, own.clone()).await.body(200);
        assert!(
            sample["subject"]
                .as_str()
                .unwrap()
                .ends_with(": ¿es usted?")
        );
        let source = ask(&server, Method::GET, &path, &shown).await.body(200);
        assert_eq!(source["subject"], own["subject"]);
        let listed = of(APP_ID, "mail-templates");
        let listed = ask(&server, Method::GET, &listed, &shown).await.body(200);
        assert_eq!(listed["templates"][0]["subject"], true);
        let error = put(&server, &path, &shown, json!({"subject": "{{ nobody }}"})).await;
        assert_eq!(error.body(400)["error"]["fields"][0]["pointer"], "/subject");
        let nothing = put(&server, &path, &shown, json!({})).await;
        nothing.error(400, "validation_error");
        ask(&server, Method::DELETE, &path, &shown).await.nothing();
        let again = ask(&server, Method::DELETE, &path, &shown).await;
        again.error(404, "not_found");
        let branding = of(APP_ID, "branding");
        let change = json!({"copyright": "© 2026 Shop Ltd"});
        let set = put(&server, &branding, &shown, change).await.body(200);
        assert_eq!(set["copyright"], "© 2026 Shop Ltd");
        let now = ask(&server, Method::GET, &branding, &shown).await;
        assert_eq!(now.body(200), set);
        let odd = of(APP_ID, "mail-templates/new_sign_in/e_s");
        let error = put(&server, &odd, &shown, own).await;
        let error = error.body(400)["error"].take();
        assert_eq!(error["fields"][0]["pointer"], "/language");
        let wrong = json!({"app_name": "Shop", "logo_url": "http://shop.example/logo.png"});
        let error = put(&server, &branding, &shown, wrong).await;
        assert_eq!(
            error.body(400)["error"]["fields"][0]["pointer"],
            "/logo_url"
        );
    }
}

#[tokio::test]
async fn the_description_is_served_and_checked_in() {
    let server = start().await;
    let answer = ask(&server, Method::GET, "/openapi.json", "").await;
    answer.body(200);
    assert_eq!(answer.text, admin_openapi_json());
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin-openapi.json");
    let checked_in = std::fs::read_to_string(place).unwrap_or_default();
    assert!(
        checked_in == admin_openapi_json(),
        "docs/admin-openapi.json is stale: run `cargo xtask openapi`"
    );
    let document: Value = serde_json::from_str(&checked_in).unwrap();
    assert!(crate::references::all_lead_somewhere(&document) > 20);
}
