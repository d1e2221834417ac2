//! The partner's receiver of notifications: what is right, forged, stale, repeated and
//! unknown is delivered to it. These deliveries are on no record, and their types say
//! that they are tests.

use std::time::Duration;

use bytes::Bytes;
use mayday_core::clock::Clock;
use mayday_core::ids::EventId;
use mayday_core::notification::message_id;
use mayday_core::time::Timestamp;
use mayday_gateway::guard::{GuardedClient, OutgoingUrl, Policy};
use mayday_gateway::secret::Secret;
use mayday_gateway::webhook::{Attempt, Endpoint, Notification, Outcome, WebhookSecret, deliver};
use mayday_store::webhooks::{self, Destination};
use serde_json::json;

use super::{Budget, Finding};
use crate::App;
use crate::admin::AdminError;

/// How long ago the stale one was signed: twice what a receiver tolerates.
const STALE: Duration = Duration::from_mins(10);

/// Types that say what they are: no partner acts on them.
const TEST: &str = "webhook.test";
const UNKNOWN: &str = "webhook.test_of_an_unknown_type";

/// A clock that stands at one time.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

struct Looking<'a> {
    app: &'a App,
    client: GuardedClient,
    endpoint: Endpoint,
    budget: Budget,
    findings: Vec<Finding>,
}

impl App {
    pub(super) async fn look_at_webhook(
        &self,
        id: &str,
        endpoint: &str,
    ) -> Result<Vec<Finding>, AdminError> {
        let (_, known) = self.known_endpoint(id, endpoint).await?;
        let mut tx = self.store.read().await?;
        let destination = webhooks::destination(&mut tx, known.id).await?;
        drop(tx);
        let Some(destination) = destination else {
            return Ok(vec![disabled(endpoint, id)]);
        };
        let endpoint = match opened(&destination) {
            Ok(endpoint) => endpoint,
            Err(why) => {
                let advice = "remove the endpoint and add it again";
                return Ok(vec![Finding::failed("webhook.reached", why, advice)]);
            }
        };
        let client = self.senders.client();
        let mut looking = Looking {
            app: self,
            client: client.with_policy(if destination.local {
                Policy::LOCAL
            } else {
                Policy::PUBLIC
            }),
            endpoint,
            budget: self.budget(),
            findings: Vec::new(),
        };
        looking.all(id, known.disabled.is_some()).await;
        Ok(looking.findings)
    }
}

impl Looking<'_> {
    async fn all(&mut self, app: &str, disabled: bool) {
        let now = self.app.clock.now();
        let test = self.notification(TEST, app);
        let first = self.post(&test, now).await;
        let reached = accepted(first.as_ref());
        self.findings.push(match &first {
            Some(attempt) if reached => Finding::passed(
                "webhook.signature",
                format!(
                    "a delivery that is signed well is taken ({})",
                    status(attempt)
                ),
            ),
            Some(attempt) => Finding::failed(
                "webhook.signature",
                format!("a delivery that is signed well: {}", said(attempt)),
                "answer 2xx within 15 s, before long work; if it answers 400 or 401, its secret \
                 is not the endpoint's, or it checks the signature over other bytes than came",
            ),
            None => Finding::not_tried("webhook.signature", "no time was left"),
        });
        if disabled {
            self.findings.push(Finding::failed(
                "webhook.enabled",
                "it was disabled, and hears of nothing",
                format!("`mayday webhook enable ENDPOINT --app {app}`"),
            ));
        }
        if first.is_none_or(|attempt| attempt.status.is_none()) {
            return;
        }
        self.refused_ones(app, now).await;
        if !reached {
            return;
        }
        let again = self.post(&test, self.app.clock.now()).await;
        self.taken(
            "webhook.replay",
            "the same delivery again",
            "answer 2xx to a `webhook-id` that you know, and do nothing: you get each \
             notification at least once",
            again,
        );
        let unknown = self.notification(UNKNOWN, app);
        let unknown = self.post(&unknown, self.app.clock.now()).await;
        self.taken(
            "webhook.unknown_type",
            "a type that it does not know",
            "answer 2xx to types that you do not know: there will be more, and a refusal is \
             tried again for days",
            unknown,
        );
        self.findings.push(Finding::noted(
            "webhook.user",
            "`user` is your own id, the `sub` of your tokens and the `externalUserId` that you sign",
            "see that your receiver finds the right person by it",
        ));
    }

    /// Forgeries: both must be refused.
    async fn refused_ones(&mut self, app: &str, now: Timestamp) {
        let forged = Endpoint {
            secrets: vec![WebhookSecret::generate(self.app.entropy.as_ref())],
            ..self.endpoint.clone()
        };
        let right = std::mem::replace(&mut self.endpoint, forged);
        let notification = self.notification(TEST, app);
        let answered = self.post(&notification, now).await;
        self.endpoint = right;
        self.refused(
            "webhook.forged",
            "a wrong signature",
            "check `webhook-signature` over the raw body with the endpoint's secret, and answer \
             401: anybody can post to a URL",
            answered,
        );
        let notification = self.notification(TEST, app);
        let answered = self.post(&notification, now.minus(STALE)).await;
        self.refused(
            "webhook.stale",
            "a delivery that was signed ten minutes ago",
            "refuse a `webhook-timestamp` more than five minutes off: else what was recorded \
             once can be played again for ever",
            answered,
        );
    }

    fn notification(&self, kind: &str, app: &str) -> Notification {
        let (clock, entropy) = (self.app.clock.as_ref(), self.app.entropy.as_ref());
        let id = message_id(EventId::generate(clock, entropy).uuid());
        let body = json!({
            "user": "mayday-doctor",
            "title": "Test",
            "body": "mayday doctor tries this endpoint.",
            "data": {
                "type": kind,
                "id": id,
                "occurredAt": clock.now().to_string(),
                "appId": app,
            },
        });
        Notification {
            id,
            kind: kind.to_owned(),
            body: Bytes::from(body.to_string()),
        }
    }

    /// `None`: no time was left.
    async fn post(&self, notification: &Notification, at: Timestamp) -> Option<Attempt> {
        if !self.app.has_time(self.budget) {
            return None;
        }
        Some(deliver(&self.client, &self.endpoint, notification, &At(at)).await)
    }

    fn taken(&mut self, check: &str, what: &str, advice: &str, attempt: Option<Attempt>) {
        self.findings.push(match attempt {
            None => Finding::not_tried(check, "no time was left"),
            Some(attempt) if accepted(Some(&attempt)) => {
                Finding::passed(check, format!("{what} is taken ({})", status(&attempt)))
            }
            Some(attempt) => Finding::failed(check, format!("{what}: {}", said(&attempt)), advice),
        });
    }

    fn refused(&mut self, check: &str, what: &str, advice: &str, attempt: Option<Attempt>) {
        self.findings.push(match attempt {
            None => Finding::not_tried(check, "no time was left"),
            Some(attempt) if accepted(Some(&attempt)) => Finding::failed(
                check,
                format!("{what} is taken ({})", status(&attempt)),
                advice,
            ),
            Some(attempt) if attempt.status.is_some() => {
                Finding::passed(check, format!("{what} is refused ({})", status(&attempt)))
            }
            Some(attempt) => Finding::not_tried(check, format!("{what}: {}", said(&attempt))),
        });
    }
}

fn opened(destination: &Destination) -> Result<Endpoint, String> {
    let url = OutgoingUrl::parse(destination.url.expose()).map_err(|error| error.to_string())?;
    let secrets = destination.secrets.iter();
    let secrets: Result<Vec<_>, _> = secrets
        .map(|secret| WebhookSecret::parse(secret.expose()))
        .collect();
    let api_key = destination.api_key.as_ref();
    Ok(Endpoint {
        url,
        secrets: secrets.map_err(|error| error.to_string())?,
        api_key: api_key.map(|(header, key)| (header.clone(), Secret::new(key.expose()))),
    })
}

fn disabled(endpoint: &str, app: &str) -> Finding {
    Finding::failed(
        "webhook.enabled",
        format!("the endpoint {endpoint} was removed"),
        format!("`mayday webhook list --app {app}` shows those that are there"),
    )
}

fn accepted(attempt: Option<&Attempt>) -> bool {
    attempt.is_some_and(|attempt| attempt.outcome == Outcome::Delivered)
}

fn status(attempt: &Attempt) -> String {
    attempt.status.map_or_else(
        || "no answer".to_owned(),
        |status| status.as_u16().to_string(),
    )
}

fn said(attempt: &Attempt) -> String {
    match &attempt.outcome {
        Outcome::Delivered => status(attempt),
        Outcome::Gone => "410, which disables an endpoint".to_owned(),
        Outcome::Failed { reason, .. } => reason.clone(),
    }
}
