//! Notes that a session was used.

use std::time::Duration;

use mayday_core::ids::{SessionId, UserId};

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users::TouchUser;

/// How precisely it is kept when a session was used, so that a request costs no
/// write. In which order the sessions of a user were used is kept exactly: see
/// [`AccessRow::overtaken`](super::AccessRow::overtaken).
pub const USED_EVERY: Duration = Duration::from_secs(15);

static TOUCH: Sql = Sql::new(
    "UPDATE sessions SET used_at = $2 WHERE id = $1 AND used_at < $2 AND ended_at IS NULL
        AND expires_at > $2 AND used_at + idle_seconds * 1000000 > $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&TOUCH];

/// Notes that a session was used, and with it its user was seen. It reads nothing, so
/// nothing is locked first. A session that has ended by itself stays ended, marked so or not.
#[derive(Clone, Copy, Debug)]
pub struct TouchSession {
    /// Whose it is.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

impl Command for TouchSession {
    type Output = ();

    const NAME: &'static str = "session.touch";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let seen = TouchUser {
            user: self.user,
            mqtt: false,
        };
        seen.run(tx).await?;
        let now = tx.now();
        tx.execute(&TOUCH, args![self.session, now]).await?;
        Ok(())
    }
}
