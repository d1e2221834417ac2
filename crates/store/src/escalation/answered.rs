//! Which messages to our numbers were taken in, and what was answered to an `OK`. A
//! provider posts a message again when our answer got lost, and whoever once saw the
//! post can send it again: it means what it meant then, and nothing for an incident of
//! today, nor against a later word of the same phone.

use std::time::Duration;

use super::{Acknowledge, AcknowledgeOutcome};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How long an answer is remembered: providers give up within a day.
const KEPT_FOR: Duration = Duration::from_hours(90 * 24);
/// Old answers that go with each new one.
const FORGOTTEN_AT_ONCE: u32 = 20;

static FIND: Sql =
    Sql::new("SELECT answer FROM inbound_answers WHERE provider = $1 AND message_id = $2");
static NOTE: Sql = Sql::new(
    "INSERT INTO inbound_answers (provider, message_id, answer, received_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (provider, message_id) DO NOTHING",
);
static FORGET: Sql = Sql::new(
    "DELETE FROM inbound_answers WHERE (provider, message_id) IN \
        (SELECT provider, message_id FROM inbound_answers WHERE received_at <= $1 \
         ORDER BY received_at LIMIT $2)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&FIND, &NOTE, &FORGET];

/// What was answered to this message, if it came before.
pub async fn answered(
    tx: &mut Tx<'_>,
    provider: &str,
    message_id: &str,
) -> Result<Option<String>, StoreError> {
    let row = tx
        .fetch_optional(&FIND, args![provider, message_id])
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// Notes what is answered to a message; what was noted first stays. Output: whether this
/// is the first.
#[derive(Clone, Debug)]
pub struct NoteAnswer {
    /// The provider's name in the configuration.
    pub provider: String,
    /// Its id of the message.
    pub message_id: String,
    /// A word for the answer, and what it was about.
    pub answer: String,
}

impl Command for NoteAnswer {
    type Output = bool;
    const NAME: &'static str = "escalation.note_answer";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let now = tx.now();
        let values = args![&self.provider, &self.message_id, &self.answer, now];
        let first = tx.execute(&NOTE, values).await? == 1;
        let old = args![now.minus(KEPT_FOR), FORGOTTEN_AT_ONCE];
        tx.execute(&FORGET, old).await?;
        Ok(first)
    }
}

/// A contact helps who wrote so. Acknowledging and noting the answer are one: a message
/// that is posted again, after a crash too, must not be taken for a further one, which
/// may be about another incident.
#[derive(Clone, Debug)]
pub struct AcknowledgeByMessage {
    /// What it acknowledges.
    pub acknowledge: Acknowledge,
    /// What is noted when they help.
    pub note: NoteAnswer,
    /// The word for the answer when it is over.
    pub over: String,
}

impl Command for AcknowledgeByMessage {
    /// The word for the answer: this one's, or what was answered to the message before.
    type Output = String;
    const NAME: &'static str = "escalation.acknowledge_by_message";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, StoreError> {
        let (provider, message_id) = (&self.note.provider, &self.note.message_id);
        if let Some(before) = answered(tx, provider, message_id).await? {
            return Ok(before);
        }
        let mut note = self.note.clone();
        match self.acknowledge.run(tx).await? {
            AcknowledgeOutcome::Now(_) | AcknowledgeOutcome::Again(_) => {}
            AcknowledgeOutcome::Ended | AcknowledgeOutcome::Unknown => {
                note.answer.clone_from(&self.over);
            }
        }
        note.run(tx).await?;
        Ok(note.answer)
    }
}
