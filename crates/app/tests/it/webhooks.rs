//! Partner notifications: what is sent, how often, and what administrators see.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mayday_app::Delivering;
use mayday_app::admin::{
    AdminError, AdminReply, AdminRequest, DeliveryView, EndpointOf, EndpointView, NewEndpoint,
    PageRequest, PrintedSecret, RangeOf, WebhookReply, WebhookRequest,
};
use mayday_app::escalation::By;
use mayday_app::jobs::{Claiming, Job};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_core::escalation::Channel;
use mayday_core::identity::Caller;
use mayday_core::ids::{DeliveryId, IncidentId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::{NodeExt as _, kinds, mqtt, on_both_nodes};

const KINDS: &[&str] = &["webhook"];

/// How long a machine with much else to do may take for anything.
const LIMIT: Duration = Duration::from_mins(1);

/// After the grace window.
const GRACE: u64 = 15;

/// A receiver that answers always the same.
struct Peer {
    url: String,
    heard: Arc<AtomicUsize>,
    /// Each answer takes one.
    permits: Arc<Semaphore>,
    _task: JoinSet<()>,
}

impl Peer {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::new(AtomicUsize::new(0));
        let permits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let mut task = JoinSet::new();
        let (count, gate) = (Arc::clone(&heard), Arc::clone(&permits));
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
                open.spawn(async move {
                    let mut bytes = vec![0; 16 * 1024];
                    if stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                        count.fetch_add(1, Ordering::SeqCst);
                        gate.acquire().await.unwrap().forget();
                        let _ = stream.write_all(answer.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        Self {
            url,
            heard,
            permits,
            _task: task,
        }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

async fn ask(node: &TestApp, request: WebhookRequest) -> WebhookReply {
    match node.admin(AdminRequest::Webhook(request)).await {
        AdminReply::Webhook(reply) => reply,
        other => panic!("about webhooks, not {other:?}"),
    }
}

fn new(url: &str, events: &[&str]) -> NewEndpoint {
    NewEndpoint {
        app_id: APP_ID.to_owned(),
        channel: Channel::Webhook,
        url: PrintedSecret(url.to_owned()),
        name: Some("backend".to_owned()),
        events: events.iter().map(|&word| word.to_owned()).collect(),
        local: true,
    }
}

async fn add(node: &TestApp, url: &str, events: &[&str]) -> EndpointView {
    match ask(node, WebhookRequest::Add(new(url, events))).await {
        WebhookReply::Added { endpoint, secret } => {
            assert!(secret.unwrap().0.starts_with("whsec_"));
            endpoint
        }
        other => panic!("an endpoint, not {other:?}"),
    }
}

fn of(endpoint: &EndpointView) -> EndpointOf {
    EndpointOf {
        app_id: APP_ID.to_owned(),
        endpoint_id: endpoint.endpoint_id.to_string(),
    }
}

async fn show(node: &TestApp, endpoint: &EndpointView) -> EndpointView {
    match ask(node, WebhookRequest::Show { of: of(endpoint) }).await {
        WebhookReply::Endpoint(view) => view,
        other => panic!("an endpoint, not {other:?}"),
    }
}

async fn log(node: &TestApp) -> Vec<DeliveryView> {
    log_of(node, Channel::Webhook).await
}

async fn log_of(node: &TestApp, channel: Channel) -> Vec<DeliveryView> {
    let request = WebhookRequest::Log {
        app_id: APP_ID.to_owned(),
        channel,
        endpoint_id: None,
        page: PageRequest::default(),
    };
    match ask(node, request).await {
        WebhookReply::Log(page) => page.items,
        other => panic!("a log, not {other:?}"),
    }
}

async fn due(node: &TestApp) -> Vec<Job> {
    node.app
        .claim_jobs(KINDS, Claiming::up_to(50))
        .await
        .unwrap()
}

fn parts(job: &Job) -> (DeliveryId, i64) {
    let payload = &job.payload;
    let delivery = payload["delivery"].as_str().unwrap().parse().unwrap();
    (delivery, payload["attempt"].as_i64().unwrap())
}

async fn deliver(node: &TestApp, job: &Job) -> Delivering {
    let (delivery, attempt) = parts(job);
    let done = node
        .app
        .deliver_notification(delivery, attempt)
        .await
        .unwrap();
    match done {
        Delivering::Busy(_) => return done,
        Delivering::Done => {}
        // The machine is busy: the attempt goes on beside.
        Delivering::Aside(_) => recorded(node, delivery, attempt).await,
    }
    assert!(node.app.finish_job(job).await.unwrap());
    Delivering::Done
}

/// Waits until an attempt is on record that goes on by itself.
async fn recorded(node: &TestApp, delivery: DeliveryId, attempt: i64) {
    let request = WebhookRequest::Delivery {
        app_id: APP_ID.to_owned(),
        delivery_id: delivery.to_string(),
    };
    let on_record = async {
        loop {
            let WebhookReply::Delivery(detail) = ask(node, request.clone()).await else {
                panic!("a delivery");
            };
            if detail.delivery.attempts > attempt {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, on_record).await.unwrap();
}

on_both_nodes!(
    ten_attempts_then_the_endpoint_is_failing,
    async |node: TestApp| {
        let peer = Peer::start("HTTP/1.1 500 Oops\r\ncontent-length: 5\r\n\r\nsorry").await;
        let endpoint = add(&node, &peer.url, &["sos.opened"]).await;
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        assert!(due(&node).await.is_empty(), "not inside the grace window");
        node.pass(GRACE);
        let mut hours = 0.0;
        for made in 1..=10 {
            let jobs = due(&node).await;
            assert_eq!(jobs.len(), 1, "{made}");
            deliver(&node, &jobs[0]).await;
            assert_eq!(peer.heard(), made);
            if let Some(at) = log(&node).await[0].due_at {
                let wait = at.since(node.app.now());
                hours += wait.as_secs_f64() / 3600.0;
                node.store.clock.advance(wait);
            }
        }
        assert!((75.5..91.0).contains(&hours), "{hours}");
        assert!(due(&node).await.is_empty());
        let failed = &log(&node).await[0];
        assert_eq!((failed.state.as_str(), failed.attempts), ("failed", 10));
        assert!(show(&node, &endpoint).await.failing_since.is_some());
        let request = WebhookRequest::Delivery {
            app_id: APP_ID.to_owned(),
            delivery_id: failed.delivery_id.to_string(),
        };
        let WebhookReply::Delivery(detail) = ask(&node, request).await else {
            panic!("a delivery");
        };
        assert_eq!(detail.tried.len(), 10);
        assert_eq!(detail.tried[9].status, Some(500));
        assert_eq!(detail.tried[9].excerpt, "sorry");
        assert_eq!(detail.body["data"]["type"], "sos.opened");
    }
);

on_both_nodes!(a_job_that_runs_twice_sends_once, async |node: TestApp| {
    let peer = Peer::start("HTTP/1.1 204 Fine\r\n\r\n").await;
    add(&node, &peer.url, &[]).await;
    let ana = node.caller("ana").await;
    node.own(&ana, mqtt(&json!({}))).await;
    node.pass(GRACE);
    let jobs = due(&node).await;
    let (delivery, attempt) = parts(&jobs[0]);
    assert_eq!(deliver(&node, &jobs[0]).await, Delivering::Done);
    let again = node.app.deliver_notification(delivery, attempt).await;
    assert_eq!(again.unwrap(), Delivering::Done);
    assert_eq!(peer.heard(), 1);
    assert_eq!(log(&node).await[0].state, "delivered");
    // The victim's app sees it, once.
    let events = node.events(&ana).await;
    assert_eq!(kinds(&events), ["processed", "sos.actuator_update"]);
    assert!(events[1].snapshot_version > events[0].snapshot_version);
    let items = events[1].body["actuators"]["items"].as_array().unwrap();
    let webhook = items.iter().find(|item| item["id"] == "webhook").unwrap();
    assert_eq!(webhook["deliveries"][0]["status"], "delivered");
});

on_both_nodes!(
    a_failed_attempt_is_shown_to_the_app_as_what_it_is,
    async |node: TestApp| {
        let peer = Peer::start("HTTP/1.1 500 Oops\r\ncontent-length: 5\r\n\r\nsorry").await;
        add(&node, &peer.url, &["sos.opened"]).await;
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        node.pass(GRACE);
        deliver(&node, &due(&node).await[0]).await;
        let events = node.events(&ana).await;
        assert_eq!(kinds(&events), ["processed", "sos.actuator_update"]);
        let items = events[1].body["actuators"]["items"].as_array().unwrap();
        let webhook = items.iter().find(|item| item["id"] == "webhook").unwrap();
        assert_eq!(webhook["status"], "scheduled", "nothing was taken");
        let shown = &webhook["deliveries"][0];
        assert_eq!(shown["outcome"], "pending");
        assert!(shown["error"].as_str().unwrap().contains("500"), "{shown}");
    }
);

on_both_nodes!(
    what_was_cancelled_in_time_is_not_sent,
    async |node: TestApp| {
        let peer = Peer::start("HTTP/1.1 204 Fine\r\n\r\n").await;
        add(&node, &peer.url, &[]).await;
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        node.app.cancel_sos(&ana, b"").await.unwrap();
        node.pass(GRACE);
        for job in due(&node).await {
            deliver(&node, &job).await;
        }
        assert_eq!(peer.heard(), 0);
        let states: Vec<_> = log(&node).await.into_iter().map(|one| one.state).collect();
        assert_eq!(states, ["skipped"]);
    }
);

on_both_nodes!(retry_after_is_honoured, async |node: TestApp| {
    let answer = "HTTP/1.1 503 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
    let peer = Peer::start(answer).await;
    add(&node, &peer.url, &[]).await;
    let ana = node.caller("ana").await;
    node.own(&ana, mqtt(&json!({}))).await;
    node.pass(GRACE);
    deliver(&node, &due(&node).await[0]).await;
    let due_at = log(&node).await[0].due_at.unwrap();
    assert_eq!(due_at.since(node.app.now()), Duration::from_hours(1));
});

on_both_nodes!(one_endpoint_gets_a_few_at_a_time, async |node: TestApp| {
    let peer = Peer::start("HTTP/1.1 204 Fine\r\n\r\n").await;
    peer.permits.forget_permits(Semaphore::MAX_PERMITS);
    add(&node, &peer.url, &["sos.opened"]).await;
    // Four, and the one that is kept for distress.
    for number in 0..6 {
        let caller = node.caller(&format!("user-{number}")).await;
        node.own(&caller, mqtt(&json!({}))).await;
    }
    node.pass(GRACE);
    let mut jobs = due(&node).await;
    assert_eq!(jobs.len(), 6);
    let last = jobs.pop().unwrap();
    let mut running = JoinSet::new();
    for job in jobs {
        let (app, (delivery, attempt)) = (Arc::clone(&node.app), parts(&job));
        running.spawn(async move { app.deliver_notification(delivery, attempt).await });
    }
    let all_arrived = async {
        while peer.heard() < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, all_arrived).await.unwrap();
    let busy = deliver(&node, &last).await;
    assert!(matches!(busy, Delivering::Busy(_)), "{busy:?}");
    peer.permits.add_permits(6);
    while let Some(done) = running.join_next().await {
        assert!(!matches!(done.unwrap().unwrap(), Delivering::Busy(_)));
    }
    let delivered = async {
        while deliver(&node, &last).await != Delivering::Done {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, delivered).await.unwrap();
    assert_eq!(peer.heard(), 6);
});

on_both_nodes!(the_registry_is_told_too, async |node: TestApp| {
    let peer = Peer::start("HTTP/1.1 204 Fine\r\n\r\n").await;
    let endpoint = add(
        &node,
        &peer.url,
        &["device.*", "contact.changed", "sos.unattributed"],
    )
    .await;
    let ana = node.caller("ana").await;
    let device = node.device(&ana, "CF:82:12:34:56:78").await;
    node.device(&ana, "CF:82:12:34:56:78").await;
    node.app.remove_device(&ana, device.id).await.unwrap();
    let relay = json!({"deviceId": "stranger", "relayNodeId": 7, "latitude": 1, "longitude": 2});
    node.unattributed(&ana, mqtt(&relay)).await;
    let mut kinds: Vec<_> = log(&node).await.into_iter().map(|one| one.kind).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        ["device.paired", "device.removed", "sos.unattributed"]
    );
    for job in due(&node).await {
        deliver(&node, &job).await;
    }
    assert_eq!(peer.heard(), 3);
    let range = RangeOf {
        app_id: APP_ID.to_owned(),
        endpoint_id: endpoint.endpoint_id.to_string(),
        since: endpoint.created_at,
        until: Some(node.app.now().plus(Duration::from_secs(1))),
        delivered_too: true,
        after: None,
    };
    let replayed = ask(&node, WebhookRequest::ReplayRange(range)).await;
    assert_eq!(
        replayed,
        WebhookReply::Replayed {
            count: 3,
            next: None
        }
    );
    for job in due(&node).await {
        deliver(&node, &job).await;
    }
    assert_eq!(peer.heard(), 6);
});

on_both_nodes!(
    what_is_no_good_is_refused_when_it_is_added,
    async |node: TestApp| {
        let refused = async |new: NewEndpoint| match node
            .app
            .admin(AdminRequest::Webhook(WebhookRequest::Add(new)))
            .await
        {
            Err(AdminError::Invalid { message } | AdminError::NotFound { message }) => message,
            other => panic!("a refusal, not {other:?}"),
        };
        let public = |url: &str| NewEndpoint {
            local: false,
            ..new(url, &[])
        };
        for (endpoint, word) in [
            (public("http://a.example/hook"), "https"),
            (public("not a url"), "absolute URL"),
            (public("https://user:pass@a.example/"), "credentials"),
            (public("https://10.0.0.1/"), "private address"),
            (public("https://169.254.169.254/"), "link-local address"),
            (public("https://[::ffff:127.0.0.1]/"), "IPv4 inside IPv6"),
            (new("http://169.254.169.254/", &[]), "link-local address"),
            (new("https://a.example/", &["sos.exploded"]), "sos.exploded"),
            (
                NewEndpoint {
                    name: Some("a\nb".to_owned()),
                    ..new("https://a.example/", &[])
                },
                "control characters",
            ),
            (
                NewEndpoint {
                    app_id: "nobody".to_owned(),
                    ..new("https://a.example/", &[])
                },
                "nobody",
            ),
        ] {
            let message = refused(endpoint).await;
            assert!(message.contains(word), "{message}");
            assert!(!message.contains("pass@"), "{message}");
        }
        let key = |header: &str, key: &str| WebhookRequest::ApiKeySet {
            app_id: APP_ID.to_owned(),
            header: header.to_owned(),
            key: PrintedSecret(key.to_owned()),
        };
        for (header, text) in [
            ("webhook-id", "k"),
            ("Content-Length", "k"),
            ("x key", "k"),
            ("x-api-key", ""),
            ("x-api-key", "two words"),
        ] {
            let request = AdminRequest::Webhook(key(header, text));
            assert!(node.app.admin(request).await.is_err(), "{header} {text}");
        }
        let set = ask(&node, key("X-API-Key", "s3cret")).await;
        assert!(matches!(&set, WebhookReply::ApiKey(view) if view.header == "x-api-key"));
        assert!(!serde_json::to_string(&set).unwrap().contains("s3cret"));
    }
);

/// The types of what is told, in the order of the alphabet, with the bodies.
async fn told(node: &TestApp, channel: Channel) -> Vec<(String, Value)> {
    let mut told = Vec::new();
    for delivery in log_of(node, channel).await {
        let request = WebhookRequest::Delivery {
            app_id: APP_ID.to_owned(),
            delivery_id: delivery.delivery_id.to_string(),
        };
        let WebhookReply::Delivery(detail) = ask(node, request).await else {
            panic!("a delivery");
        };
        told.push((delivery.kind, detail.body.clone()));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    told
}

fn words(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(kind, _)| kind.as_str()).collect()
}

/// Ana's drill of which a webhook and a channel have heard.
async fn drill(node: &TestApp, peer: &Peer) -> (Caller, IncidentId) {
    add(node, &peer.url, &[]).await;
    let slack = NewEndpoint {
        channel: Channel::Slack,
        ..new(&peer.url, &[])
    };
    ask(node, WebhookRequest::Add(slack)).await;
    let ana = node.caller("ana").await;
    let drill = node.app.start_drill(&ana).await.unwrap().drill;
    assert!(due(node).await.is_empty(), "not inside the grace window");
    node.pass(GRACE);
    for job in due(node).await {
        deliver(node, &job).await;
    }
    assert_eq!(peer.heard(), 2);
    (ana, drill.incident)
}

on_both_nodes!(
    a_drill_is_told_from_its_beginning_to_its_end,
    async |node: TestApp| {
        let peer = Peer::start("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let (ana, incident) = drill(&node, &peer).await;
        let report = node.app.drill(&ana).await.unwrap().unwrap();
        for id in ["slack", "webhook"] {
            let mut items = report.incident.actuators.items.iter();
            let item = items.find(|item| item["id"] == id).unwrap();
            assert_eq!(item["status"], "delivered", "{item}");
        }
        let by = By::Operator("Kim".to_owned());
        node.app.acknowledge(incident, by, None).await.unwrap();
        for channel in [Channel::Webhook, Channel::Slack] {
            let told = told(&node, channel).await;
            let all = ["sos.acknowledged", "sos.opened", "sos.resolved"];
            assert_eq!(words(&told), all, "{channel:?}");
            for (_, body) in told {
                assert!(body["title"].as_str().unwrap().starts_with("DRILL: "));
                assert_eq!(body["data"]["drill"], true);
                assert_eq!(body["data"]["incidentId"], incident.to_string());
            }
        }
        assert!(node.events(&ana).await.is_empty(), "no phone hears of it");
    }
);

on_both_nodes!(
    nobody_reads_that_a_drill_is_over_when_a_real_sos_ends_it,
    async |node: TestApp| {
        let peer = Peer::start("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let (ana, incident) = drill(&node, &peer).await;
        let real = node.own(&ana, mqtt(&json!({}))).await;
        let in_slack = told(&node, Channel::Slack).await;
        assert_eq!(words(&in_slack), ["sos.opened", "sos.opened"]);
        // A program needs the end, and is told whose.
        let told = told(&node, Channel::Webhook).await;
        assert_eq!(words(&told), ["sos.cancelled", "sos.opened", "sos.opened"]);
        for (_, body) in &told {
            let data = &body["data"];
            let of = if data["drill"] == true {
                incident
            } else {
                real.id
            };
            assert_eq!(data["incidentId"], of.to_string());
        }
        assert_eq!(told[0].1["data"]["drill"], true);
    }
);
