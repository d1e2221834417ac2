//! Lets go of mails that ended long ago.

use std::time::Duration;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How long a mail is kept after its end: its receiver and its values are not.
pub const MAILS_KEPT: Duration = Duration::from_hours(30 * 24);

/// Most rows that one [`PruneMails`] removes.
const ROWS: i64 = 500;

static DELETE: Sql = Sql::new(
    "DELETE FROM system_mails WHERE id IN
        (SELECT id FROM system_mails WHERE ended_at <= $1 ORDER BY ended_at LIMIT $2)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&DELETE];

/// One bounded step. Output: how many rows went; call again while it is not 0.
#[derive(Clone, Copy, Debug)]
pub struct PruneMails;

impl Command for PruneMails {
    type Output = u64;

    const NAME: &'static str = "mail.prune";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let before = tx.now().minus(MAILS_KEPT);
        tx.execute(&DELETE, args![before, ROWS]).await
    }
}
