//! `/v1/sdk/mqtt/auth`: each kind of broker asks and is answered in its own words
//! (contract: External brokers).

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::admin::{
    AdminReply, AdminRequest, BrokerKeyRequest, SessionRequest, SessionTarget,
};
use mayday_app::testing::{APP_ID, create_app};
use mayday_core::clock::Clock as _;
use mayday_core::identity::{ExternalUserId, signing};
use serde_json::{Value, json};

use crate::harness::{Answer, Server};

const CONNECT: &str = "/v1/sdk/mqtt/auth/connect";
const ACL: &str = "/v1/sdk/mqtt/auth/acl";

/// A broker with a key.
struct Broker<'s> {
    server: &'s Server,
    key: String,
    id: String,
}

impl<'s> Broker<'s> {
    async fn of(server: &'s Server, app: Option<&str>) -> Self {
        let create = BrokerKeyRequest::Create {
            app_id: app.map(str::to_owned),
            name: None,
        };
        match server.node.admin(AdminRequest::BrokerKey(create)).await {
            AdminReply::BrokerKeyCreated { key, secret } => Self {
                server,
                key: secret.0,
                id: key.key_id.to_string(),
            },
            other => panic!("a key, not {other:?}"),
        }
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
            .body(body.into());
        self.server.send(request.unwrap()).await
    }

    async fn emqx(&self, path: &str, body: Value) -> Value {
        self.post(path, body.to_string()).await.body(200)
    }

    async fn rabbit(&self, path: &str, form: &[(&str, &str)]) -> String {
        let form: Vec<String> = form
            .iter()
            .map(|(name, value)| {
                format!(
                    "{name}={}",
                    value
                        .replace('%', "%25")
                        .replace('/', "%2F")
                        .replace('#', "%23")
                        .replace('+', "%2B")
                        .replace(':', "%3A")
                )
            })
            .collect();
        let answer = self.post(path, form.join("&")).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
        answer.text
    }

    async fn mosquitto(&self, path: &str, body: Value) -> (u16, bool) {
        let answer = self
            .post(&format!("{path}?format=mosquitto"), body.to_string())
            .await;
        let status = answer.status.as_u16();
        let ok = answer.body(status)["Ok"].as_bool().unwrap();
        (status, ok)
    }
}

impl Broker<'_> {
    /// What EMQX, mosquitto-go-auth and RabbitMQ are answered about a topic.
    async fn asked(&self, username: &str, action: &str, topic: &str) -> [bool; 3] {
        let (acc, permission) = match action {
            "publish" => (2, "write"),
            "subscribe" => (4, "read"),
            _ => (3, "configure"),
        };
        let body = json!({"username": username, "topic": topic, "action": action});
        let emqx = self.emqx(ACL, body).await["result"] == "allow";
        let body = json!({"username": username, "topic": topic, "acc": acc});
        let mosquitto = self.mosquitto(ACL, body).await.1;
        let routing = topic.replace('/', ".");
        let form = [
            ("username", username),
            ("vhost", "/"),
            ("resource", "topic"),
            ("name", "amq.topic"),
            ("permission", permission),
            ("routing_key", &routing),
        ];
        let rabbit = self.rabbit(ACL, &form).await == "allow";
        [emqx, mosquitto, rabbit]
    }
}

fn username(user: &str) -> String {
    format!("sdk:{APP_ID}:{user}")
}

#[tokio::test]
async fn without_a_key_that_is_good_nothing_is_answered() {
    let server = Server::start().await;
    let broker = Broker::of(&server, None).await;
    let hash = server.node.hash("ana");
    let body = json!({"username": username("ana"), "password": hash}).to_string();
    for path in [CONNECT, ACL] {
        for authorization in [
            None,
            Some("Bearer bk_wrong".to_owned()),
            Some(format!("Bearer {hash}")),
        ] {
            let mut request = Request::post(path);
            if let Some(value) = authorization {
                request = request.header("authorization", value);
            }
            let answer = server
                .send(request.body(Body::from(body.clone())).unwrap())
                .await;
            answer.error(401, "unauthorized");
        }
    }
    broker.post(CONNECT, body.clone()).await.body(200);
    let revoke = BrokerKeyRequest::Revoke {
        key_id: broker.id.clone(),
    };
    server.node.admin(AdminRequest::BrokerKey(revoke)).await;
    broker.post(CONNECT, body).await.error(401, "unauthorized");
}

#[tokio::test]
async fn keys_that_are_no_good_are_counted_and_keep_no_good_one_out() {
    let server = Server::start().await;
    let broker = Broker::of(&server, None).await;
    let body = json!({"username": username("ana"), "password": server.node.hash("ana")});
    let mut limited = false;
    for _ in 0..100 {
        let request = Request::post(CONNECT).header("authorization", "Bearer bk_wrong");
        let request = request.body(Body::from(body.to_string())).unwrap();
        limited |= server.send(request).await.status.as_u16() == 429;
    }
    assert!(limited, "nobody counts");
    assert_eq!(broker.emqx(CONNECT, body).await["result"], "allow");
}

#[tokio::test]
async fn an_external_id_that_reads_like_another_s_uuid_is_no_topic() {
    let server = Server::start().await;
    let ben = server.node.caller("ben").await.user.to_string();
    let one = Broker::of(&server, Some(APP_ID)).await;
    // As long as it is nobody's id, it is the user's own.
    let free = "00000000-0000-4000-8000-000000000000";
    for (external_id, is_own) in [(ben.as_str(), false), (free, true)] {
        let ana = server.node.caller(external_id).await.user;
        let ask =
            json!({"username": username(external_id), "password": server.node.hash(external_id)});
        let answer = one.emqx(CONNECT, ask).await;
        assert_eq!(answer["result"], "allow");
        let topics: Vec<&str> = answer["acl"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|rule| rule["permission"] == "allow")
            .map(|rule| rule["topic"].as_str().unwrap())
            .collect();
        for topic in [
            format!("sos/events/{external_id}"),
            format!("tel/{external_id}/data"),
        ] {
            assert_eq!(topics.contains(&topic.as_str()), is_own, "{topic}");
        }
        for topic in [&format!("sos/events/{ana}"), "sos/alerts"] {
            assert!(topics.contains(&topic), "{topic} in {topics:?}");
        }
    }
}

#[tokio::test]
async fn emqx_is_told_the_client_s_topics_and_its_end() {
    let server = Server::start().await;
    let ana = server.node.caller("ana").await;
    let own = |user: &str, action: &str, topic: String| {
        let _ = user;
        json!({"permission": "allow", "action": action, "topic": topic})
    };
    let uuid = ana.user.to_string();
    let three = vec![
        own(&uuid, "publish", format!("sos/alerts/{uuid}")),
        own(&uuid, "publish", format!("tel/{uuid}/data")),
        own(&uuid, "subscribe", format!("sos/events/{uuid}")),
    ];
    let rest = json!({"permission": "deny", "action": "all", "topic": "#"});
    let ask =
        json!({"username": username("ana"), "password": server.node.hash("ana"), "clientid": "c"});
    let all = Broker::of(&server, None).await;
    let mut acl = three.clone();
    acl.push(rest.clone());
    let answer = all.emqx(CONNECT, ask.clone()).await;
    assert_eq!(
        answer,
        json!({"result": "allow", "is_superuser": false, "acl": acl})
    );
    let one = Broker::of(&server, Some(APP_ID)).await;
    let answer = one.emqx(CONNECT, ask).await;
    let topics: Vec<&str> = answer["acl"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["topic"].as_str().unwrap())
        .collect();
    assert_eq!(
        topics[3..],
        [
            "tel/ana/data",
            "sos/events/ana",
            "sos/alerts",
            "tel/data",
            "#"
        ]
    );
    let expiry = mayday_core::time::Timestamp::from_secs(1_788_950_000);
    let ask =
        json!({"username": username("ana"), "password": server.node.expiring_hash("ana", expiry)});
    assert_eq!(all.emqx(CONNECT, ask).await["expire_at"], 1_788_950_000);
}

#[tokio::test]
async fn each_kind_of_broker_is_answered_in_its_own_words() {
    let server = Server::start().await;
    let broker = Broker::of(&server, None).await;
    let (good, bad) = (server.node.hash("ana"), server.node.hash("ben"));
    let name = username("ana");
    for (password, allowed) in [(&good, true), (&bad, false), (&String::new(), false)] {
        let body = json!({"username": name, "password": password});
        let word = if allowed { "allow" } else { "deny" };
        assert_eq!(broker.emqx(CONNECT, body.clone()).await["result"], word);
        let explicit = format!("{CONNECT}?format=emqx");
        assert_eq!(broker.emqx(&explicit, body.clone()).await["result"], word);
        let status = if allowed { 200 } else { 403 };
        assert_eq!(broker.mosquitto(CONNECT, body).await, (status, allowed));
        let form = [
            ("username", name.as_str()),
            ("password", password.as_str()),
            ("vhost", "/"),
        ];
        assert_eq!(broker.rabbit(CONNECT, &form).await, word);
    }
    let nonsense = broker.post(&format!("{CONNECT}?format=hive"), "{}").await;
    nonsense.error(400, "validation_error");
}

#[tokio::test]
async fn only_the_uuid_form_is_anybody_s_unless_the_broker_serves_one_app() {
    let server = Server::start().await;
    let ana = server.node.caller("ana").await;
    let ben = server.node.caller("ben").await;
    let all = Broker::of(&server, None).await;
    let one = Broker::of(&server, Some(APP_ID)).await;
    let (mine, his) = (ana.user, ben.user);
    // Action, topic, on a broker of every app, on a broker of this app alone.
    let table = [
        ("publish", format!("sos/alerts/{mine}"), true, true),
        ("publish", format!("tel/{mine}/data"), true, true),
        ("subscribe", format!("sos/events/{mine}"), true, true),
        ("publish", "tel/ana/data".into(), false, true),
        ("publish", "tel/%61na/data".into(), false, true),
        ("subscribe", "sos/events/ana".into(), false, true),
        ("publish", "sos/alerts".into(), false, true),
        ("publish", "tel/data".into(), false, true),
        ("publish", format!("sos/alerts/{his}"), false, false),
        ("subscribe", format!("sos/events/{his}"), false, false),
        ("subscribe", format!("tel/{mine}/data"), false, false),
        ("publish", format!("sos/events/{mine}"), false, false),
        ("subscribe", "sos/events/#".into(), false, false),
        ("subscribe", "#".into(), false, false),
        (
            "subscribe",
            format!("$share/g/sos/events/{mine}"),
            false,
            false,
        ),
        ("publish", "tel/ben/data".into(), false, false),
        ("all", format!("sos/alerts/{mine}"), false, false),
        ("publish", String::new(), false, false),
    ];
    for (action, topic, on_all, on_one) in table {
        for (broker, expected) in [(&all, on_all), (&one, on_one)] {
            let asked = broker.asked(&username("ana"), action, &topic).await;
            assert_eq!(asked, [expected; 3], "{action} {topic}");
        }
    }
}

#[tokio::test]
async fn a_session_s_client_may_no_more_than_its_session() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let broker = Broker::of(&server, Some(APP_ID)).await;
    let ana = server.node.caller("ana").await.user;
    let name = format!("sso:{APP_ID}:ana");
    let (cry, sample) = (format!("sos/alerts/{ana}"), format!("tel/{ana}/data"));
    let may = async || {
        let cries = broker.asked(&name, "publish", &cry).await;
        let tells = broker.asked(&name, "publish", &sample).await;
        assert_eq!(
            (cries, tells),
            ([cries[0]; 3], [tells[0]; 3]),
            "all three agree"
        );
        (cries[0], tells[0])
    };
    assert_eq!(may().await, (false, false), "nobody ever logged in so");
    server.node.log_in(&partner, "ana", "phone").await;
    assert_eq!(may().await, (true, true));
    // Overtaken by time, marked so or not, the phone calls for help.
    server
        .node
        .store
        .clock
        .advance(Duration::from_hours(30 * 24));
    assert_eq!(may().await, (true, false));
    assert_eq!(server.node.app.end_overdue_sessions().await.unwrap(), 1);
    assert_eq!(may().await, (true, false));
    server.node.log_in(&partner, "ana", "phone").await;
    assert_eq!(may().await, (true, true));
    // Sent away, it is heard no more, once the grace of the session before is over.
    server
        .node
        .store
        .clock
        .advance(Duration::from_hours(31 * 24));
    server.node.log_in(&partner, "ana", "tablet").await;
    server.node.app.end_overdue_sessions().await.unwrap();
    server
        .node
        .store
        .clock
        .advance(Duration::from_hours(29 * 24));
    let end = SessionRequest::End {
        app_id: APP_ID.to_owned(),
        target: SessionTarget::User("ana".to_owned()),
    };
    server.node.admin(AdminRequest::Session(end)).await;
    server.node.store.clock.advance(Duration::from_hours(48));
    assert_eq!(may().await, (false, false));
    // The same person's signed session is another matter.
    let asked = broker.asked(&username("ana"), "publish", &sample).await;
    assert_eq!(asked, [true; 3]);
}

#[tokio::test]
async fn rabbitmq_is_let_to_its_exchange_and_its_queues_alone() {
    let server = Server::start().await;
    server.node.caller("ana").await;
    let broker = Broker::of(&server, None).await;
    let name = username("ana");
    for (form, word) in [
        (vec![("vhost", "/"), ("ip", "10.0.0.1")], "allow"),
        (
            vec![
                ("vhost", "/"),
                ("resource", "exchange"),
                ("name", "amq.topic"),
                ("permission", "write"),
            ],
            "allow",
        ),
        (
            vec![
                ("vhost", "/"),
                ("resource", "exchange"),
                ("name", "amq.topic"),
                ("permission", "configure"),
            ],
            "deny",
        ),
        (
            vec![
                ("vhost", "/"),
                ("resource", "exchange"),
                ("name", "amq.direct"),
                ("permission", "write"),
            ],
            "deny",
        ),
        (
            vec![
                ("vhost", "/"),
                ("resource", "queue"),
                ("name", "mqtt-subscription-c1qos1"),
                ("permission", "configure"),
            ],
            "allow",
        ),
        (
            vec![
                ("vhost", "/"),
                ("resource", "queue"),
                ("name", "orders"),
                ("permission", "read"),
            ],
            "deny",
        ),
        (vec![], "deny"),
    ] {
        let mut asked = form.clone();
        asked.push(("username", &name));
        assert_eq!(broker.rabbit(ACL, &asked).await, word, "{form:?}");
        let mut stranger = form;
        stranger.push(("username", "sdk:test:nobody"));
        assert_eq!(broker.rabbit(ACL, &stranger).await, "deny");
    }
}

#[tokio::test]
async fn a_broker_of_one_app_knows_no_other() {
    let server = Server::start().await;
    let secret = create_app(&server.node.app, "other").await;
    let user = ExternalUserId::parse("ana").unwrap();
    let hash = signing::sign_static(&secret, &user);
    let one = Broker::of(&server, Some(APP_ID)).await;
    let all = Broker::of(&server, None).await;
    let body = json!({"username": "sdk:other:ana", "password": hash});
    assert_eq!(all.emqx(CONNECT, body.clone()).await["result"], "allow");
    assert_eq!(one.emqx(CONNECT, body).await["result"], "deny");
    let body = json!({"username": "sdk:other:ana", "topic": "tel/ana/data", "action": "publish"});
    assert_eq!(one.emqx(ACL, body).await["result"], "deny");
}

#[tokio::test]
async fn a_flood_of_failures_never_hurts_a_valid_or_a_stale_proof() {
    let server = Server::start().await;
    let broker = Broker::of(&server, None).await;
    for _ in 0..100 {
        let body = json!({"username": username("ana"), "password": "0".repeat(64), "peerhost": "192.0.2.1"});
        assert_eq!(broker.emqx(CONNECT, body).await["result"], "deny");
    }
    let body = json!({"username": username("ana"), "password": server.node.hash("ana"), "peerhost": "192.0.2.1"});
    assert_eq!(broker.emqx(CONNECT, body).await["result"], "allow");
    let stale = server.stale("ana").hash;
    let body = json!({"username": username("ana"), "password": stale});
    let answer = broker.emqx(CONNECT, body).await;
    assert_eq!(answer["result"], "allow");
    // A time that is over would cut it at once: it is the end of the grace.
    let expired = server.node.store.clock.now().minus(Duration::from_hours(1));
    let end = expired.plus(signing::STALE_GRACE).as_secs();
    assert_eq!(answer["expire_at"], end);
}

#[tokio::test]
async fn a_blocked_user_is_denied_everywhere() {
    let server = Server::start().await;
    let ana = server.node.caller("ana").await;
    let broker = Broker::of(&server, None).await;
    let block = AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: "ana".into(),
        blocked: true,
    };
    server.node.admin(block).await;
    let body = json!({"username": username("ana"), "password": server.node.hash("ana")});
    assert_eq!(broker.emqx(CONNECT, body).await["result"], "deny");
    let topic = format!("sos/alerts/{}", ana.user);
    let body = json!({"username": username("ana"), "topic": topic, "action": "publish"});
    assert_eq!(broker.emqx(ACL, body).await["result"], "deny");
}
