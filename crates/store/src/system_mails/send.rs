//! One attempt at a mail: what is to be sent, and how it ended.

use std::collections::BTreeMap;

use mayday_core::escalation::TestMode;
use mayday_core::ids::{AppUuid, MailId, UserId};
use mayday_core::mail::{MailTemplate, SystemMailKind};
use mayday_core::time::Timestamp;

use super::{Contents, place};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::jobs::{self, Claim};
use crate::mail_settings::{self, MailDress};
use crate::policies;
use crate::row::Row;
use crate::secrets::Sealed;
use crate::sql::Sql;
use crate::tx::Tx;

static BEGIN: Sql = Sql::new(
    "UPDATE system_mails SET state = 'sending', tries = tries + 1, updated_at = $2
     WHERE id = $1 AND state IN ('waiting', 'sending')
     RETURNING app_id, kind, language, sealed, key_id, tries, created_at, expires_at, user_id",
);
static NAMES: Sql =
    Sql::new("SELECT (SELECT u.name FROM users u WHERE u.id = $2) FROM apps a WHERE a.id = $1");
static AGAIN: Sql = Sql::new(
    "UPDATE system_mails SET state = 'waiting', updated_at = $3, error = $4
     WHERE id = $1 AND tries = $2 AND state = 'sending'",
);
static END: Sql = Sql::new(
    "UPDATE system_mails SET state = $3, updated_at = $4, ended_at = $4, error = $5, sealed = NULL,
        key_id = NULL
     WHERE id = $1 AND tries = $2 AND state = 'sending'",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&BEGIN, &NAMES, &AGAIN, &END];

/// A mail that is to be sent now.
#[derive(Clone)]
pub struct Outgoing {
    /// Its id.
    pub id: MailId,
    /// The app.
    pub app: AppUuid,
    /// What it says.
    pub kind: SystemMailKind,
    /// The language that it is wanted in, or else the app's.
    pub language: String,
    /// The receiver's address.
    pub to: String,
    /// The kind's values.
    pub values: BTreeMap<String, String>,
    /// Whether it may leave: nothing of an app that is being built does.
    pub real: bool,
    /// The user's name, as far as it is known.
    pub name: Option<String>,
    /// How the app's mails look.
    pub dress: MailDress,
    /// The app's language.
    pub default_language: String,
    /// When its cause happened.
    pub created_at: Timestamp,
    /// After this it is worth nothing.
    pub expires_at: Timestamp,
    /// This attempt, from 1.
    pub tries: i64,
}

/// Neither receiver nor values.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({}, {})", self.id, self.kind.as_str())
    }
}

/// Asks whether a mail may be sent now.
#[derive(Clone, Copy, Debug)]
pub struct BeginMail {
    /// Which.
    pub mail: MailId,
    /// The claim on its job.
    pub claim: Claim,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum MailBegun {
    /// Send it, once.
    Given(Box<Outgoing>),
    /// It has ended, or went with its user; its job is done.
    Over,
    /// The job is somebody else's by now.
    Lost,
}

impl Command for BeginMail {
    type Output = MailBegun;

    const NAME: &'static str = "mail.begin";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<MailBegun, StoreError> {
        if !jobs::holds(tx, self.claim).await? {
            return Ok(MailBegun::Lost);
        }
        let now = tx.now();
        let Some(row) = tx.fetch_optional(&BEGIN, args![self.mail, now]).await? else {
            jobs::complete(tx, self.claim).await?;
            return Ok(MailBegun::Over);
        };
        let outgoing = self.read(tx, &row).await?;
        if outgoing.expires_at <= now {
            let error = "it could not be sent while it was worth anything";
            let values = args![self.mail, outgoing.tries, "failed", now, Some(error)];
            tx.execute_one(&END, values).await?;
            jobs::complete(tx, self.claim).await?;
            return Ok(MailBegun::Over);
        }
        Ok(MailBegun::Given(Box::new(outgoing)))
    }
}

impl BeginMail {
    async fn read(&self, tx: &mut Tx<'_>, row: &Row) -> Result<Outgoing, StoreError> {
        let app: AppUuid = row.get(0)?;
        let word: String = row.get(1)?;
        let wanted: Option<String> = row.get(2)?;
        let sealed = Sealed {
            bytes: row.get(3)?,
            key_id: row.get(4)?,
        };
        let plain = tx.unseal(place(self.mail), &sealed)?;
        let contents: Contents = serde_json::from_slice(&plain)
            .map_err(|error| StoreError::column(3, error.to_string()))?;
        let user: Option<UserId> = row.get(8)?;
        let names = tx.fetch_one(&NAMES, args![app, user]).await?;
        let kind = SystemMailKind::parse(&word)
            .ok_or_else(|| StoreError::column(1, format!("{word} is no mail")))?;
        let policy = policies::current(tx, app).await?;
        Ok(Outgoing {
            id: self.mail,
            app,
            kind,
            language: wanted.unwrap_or_else(|| policy.default_language.clone()),
            real: policy.test_mode != TestMode::Everything,
            to: contents.to,
            values: contents.values,
            name: names.get(0)?,
            dress: mail_settings::dress(tx, app, MailTemplate::System(kind)).await?,
            default_language: policy.default_language,
            tries: row.get(5)?,
            created_at: row.get(6)?,
            expires_at: row.get(7)?,
        })
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailEnd {
    /// The mail server took it.
    Sent,
    /// It is tried again; its job stays.
    Again {
        /// Why it failed.
        error: String,
    },
    /// It is never sent.
    Failed {
        /// Why.
        error: String,
    },
}

/// Records how an attempt ended; the end of a mail is the end of its job. Output:
/// `false` when a later attempt has begun, and nothing changed.
#[derive(Clone, Debug)]
pub struct RecordMail {
    /// Which.
    pub mail: MailId,
    /// [`Outgoing::tries`] of the attempt.
    pub tries: i64,
    /// The claim on its job.
    pub claim: Claim,
    /// How it ended.
    pub end: MailEnd,
}

impl Command for RecordMail {
    type Output = bool;

    const NAME: &'static str = "mail.record";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let now = tx.now();
        let (state, error) = match &self.end {
            MailEnd::Again { error } => {
                let values = args![self.mail, self.tries, now, error];
                return Ok(tx.execute(&AGAIN, values).await? == 1);
            }
            MailEnd::Sent => ("sent", None),
            MailEnd::Failed { error } => ("failed", Some(error.as_str())),
        };
        let values = args![self.mail, self.tries, state, now, error];
        let ended = tx.execute(&END, values).await? == 1;
        if ended {
            jobs::complete(tx, self.claim).await?;
        }
        Ok(ended)
    }
}
