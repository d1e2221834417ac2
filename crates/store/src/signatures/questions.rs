//! Sets the questions that a PIN is recovered with.

use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::mail::SystemMailKind;
use mayday_core::notification::NotificationType;
use mayday_core::sso::pin::SecretHash;

use super::{get, mail, place, questions};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

static PUT: Sql = Sql::new(
    "INSERT INTO signature_questions (id, questions, sealed, key_id, version, created_at,
        updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6)
     ON CONFLICT (id) DO UPDATE SET questions = excluded.questions, sealed = excluded.sealed,
        key_id = excluded.key_id, version = excluded.version, updated_at = excluded.updated_at",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PUT];

/// Replaces a user's recovery questions.
#[derive(Clone, Debug)]
pub struct SetQuestions {
    /// The app.
    pub app: AppUuid,
    /// The user.
    pub user: UserId,
    /// The session that asks: its user is mailed.
    pub session: SessionId,
    /// The version of the PIN that was judged; `None`: the user has none.
    pub pin: Option<i64>,
    /// The questions.
    pub questions: Vec<String>,
    /// The hashes of their answers.
    pub answers: Vec<SecretHash>,
    /// The user is under duress: everybody is told that they were replaced, and they
    /// stay as they are.
    pub pretend: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionsSet {
    /// They are in force.
    Set,
    /// The PIN was changed meanwhile.
    Changed,
}

impl Command for SetQuestions {
    type Output = QuestionsSet;

    const NAME: &'static str = "signature.set_questions";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<QuestionsSet, StoreError> {
        users::lock(tx, self.user).await?;
        let before = questions(tx, self.user).await?;
        if before
            .as_ref()
            .is_some_and(|row| row.answers == self.answers)
        {
            return Ok(QuestionsSet::Set);
        }
        if get(tx, self.user).await?.map(|row| row.version) != self.pin {
            return Ok(QuestionsSet::Changed);
        }
        if !self.pretend {
            self.put(tx, before.map_or(0, |row| row.version)).await?;
        }
        let about = (self.app, self.user);
        notify_now(tx, about, NotificationType::SignatureQuestionsUpdated, []).await?;
        mail(tx, about, self.session, SystemMailKind::QuestionsUpdated).await?;
        Ok(QuestionsSet::Set)
    }
}

impl SetQuestions {
    async fn put(&self, tx: &mut Tx<'_>, before: i64) -> Result<(), StoreError> {
        let json = |error: serde_json::Error| StoreError::column(1, error.to_string());
        let asked = serde_json::to_string(&self.questions).map_err(json)?;
        let plain = serde_json::to_vec(&self.answers).map_err(json)?;
        let place = place("signature_questions", self.user);
        let sealed = tx.seal(place, &plain).await?;
        let now = tx.now();
        let values = args![
            self.user,
            &asked,
            &sealed.bytes,
            &sealed.key_id,
            before + 1,
            now,
        ];
        tx.execute_one(&PUT, values).await
    }
}
