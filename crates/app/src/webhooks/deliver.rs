//! Makes one attempt to deliver a notification, and records it.
//!
//! A job names a delivery and how many attempts it has had. Whatever happened since
//! (the attempt is on record, the delivery was taken back, the endpoint is gone) is
//! read first, so that a job may run twice. A crash between the attempt and its
//! record leads to another attempt under the same `webhook-id`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_core::escalation::Channel;
use mayday_core::ids::DeliveryId;
use mayday_core::notification::{NotificationType, message_id};
use mayday_gateway::guard::{GuardedClient, OutgoingUrl, Policy};
use mayday_gateway::secret::Secret;
use mayday_gateway::slack::{self, SlackMessage, SlackOutcome};
use mayday_gateway::webhook::{self, Endpoint, Notification, Outcome, WebhookSecret, next_attempt};
use mayday_store::Lane;
use mayday_store::webhooks::{
    AttemptEnd, BeginDelivery, Destination, RecordAttempt, Sending, for_sending,
};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::busy::{Place, Tells};
use crate::{App, AppError};

/// How long a worker waits for the end of an attempt. Most receivers answer sooner; the
/// others keep nobody from their worker any longer.
const PATIENCE: Duration = Duration::from_millis(500);
/// When the job of an attempt that goes on beside the workers looks whether it is on
/// record: it has ended by then, unless this process has.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivering {
    /// The attempt is on record, or there was nothing to do.
    Done,
    /// The endpoint has as many attempts under way as it is given: come again.
    Busy(Duration),
    /// The attempt takes its time and goes on beside: come again, and see that it is on
    /// record.
    Aside(Duration),
}

/// What an attempt met, before the schedule is asked.
struct Met {
    status: Option<i64>,
    excerpt: String,
    end: End,
}

/// How an attempt ended.
enum End {
    Delivered,
    Failed {
        retry_after: Option<Duration>,
        reason: String,
    },
    Refused(String),
    Gone(String),
}

impl App {
    /// Makes the attempt that follows `attempts` others.
    pub async fn deliver_notification(
        self: &Arc<Self>,
        delivery: DeliveryId,
        attempts: i64,
    ) -> Result<Delivering, AppError> {
        let mut tx = self.store.read().await?;
        let sending = for_sending(&mut tx, delivery, false).await?;
        drop(tx);
        let Some(mut sending) = sending.filter(|sending| sending.attempts == attempts) else {
            return Ok(Delivering::Done);
        };
        let Some(destination) = sending.destination.take() else {
            let error = "the endpoint was disabled or removed before".to_owned();
            let record = self.record(delivery, &sending, AttemptEnd::NotTried { error });
            self.store.write(Lane::Job, record).await?;
            return Ok(Delivering::Done);
        };
        let kind = NotificationType::parse(&sending.kind);
        let tells = if kind.is_some_and(NotificationType::is_of_distress) {
            Tells::Distress
        } else {
            Tells::Rest
        };
        let place = match self.endpoints.enter(sending.endpoint, tells) {
            Ok(place) => place,
            Err(wait) => return Ok(Delivering::Busy(wait)),
        };
        if attempts == 0 {
            let begin = BeginDelivery { delivery, attempts };
            if !self.store.write(Lane::Job, begin).await? {
                return Ok(Delivering::Done);
            }
        }
        self.attempt_at(place, delivery, sending, destination).await
    }

    /// Makes an attempt, and leaves it to itself when it does not end soon. Its job stays
    /// for the case that this process dies before the attempt is on record.
    async fn attempt_at(
        self: &Arc<Self>,
        place: Place,
        delivery: DeliveryId,
        sending: Sending,
        destination: Destination,
    ) -> Result<Delivering, AppError> {
        let app = Arc::clone(self);
        let attempt = async move {
            let _place = place;
            app.attempt(delivery, &sending, &destination, true).await
        };
        // Dropping the set ends the task, too.
        let mut attempts = JoinSet::new();
        attempts.spawn(attempt.in_current_span());
        let ended = if let Ok(ended) = timeout(PATIENCE, attempts.join_next()).await {
            ended
        } else if let Some(room) = self.endpoints.aside() {
            let beside = async move {
                if let Some(Ok(Err(error))) = attempts.join_next().await {
                    tracing::warn!(%error, "an attempt is made again: it was not recorded");
                }
                drop(room);
            };
            tokio::spawn(beside.in_current_span());
            return Ok(Delivering::Aside(LOOK_AGAIN));
        } else {
            attempts.join_next().await
        };
        match ended {
            Some(Ok(result)) => result.map(|()| Delivering::Done),
            Some(Err(panicked)) => Err(AppError::Internal {
                source: panicked.into(),
            }),
            None => Ok(Delivering::Done),
        }
    }

    /// Makes an attempt and records it; a test is not tried again.
    pub(crate) async fn attempt(
        &self,
        delivery: DeliveryId,
        sending: &Sending,
        destination: &Destination,
        again: bool,
    ) -> Result<(), AppError> {
        let started_at = self.clock.now();
        let met = self.meet(sending, destination).await;
        let ended_at = self.clock.now();
        let end = match met.end {
            End::Delivered => AttemptEnd::Delivered,
            End::Gone(error) => AttemptEnd::Gone { error },
            End::Refused(error) => AttemptEnd::Refused { error },
            End::Failed { reason, .. } if !again => AttemptEnd::Refused { error: reason },
            End::Failed {
                retry_after,
                reason: error,
            } => {
                let made = usize::try_from(sending.tries + 1).unwrap_or(usize::MAX);
                match next_attempt(made, retry_after, self.random()) {
                    Some(wait) => AttemptEnd::Again {
                        due_at: ended_at.plus(wait),
                        error,
                    },
                    None => AttemptEnd::GivenUp { error },
                }
            }
        };
        let outcome = match &end {
            AttemptEnd::Delivered => "delivered",
            AttemptEnd::Again { .. } => "failed",
            _ => "given_up",
        };
        tracing::debug!(delivery.id = %delivery, endpoint.id = %sending.endpoint, outcome, "a notification was attempted");
        let took = ended_at.since(started_at).as_millis();
        let record = RecordAttempt {
            started_at,
            took_ms: i64::try_from(took).unwrap_or(i64::MAX),
            status: met.status,
            excerpt: met.excerpt,
            ..self.record(delivery, sending, end)
        };
        self.store.write(Lane::Job, record).await?;
        Ok(())
    }

    fn record(&self, delivery: DeliveryId, sending: &Sending, end: AttemptEnd) -> RecordAttempt {
        RecordAttempt {
            delivery,
            endpoint: sending.endpoint,
            app: sending.app,
            attempts: sending.attempts,
            alarm: sending.alarm,
            started_at: self.clock.now(),
            took_ms: 0,
            status: None,
            excerpt: String::new(),
            end,
        }
    }

    async fn meet(&self, sending: &Sending, destination: &Destination) -> Met {
        let client = if destination.local {
            self.senders.client().with_policy(Policy::LOCAL)
        } else {
            self.senders.client().with_policy(Policy::PUBLIC)
        };
        let url = match OutgoingUrl::parse(destination.url.expose()) {
            Ok(url) => url,
            Err(error) => return Met::refused(error.to_string()),
        };
        match sending.channel {
            Channel::Slack => self.post(&client, &url, sending).await,
            _ => self.deliver(&client, url, sending, destination).await,
        }
    }

    async fn deliver(
        &self,
        client: &GuardedClient,
        url: OutgoingUrl,
        sending: &Sending,
        destination: &Destination,
    ) -> Met {
        let secrets = destination.secrets.iter();
        let secrets: Result<Vec<_>, _> = secrets
            .map(|secret| WebhookSecret::parse(secret.expose()))
            .collect();
        let endpoint = Endpoint {
            url,
            secrets: match secrets {
                Ok(secrets) => secrets,
                Err(error) => return Met::refused(error.to_string()),
            },
            api_key: destination
                .api_key
                .as_ref()
                .map(|(header, key)| (header.clone(), Secret::new(key.expose()))),
        };
        let notification = Notification {
            id: message_id(sending.notification.uuid()),
            kind: sending.kind.clone(),
            body: Bytes::copy_from_slice(sending.body.as_bytes()),
        };
        let attempt = webhook::deliver(client, &endpoint, &notification, self.clock.as_ref()).await;
        Met {
            status: attempt.status.map(|status| i64::from(status.as_u16())),
            // PostgreSQL stores no NUL in a text.
            excerpt: attempt.excerpt.replace('\0', "\u{fffd}"),
            end: match attempt.outcome {
                Outcome::Delivered => End::Delivered,
                Outcome::Gone => End::Gone("410 Gone".to_owned()),
                Outcome::Failed {
                    retry_after,
                    reason,
                } => End::Failed {
                    retry_after,
                    reason,
                },
            },
        }
    }

    async fn post(&self, client: &GuardedClient, url: &OutgoingUrl, sending: &Sending) -> Met {
        let message = message_of(&sending.body);
        let end = match slack::post(client, url, &message, self.clock.as_ref()).await {
            SlackOutcome::Posted => End::Delivered,
            SlackOutcome::Retry { after, reason } => End::Failed {
                retry_after: after,
                reason,
            },
            SlackOutcome::Refused { reason } => End::Refused(reason),
            SlackOutcome::Disabled { reason } => End::Gone(reason),
        };
        Met {
            status: None,
            excerpt: String::new(),
            end,
        }
    }

    fn random(&self) -> u32 {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }
}

impl Met {
    const fn refused(reason: String) -> Self {
        Self {
            status: None,
            excerpt: String::new(),
            end: End::Refused(reason),
        }
    }
}

/// A notification as people read it in Slack: its words, where, which device, what
/// is odd, and a map.
fn message_of(body: &str) -> SlackMessage {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |pointer: &str| {
        let value = body.pointer(pointer).and_then(Value::as_str);
        value.map(str::to_owned)
    };
    let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_f64);
    let mut lines = vec![text("/body").unwrap_or_default()];
    let position = number("/data/position/latitude").zip(number("/data/position/longitude"));
    if let Some((latitude, longitude)) = position {
        let time = text("/data/position/time").unwrap_or_default();
        lines.push(format!("{latitude:.5}, {longitude:.5} ({time})"));
    }
    for (pointer, word) in [
        ("/data/deviceId", "Device"),
        ("/data/channel", "Channel"),
        ("/data/error", "Error"),
        ("/data/incidentId", "Incident"),
    ] {
        if let Some(value) = text(pointer) {
            lines.push(format!("{word}: {value}"));
        }
    }
    if let Some(name) = text("/data/by/name") {
        lines.push(format!("By: {name}"));
    }
    let flags = body
        .pointer("/data/flags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let flags: Vec<_> = flags.filter_map(Value::as_str).collect();
    if !flags.is_empty() {
        lines.push(format!("Flags: {}", flags.join(", ")));
    }
    SlackMessage {
        title: text("/title").unwrap_or_default(),
        body: lines.join("\n"),
        link: position.map(|(latitude, longitude)| {
            let map = format!(
                "https://www.openstreetmap.org/?mlat={latitude:.6}&mlon={longitude:.6}#map=16/{latitude:.6}/{longitude:.6}"
            );
            ("Map".to_owned(), map)
        }),
    }
}

#[cfg(test)]
mod tests {
    use mayday_core::notification::{NotificationType, sample};

    use super::*;

    #[test]
    fn slack_is_told_where_and_which_device() {
        let message = message_of(&sample(NotificationType::SosOpened).to_string());
        assert_eq!(message.title, "SOS: Ana");
        let lines: Vec<_> = message.body.lines().collect();
        assert_eq!(lines[0], "Ana called for help.");
        assert_eq!(lines[1], "41.38742, 2.16861 (2026-09-09T10:15:30Z)");
        assert_eq!(lines[2], "Device: 305419896");
        let (_, link) = message.link.unwrap();
        assert!(link.contains("mlat=41.387421"), "{link}");
        let bare = message_of(&sample(NotificationType::ContactChanged).to_string());
        assert_eq!(bare.link, None);
    }
}
