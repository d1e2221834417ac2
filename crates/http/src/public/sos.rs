//! The tracking view as JSON, for a client that draws it itself (contract:
//! Escalation, Tracking page). The token in the path is the proof.

pub(crate) mod acknowledge;
pub(crate) mod decline;
pub(crate) mod show;
mod view;
