//! Sets the questions that a PIN is recovered with.

use std::fmt;

use mayday_core::identity::Caller;
use mayday_core::sso::pin::{Recovery, SecretHash};
use mayday_store::Lane;
use mayday_store::signatures::{QuestionsSet, SetQuestions};
use zeroize::Zeroizing;

use super::{changed, session_of};
use crate::identity::require_full;
use crate::{App, AppError, Urgency};

/// The questions as sent.
#[derive(Clone, Default)]
pub struct RecoveryQuestions {
    /// Each question with its answer.
    pub questions: Vec<(String, String)>,
    /// The PIN; required when the user has one.
    pub current: Option<Zeroizing<String>>,
}

impl fmt::Debug for RecoveryQuestions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryQuestions").finish_non_exhaustive()
    }
}

impl App {
    /// Replaces the caller's recovery questions. Under duress everybody is told so
    /// and nothing changes: whoever forces the user must not recover the PIN.
    pub async fn set_questions(
        &self,
        caller: &Caller,
        sent: RecoveryQuestions,
    ) -> Result<(), AppError> {
        require_full(caller)?;
        let session = session_of(caller)?;
        let Recovery { questions, answers } =
            Recovery::check(&sent.questions).map_err(AppError::fields)?;
        let current = sent.current.as_ref().map(|typed| typed.as_str());
        let checked = self.check_current(caller.user, current).await?;
        let whose = (caller.user, Urgency::Ordinary);
        let made = self
            .hashing
            .run(whose, move |cost, entropy| -> Vec<SecretHash> {
                let hash =
                    |answer: &mayday_core::sso::pin::Answer| answer.hash(cost, entropy.as_ref());
                answers.iter().map(hash).collect()
            });
        let command = SetQuestions {
            app: caller.app,
            user: caller.user,
            session,
            pin: checked.as_ref().map(|checked| checked.version),
            questions,
            answers: made.await?,
            pretend: checked.is_some_and(|checked| checked.duress),
        };
        match self.store.write(Lane::Session, command).await? {
            QuestionsSet::Set => Ok(()),
            QuestionsSet::Changed => Err(changed()),
        }
    }
}
