//! SOS: what a trigger says, what it does to an incident and what the client
//! is told (contract: SOS).
//!
//! A transport hands over raw bytes. [`Trigger::parse`] reads them and never
//! fails; [`decide()`] says whether they open an incident, update the open one or
//! were heard before; [`Incident`] changes itself and numbers its events;
//! [`event_body`] writes what the client receives. The store runs all of this
//! inside one transaction and only keeps the results.

mod cancel;
mod decide;
mod event;
mod flags;
mod incident;
mod payload;
mod reader;
mod redelivery;
mod trail;
mod view;
mod vitals;

pub use cancel::CancelRequest;
pub use decide::{Decision, OpenIncident, SECOND_CRY_AFTER, decide};
pub use event::{Answered, event_body};
pub use flags::{Flag, Flags};
pub use incident::{Actuators, Echo, End, Incident, Opened, Origin, Report, State};
pub use payload::{Fix, SentTime, Trigger, Widget};
pub use redelivery::{REMEMBERED_FOR, TriggerKey, trigger_keys};
pub use trail::{TrailSample, trail_in_order, trail_of_samples};
pub use view::{Opening, PositionSnapshot, PositionSource, TrailPoint};
pub use vitals::{Battery, CHARGED_ABOVE_LIMIT, VitalSign, Vitals};

/// How many bytes of a body are kept as they were sent.
pub const RAW_BODY_KEPT_BYTES: usize = 64 * 1024;

/// The beginning of a body, as it is kept.
pub fn kept_raw(body: &[u8]) -> &[u8] {
    body.get(..RAW_BODY_KEPT_BYTES).unwrap_or(body)
}
