//! Ends sessions.

use mayday_core::ids::{SessionId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sso::session::surplus;
use mayday_core::sso::{EndReason, LoginDevice};
use mayday_core::time::Timestamp;
use serde_json::{Value, json};

use super::{SessionRow, live};
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

pub(crate) const STATEMENTS: &[&Sql] = &[&END, &REFUSE];

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

/// Ends sessions of a user that are live. Answers them as they were; one that had
/// ended before is not among them.
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
        Ok(chosen)
    }
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
        let digest = session.partner_digest.as_slice();
        let values = args![session.app, digest, reason.as_str()];
        tx.execute(&REFUSE, values).await?;
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
