//! The outbox of the mails that the system writes by itself (contract: Mails).
//!
//! A change calls [`enqueue`] in its own transaction: the mail and its `mail` job are
//! there if the change is. A worker takes the job, asks [`BeginMail`] whether and what
//! to send, and says with [`RecordMail`] how it ended. The claim on the job fences
//! both, so that of two servers one sends; a server that dies in between leaves a mail
//! that goes out again under the same `Message-ID`.
//!
//! Receiver and values, which may be a code, are sealed and wiped at the end; a job
//! names a mail and nothing else.

pub(crate) mod notices;
pub(crate) mod prune;
pub(crate) mod send;

use std::collections::BTreeMap;

use mayday_core::ids::{AppUuid, MailId, UserId};
use mayday_core::mail::{SystemMailKind, shown_value};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use prune::{MAILS_KEPT, PruneMails};
pub use send::{BeginMail, MailBegun, MailEnd, Outgoing, RecordMail};

use crate::args;
use crate::error::StoreError;
use crate::jobs::{self, NewJob};
use crate::secrets::Place;
use crate::sql::Sql;
use crate::tx::Tx;

/// The kind of the job that sends a mail.
pub const MAIL_JOB: &str = "mail";

/// The version of its payload.
pub const MAIL_JOB_VERSION: u32 = 1;

/// Before notifications of partners: somebody may be waiting for a code.
const PRIORITY: i64 = 10;

static INSERT: Sql = Sql::new(
    "INSERT INTO system_mails (id, app_id, user_id, kind, language, sealed, key_id, state, tries,
        created_at, expires_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $8, $9, $8)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT];

/// A mail that follows from a change.
#[derive(Clone, Copy)]
pub struct SystemMail<'a> {
    /// The app that it is sent for.
    pub app: AppUuid,
    /// Whom it is about: it goes when they are erased. `None` for the app's owner.
    pub user: Option<UserId>,
    /// The receiver's address.
    pub to: &'a str,
    /// BCP 47, as it is wanted; `None` for the app's default.
    pub language: Option<&'a str>,
    /// What it says.
    pub kind: SystemMailKind,
    /// What [`SystemMailKind::values`] names, each with its value; they are cut to
    /// [`mayday_core::mail::MAX_VALUE_CHARS`] and to one line.
    pub values: &'a [(&'a str, &'a str)],
}

/// Neither receiver nor values.
impl std::fmt::Debug for SystemMail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SystemMail({})", self.kind.as_str())
    }
}

/// What is sealed of a mail.
#[derive(Serialize, Deserialize)]
struct Contents {
    to: String,
    values: BTreeMap<String, String>,
}

/// Puts a mail into the outbox, with its job, in the transaction of its cause.
///
/// Fails when the values are not those of the kind, which is a fault of the caller.
pub async fn enqueue(tx: &mut Tx<'_>, mail: &SystemMail<'_>) -> Result<MailId, StoreError> {
    let values: BTreeMap<_, _> = mail
        .values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), shown_value(value)))
        .collect();
    let wanted = mail.kind.values();
    if values.len() != wanted.len() || !wanted.iter().all(|name| values.contains_key(*name)) {
        let kind = mail.kind.as_str();
        let reason = format!("a mail {kind} has the values {wanted:?} and no others");
        return Err(StoreError::column(5, reason));
    }
    let id = MailId::generate(tx.clock(), tx.entropy());
    let contents = Contents {
        to: mail.to.to_owned(),
        values,
    };
    let plain = serde_json::to_vec(&contents)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| StoreError::column(5, error.to_string()))?;
    let sealed = tx.seal(place(id), &plain).await?;
    let now = tx.now();
    let expires_at = now.plus(mail.kind.worth());
    let values = args![
        id,
        mail.app,
        mail.user,
        mail.kind.as_str(),
        mail.language,
        &sealed.bytes,
        &sealed.key_id,
        now,
        expires_at,
    ];
    tx.execute_one(&INSERT, values).await?;
    let job = NewJob {
        kind: MAIL_JOB,
        key: &format!("{MAIL_JOB}:{id}"),
        priority: PRIORITY,
        due_at: now,
        payload: json!({"version": MAIL_JOB_VERSION, "mail": id}),
    };
    jobs::enqueue(tx, job).await?;
    Ok(id)
}

/// The only place in which a mail's contents open.
const fn place(mail: MailId) -> Place {
    Place {
        table: "system_mails",
        row: mail.uuid(),
        column: "sealed",
    }
}

#[cfg(test)]
pub(crate) mod tests;
