//! The last time at which a server was alive, by its own clock.
//!
//! At start the clock's anchor is the later of the wall clock and this, so that
//! a clock that was set back does not turn time around.

use mayday_core::time::Timestamp;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static BEAT: Sql = Sql::new("UPDATE heartbeat SET at = $1 WHERE id = 1 AND at < $1");
static LAST: Sql = Sql::new("SELECT at FROM heartbeat WHERE id = 1");

pub(crate) const STATEMENTS: &[&Sql] = &[&BEAT, &LAST];

/// Writes the current time; it never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat;

impl Command for Heartbeat {
    type Output = ();
    const NAME: &'static str = "heartbeat";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let now = tx.now();
        tx.execute(&BEAT, args![now]).await?;
        Ok(())
    }
}

/// The last heartbeat; `None` before the first.
pub async fn last(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
    let at: Timestamp = tx.fetch_one(&LAST, args![]).await?.get(0)?;
    Ok((at.as_micros() > 0).then_some(at))
}
