//! The mails that the system writes by itself (contract: Mails).
//!
//! A change puts one into the outbox (`mayday_store::system_mails`) in its own
//! transaction; [`send`] makes one attempt, and says when the next one is due.

mod dress;
mod prune;
mod send;

pub(crate) use dress::choose;
