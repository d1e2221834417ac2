//! One attempt to deliver a notification.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use mayday_core::clock::Clock;

use super::signature::{WebhookSecret, sign};
use crate::guard::{GuardError, GuardedClient, OutgoingRequest, OutgoingUrl};
use crate::secret::Secret;

/// Bytes of a receiver's answer that are kept for the record.
const MAX_EXCERPT_BYTES: usize = 1024;

/// Where notifications of an app go.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The partner's URL.
    pub url: OutgoingUrl,
    /// The live secrets, the newest first.
    pub secrets: Vec<WebhookSecret>,
    /// A header of the app's own with its key, such as `x-api-key`.
    pub api_key: Option<(String, Secret)>,
}

/// What is delivered. The same id and body stand for the same notification in
/// every attempt, so that the receiver recognises a repetition.
#[derive(Clone, Debug)]
pub struct Notification {
    /// `webhook-id`.
    pub id: String,
    /// The event's type, sent as `webhook-type`.
    pub kind: String,
    /// The JSON body, as signed.
    pub body: Bytes,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Delivered,
    /// Anything else; the schedule goes on.
    Failed {
        /// The receiver's `Retry-After`.
        retry_after: Option<Duration>,
        /// What happened, fit for a log and for the console.
        reason: String,
    },
    /// 410: the receiver wants no more. The endpoint is to be disabled.
    Gone,
}

/// An attempt for the record.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// The status, if there was an answer.
    pub status: Option<StatusCode>,
    /// The start of the answer's body, up to 1 KiB, as the receiver wrote it.
    pub excerpt: String,
}

/// Signs and posts. The time-out is the client's (15 s by default). Redirects
/// are failures: the signed body goes where it was configured to go, or nowhere.
pub async fn deliver(
    client: &GuardedClient,
    endpoint: &Endpoint,
    notification: &Notification,
    clock: &dyn Clock,
) -> Attempt {
    let answered = match request(endpoint, notification, clock) {
        Ok(request) => client.send(request).await,
        Err(error) => Err(error),
    };
    let answer = match answered {
        Ok(answer) => answer,
        Err(error) => {
            return Attempt {
                outcome: failed(None, error.to_string()),
                status: None,
                excerpt: String::new(),
            };
        }
    };
    let status = answer.status;
    let outcome = match status {
        StatusCode::GONE => Outcome::Gone,
        _ if status.is_success() => Outcome::Delivered,
        _ if status.is_redirection() => {
            failed(None, format!("{status}: redirects are not followed"))
        }
        _ => failed(answer.retry_after(clock.now()), status.to_string()),
    };
    let excerpt = answer
        .body
        .slice(..answer.body.len().min(MAX_EXCERPT_BYTES));
    Attempt {
        outcome,
        status: Some(status),
        excerpt: String::from_utf8_lossy(&excerpt).into_owned(),
    }
}

fn failed(retry_after: Option<Duration>, reason: String) -> Outcome {
    Outcome::Failed {
        retry_after,
        reason,
    }
}

fn request(
    endpoint: &Endpoint,
    notification: &Notification,
    clock: &dyn Clock,
) -> Result<OutgoingRequest, GuardError> {
    let now = clock.now();
    let Notification { id, kind, body } = notification;
    let mut request = OutgoingRequest::post(endpoint.url.clone(), "application/json", body.clone());
    if let Some((name, value)) = &endpoint.api_key {
        request = request.header(name, value.expose())?;
    }
    // Ours come last: a header of the app's cannot take their place.
    request
        .header("webhook-id", id)?
        .header("webhook-timestamp", &now.as_secs().to_string())?
        .header("webhook-signature", &sign(&endpoint.secrets, id, now, body))?
        .header("webhook-type", kind)
}
