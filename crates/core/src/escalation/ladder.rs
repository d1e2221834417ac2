//! The receipt ladder: for each contact and channel, how far the cry for help
//! got and when (contract: SOS; shown beside the incident).
//!
//! Reports come from several hands (store, worker, provider's callback, tracking
//! page) in any order and more than once. A receipt only climbs.

use serde::{Deserialize, Serialize};

use super::channel::Channel;
use crate::ids::ContactId;
use crate::time::Timestamp;

/// A step of the ladder, lowest first.
///
/// `Failed` stands between `Accepted` and `Delivered`. So a failure that is
/// reported after the delivery changes nothing: the phone has the message, and
/// such reports are about a part of a long message or a second try. And a
/// delivery after a failure counts, because providers give up before networks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Committed to our disk.
    Stored,
    /// Waiting to be sent.
    Queued,
    /// Taken by the provider.
    Accepted,
    /// Finally failed.
    Failed,
    /// The provider says that it arrived.
    Delivered,
    /// The tracking page was opened, perhaps by a preview.
    Opened,
    /// The contact answered.
    Acknowledged,
}

impl Step {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// How far the message to a contact by one channel got. A step that was never
/// reported on its own, or too late, has no time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// To whom.
    pub contact_id: ContactId,
    /// By what.
    pub channel: Channel,
    /// The highest step.
    pub step: Step,
    /// When it was stored.
    pub stored_at: Option<Timestamp>,
    /// When it was queued.
    pub queued_at: Option<Timestamp>,
    /// When the provider took it.
    pub accepted_at: Option<Timestamp>,
    /// When it failed, even if it arrived later.
    pub failed_at: Option<Timestamp>,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When the page was opened first.
    pub opened_at: Option<Timestamp>,
    /// When the contact answered.
    pub acknowledged_at: Option<Timestamp>,
}

impl Receipt {
    /// A receipt for what was stored at `at`.
    pub const fn stored(contact: ContactId, channel: Channel, at: Timestamp) -> Self {
        Self {
            contact_id: contact,
            channel,
            step: Step::Stored,
            stored_at: Some(at),
            queued_at: None,
            accepted_at: None,
            failed_at: None,
            delivered_at: None,
            opened_at: None,
            acknowledged_at: None,
        }
    }

    /// Climbs to `step`; says whether anything changed. A step that was reached
    /// or passed keeps its time.
    pub const fn note(&mut self, step: Step, at: Timestamp) -> bool {
        if step as u8 <= self.step as u8 {
            return false;
        }
        self.step = step;
        let slot = match step {
            Step::Stored => &mut self.stored_at,
            Step::Queued => &mut self.queued_at,
            Step::Accepted => &mut self.accepted_at,
            Step::Failed => &mut self.failed_at,
            Step::Delivered => &mut self.delivered_at,
            Step::Opened => &mut self.opened_at,
            Step::Acknowledged => &mut self.acknowledged_at,
        };
        *slot = Some(at);
        true
    }
}

/// The receipts of an incident, in the order in which they were stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladder {
    receipts: Vec<Receipt>,
}

impl Ladder {
    /// Takes a report about one channel of a contact. The first is always heard,
    /// whichever step it reports; says whether anything changed.
    pub fn note(
        &mut self,
        contact: ContactId,
        channel: Channel,
        step: Step,
        at: Timestamp,
    ) -> bool {
        let known = self
            .receipts
            .iter_mut()
            .find(|receipt| receipt.contact_id == contact && receipt.channel == channel);
        if let Some(receipt) = known {
            return receipt.note(step, at);
        }
        let mut receipt = Receipt::stored(contact, channel, at);
        receipt.note(step, at);
        self.receipts.push(receipt);
        true
    }

    /// Takes a report of the tracking page. Its token names the contact and not
    /// the channel, so each channel climbs that carries the link and was handed
    /// to a provider; says whether anything changed.
    pub fn note_page(&mut self, contact: ContactId, step: Step, at: Timestamp) -> bool {
        self.climb(contact, Channel::carries_link, step, at)
    }

    /// Takes an answer that came by another way than the contact was asked by, such as
    /// an SMS after a call: each channel climbs that was handed to a provider; says
    /// whether anything changed.
    pub fn note_answer(&mut self, contact: ContactId, at: Timestamp) -> bool {
        self.climb(contact, |_| true, Step::Acknowledged, at)
    }

    fn climb(
        &mut self,
        contact: ContactId,
        by: impl Fn(Channel) -> bool,
        step: Step,
        at: Timestamp,
    ) -> bool {
        let mut changed = false;
        for receipt in &mut self.receipts {
            let handed_over = receipt.step >= Step::Accepted;
            if receipt.contact_id == contact && by(receipt.channel) && handed_over {
                changed |= receipt.note(step, at);
            }
        }
        changed
    }

    /// All receipts.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }
}

#[cfg(test)]
mod tests;
