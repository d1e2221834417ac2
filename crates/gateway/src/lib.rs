//! Everything outbound. No other crate talks to the outside.
//!
//! Callers hand in typed settings, a clock and their texts; nothing in here
//! reads configuration, knows a database or repeats anything by itself. What
//! to send, when, and how often is decided above; what is told here is the
//! truth about one attempt: it was accepted, it was refused, or nobody knows.
//!
//! - [`guard`] is the HTTP client behind all of it.
//! - [`outcome`] is what every sender answers.
//! - [`sms`] and [`voice`] are what a provider of either is, and the texts that
//!   go through one; [`twilio`], [`template`] and [`onscreen`] are
//!   providers.
//! - [`mail`] composes messages and hands them to an SMTP server.
//! - [`routes`] says which providers a number goes through, [`breaker`] leaves
//!   alone who fails.
//! - [`introspection`] asks a partner about a token of one of its users.
//! - [`webhook`] signs and delivers partner notifications, [`slack`] posts to
//!   incoming webhooks.

pub mod breaker;
pub mod guard;
pub mod introspection;
pub mod mail;
pub mod onscreen;
pub mod outcome;
pub mod routes;
pub mod secret;
pub mod slack;
pub mod sms;
pub mod template;
#[cfg(feature = "testing")]
pub mod testing;
pub mod twilio;
pub mod voice;
pub mod webhook;
