//! What an administrator may ask about endpoints and deliveries, and is answered.

use mayday_core::escalation::Channel;
use mayday_core::ids::{DeliveryId, EndpointId, IncidentId};
use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Page, PageRequest, PrintedSecret};

/// About webhooks and Slack channels of an app. Answered by [`WebhookReply`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum WebhookRequest {
    /// Adds an endpoint: [`WebhookReply::Added`].
    Add(NewEndpoint),
    /// The endpoints of an app: [`WebhookReply::Endpoints`].
    List {
        /// The public id.
        app_id: String,
        /// `webhook` or `slack`.
        channel: Channel,
    },
    /// One endpoint: [`WebhookReply::Endpoint`].
    Show {
        /// Which.
        #[serde(flatten)]
        of: EndpointOf,
    },
    /// Removes an endpoint; its log stays for its time: [`WebhookReply::Endpoint`].
    Remove {
        /// Which.
        #[serde(flatten)]
        of: EndpointOf,
    },
    /// Tells an endpoint again that was disabled: [`WebhookReply::Endpoint`].
    Enable {
        /// Which.
        #[serde(flatten)]
        of: EndpointOf,
    },
    /// Replaces a webhook's secret: [`WebhookReply::SecretRotated`].
    RotateSecret {
        /// Which.
        #[serde(flatten)]
        of: EndpointOf,
        /// How long the old one signs too, in hours; 0 ends every old one at once.
        overlap_hours: u64,
    },
    /// Sets the key that an app's webhooks are shown: [`WebhookReply::ApiKey`].
    ApiKeySet {
        /// The public id.
        app_id: String,
        /// The header's name.
        header: String,
        /// The key.
        key: PrintedSecret,
    },
    /// The header's name, never the key: [`WebhookReply::ApiKey`].
    ApiKeyShow {
        /// The public id.
        app_id: String,
    },
    /// Removes the key: [`super::AdminReply::Removed`].
    ApiKeyRemove {
        /// The public id.
        app_id: String,
    },
    /// Sends a test now, once: [`WebhookReply::Delivery`].
    Test {
        /// Which.
        #[serde(flatten)]
        of: EndpointOf,
    },
    /// The deliveries of an app, newest first: [`WebhookReply::Log`].
    Log {
        /// The public id.
        app_id: String,
        /// `webhook` or `slack`.
        channel: Channel,
        /// One endpoint's; all when missing.
        endpoint_id: Option<String>,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// One delivery with its attempts: [`WebhookReply::Delivery`].
    Delivery {
        /// The public id.
        app_id: String,
        /// Its id, as listed.
        delivery_id: String,
    },
    /// Sends one delivery again: [`WebhookReply::Replayed`].
    Replay {
        /// The public id.
        app_id: String,
        /// Its id, as listed.
        delivery_id: String,
    },
    /// Sends the deliveries of a time again: [`WebhookReply::Replayed`].
    ReplayRange(RangeOf),
}

impl WebhookRequest {
    /// Whether it seals or opens a secret with the master key.
    pub(super) const fn needs_master_key(&self) -> bool {
        matches!(
            self,
            Self::Add(_) | Self::RotateSecret { .. } | Self::ApiKeySet { .. } | Self::Test { .. }
        )
    }
}

/// An endpoint of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointOf {
    /// The app's public id.
    pub app_id: String,
    /// The endpoint's id, as listed.
    pub endpoint_id: String,
}

/// An endpoint to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEndpoint {
    /// The app's public id.
    pub app_id: String,
    /// `webhook` or `slack`.
    pub channel: Channel,
    /// Where to; a secret, and never shown again but for its host.
    pub url: PrintedSecret,
    /// A name for people; the host when missing.
    pub name: Option<String>,
    /// Types and families such as `sos.*`; empty: all, of Slack those for people.
    pub events: Vec<String>,
    /// For development: http and private addresses are reached, too.
    pub local: bool,
}

/// The deliveries of a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeOf {
    /// The app's public id.
    pub app_id: String,
    /// The endpoint's id, as listed.
    pub endpoint_id: String,
    /// From when on.
    pub since: Timestamp,
    /// Before when; now when missing.
    pub until: Option<Timestamp>,
    /// Those that arrived, too; else those that failed.
    pub delivered_too: bool,
    /// [`WebhookReply::Replayed::next`] of the answer before.
    pub after: Option<DeliveryId>,
}

/// The answer to a [`WebhookRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum WebhookReply {
    /// A new endpoint.
    Added {
        /// The endpoint.
        endpoint: EndpointView,
        /// What its deliveries are signed with, shown this once; Slack has none.
        secret: Option<PrintedSecret>,
    },
    /// One endpoint.
    Endpoint(EndpointView),
    /// The endpoints of an app by age.
    Endpoints {
        /// The endpoints.
        endpoints: Vec<EndpointView>,
    },
    /// A new secret.
    SecretRotated {
        /// The endpoint.
        endpoint_id: EndpointId,
        /// The secret, shown this once.
        secret: PrintedSecret,
        /// Until when the old one signs too; `None` when it no longer does.
        old_until: Option<Timestamp>,
    },
    /// An app's key, without the key.
    ApiKey(ApiKeyView),
    /// A page of deliveries.
    Log(Page<DeliveryView>),
    /// One delivery with its attempts.
    Delivery(DeliveryDetail),
    /// Deliveries were begun anew.
    Replayed {
        /// How many.
        count: u32,
        /// Where to go on; `None`: those were all.
        next: Option<DeliveryId>,
    },
}

/// An endpoint without its URL and secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    /// Its id.
    pub endpoint_id: EndpointId,
    /// `webhook` or `slack`.
    pub channel: Channel,
    /// A name for people.
    pub name: String,
    /// Scheme, host and port; the rest may be secret.
    pub url: String,
    /// The types that it wants; empty: all.
    pub events: Vec<String>,
    /// Whether http and private addresses are reached.
    pub local: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was disabled; `None` while it is told.
    pub disabled_at: Option<Timestamp>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// Since when deliveries are given up on.
    pub failing_since: Option<Timestamp>,
    /// Deliveries that wait.
    pub pending: i64,
    /// Secrets that sign at the moment.
    pub live_secrets: i64,
}

/// An app's key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyView {
    /// The app's public id.
    pub app_id: String,
    /// The header's name.
    pub header: String,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Where to.
    pub endpoint_id: EndpointId,
    /// The endpoint's name.
    pub endpoint: String,
    /// `webhook-id`: the same for every endpoint, attempt and replay.
    pub webhook_id: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The incident that it belongs to.
    pub incident_id: Option<IncidentId>,
    /// `pending`, `delivered`, `failed` or `skipped`.
    pub state: String,
    /// Attempts that ended.
    pub attempts: i64,
    /// When the next attempt is due.
    pub due_at: Option<Timestamp>,
    /// When what it tells of happened.
    pub created_at: Timestamp,
    /// When it arrived first.
    pub delivered_at: Option<Timestamp>,
    /// When it was given up on.
    pub failed_at: Option<Timestamp>,
    /// What the last attempt met.
    pub error: Option<String>,
}

/// A delivery with what was sent and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryDetail {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// The body.
    pub body: Value,
    /// Its attempts, oldest first.
    pub tried: Vec<AttemptView>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// From 1.
    pub number: i64,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// `delivered`, `failed` or `gone`.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
    /// The first KiB of the answer.
    pub excerpt: String,
}
