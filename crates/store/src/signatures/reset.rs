//! Replaces a forgotten PIN: a code by mail, and the answers to three questions.

use std::time::Duration;

use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::mail::SystemMailKind;
use mayday_core::notification::NotificationType;
use mayday_core::sso::EndReason;
use mayday_core::sso::code::{Code, CodePurpose};
use mayday_core::sso::pin::{PinHashes, SecretHash};
use mayday_core::time::Timestamp;
use serde_json::json;

use super::{address_of, get, mail, questions, set};
use crate::command::Command;
use crate::error::StoreError;
use crate::sessions;
use crate::tx::Tx;
use crate::users;
use crate::verification::{CodeRow, Tried};
use crate::webhooks::notify_now;

const PURPOSE: CodePurpose = CodePurpose::ResetSignature;

/// Sends the code of a reset, or another one.
#[derive(Clone, Copy, Debug)]
pub struct AskReset {
    /// The app.
    pub app: AppUuid,
    /// The user.
    pub user: UserId,
    /// The live session that asks: only it can confirm.
    pub session: SessionId,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetAsked {
    /// The code is under way.
    Sent {
        /// Until when it is taken.
        expires_at: Timestamp,
        /// What is to be answered beside it.
        questions: Vec<String>,
    },
    /// Not yet: how long to wait.
    Wait(Duration),
    /// The user has no PIN, or no questions.
    NothingToReset,
    /// The session has ended, or nobody knows an address of the user.
    Nobody,
}

impl Command for AskReset {
    type Output = ResetAsked;

    const NAME: &'static str = "signature.ask_reset";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ResetAsked, StoreError> {
        users::lock(tx, self.user).await?;
        if !is_live(tx, self.user, self.session).await? {
            return Ok(ResetAsked::Nobody);
        }
        let pin = get(tx, self.user).await?;
        let (Some(_), Some(asked)) = (pin, questions(tx, self.user).await?) else {
            return Ok(ResetAsked::NothingToReset);
        };
        let Some(address) = address_of(tx, self.session).await? else {
            return Ok(ResetAsked::Nobody);
        };
        let before = CodeRow::of_user(tx, self.user, PURPOSE).await?;
        let now = tx.now();
        let same = before.clone().filter(|row| {
            row.session == Some(self.session) && row.is_live(now) && row.address == address
        });
        // A resend keeps the request, and with it what was counted.
        let mut row = same.unwrap_or_else(|| {
            let about = (self.app, self.user);
            let mut row = CodeRow::begin(tx, about, PURPOSE, address, before.as_ref());
            row.session = Some(self.session);
            row
        });
        Ok(match row.send(tx).await? {
            Ok(()) => ResetAsked::Sent {
                expires_at: row.expires_at,
                questions: asked.questions,
            },
            Err(wait) => ResetAsked::Wait(wait),
        })
    }
}

/// Confirms a reset. Whoever asks has judged the answers by the versions given.
#[derive(Clone, Debug)]
pub struct ConfirmReset {
    /// The app.
    pub app: AppUuid,
    /// The user.
    pub user: UserId,
    /// The session that asked for the code.
    pub session: SessionId,
    /// The code as typed.
    pub code: Code,
    /// The version of the questions that the answers were judged by.
    pub questions: i64,
    /// Whether all answers are right.
    pub answers: bool,
    /// The hash of the new PIN. Those for duress stay.
    pub pin: SecretHash,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetConfirmation {
    /// The new PIN is in force.
    Done,
    /// The code or an answer is wrong.
    Wrong,
    /// It was wrong once too often: every session of the user has ended.
    Exhausted,
    /// No code was sent to the session, or it is used, over, or replaced.
    Nothing,
}

impl Command for ConfirmReset {
    type Output = ResetConfirmation;

    const NAME: &'static str = "signature.confirm_reset";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ResetConfirmation, StoreError> {
        users::lock(tx, self.user).await?;
        let row = CodeRow::of_user(tx, self.user, PURPOSE).await?;
        let row = row.filter(|row| row.session == Some(self.session));
        let (Some(mut row), Some(signature)) = (row, get(tx, self.user).await?) else {
            return Ok(ResetConfirmation::Nothing);
        };
        // An earlier run whose commit went unanswered.
        if signature.hashes.pin == self.pin {
            return Ok(ResetConfirmation::Done);
        }
        // Whose session has ended can have nothing counted any more.
        if !is_live(tx, self.user, self.session).await? {
            return Ok(ResetConfirmation::Nothing);
        }
        let asked = questions(tx, self.user).await?;
        let answered = self.answers && asked.is_some_and(|row| row.version == self.questions);
        match row.attempt(tx, &self.code, answered).await? {
            Tried::Nothing => Ok(ResetConfirmation::Nothing),
            Tried::Wrong => Ok(ResetConfirmation::Wrong),
            Tried::Exhausted => {
                self.refuse(tx).await?;
                Ok(ResetConfirmation::Exhausted)
            }
            Tried::Right => {
                let hashes = PinHashes {
                    pin: self.pin.clone(),
                    ..signature.hashes
                };
                set::put(tx, self.user, &hashes, Some(signature.version)).await?;
                set::tell(tx, (self.app, self.user), self.session).await?;
                Ok(ResetConfirmation::Done)
            }
        }
    }
}

impl ConfirmReset {
    /// The last attempt was wrong: the user is told, and logged out everywhere.
    async fn refuse(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let about = (self.app, self.user);
        mail(
            tx,
            about,
            self.session,
            SystemMailKind::SignatureResetFailed,
        )
        .await?;
        let reason = EndReason::VerificationLimit;
        let data = [("reason", json!(reason.as_str()))];
        notify_now(tx, about, NotificationType::SignatureResetFailed, data).await?;
        sessions::end::end_all(tx, self.user, reason).await
    }
}

/// Whether a session of the user is live, under the user's lock.
async fn is_live(tx: &mut Tx<'_>, user: UserId, session: SessionId) -> Result<bool, StoreError> {
    let found = sessions::get(tx, session).await?;
    let now = tx.now();
    Ok(found.is_some_and(|row| row.user == user && row.life.ended(now).is_none()))
}
