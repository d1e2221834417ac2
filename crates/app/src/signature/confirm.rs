//! Replaces a forgotten PIN.

use std::fmt;
use std::sync::Arc;

use mayday_core::identity::Caller;
use mayday_core::sso::EndReason;
use mayday_core::sso::code::Code;
use mayday_core::sso::pin::{Answer, QUESTIONS, SecretHash, all_right};
use mayday_core::sso::session::Lapse;
use mayday_store::Lane;
use mayday_store::signatures::{self, ConfirmReset, ResetConfirmation};
use zeroize::Zeroizing;

use super::{read_pin, session_of};
use crate::identity::require_full;
use crate::{App, AppError, Urgency};

/// A confirmation as sent.
#[derive(Clone, Default)]
pub struct ResetConfirm {
    /// The code of the mail.
    pub code: Zeroizing<String>,
    /// The answers, in the order of the questions.
    pub answers: Vec<Zeroizing<String>>,
    /// The new PIN.
    pub signature: Zeroizing<String>,
}

impl fmt::Debug for ResetConfirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetConfirm").finish_non_exhaustive()
    }
}

impl App {
    /// Replaces the caller's PIN when the code and all answers are right.
    ///
    /// [`AppError::VerificationFailed`] says that something was wrong, not what; the
    /// fifth time every session of the user ends, and this is told as any of them is.
    pub async fn confirm_reset(&self, caller: &Caller, sent: ResetConfirm) -> Result<(), AppError> {
        require_full(caller)?;
        let session = session_of(caller)?;
        let (code, answers, pin) = read(&sent)?;
        let asked = {
            let mut tx = self.store.read_once().await?;
            signatures::questions(&mut tx, caller.user).await?
        };
        let (hashes, questions) =
            asked.map_or_else(|| (Vec::new(), 0), |asked| (asked.answers, asked.version));
        // The new PIN is hashed whether it will be needed or not: the time tells
        // nothing about the answers.
        let whose = (caller.user, Urgency::Ordinary);
        let judged = self
            .hashing
            .run(whose, move |cost, entropy| -> (bool, SecretHash) {
                let right = all_right(&hashes, &answers);
                (right, pin.hash(cost, entropy.as_ref()))
            });
        let (right, pin) = judged.await?;
        let confirm = ConfirmReset {
            app: caller.app,
            user: caller.user,
            session,
            code,
            questions,
            answers: right,
            pin,
        };
        match self.store.write(Lane::Session, confirm).await? {
            ResetConfirmation::Done => Ok(()),
            ResetConfirmation::Wrong => Err(AppError::VerificationFailed),
            ResetConfirmation::Nothing => {
                // Another attempt may have been the last meanwhile.
                self.recheck_session(caller, session).await?;
                Err(AppError::VerificationFailed)
            }
            ResetConfirmation::Exhausted => {
                tracing::warn!(user.id = %caller.user, "a reset of the PIN was refused");
                self.metrics.sessions_ended(EndReason::VerificationLimit, 1);
                Err(AppError::Session {
                    lapse: Arc::new(Lapse {
                        code: EndReason::VerificationLimit.code(),
                        at: self.clock.now(),
                        device: None,
                    }),
                })
            }
        }
    }
}

/// What cannot be an attempt at all is not counted as one.
fn read(sent: &ResetConfirm) -> Result<(Code, Vec<Answer>, mayday_core::sso::pin::Pin), AppError> {
    let code =
        Code::read(&sent.code).ok_or_else(|| AppError::field("/code", "code must be 6 digits"))?;
    let pin = read_pin("/signature", &sent.signature)?;
    if sent.answers.len() != QUESTIONS {
        let message = format!("answers must be {QUESTIONS}, in the order of the questions");
        return Err(AppError::field("/answers", message));
    }
    let answers: Option<Vec<Answer>> = sent.answers.iter().map(|text| Answer::read(text)).collect();
    let answers = answers
        .ok_or_else(|| AppError::field("/answers", "an answer must be 1 to 200 characters"))?;
    Ok((code, answers, pin))
}
