//! Endpoints, deliveries, attempts, on both databases.

mod shield;

use std::time::Duration;

use bytes::Bytes;
use mayday_core::clock::Clock as _;
use mayday_core::escalation::Policy;
use mayday_core::ids::{DeliveryId, EventId, SecretId, UserId};
use mayday_core::notification::{NotificationType, check};
use mayday_core::sos::{CancelRequest, Flags, Trigger};
use mayday_core::transport::Transport;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::alerts;
use crate::command::Lane;
use crate::incidents::{CancelSos, TriggerSos};
use crate::jobs::{ClaimJobs, Job};
use crate::on_both;
use crate::system_mails::tests::{own, owner_is_told};
use crate::testing::{TestApp, TestStore};

mod by;
mod limit;
mod replay;
mod rotation;

const URL: &str = "https://partner.example/hooks/very-secret-path";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const KINDS: &[&str] = &[WEBHOOK_JOB];
const PRUNE: PruneDeliveries = PruneDeliveries {
    max_ended: MAX_ENDED,
    max_pending: MAX_PENDING,
};

fn add(store: &TestStore, app: &TestApp, channel: Channel, events: &[&str]) -> AddEndpoint {
    let id = || EndpointId::generate(store.clock.as_ref(), store.entropy.as_ref()).0;
    AddEndpoint {
        id: EndpointId(id()),
        app_id: app.app_id.clone(),
        channel,
        name: "orders".to_owned(),
        shown_url: "https://partner.example".to_owned(),
        url: SecretText::new(URL),
        events: EventFilter::parse(events.iter().copied()).unwrap(),
        local: false,
        secret: (channel == Channel::Webhook).then(|| NewSecret {
            id: SecretId(id()),
            text: SecretText::new(SECRET),
        }),
    }
}

async fn added(store: &TestStore, app: &TestApp, channel: Channel, events: &[&str]) -> Endpoint {
    // Ids are ordered by the millisecond.
    store.clock.advance(Duration::from_millis(1));
    let add = add(store, app, channel, events);
    match store.write(Lane::Rest, add).await.unwrap() {
        EndpointAddition::Added(endpoint) => endpoint,
        other => panic!("an endpoint, not {other:?}"),
    }
}

async fn cry(store: &TestStore, app: &TestApp, sender: UserId, message: &str) {
    let body =
        Bytes::from(json!({"message": message, "latitude": 1.5, "longitude": 2}).to_string());
    let trigger = TriggerSos {
        app: app.id,
        sender,
        trigger: Trigger::parse(&body),
        body,
        flags: Flags::NONE,
        transport: Transport::Http,
        received_at: store.clock.now(),
        receipt: EventId::generate(store.clock.as_ref(), store.entropy.as_ref()).uuid(),
        last_known: None,
    };
    store.write(Lane::Sos, trigger).await.unwrap();
}

async fn cancel(store: &TestStore, app: &TestApp, caller: UserId) {
    let cancel = CancelSos {
        app: app.id,
        caller,
        request: CancelRequest::parse(b"{}").unwrap(),
        any_user: false,
        duress: false,
    };
    store.write(Lane::Sos, cancel).await.unwrap();
}

async fn claim(store: &TestStore) -> Vec<Job> {
    let claim = ClaimJobs {
        limit: 50,
        lease: Duration::from_mins(1),
        kinds: KINDS,
        held: Vec::new(),
        takes_over: true,
    };
    store.write(Lane::Job, claim).await.unwrap()
}

/// All deliveries of an app, oldest first.
async fn told(store: &TestStore, app: &TestApp) -> Vec<Delivery> {
    let mut all = Vec::new();
    for channel in [Channel::Webhook, Channel::Slack] {
        let query = LogQuery {
            app: app.id,
            channel,
            endpoint: None,
            before: None,
            limit: 100,
        };
        let mut tx = store.read().await.unwrap();
        all.extend(log(&mut tx, query).await.unwrap());
    }
    for delivery in &all {
        let kind = NotificationType::parse(&delivery.kind).unwrap();
        check(kind, &delivery.body).unwrap();
    }
    all.sort_by_key(|delivery| (delivery.created_at, delivery.endpoint));
    all
}

fn kinds(deliveries: &[Delivery]) -> Vec<(&str, &str)> {
    let pair = |one: &Delivery| (&*one.kind.clone().leak(), one.state.as_str());
    deliveries.iter().map(pair).collect()
}

async fn record(store: &TestStore, delivery: &Delivery, app: &TestApp, end: AttemptEnd) -> bool {
    let record = RecordAttempt {
        delivery: delivery.id,
        endpoint: delivery.endpoint,
        app: app.id,
        attempts: delivery.attempts,
        alarm: None,
        started_at: store.clock.now(),
        took_ms: 12,
        status: Some(500),
        excerpt: "sorry".to_owned(),
        end,
    };
    store.write(Lane::Job, record).await.unwrap()
}

async fn endpoint_of(store: &TestStore, app: &TestApp, endpoint: &Endpoint) -> Endpoint {
    let mut tx = store.read().await.unwrap();
    find(&mut tx, app.id, endpoint.id).await.unwrap().unwrap()
}

async fn alerts_of(store: &TestStore, app: &TestApp) -> Vec<(String, bool)> {
    let mut tx = store.read().await.unwrap();
    let alerts = alerts::page(&mut tx, app.id, None, 10).await.unwrap();
    let state = |alert: alerts::Alert| (alert.kind, alert.closed_at.is_none());
    alerts.into_iter().map(state).collect()
}

on_both!(
    an_incident_is_told_after_its_grace_to_those_who_want_it,
    |store| async move {
        let (app, other) = (store.app("shop").await, store.app("other").await);
        let all = added(&store, &app, Channel::Webhook, &[]).await;
        let some = added(&store, &app, Channel::Webhook, &["session.*"]).await;
        let slack = added(&store, &app, Channel::Slack, &["sos.opened"]).await;
        added(&store, &other, Channel::Webhook, &[]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        assert!(
            claim(&store).await.is_empty(),
            "nothing inside the grace window"
        );
        store.clock.advance(Policy::default().grace);
        let jobs = claim(&store).await;
        assert_eq!(jobs.len(), 2);
        let (deliveries, others) = (told(&store, &app).await, told(&store, &other).await);
        assert!(others.is_empty(), "another app's endpoint hears nothing");
        assert_eq!(kinds(&deliveries), [("sos.opened", "pending"); 2]);
        let to: Vec<_> = deliveries.iter().map(|one| one.endpoint).collect();
        assert_eq!(to, [all.id, slack.id]);
        assert_eq!(deliveries[0].notification, deliveries[1].notification);
        let data = &deliveries[0].body["data"];
        assert_eq!(deliveries[0].body["user"], "ana");
        assert_eq!(data["appId"], "shop");
        assert_eq!(data["status"], "active");
        assert_eq!(data["position"]["latitude"], 1.5);
        assert_eq!(data["drill"], false);
        assert_eq!(data["by"], by::by("user", "ana"));
        for job in &jobs {
            let payload = job.payload.as_object().unwrap();
            let names: Vec<_> = payload.keys().map(String::as_str).collect();
            assert_eq!(names, ["attempt", "delivery", "version"], "and no secret");
        }
        cry(&store, &app, ana, "two").await;
        let deliveries = told(&store, &app).await;
        assert_eq!(deliveries[2].kind, "sos.updated");
        assert_eq!(deliveries[2].due_at, Some(store.clock.now()));
        assert_eq!(deliveries.len(), 3);
        for secret in [URL, SECRET] {
            assert_eq!(store.tables_holding(secret.as_bytes()).await, [""; 0]);
        }
        assert_eq!(endpoint_of(&store, &app, &some).await.pending, 0);
    }
);

on_both!(
    what_is_cancelled_inside_the_grace_window_was_never_sent,
    |store| async move {
        let app = store.app("shop").await;
        added(&store, &app, Channel::Webhook, &[]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        cancel(&store, &app, ana).await;
        assert_eq!(
            kinds(&told(&store, &app).await),
            [("sos.opened", "skipped")]
        );
        // Later: it was told, so it is told that it is over.
        store.clock.advance(Duration::from_mins(20));
        cry(&store, &app, ana, "another").await;
        store.clock.advance(Policy::default().grace);
        cancel(&store, &app, ana).await;
        let expected = [
            ("sos.opened", "skipped"),
            ("sos.opened", "pending"),
            ("sos.cancelled", "pending"),
        ];
        assert_eq!(kinds(&told(&store, &app).await), expected);
    }
);

on_both!(
    a_delivery_that_was_begun_is_not_taken_back,
    |store| async move {
        let app = store.app("shop").await;
        added(&store, &app, Channel::Webhook, &[]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        let delivery = told(&store, &app).await.remove(0);
        let begin = BeginDelivery {
            delivery: delivery.id,
            attempts: 0,
        };
        assert!(store.write(Lane::Job, begin).await.unwrap());
        store.clock.advance(Duration::from_millis(1));
        cancel(&store, &app, ana).await;
        let expected = [("sos.opened", "pending"), ("sos.cancelled", "pending")];
        assert_eq!(kinds(&told(&store, &app).await), expected);
    }
);

on_both!(
    each_attempt_is_on_record_once_and_the_last_one_alarms,
    |store| async move {
        let app = store.app("shop").await;
        own(&store, &app).await;
        let endpoint = added(&store, &app, Channel::Webhook, &["sos.opened"]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        store.clock.advance(Policy::default().grace);
        let first = told(&store, &app).await.remove(0);
        let later = store.clock.now().plus(Duration::from_secs(5));
        let again = AttemptEnd::Again {
            due_at: later,
            error: "500".to_owned(),
        };
        assert!(record(&store, &first, &app, again.clone()).await);
        assert!(!record(&store, &first, &app, again).await, "recorded once");
        let second = told(&store, &app).await.remove(0);
        assert_eq!((second.attempts, second.due_at), (1, Some(later)));
        store.clock.advance(Duration::from_secs(5));
        let keys: Vec<_> = claim(&store).await.into_iter().map(|job| job.key).collect();
        assert!(
            keys.contains(&format!("webhook:{}:1", first.id)),
            "{keys:?}"
        );
        let error = "no answer in time".to_owned();
        assert!(record(&store, &second, &app, AttemptEnd::GivenUp { error }).await);
        let third = told(&store, &app).await.remove(0);
        assert_eq!(third.state, DeliveryState::Failed);
        assert_eq!(third.error.as_deref(), Some("no answer in time"));
        assert!(
            endpoint_of(&store, &app, &endpoint)
                .await
                .failing_since
                .is_some()
        );
        let shown = "orders (https://partner.example)";
        owner_is_told(&store, [shown, "no answer in time"]).await;
        let failing = |open| [("webhook_failing".to_owned(), open)];
        assert_eq!(alerts_of(&store, &app).await, failing(true));
        let replay = ReplayDelivery {
            app: app.id,
            delivery: third.id,
        };
        assert!(store.write(Lane::Rest, replay).await.unwrap());
        assert!(
            !store.write(Lane::Rest, replay).await.unwrap(),
            "it waits already"
        );
        let fourth = told(&store, &app).await.remove(0);
        assert_eq!(
            (fourth.notification, &fourth.body),
            (first.notification, &first.body)
        );
        assert!(record(&store, &fourth, &app, AttemptEnd::Delivered).await);
        assert_eq!(
            endpoint_of(&store, &app, &endpoint).await.failing_since,
            None
        );
        assert_eq!(alerts_of(&store, &app).await, failing(false));
        let mut tx = store.read().await.unwrap();
        let attempts = attempts_of(&mut tx, first.id).await.unwrap();
        let words: Vec<_> = attempts.iter().map(|one| one.outcome.as_str()).collect();
        assert_eq!(words, ["failed", "failed", "delivered"]);
        assert_eq!((attempts[0].number, attempts[0].status), (1, Some(500)));
        let since = store.clock.now();
        let incident = first.incident.unwrap();
        let [slack, webhook] = snapshot_items(&mut tx, incident, since).await.unwrap();
        assert_eq!(json!(slack)["status"], "skipped");
        let webhook = json!(webhook);
        assert_eq!(
            (&webhook["id"], &webhook["status"]),
            (&json!("webhook"), &json!("delivered"))
        );
        assert_eq!(webhook["deliveries"][0]["target"], "orders");
        assert_eq!(webhook["deliveries"][0]["id"], first.id.to_string());
    }
);

on_both!(gone_disables_until_it_is_enabled, |store| async move {
    let app = store.app("shop").await;
    let endpoint = added(&store, &app, Channel::Webhook, &["sos.opened"]).await;
    let ana = store.user(&app, "ana").await;
    cry(&store, &app, ana, "one").await;
    let first = told(&store, &app).await.remove(0);
    let error = "410 Gone".to_owned();
    record(&store, &first, &app, AttemptEnd::Gone { error }).await;
    let disabled = endpoint_of(&store, &app, &endpoint).await.disabled.unwrap();
    assert_eq!(disabled.1, "410 Gone");
    assert_eq!(
        alerts_of(&store, &app).await,
        [("webhook_disabled".to_owned(), true)]
    );
    let ben = store.user(&app, "ben").await;
    cry(&store, &app, ben, "two").await;
    assert_eq!(told(&store, &app).await.len(), 1, "it is told nothing");
    let mut tx = store.read().await.unwrap();
    assert!(
        for_sending(&mut tx, first.id, false)
            .await
            .unwrap()
            .is_none()
    );
    drop(tx);
    let replay = ReplayDelivery {
        app: app.id,
        delivery: first.id,
    };
    assert!(!store.write(Lane::Rest, replay).await.unwrap());
    let enable = EnableEndpoint {
        app_id: app.app_id.clone(),
        endpoint: endpoint.id,
    };
    let enabled = store.write(Lane::Rest, enable).await.unwrap().unwrap();
    assert_eq!(enabled.disabled, None);
    assert_eq!(
        alerts_of(&store, &app).await,
        [("webhook_disabled".to_owned(), false)]
    );
    let all = ReplayRange {
        app: app.id,
        endpoint: endpoint.id,
        since: first.created_at,
        until: first.created_at.plus(Duration::from_secs(1)),
        delivered_too: false,
        after: None,
    };
    let done = store.write(Lane::Rest, all).await.unwrap();
    assert_eq!(
        done,
        Replayed {
            count: 1,
            next: None
        }
    );
    let none = store.write(Lane::Rest, all).await.unwrap();
    assert_eq!(none.count, 0, "it waits already");
});

on_both!(
    two_secrets_sign_while_one_replaces_the_other,
    |store| async move {
        let app = store.app("shop").await;
        let endpoint = added(&store, &app, Channel::Webhook, &[]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        let delivery = told(&store, &app).await.remove(0).id;
        let secrets = async || -> Vec<String> {
            let mut tx = store.read().await.unwrap();
            let sending = for_sending(&mut tx, delivery, false)
                .await
                .unwrap()
                .unwrap();
            let secrets = sending.destination.unwrap().secrets;
            secrets
                .iter()
                .map(|secret| secret.expose().to_owned())
                .collect()
        };
        let rotate = |text: &str, hours: u64| RotateSecret {
            app_id: app.app_id.clone(),
            endpoint: endpoint.id,
            secret: NewSecret {
                id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
                text: SecretText::new(text),
            },
            overlap: Duration::from_hours(hours),
        };
        store.clock.advance(Duration::from_secs(1));
        let second = rotate("whsec_two", 24);
        let rotated = store.write(Lane::Rest, second.clone()).await.unwrap();
        let until = store.clock.now().plus(Duration::from_hours(24));
        assert_eq!(
            rotated,
            Rotation::Rotated {
                old_until: Some(until)
            }
        );
        // Run again, as after a lost answer.
        assert_eq!(store.write(Lane::Rest, second).await.unwrap(), rotated);
        assert_eq!(secrets().await, ["whsec_two", SECRET]);
        let third = store
            .write(Lane::Rest, rotate("whsec_three", 24))
            .await
            .unwrap();
        assert_eq!(third, Rotation::UnderWay { until });
        store.clock.advance(Duration::from_hours(24));
        assert_eq!(secrets().await, ["whsec_two"]);
        let prune = PRUNE;
        assert_eq!(
            store.write(Lane::Job, prune).await.unwrap(),
            1,
            "the old one is wiped"
        );
        store.clock.advance(Duration::from_secs(1));
        let at_once = store
            .write(Lane::Rest, rotate("whsec_four", 0))
            .await
            .unwrap();
        assert_eq!(at_once, Rotation::Rotated { old_until: None });
        assert_eq!(secrets().await, ["whsec_four"]);
        assert_eq!(endpoint_of(&store, &app, &endpoint).await.live_secrets, 1);
        let slack = added(&store, &app, Channel::Slack, &[]).await;
        let unsigned = RotateSecret {
            endpoint: slack.id,
            ..rotate("whsec_five", 0)
        };
        let refused = store.write(Lane::Rest, unsigned).await.unwrap();
        assert_eq!(refused, Rotation::Unknown, "Slack takes no signature");
    }
);

on_both!(webhooks_alone_are_shown_the_apps_key, |store| async move {
    let app = store.app("shop").await;
    added(&store, &app, Channel::Webhook, &["sos.opened"]).await;
    added(&store, &app, Channel::Slack, &["sos.opened"]).await;
    let set = SetApiKey {
        app_id: app.app_id.clone(),
        header: "x-api-key".to_owned(),
        key: SecretText::new("k3y-of-shop"),
    };
    let row = store.write(Lane::Rest, set).await.unwrap().unwrap();
    assert_eq!(row.header, "x-api-key");
    assert_eq!(store.tables_holding(b"k3y-of-shop").await, [""; 0]);
    let ana = store.user(&app, "ana").await;
    cry(&store, &app, ana, "one").await;
    let mut shown = Vec::new();
    for delivery in told(&store, &app).await {
        let mut tx = store.read().await.unwrap();
        let sending = for_sending(&mut tx, delivery.id, false)
            .await
            .unwrap()
            .unwrap();
        let destination = sending.destination.unwrap();
        assert_eq!(destination.url.expose(), URL);
        assert!(!format!("{destination:?}").contains("secret-path"));
        let key = destination.api_key.map(|(_, key)| key.expose().to_owned());
        shown.push((sending.channel, key));
    }
    let key = Some("k3y-of-shop".to_owned());
    assert_eq!(shown, [(Channel::Webhook, key), (Channel::Slack, None)]);
    let remove = RemoveApiKey {
        app_id: app.app_id.clone(),
    };
    assert_eq!(
        store.write(Lane::Rest, remove.clone()).await.unwrap(),
        Some(true)
    );
    assert_eq!(store.write(Lane::Rest, remove).await.unwrap(), Some(false));
});

on_both!(
    an_endpoint_that_is_removed_keeps_its_log_alone,
    |store| async move {
        let app = store.app("shop").await;
        let endpoint = added(&store, &app, Channel::Webhook, &[]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        let remove = RemoveEndpoint {
            app_id: app.app_id.clone(),
            endpoint: endpoint.id,
        };
        assert!(
            store
                .write(Lane::Rest, remove.clone())
                .await
                .unwrap()
                .is_some()
        );
        assert!(store.write(Lane::Rest, remove).await.unwrap().is_none());
        let delivery = told(&store, &app).await.remove(0);
        let mut tx = store.read().await.unwrap();
        let sending = for_sending(&mut tx, delivery.id, true)
            .await
            .unwrap()
            .unwrap();
        assert!(sending.destination.is_none());
        drop(tx);
        let error = "removed".to_owned();
        record(&store, &delivery, &app, AttemptEnd::NotTried { error }).await;
        let delivery = told(&store, &app).await.remove(0);
        assert_eq!(
            (delivery.state, delivery.attempts),
            (DeliveryState::Failed, 0)
        );
        assert!(alerts_of(&store, &app).await.is_empty());
        let prune = PRUNE;
        assert_eq!(store.write(Lane::Job, prune).await.unwrap(), 0);
        store.clock.advance(DELIVERIES_KEPT);
        assert_eq!(store.write(Lane::Job, prune).await.unwrap(), 1);
        assert!(told(&store, &app).await.is_empty());
    }
);

on_both!(a_log_has_a_limit_per_endpoint, |store| async move {
    let app = store.app("shop").await;
    added(&store, &app, Channel::Webhook, &["sos.updated"]).await;
    let ana = store.user(&app, "ana").await;
    for word in ["a", "b", "c", "d"] {
        cry(&store, &app, ana, word).await;
        store.clock.advance(Duration::from_secs(1));
    }
    let all = told(&store, &app).await;
    for delivery in &all {
        record(&store, delivery, &app, AttemptEnd::Delivered).await;
    }
    let prune = PruneDeliveries {
        max_ended: 2,
        max_pending: MAX_PENDING,
    };
    assert_eq!(store.write(Lane::Job, prune).await.unwrap(), 1);
    let left: Vec<_> = told(&store, &app)
        .await
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(left, [all[1].id, all[2].id], "the newest stay");
});

on_both!(
    a_test_reaches_one_endpoint_and_has_no_job,
    |store| async move {
        let app = store.app("shop").await;
        let endpoint = added(&store, &app, Channel::Webhook, &["sos.opened"]).await;
        let test = StartTest {
            delivery: DeliveryId::generate(store.clock.as_ref(), store.entropy.as_ref()),
            notification: EventId::generate(store.clock.as_ref(), store.entropy.as_ref()),
            app: app.id,
            app_id: "shop".to_owned(),
            endpoint: endpoint.id,
        };
        assert!(store.write(Lane::Rest, test.clone()).await.unwrap());
        assert!(
            store.write(Lane::Rest, test.clone()).await.unwrap(),
            "run again"
        );
        assert!(claim(&store).await.is_empty());
        let deliveries = told(&store, &app).await;
        assert_eq!(kinds(&deliveries), [("webhook.test", "pending")]);
        let unknown = StartTest {
            endpoint: EndpointId(Uuid::nil()),
            ..test
        };
        assert!(!store.write(Lane::Rest, unknown).await.unwrap());
    }
);
