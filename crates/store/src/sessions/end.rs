//! Ends sessions.
//!
//! One that was overtaken (evicted, expired) still calls for help. Whoever ends it for
//! another reason sends it away for good: then it calls for nothing.

use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sso::session::surplus;
use mayday_core::sso::{EndReason, LoginDevice};
use mayday_core::time::Timestamp;
use serde_json::{Value, json};

use super::{SessionRow, get, live};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::system_mails::notices;
use crate::tx::Tx;
use crate::webhooks::notify_now;
use crate::{sso, users};

static END: Sql = Sql::new(
    "UPDATE sessions SET ended_at = $2, end_reason = $3, ended_by = $4, sealed = NULL,
        key_id = NULL
     WHERE id = $1 AND ended_at IS NULL",
);
static REFUSE: Sql = Sql::new(
    "UPDATE partner_tokens SET refused_reason = $3
     WHERE app_id = $1 AND digest = $2 AND refused_reason IS NULL",
);

static SEND_AWAY: Sql = Sql::new(
    "UPDATE sessions SET ended_at = $2, end_reason = $3, ended_by = NULL
     WHERE user_id = $1 AND ended_at IS NOT NULL AND end_reason IN ('evicted', 'expired')
     RETURNING id, app_id, partner_digest",
);
static SEND_ONE_AWAY: Sql = Sql::new(
    "UPDATE sessions SET ended_at = $2, end_reason = $3, ended_by = NULL
     WHERE id = $4 AND user_id = $1 AND end_reason IN ('evicted', 'expired')
     RETURNING id, app_id, partner_digest",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&END, &REFUSE, &SEND_AWAY, &SEND_ONE_AWAY];

/// Which of a user's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All of them.
    All,
    /// Those that have ended by themselves, for the reason that they did.
    Overdue,
    /// Those beyond the cap that the app has now, oldest idle first.
    Surplus,
}

/// Ends sessions of a user. Answers those that were live, as they were, and the one that
/// was named if it was overtaken before; another that had ended stays as it ended.
#[derive(Clone, Copy, Debug)]
pub struct EndSessions {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub which: Which,
    /// Why.
    pub reason: EndReason,
}

impl Command for EndSessions {
    type Output = Vec<SessionRow>;

    const NAME: &'static str = "session.end";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<SessionRow>, StoreError> {
        let app = match self.which {
            Which::Surplus => users::get(tx, self.user).await?.map(|user| user.app),
            _ => None,
        };
        let policy = match app {
            Some(app) => sso::share(tx, app).await?,
            None => None,
        };
        users::lock(tx, self.user).await?;
        if self.which == Which::Overdue {
            return end_overdue(tx, self.user).await;
        }
        let mut chosen = live(tx, self.user).await?;
        match self.which {
            Which::One(id) => chosen.retain(|session| session.id == id),
            Which::Surplus => {
                let cap = policy.map_or(0, |policy| policy.cap);
                let places = chosen.iter().map(SessionRow::place).collect();
                let beyond = surplus(places, 0, cap);
                chosen.retain(|session| beyond.contains(&session.id));
            }
            Which::All | Which::Overdue => {}
        }
        let now = tx.now();
        for session in &chosen {
            end(tx, session, self.reason, now, None).await?;
        }
        match self.which {
            Which::One(id) => {
                if send_away(tx, self.user, Some(id), self.reason).await? {
                    chosen.extend(get(tx, id).await?);
                }
            }
            Which::All => {
                send_away(tx, self.user, None, self.reason).await?;
            }
            Which::Overdue | Which::Surplus => {}
        }
        Ok(chosen)
    }
}

/// Ends every session of a user, under the user's lock.
pub(crate) async fn end_all(
    tx: &mut Tx<'_>,
    user: UserId,
    reason: EndReason,
) -> Result<(), StoreError> {
    let now = tx.now();
    for session in live(tx, user).await? {
        end(tx, &session, reason, now, None).await?;
    }
    send_away(tx, user, None, reason).await?;
    Ok(())
}

/// Has sessions of a user that were overtaken, or `only` this one, call for help no
/// more; whether there were any. The partner was told of their ends.
async fn send_away(
    tx: &mut Tx<'_>,
    user: UserId,
    only: Option<SessionId>,
    reason: EndReason,
) -> Result<bool, StoreError> {
    if reason.calls_for_help() {
        return Ok(false);
    }
    let (now, word) = (tx.now(), reason.as_str());
    let rows = match only {
        Some(id) => {
            let values = args![user, now, word, id];
            tx.fetch_all(&SEND_ONE_AWAY, values).await?
        }
        None => tx.fetch_all(&SEND_AWAY, args![user, now, word]).await?,
    };
    for row in &rows {
        let (session, app, digest): (SessionId, AppUuid, Vec<u8>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        if reason.refuses_partner_token() {
            refuse_token(tx, app, &digest, reason).await?;
        }
        tx.hint(Hint::SessionEnded { user, session });
    }
    Ok(!rows.is_empty())
}

async fn refuse_token(
    tx: &mut Tx<'_>,
    app: AppUuid,
    digest: &[u8],
    reason: EndReason,
) -> Result<(), StoreError> {
    let values = args![app, digest, reason.as_str()];
    tx.execute(&REFUSE, values).await?;
    Ok(())
}

/// Ends one live session, under its user's lock.
pub(crate) async fn end(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    reason: EndReason,
    at: Timestamp,
    by: Option<&LoginDevice>,
) -> Result<(), StoreError> {
    let told_by = by;
    let by = by.map(serde_json::to_string).transpose();
    let by = by.map_err(|error| StoreError::column(0, error.to_string()))?;
    let values = args![session.id, at, reason.as_str(), by.as_deref()];
    tx.execute_one(&END, values).await?;
    if reason.refuses_partner_token() {
        refuse_token(tx, session.app, &session.partner_digest, reason).await?;
    }
    tell(tx, session, reason, told_by).await?;
    tx.hint(Hint::SessionEnded {
        user: session.user,
        session: session.id,
    });
    Ok(())
}

/// Tells the partner, who may have to log the user out.
async fn tell(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    reason: EndReason,
    by: Option<&LoginDevice>,
) -> Result<(), StoreError> {
    let about = (session.app, session.user);
    let id = json!(session.id);
    match by {
        Some(by) if reason == EndReason::Evicted => {
            notices::evicted(tx, about, &session.device, by).await?;
            let data = [
                ("sessionId", id),
                ("device", device(&session.device)),
                ("byDevice", device(by)),
            ];
            notify_now(tx, about, NotificationType::SessionEvicted, data).await
        }
        _ => {
            let data = [("sessionId", id), ("reason", json!(reason.as_str()))];
            notify_now(tx, about, NotificationType::SessionEnded, data).await
        }
    }
}

/// A device as notifications have it: what the app did not say is null.
pub(super) fn device(device: &LoginDevice) -> Value {
    json!({"id": device.id, "name": device.name, "platform": device.platform})
}

/// Ends what has ended by itself, under the user's lock.
pub(super) async fn end_overdue(
    tx: &mut Tx<'_>,
    user: UserId,
) -> Result<Vec<SessionRow>, StoreError> {
    let now = tx.now();
    let mut overdue = live(tx, user).await?;
    overdue.retain(|session| session.life.ended(now).is_some());
    for session in &overdue {
        if let Some(ending) = session.life.ended(now) {
            end(tx, session, ending.reason, ending.at, None).await?;
        }
    }
    Ok(overdue)
}
