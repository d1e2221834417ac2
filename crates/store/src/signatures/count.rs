//! Counts the PINs that are shown.

use std::time::Duration;

use mayday_core::ids::UserId;
use mayday_core::sso::pin::{PinCount, PinMatch};

use super::get;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

static COUNT: Sql =
    Sql::new("UPDATE signatures SET failures = $2, locks = $3, locked_until = $4 WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&COUNT];

/// Says whether a PIN that was judged is taken, and counts it when it was wrong. Of
/// many at one instant those behind the fifth wrong one are refused, right or not.
#[derive(Clone, Copy, Debug)]
pub struct CountPin {
    /// Whose.
    pub user: UserId,
    /// The version of the hashes that it was judged by.
    pub version: i64,
    /// What it is by them.
    pub judged: PinMatch,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinVerdict {
    /// It is taken: the user's own.
    Right,
    /// It is taken, by all that shows; the user is under duress.
    Duress,
    /// It is wrong.
    Wrong,
    /// None is taken now, right or wrong.
    Locked(Duration),
    /// The PINs were changed meanwhile: judge it again.
    Changed,
}

impl Command for CountPin {
    type Output = PinVerdict;

    const NAME: &'static str = "signature.count";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PinVerdict, StoreError> {
        users::lock(tx, self.user).await?;
        let Some(row) = get(tx, self.user).await? else {
            return Ok(PinVerdict::Changed);
        };
        if row.version != self.version {
            return Ok(PinVerdict::Changed);
        }
        let now = tx.now();
        let mut count = row.count;
        if let Some(wait) = count.locked(now) {
            return Ok(PinVerdict::Locked(wait));
        }
        let verdict = if self.judged.is_wrong() {
            PinVerdict::Wrong
        } else if self.judged.is_forced() {
            PinVerdict::Duress
        } else {
            PinVerdict::Right
        };
        if verdict == PinVerdict::Wrong {
            count.wrong(now);
        } else {
            count = PinCount::default();
        }
        if count != row.count {
            let values = args![self.user, count.failures, count.locks, count.locked_until];
            tx.execute_one(&COUNT, values).await?;
        }
        Ok(verdict)
    }
}
