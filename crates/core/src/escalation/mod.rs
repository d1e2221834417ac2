//! Escalation: who is told of an SOS, how, when, and in which words (contract:
//! Escalation).
//!
//! An administrator writes a [`Policy`]. A worker gathers what is known of an
//! incident into a [`Situation`] and asks [`plan()`] what to do now and when to
//! ask again; it records the answer as [`Attempt`]s in one transaction and sends.
//! Providers report back, which moves attempts ([`Attempt::advance`]) and receipts
//! ([`Ladder`]), and only ever forward. The victim's app sees the [`Snapshot`];
//! a contact reads a text of [`render`] and follows a link that holds a
//! [`TrackingToken`].
//!
//! Nothing in here sends, stores or looks at a clock.

mod attempt;
mod channel;
mod ladder;
mod message;
mod plan;
mod policy;
mod reply;
mod snapshot;
mod token;

pub use attempt::{Attempt, AttemptKey, AttemptState, Purpose};
pub use channel::{Channel, Outcome, Status};
pub use ladder::{Ladder, Receipt, Step};
pub use message::{
    Facts, Kind, Medium, Spoken, TemplateName, Told, Whereabouts, again_mark, duress_mark, is_gsm7,
    render, spoken, tell, voice,
};
pub use plan::{
    Acknowledgement, CRY_SETTLES, Decline, Exhaustion, MAX_FOLLOW_UPS, Plan, Reach, Reachable,
    Running, Send, Situation, Skip, SkipReason, plan, withdrawn,
};
pub use policy::{Mode, POLICY_VERSION, Policy, TestMode};
pub use reply::{Helped, Reply, reply, thanks};
pub use snapshot::{ChannelEntry, ContactEntry, ContactFacts, Delivery, Item, ItemType, Snapshot};
pub use token::{TRACKING_PURPOSE, TrackingToken};
