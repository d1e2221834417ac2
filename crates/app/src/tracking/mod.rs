//! The tracking page: what a contact sees and answers who holds a link (contract:
//! Escalation, Tracking page).
//!
//! The token in the link is all the proof there is. [`App::tracking`] and its
//! neighbours take it as it stood in the address; what is unknown, revoked or dead
//! is one and the same [`AppError::NotFound`](crate::AppError::NotFound), and an
//! address that guesses too often hears
//! [`RateLimited`](crate::AppError::RateLimited) instead. A link that works is
//! never limited, whatever others did from the same address.

mod answer;
mod link;
mod pulse;
mod show;
mod view;

pub use pulse::TrackingPulse;
