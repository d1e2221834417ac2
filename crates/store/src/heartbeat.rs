//! The last time at which a server was alive, by its own clock.
//!
//! At start the clock's anchor is the later of the wall clock and this, so that
//! a clock that was set back does not turn time around.

use std::time::Duration;

use mayday_core::time::Timestamp;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static BEAT: Sql =
    Sql::new("UPDATE heartbeat SET at = $1, doubt_left = 0 WHERE id = 1 AND at < $1");
static DOUBT: Sql = Sql::new("UPDATE heartbeat SET doubt_left = $1 WHERE id = 1");
static LAST: Sql = Sql::new("SELECT at FROM heartbeat WHERE id = 1");
static LEFT: Sql = Sql::new("SELECT doubt_left FROM heartbeat WHERE id = 1");

pub(crate) const STATEMENTS: &[&Sql] = &[&BEAT, &DOUBT, &LAST, &LEFT];

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

/// Notes for how long the clock's leap is still doubted, instead of a heartbeat: a
/// time that is doubted must not become one that is believed, and a restart must not
/// begin the doubt anew.
#[derive(Clone, Copy, Debug)]
pub struct DoubtedBeat {
    /// Time of running that is left.
    pub left: Duration,
}

impl Command for DoubtedBeat {
    type Output = ();
    const NAME: &'static str = "heartbeat.doubted";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let left = i64::try_from(self.left.as_micros()).unwrap_or(i64::MAX);
        tx.execute_one(&DOUBT, args![left]).await
    }
}

/// The last heartbeat; `None` before the first.
pub async fn last(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
    let at: Timestamp = tx.fetch_one(&LAST, args![]).await?.get(0)?;
    Ok((at.as_micros() > 0).then_some(at))
}

/// For how long of running a leap since the last heartbeat was still doubted; zero:
/// there was none.
pub async fn doubt_left(tx: &mut Tx<'_>) -> Result<Duration, StoreError> {
    let left: i64 = tx.fetch_one(&LEFT, args![]).await?.get(0)?;
    Ok(Duration::from_micros(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::START;

    on_both!(
        a_doubt_is_kept_beside_the_heartbeat_and_ends_with_the_next,
        |store| async move {
            let left = Duration::from_hours(7);
            store.write(Lane::Rest, Heartbeat).await.unwrap();
            store.clock.advance(Duration::from_hours(72));
            let doubted = DoubtedBeat { left };
            store.write(Lane::Rest, doubted).await.unwrap();
            assert_eq!(store.last_heartbeat().await.unwrap(), Some(START));
            assert_eq!(store.doubt_left().await.unwrap(), left);
            store.write(Lane::Rest, Heartbeat).await.unwrap();
            assert_eq!(store.doubt_left().await.unwrap(), Duration::ZERO);
        }
    );
}
