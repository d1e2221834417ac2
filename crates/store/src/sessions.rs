//! Sessions of users whom an app's own tokens logged in (contract: Sessions).
//!
//! Whatever opens, renews or ends a session locks the app's settings, then the address
//! that a log-in brings, then the user's row, then sessions: of N+1 log-ins at one instant exactly N are live in
//! the end. Of a token only a digest is kept; that of a replaced one as long as it
//! may still call for help.

pub(crate) mod access;
pub(crate) mod end;
pub(crate) mod first;
pub(crate) mod open;
pub(crate) mod prune;
pub(crate) mod refresh;
pub(crate) mod touch;

use std::time::Duration;

use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::sso::session::{Ending, Life, Place};
use mayday_core::sso::token::TokenDigest;
use mayday_core::sso::{EndReason, LoginDevice, TokenKind};
use mayday_core::time::Timestamp;
use zeroize::Zeroizing;

pub use access::{AccessRow, ConnectedEnd, access, ended_among, standing};
pub use end::{EndSessions, Which};
pub use first::{OpenFirst, OpenedFirst};
pub use open::{OpenSession, Opened};
pub use prune::{PruneSessions, overdue};
pub use refresh::{RefreshSession, Refreshed};
pub use touch::{TouchSession, USED_EVERY};

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::secrets::{self, Sealed};
use crate::sql::Sql;
use crate::sso::duration;
use crate::tx::Tx;

/// Sessions of one user that are listed, and looked at for the cap. A cap is at
/// most 100, and one more is there only within a transaction.
const OF_USER: u32 = 200;

macro_rules! columns {
    () => {
        "s.id, s.app_id, s.user_id, s.device_id, s.device_name, s.device_platform, s.newest_pair,
        s.used_pair, s.access_seconds, s.idle_seconds, s.created_at, s.used_at, s.expires_at,
        s.ended_at, s.end_reason, s.ended_by, s.partner_digest, s.sealed, s.key_id"
    };
}

static LIVE: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL
     ORDER BY s.created_at, s.id LIMIT $2"
));
static GET: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM sessions s WHERE s.id = $1"
));
static PAGE: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM sessions s WHERE s.app_id = $1 AND s.id > $2 AND s.ended_at IS NULL
        AND s.expires_at > $4 AND s.used_at + s.idle_seconds * 1000000 > $4
     ORDER BY s.id LIMIT $3"
));
static LIVE_USERS: Sql = Sql::new(
    "SELECT user_id, COUNT(*) FROM sessions
     WHERE app_id = $1 AND ended_at IS NULL AND user_id > $2
     GROUP BY user_id HAVING COUNT(*) > $3 ORDER BY user_id LIMIT $4",
);
static SUPERSEDE: Sql = Sql::new(
    "UPDATE session_tokens SET superseded_at = $2
     WHERE session_id = $1 AND superseded_at IS NULL AND kind = $3",
);
static INSERT_TOKEN: Sql = Sql::new(
    "INSERT INTO session_tokens (digest, session_id, pair, kind, issued_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
static BY_TOKEN: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    ", t.pair, t.superseded_at, t.expires_at FROM session_tokens t
     JOIN sessions s ON s.id = t.session_id WHERE t.digest = $1 AND t.kind = $2"
));

pub(crate) const STATEMENTS: &[&Sql] = &[
    &LIVE,
    &GET,
    &PAGE,
    &LIVE_USERS,
    &SUPERSEDE,
    &INSERT_TOKEN,
    &BY_TOKEN,
];

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// The app.
    pub app: AppUuid,
    /// Whose it is.
    pub user: UserId,
    /// The device as the app named it.
    pub device: LoginDevice,
    /// Life of an access token.
    pub access: Duration,
    /// When it was opened.
    pub created_at: Timestamp,
    /// How long it lives, and how it ended.
    pub life: Life,
    newest_pair: i64,
    /// The newest pair whose refresh token bought another.
    used_pair: i64,
    partner_digest: Vec<u8>,
    id_token: Option<Sealed>,
}

impl SessionRow {
    fn place(&self) -> Place {
        Place {
            id: self.id,
            used_at: self.life.used_at,
            created_at: self.created_at,
        }
    }
}

/// A pair of tokens that is handed out: only digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPair {
    /// Of the access token.
    pub access: TokenDigest,
    /// Of the refresh token.
    pub refresh: TokenDigest,
}

/// A session of which a new pair was handed out.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The session.
    pub session: SessionRow,
    /// The end of the new access token.
    pub access_expires_at: Timestamp,
    /// The partner's token that opened the session.
    pub id_token: Zeroizing<String>,
}

/// The session of this id.
pub async fn get(tx: &mut Tx<'_>, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// The sessions of a user that nobody ended, oldest first; one may have ended by itself.
pub async fn live(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
    let rows = tx.fetch_all(&LIVE, args![user, OF_USER]).await?;
    rows.iter().map(read).collect()
}

/// The live sessions of an app, by id, behind `after`.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    after: SessionId,
    limit: u32,
) -> Result<Vec<SessionRow>, StoreError> {
    let values = args![app, after, limit, tx.now()];
    let rows = tx.fetch_all(&PAGE, values).await?;
    rows.iter().map(read).collect()
}

/// Users of an app with more than `more_than` sessions that nobody ended, by id,
/// behind `after`.
pub async fn users_with_more_than(
    tx: &mut Tx<'_>,
    app: AppUuid,
    more_than: u32,
    after: UserId,
    limit: u32,
) -> Result<Vec<UserId>, StoreError> {
    let values = args![app, after, more_than, limit];
    let rows = tx.fetch_all(&LIVE_USERS, values).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The session of a token, with the number of its pair, when that was replaced and
/// when the token itself ends.
async fn by_token(
    tx: &mut Tx<'_>,
    kind: TokenKind,
    digest: &TokenDigest,
) -> Result<Option<ByToken>, StoreError> {
    let values = args![digest.as_slice(), kind.as_str()];
    let Some(row) = tx.fetch_optional(&BY_TOKEN, values).await? else {
        return Ok(None);
    };
    Ok(Some(ByToken {
        session: read(&row)?,
        pair: row.get(19)?,
        superseded_at: row.get(20)?,
        expires_at: row.get(21)?,
    }))
}

struct ByToken {
    session: SessionRow,
    pair: i64,
    superseded_at: Option<Timestamp>,
    expires_at: Timestamp,
}

/// Writes pair number `pair`, whose access token replaces all before it. Answers the end
/// of that.
async fn issue(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    pair: i64,
    new: &NewPair,
) -> Result<Timestamp, StoreError> {
    let now = tx.now();
    supersede(tx, session.id, TokenKind::Access).await?;
    let access_end = now.plus(session.access).min(session.life.expires_at);
    for (kind, digest, end) in [
        (TokenKind::Access, &new.access, access_end),
        (TokenKind::Refresh, &new.refresh, session.life.expires_at),
    ] {
        let values = args![digest.as_slice(), session.id, pair, kind.as_str(), now, end];
        tx.execute_one(&INSERT_TOKEN, values).await?;
    }
    Ok(access_end)
}

/// Has it written of a session's tokens of a kind that they are replaced, or spent
/// ([`mayday_core::sso::session::refresh`]).
async fn supersede(tx: &mut Tx<'_>, session: SessionId, kind: TokenKind) -> Result<(), StoreError> {
    let values = args![session, tx.now(), kind.as_str()];
    tx.execute(&SUPERSEDE, values).await?;
    Ok(())
}

/// The partner's token, opened; empty when it was wiped.
fn id_token(tx: &Tx<'_>, session: &SessionRow) -> Result<Zeroizing<String>, StoreError> {
    let Some(sealed) = &session.id_token else {
        return Ok(Zeroizing::default());
    };
    let plain = tx.unseal(place(session.id), sealed)?;
    let text = std::str::from_utf8(&plain)
        .map_err(|_| StoreError::column(17, "a partner's token is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

const fn place(session: SessionId) -> secrets::Place {
    secrets::Place {
        table: "sessions",
        row: session.uuid(),
        column: "sealed",
    }
}

fn read(row: &Row) -> Result<SessionRow, StoreError> {
    let bytes: Option<Vec<u8>> = row.get(17)?;
    let key_id: Option<String> = row.get(18)?;
    Ok(SessionRow {
        id: row.get(0)?,
        app: row.get(1)?,
        user: row.get(2)?,
        device: LoginDevice {
            id: row.get(3)?,
            name: row.get(4)?,
            platform: row.get(5)?,
        },
        newest_pair: row.get(6)?,
        used_pair: row.get(7)?,
        access: duration(row, 8)?,
        created_at: row.get(10)?,
        life: Life {
            idle: duration(row, 9)?,
            used_at: row.get(11)?,
            expires_at: row.get(12)?,
            ending: ending(row, 13)?,
        },
        partner_digest: row.get(16)?,
        id_token: bytes
            .zip(key_id)
            .map(|(bytes, key_id)| Sealed { key_id, bytes }),
    })
}

/// How it ended: three columns from `first` on.
fn ending(row: &Row, first: usize) -> Result<Option<Ending>, StoreError> {
    let Some(at) = row.get::<Option<Timestamp>>(first)? else {
        return Ok(None);
    };
    let word: String = row.get(first + 1)?;
    let by: Option<String> = row.get(first + 2)?;
    Ok(Some(Ending {
        reason: EndReason::parse(&word)
            .ok_or_else(|| StoreError::column(first + 1, format!("{word} ends no session")))?,
        at,
        by: by
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| StoreError::column(first + 2, error.to_string()))?,
    }))
}

#[cfg(test)]
mod notice_tests;
#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tests;
