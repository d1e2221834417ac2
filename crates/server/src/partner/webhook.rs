//! The receiver of what mayday tells (contract: Partner notifications): the signature
//! first, over the bytes as they came; then the body. A replay changes nothing, and
//! a type that is not known is acknowledged all the same.

use std::collections::{HashSet, VecDeque};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use mayday_gateway::webhook::{Refused, Signed, WebhookSecret, verify};
use serde_json::Value;

use super::{Partner, Shared, lock};
use crate::input;

/// The largest file that is taken for the webhook's secrets, in bytes.
const MAX_SECRETS_BYTES: u64 = 4_096;

/// Notifications that are remembered, to know a replay. A real partner keeps them
/// in its database.
const MAX_HEARD: usize = 10_000;

/// The type that tells a partner to log a user out.
const LOG_OUT: &str = "signature.reset_failed";

/// The ids of the notifications that were acted on.
#[derive(Default)]
pub(super) struct Heard {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Heard {
    /// Whether this one is new.
    fn first_time(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_HEARD
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// `POST /webhook`
pub(super) async fn receive(
    State(partner): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let secrets = match partner.webhook_secrets() {
        Ok(secrets) => secrets,
        Err(why) => {
            partner.tell(&format!("webhook: {why}"));
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = Signed {
        id: header("webhook-id").unwrap_or_default(),
        timestamp: header("webhook-timestamp").unwrap_or_default(),
        signature: header("webhook-signature").unwrap_or_default(),
        body: &body,
    };
    if let Err(refused) = verify(&secrets, &signed, partner.clock.now()) {
        partner.tell(&format!("webhook: refused, {refused}"));
        return match refused {
            Refused::Signature => StatusCode::UNAUTHORIZED,
            Refused::Malformed | Refused::Stale => StatusCode::BAD_REQUEST,
        };
    }
    let Ok(told) = serde_json::from_slice::<Value>(&body) else {
        partner.tell("webhook: refused, the body is no JSON");
        return StatusCode::BAD_REQUEST;
    };
    partner.hear(signed.id, &told);
    StatusCode::NO_CONTENT
}

impl Partner {
    /// Acts on a notification, once.
    fn hear(&self, id: &str, told: &Value) {
        let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
        let (kind, user) = (text("/data/type"), text("/user"));
        if !lock(&self.heard).first_time(id) {
            return self.tell(&format!("webhook: again {kind} {user}"));
        }
        if kind == LOG_OUT {
            lock(&self.tokens).end(user);
        }
        self.tell(&format!("webhook: heard {kind} {user}: {}", text("/title")));
    }

    /// The secrets as the file has them now: it may be written after the endpoint
    /// was added, and holds two while a secret is replaced.
    fn webhook_secrets(&self) -> Result<Vec<WebhookSecret>, String> {
        let Some(path) = &self.settings.webhook_secrets else {
            return Err("refused, started without --webhook-secret-file".to_owned());
        };
        let text = input::file(path, MAX_SECRETS_BYTES).map_err(|error| error.to_string())?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Result<Vec<_>, _> = lines.map(WebhookSecret::parse).collect();
        secrets.map_err(|error| format!("{}: {error}", path.display()))
    }
}
