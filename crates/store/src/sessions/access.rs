//! Looks at the session behind an access token. Every request does, so that the
//! end of a session refuses its token at once, on every node.

use mayday_core::identity::signing::STALE_GRACE;
use mayday_core::identity::{ExternalUserId, Standing};
use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::sso::LoginDevice;
use mayday_core::sso::session::{Ending, Life, TokenLife};
use mayday_core::sso::token::TokenDigest;
use mayday_core::time::Timestamp;
use uuid::Uuid;

use super::ending;
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::sso::duration;
use crate::tx::Tx;

/// How many sessions are asked about in one statement.
const BATCH: usize = 10_000;

static ACCESS: Sql = Sql::new(
    "SELECT s.id, s.app_id, s.user_id, s.subject, u.blocked_at, s.used_at, s.expires_at,
        s.idle_seconds, s.ended_at, s.end_reason, s.ended_by, t.expires_at, t.superseded_at,
        s.device_id, s.device_name, s.device_platform,
        CASE WHEN EXISTS (SELECT 1 FROM sessions o WHERE o.user_id = s.user_id
            AND o.ended_at IS NULL AND o.id <> s.id AND o.used_at >= s.used_at)
        THEN 1 ELSE 0 END
     FROM session_tokens t JOIN sessions s ON s.id = t.session_id
     JOIN users u ON u.id = s.user_id
     WHERE t.digest = $1 AND t.kind = 'access' AND u.erased_at IS NULL",
);
static ENDED_AMONG: Sql = Sql::per_dialect(
    "SELECT s.id, s.ended_at, s.end_reason, s.ended_by,
        CASE WHEN EXISTS (SELECT 1 FROM incidents i WHERE i.user_id = s.user_id
            AND i.state IN ('active', 'acknowledged') AND NOT i.drill AND NOT i.hidden)
        THEN 1 ELSE 0 END
     FROM sessions s WHERE s.ended_at IS NOT NULL
        AND s.id IN (SELECT unhex(value) FROM json_each($1))",
    "SELECT s.id, s.ended_at, s.end_reason, s.ended_by,
        CASE WHEN EXISTS (SELECT 1 FROM incidents i WHERE i.user_id = s.user_id
            AND i.state IN ('active', 'acknowledged') AND NOT i.drill AND NOT i.hidden)
        THEN 1 ELSE 0 END
     FROM sessions s WHERE s.ended_at IS NOT NULL AND s.id = ANY($1)",
);

static STANDING: Sql = Sql::new(
    "SELECT MAX(CASE
        WHEN ended_at IS NULL AND expires_at > $3 AND used_at + idle_seconds * 1000000 > $3 THEN 2
        WHEN ended_at IS NULL OR (end_reason IN ('evicted', 'expired') AND ended_at >= $4) THEN 1
        ELSE 0 END)
     FROM sessions WHERE user_id = $1 AND subject = $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&ACCESS, &ENDED_AMONG, &STANDING];

/// What stands behind an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRow {
    /// The session.
    pub session: SessionId,
    /// The app.
    pub app: AppUuid,
    /// The user.
    pub user: UserId,
    /// The partner's id of the user that the session was opened with.
    pub subject: ExternalUserId,
    /// The session's device.
    pub device: LoginDevice,
    /// When the user was blocked.
    pub blocked_at: Option<Timestamp>,
    /// The session's life.
    pub life: Life,
    /// The token's.
    pub token: TokenLife,
    /// Whether another session of the user was used since, as far as that is on record:
    /// then the next use of this one changes which of them makes room for a newcomer.
    pub overtaken: bool,
}

/// What stands behind an access token; one statement.
pub async fn access(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
) -> Result<Option<AccessRow>, StoreError> {
    let row = tx.fetch_optional(&ACCESS, args![digest.as_slice()]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(AccessRow {
        session: row.get(0)?,
        app: row.get(1)?,
        user: row.get(2)?,
        subject: ExternalUserId::parse(&row.get::<String>(3)?)
            .map_err(|error| StoreError::column(3, error.to_string()))?,
        device: LoginDevice {
            id: row.get(13)?,
            name: row.get(14)?,
            platform: row.get(15)?,
        },
        blocked_at: row.get(4)?,
        life: Life {
            used_at: row.get(5)?,
            expires_at: row.get(6)?,
            idle: duration(&row, 7)?,
            ending: ending(&row, 8)?,
        },
        token: TokenLife {
            expires_at: row.get(11)?,
            superseded_at: row.get(12)?,
        },
        overtaken: row.get::<i64>(16)? == 1,
    }))
}

/// A session that has ended while a connection of it may still be up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedEnd {
    /// The session.
    pub session: SessionId,
    /// How it ended.
    pub ending: Ending,
    /// Whether an incident of its user is open.
    pub in_distress: bool,
}

/// Which of these sessions have ended.
pub async fn ended_among(
    tx: &mut Tx<'_>,
    sessions: &[SessionId],
) -> Result<Vec<ConnectedEnd>, StoreError> {
    let mut found = Vec::new();
    for batch in sessions.chunks(BATCH) {
        let ids: Vec<Uuid> = batch.iter().map(|session| session.uuid()).collect();
        for row in tx.fetch_all(&ENDED_AMONG, args![ids.as_slice()]).await? {
            let Some(ending) = ending(&row, 1)? else {
                continue;
            };
            found.push(ConnectedEnd {
                session: row.get(0)?,
                ending,
                in_distress: row.get::<i64>(4)? == 1,
            });
        }
    }
    Ok(found)
}

/// The most that a session of a user allows that was opened under a name: `None` when
/// all were sent away. For brokers, which tell the name and no token.
pub async fn standing(
    tx: &mut Tx<'_>,
    user: UserId,
    subject: &ExternalUserId,
) -> Result<Option<Standing>, StoreError> {
    let now = tx.now();
    let values = args![user, subject.as_str(), now, now.minus(STALE_GRACE)];
    let row = tx.fetch_optional(&STANDING, values).await?;
    let most = row.map_or(Ok(None), |row| row.get::<Option<i64>>(0))?;
    Ok(match most {
        Some(2) => Some(Standing::Full),
        Some(1) => Some(Standing::Stale),
        _ => None,
    })
}
