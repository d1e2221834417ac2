//! The user's PIN, which apps call the signature (contract: Signature).
//!
//! [`check`] judges a shown PIN for whoever asks; [`set`], [`verify`], [`questions`],
//! [`reset`] and [`confirm`] are what the routes do. Whoever is forced to give a PIN
//! gives the second one: by all that shows, it is the first. What it changes is
//! chosen so that the first stays what it is, and nobody is the wiser.

mod check;
mod confirm;
mod questions;
mod reset;
mod set;
mod verify;

use mayday_core::identity::Caller;
use mayday_core::ids::SessionId;
use mayday_core::sso::pin::Pin;

pub(crate) use check::Checked;
pub use confirm::ResetConfirm;
pub use questions::RecoveryQuestions;
pub use reset::ResetTicket;
pub use set::SignatureChange;

use crate::AppError;

/// The PIN in a member of a request.
fn read_pin(pointer: &str, typed: &str) -> Result<Pin, AppError> {
    let member = pointer.trim_start_matches('/');
    Pin::read(typed).ok_or_else(|| AppError::field(pointer, format!("{member} must be 6 digits")))
}

/// The session of a caller who came with one.
fn session_of(caller: &Caller) -> Result<SessionId, AppError> {
    caller.credential.session().ok_or(AppError::Unauthorized)
}

/// Somebody else changed the PIN at the same instant.
fn changed() -> AppError {
    AppError::conflict("the signature was changed meanwhile: try again")
}
