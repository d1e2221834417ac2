//! What a partner is notified of: the types, their words, their shapes (contract:
//! Partner notifications).
//!
//! A change that a partner hears of writes one [`compose`]d body for each endpoint
//! that wants its [`NotificationType`], in its own transaction; a worker signs and
//! delivers it. The body is kept as it was composed, so that every attempt and
//! every replay carries the same bytes under the same id.

mod filter;
mod kind;
mod schema;
mod words;

use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use filter::{EventFilter, UnknownEvent};
pub use kind::{Field, NotificationType, Shape};
pub use schema::{check, sample, schema};

use crate::time::Timestamp;

/// What every notification says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The notification's id: the same for every endpoint, attempt and replay.
    pub id: Uuid,
    /// What happened.
    pub kind: NotificationType,
    /// The app's public id.
    pub app_id: &'a str,
    /// The partner's id of the user whom it is about.
    pub user: &'a str,
    /// The user's name, as far as it is known.
    pub name: Option<&'a str>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Whether it belongs to a drill: then the words say so first.
    pub drill: bool,
    /// BCP 47: in which language the words are wanted.
    pub language: &'a str,
}

/// `webhook-id` of a notification, and `id` in its data.
pub fn message_id(id: Uuid) -> String {
    format!("msg_{}", id.simple())
}

/// The body: `{"user", "title", "body", "data"}`. `data` holds what this type says
/// beside `type`, `id`, `occurredAt` and `appId`.
pub fn compose(envelope: &Envelope<'_>, data: Map<String, Value>) -> Value {
    let (title, body) = words::words(envelope);
    let mut all = Map::new();
    all.insert("type".to_owned(), envelope.kind.as_str().into());
    all.insert("id".to_owned(), message_id(envelope.id).into());
    let occurred_at = envelope.occurred_at.to_string();
    all.insert("occurredAt".to_owned(), occurred_at.into());
    all.insert("appId".to_owned(), envelope.app_id.into());
    all.extend(data);
    json!({"user": envelope.user, "title": title, "body": body, "data": all})
}

#[cfg(test)]
mod tests;
