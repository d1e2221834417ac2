//! Sends the code that a forgotten PIN is replaced with.

use mayday_core::identity::Caller;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::signatures::{AskReset, ResetAsked};

use super::session_of;
use crate::identity::require_full;
use crate::{App, AppError};

/// A code that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetTicket {
    /// Until when it is taken.
    pub expires_at: Timestamp,
    /// What is to be answered beside it.
    pub questions: Vec<String>,
}

impl App {
    /// Mails a code to the address that the partner vouched for, at most once a
    /// minute and five times an hour. Only the session that asked can confirm it.
    pub async fn ask_reset(&self, caller: &Caller) -> Result<ResetTicket, AppError> {
        require_full(caller)?;
        if let Err(limited) = self.limit_codes(caller.app_id.as_str(), caller.peer) {
            self.metrics.code_asked("limited");
            return Err(limited);
        }
        let ask = AskReset {
            app: caller.app,
            user: caller.user,
            session: session_of(caller)?,
        };
        match self.store.write(Lane::Session, ask).await? {
            ResetAsked::Sent {
                expires_at,
                questions,
            } => {
                self.metrics.code_asked("sent");
                Ok(ResetTicket {
                    expires_at,
                    questions,
                })
            }
            ResetAsked::Wait(retry_after) => {
                self.metrics.code_asked("limited");
                Err(AppError::RateLimited { retry_after })
            }
            ResetAsked::NothingToReset => Err(AppError::conflict(
                "there is nothing to reset: a signature and its questions must be set first",
            )),
            ResetAsked::Nobody => Err(AppError::Unauthorized),
        }
    }
}
