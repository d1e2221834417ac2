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
/// write.
pub const USED_EVERY: Duration = Duration::from_secs(15);

static TOUCH: Sql = Sql::new(
    "UPDATE sessions SET used_at = CASE WHEN used_at < $2 THEN $2 ELSE used_at END,
        used_pair = CASE WHEN used_pair < $3 THEN $3 ELSE used_pair END
     WHERE id = $1 AND ended_at IS NULL",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&TOUCH];

/// Notes that a session was used, and with it its user was seen, and which pair of
/// its tokens was shown. Nothing is decided by it, so nothing is locked first.
#[derive(Clone, Copy, Debug)]
pub struct TouchSession {
    /// Whose it is.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The number of the pair that was shown; 0 for none.
    pub pair: i64,
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
        tx.execute(&TOUCH, args![self.session, now, self.pair])
            .await?;
        Ok(())
    }
}
