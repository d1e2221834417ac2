//! Everything outbound. No other crate talks to the outside.
//!
//! Callers hand in typed settings, a clock and their texts; nothing in here
//! reads configuration, knows a database or repeats anything by itself. What
//! to send, when, and how often is decided above; what is told here is the
//! truth about one attempt: it was accepted, it was refused, or nobody knows.
//!
//! - [`guard`] is the HTTP client behind all of it.
//! - [`webhook`] signs and delivers partner notifications, [`slack`] posts to
//!   incoming webhooks.

pub mod guard;
pub mod secret;
pub mod slack;
pub mod webhook;
