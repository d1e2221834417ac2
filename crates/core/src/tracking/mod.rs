//! The tracking page: what a contact is shown of an SOS, and what they can
//! answer (contract: Escalation, Tracking page).
//!
//! The store's rows become a [`TrackingView`] in `app`; `http` writes it as a
//! page or as JSON. It holds no id and no address of anybody: whoever the link
//! is passed on to learns who needs help and where, and nobody's number.

mod battery;
mod view;

pub use battery::{Batteries, BatteryRange};
pub use view::{
    Helper, LINK_OUTLIVES, Notice, PhoneSigns, Reader, Told, TrackedPosition, TrackingAnswer,
    TrackingView, YourAnswer, link_is_dead, thinned,
};
