//! Users' PINs and what recovers them (contract: Signature and its recovery).
//!
//! Nothing is hashed in here: that takes tens of milliseconds and must not happen
//! within a transaction. Whoever judged a PIN says by which version of the hashes it
//! did, and [`CountPin`] says under the user's lock whether that still holds.

pub(crate) mod count;
pub(crate) mod questions;
pub(crate) mod reset;
pub(crate) mod set;

use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::mail::SystemMailKind;
use mayday_core::sso::pin::{PinCount, PinHashes, SecretHash};
use mayday_core::time::Timestamp;

pub use count::{CountPin, PinVerdict};
pub use questions::{QuestionsSet, SetQuestions};
pub use reset::{AskReset, ConfirmReset, ResetAsked, ResetConfirmation};
pub use set::{SetSignature, SignatureSet};

use crate::args;
use crate::error::StoreError;
use crate::secrets::{Place, Sealed};
use crate::sql::Sql;
use crate::system_mails::{self, SystemMail};
use crate::tx::Tx;
use crate::user_settings;

static GET: Sql = Sql::new(
    "SELECT sealed, key_id, version, failures, locks, locked_until FROM signatures WHERE id = $1",
);
static QUESTIONS: Sql =
    Sql::new("SELECT sealed, key_id, version, questions FROM signature_questions WHERE id = $1");
static ADDRESS: Sql = Sql::new(
    "SELECT COALESCE(u.vouched_email, s.email, u.email) FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.id = $1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &QUESTIONS, &ADDRESS];

/// A user's PINs as stored.
#[derive(Clone, Debug)]
pub struct SignatureRow {
    /// The hashes, opened.
    pub hashes: PinHashes,
    /// Raised by each change.
    pub version: i64,
    /// Wrong ones.
    pub count: PinCount,
}

/// The PINs of a user; `None` while none was set. Needs the master key.
pub async fn get(tx: &mut Tx<'_>, user: UserId) -> Result<Option<SignatureRow>, StoreError> {
    let Some(row) = tx.fetch_optional(&GET, args![user]).await? else {
        return Ok(None);
    };
    let sealed = Sealed {
        bytes: row.get(0)?,
        key_id: row.get(1)?,
    };
    let plain = tx.unseal(place("signatures", user), &sealed)?;
    Ok(Some(SignatureRow {
        hashes: serde_json::from_slice(&plain)
            .map_err(|error| StoreError::column(0, error.to_string()))?,
        version: row.get(2)?,
        count: PinCount {
            failures: row.get(3)?,
            locks: row.get(4)?,
            locked_until: row.get::<Option<Timestamp>>(5)?,
        },
    }))
}

/// A user's recovery questions as stored.
#[derive(Clone, Debug)]
pub struct QuestionsRow {
    /// The questions.
    pub questions: Vec<String>,
    /// The hashes of their answers, opened.
    pub answers: Vec<SecretHash>,
    /// Raised by each change.
    pub version: i64,
}

/// The recovery questions of a user; `None` while none were set.
pub async fn questions(tx: &mut Tx<'_>, user: UserId) -> Result<Option<QuestionsRow>, StoreError> {
    let Some(row) = tx.fetch_optional(&QUESTIONS, args![user]).await? else {
        return Ok(None);
    };
    let sealed = Sealed {
        bytes: row.get(0)?,
        key_id: row.get(1)?,
    };
    let plain = tx.unseal(place("signature_questions", user), &sealed)?;
    let questions: String = row.get(3)?;
    let json =
        |column| move |error: serde_json::Error| StoreError::column(column, error.to_string());
    Ok(Some(QuestionsRow {
        questions: serde_json::from_str(&questions).map_err(json(3))?,
        answers: serde_json::from_slice(&plain).map_err(json(0))?,
        version: row.get(2)?,
    }))
}

/// Mails the user of a session, at the address that the partner vouched for.
async fn mail(
    tx: &mut Tx<'_>,
    (app, user): (AppUuid, UserId),
    session: SessionId,
    kind: SystemMailKind,
) -> Result<(), StoreError> {
    let Some(to) = address_of(tx, session).await? else {
        return Ok(());
    };
    let settings = user_settings::get(tx, user).await?;
    let mail = SystemMail {
        app,
        user: Some(user),
        to: &to,
        language: settings.language.as_deref(),
        kind,
        values: &[],
    };
    system_mails::enqueue(tx, &mail).await?;
    Ok(())
}

/// The address of a session's user: as the partner says that it is now, which may be
/// another than when the session was opened.
async fn address_of(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<String>, StoreError> {
    match tx.fetch_optional(&ADDRESS, args![session]).await? {
        Some(row) => row.get(0),
        None => Ok(None),
    }
}

const fn place(table: &'static str, user: UserId) -> Place {
    Place {
        table,
        row: user.uuid(),
        column: "sealed",
    }
}
