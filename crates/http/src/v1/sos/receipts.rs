//! Receipts as they stand on the wire: how far each message of an incident got.

use mayday_core::escalation::Receipt;
use mayday_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How far the cry for help got to one contact by one channel. A step that was never
/// reported, or after a higher one, has no time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Receipt)]
pub(super) struct ReceiptView {
    /// To whom.
    #[schema(example = "0199d7a1-55aa-7b22-9c31-5d7e8f901234")]
    contact_id: Uuid,
    /// `sms`, `email` or `voice`.
    #[schema(example = "sms")]
    channel: &'static str,
    /// The highest step: `stored`, `queued`, `accepted`, `failed`, `delivered`,
    /// `opened` or `acknowledged`.
    #[schema(example = "delivered")]
    step: &'static str,
    /// When the cry was stored.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.481Z")]
    stored_at: Option<String>,
    /// When the message was due.
    #[schema(format = DateTime, example = "2026-09-09T10:15:45.503Z")]
    queued_at: Option<String>,
    /// When the provider took it.
    #[schema(format = DateTime, example = "2026-09-09T10:15:45.712Z")]
    accepted_at: Option<String>,
    /// When it failed, even if it arrived later.
    #[schema(format = DateTime)]
    failed_at: Option<String>,
    /// When it arrived, as the provider says.
    #[schema(format = DateTime, example = "2026-09-09T10:15:48.020Z")]
    delivered_at: Option<String>,
    /// When the link in it was opened first, perhaps by a preview.
    #[schema(format = DateTime)]
    opened_at: Option<String>,
    /// When the contact answered.
    #[schema(format = DateTime)]
    acknowledged_at: Option<String>,
}

impl From<&Receipt> for ReceiptView {
    fn from(receipt: &Receipt) -> Self {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            contact_id: receipt.contact_id.uuid(),
            channel: receipt.channel.as_str(),
            step: receipt.step.as_str(),
            stored_at: text(receipt.stored_at),
            queued_at: text(receipt.queued_at),
            accepted_at: text(receipt.accepted_at),
            failed_at: text(receipt.failed_at),
            delivered_at: text(receipt.delivered_at),
            opened_at: text(receipt.opened_at),
            acknowledged_at: text(receipt.acknowledged_at),
        }
    }
}
