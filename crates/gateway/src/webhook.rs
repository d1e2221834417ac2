//! Partner notifications: signed as [Standard Webhooks] says and delivered
//! through the guarded client (contract: Partner notifications).
//!
//! `signature.rs` signs and, for receivers, verifies, `deliver.rs` makes one attempt and says how it ended,
//! `schedule.rs` says when the next one is due. Keeping attempts and retrying is
//! the caller's.
//!
//! [Standard Webhooks]: https://www.standardwebhooks.com

mod deliver;
mod schedule;
mod signature;

pub use deliver::{Attempt, Endpoint, Notification, Outcome, deliver};
pub use schedule::{ATTEMPTS, next_attempt};
pub use signature::{InvalidSecret, Refused, Signed, WebhookSecret, sign, verify};
