//! Finds erasures that nobody carries on any more.

use mayday_core::ids::RecordId;

use super::revive;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Erasures that one run looks at: far more than are ever under way.
const LIMIT: u32 = 500;

static UNFINISHED: Sql =
    Sql::new("SELECT id FROM erasures WHERE user_id IS NOT NULL ORDER BY id LIMIT $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&UNFINISHED];

/// Has unfinished erasures go on whose job failed so often that it was set aside: a
/// person was told that the data goes. Output: how many.
#[derive(Clone, Copy, Debug)]
pub struct ResumeErasures;

impl Command for ResumeErasures {
    type Output = usize;

    const NAME: &'static str = "user.erase.resume";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<usize, StoreError> {
        let mut resumed = 0;
        for row in tx.fetch_all(&UNFINISHED, args![LIMIT]).await? {
            let erasure: RecordId = row.get(0)?;
            if revive(tx, erasure).await? {
                resumed += 1;
            }
        }
        Ok(resumed)
    }
}
