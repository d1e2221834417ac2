//! Peers for the tests of this and of other crates. Never in a release.

mod twilio;

pub use twilio::{Behaviour, Mishap, Resource, TwilioSimulator};
