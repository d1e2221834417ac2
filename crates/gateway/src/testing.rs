//! Peers for the tests of this and of other crates. Never in a release.

mod partner;
mod twilio;

pub use partner::Partner;
pub use twilio::{Behaviour, Mishap, Resource, TwilioSimulator};
