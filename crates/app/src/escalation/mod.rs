//! An SOS reaches people: the run of an escalation (contract: Escalation).
//!
//! 1. A trigger sets a durable timer to the end of the grace window, in its own
//!    transaction. Every change after it (a second cry, an answer, a report, the end)
//!    has the timer look at once, in the transaction of that change.
//! 2. [`run`] is one look: what `mayday_core::escalation::plan` asks for is recorded,
//!    each message with a job of its own.
//! 3. [`send`] is such a job: a permit, one attempt through a provider, its end on
//!    record; the next provider after a refusal. Before anything is sent again after
//!    a crash or silence, [`look_up`] asks the provider.
//! 4. [`report`] is what providers say later, [`acknowledge`] and [`decline`] what
//!    contacts and operators answer, [`receipts`] what the victim's app is shown of it.

mod acknowledge;
pub mod callbacks;
mod decline;
mod door;
mod faults;
mod look_up;
mod message;
mod receipts;
mod report;
mod run;
mod send;
mod slots;

pub use faults::{SendFaults, SendPoint};
pub use mayday_store::escalation::{AcknowledgeOutcome, By, DeclineOutcome, Means, Reported};
pub use report::DeliveryReport;
pub use run::Progress;

pub(crate) use slots::Slots;
