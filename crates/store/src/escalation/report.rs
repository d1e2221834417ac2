//! What a provider reports of a message that it took: late, twice, in any order,
//! and sometimes before the commit of the id that it speaks of.

use std::time::Duration;

use mayday_core::escalation::{AttemptState, Channel};
use mayday_core::time::Timestamp;

use super::attempts::{self, AttemptRow};
use super::known::Shown;
use super::{announce, timer};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How long a report of an unknown id is kept.
pub(crate) const KEPT_FOR: Duration = Duration::from_mins(10);
/// When it is looked at again: the commit that it overtook is over by then.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// Longest code that is kept.
const MAX_CODE_CHARS: usize = 40;

static KEEP: Sql = Sql::new(
    "INSERT INTO delivery_reports (provider, provider_id, delivery, answered_by, code, at, \
     received_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (provider, provider_id, delivery, answered_by) DO NOTHING",
);
static KEPT: Sql = Sql::new(
    "SELECT delivery, answered_by, code, at FROM delivery_reports \
     WHERE provider = $1 AND provider_id = $2 ORDER BY received_at LIMIT 20",
);
static FORGET: Sql =
    Sql::new("DELETE FROM delivery_reports WHERE provider = $1 AND provider_id = $2");
static FORGET_OLD: Sql = Sql::new("DELETE FROM delivery_reports WHERE received_at <= $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&KEEP, &KEPT, &FORGET, &FORGET_OLD];

/// A provider's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteReport {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The id that it gave the message.
    pub provider_id: String,
    /// How far the message is.
    pub state: AttemptState,
    /// The provider's code of a failure.
    pub code: Option<String>,
    /// Who picked up a call: `human`, `machine` or `unknown`.
    pub answered_by: Option<String>,
    /// When, as the provider says, or when it was received.
    pub at: Timestamp,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is on record and changed something.
    Moved,
    /// It said nothing new.
    Known,
    /// Nobody knows the id yet: it is kept for ten minutes.
    Kept,
}

impl Command for NoteReport {
    type Output = Reported;
    const NAME: &'static str = "escalation.report";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Reported, StoreError> {
        let found = attempts::by_provider(tx, &self.provider, &self.provider_id).await?;
        let Some(found) = found else {
            self.keep(tx).await?;
            return Ok(Reported::Kept);
        };
        let Some((mut incident, mut row)) = super::lock_attempt(tx, found.id).await? else {
            return Ok(Reported::Known);
        };
        let before = row.clone();
        self.apply(&mut row);
        if row == before {
            return Ok(Reported::Known);
        }
        let mut shown = Shown::read(tx, &incident).await?;
        super::put(tx, &mut shown, &row).await?;
        if row.attempt.state != before.attempt.state {
            announce::moved(tx, &mut incident, &shown).await?;
            announce::failed(tx, &incident, &row).await?;
            super::look_at_move(tx, &incident, &before.attempt, &row.attempt).await?;
        }
        Ok(Reported::Moved)
    }
}

impl NoteReport {
    /// Moves an attempt as the report says. A machine that answers a call has told
    /// nobody.
    fn apply(&self, row: &mut AttemptRow) {
        let machine = row.attempt.key.channel == Channel::Voice
            && self.answered_by.as_deref().or(row.answered_by.as_deref()) == Some("machine");
        let state = if machine && self.state >= AttemptState::Sent {
            AttemptState::Failed
        } else {
            self.state
        };
        if row.attempt.advance(state, self.at) && state == AttemptState::Failed {
            row.code = self.code.as_deref().map(shortened);
            let why = if machine {
                "a machine answered the call"
            } else {
                "the provider reports that it did not arrive"
            };
            row.error = Some(why.to_owned());
        }
        if row.answered_by.is_none() {
            row.answered_by.clone_from(&self.answered_by);
        }
    }

    async fn keep(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let now = tx.now();
        let code = self.code.as_deref().map(shortened);
        let values = args![
            &self.provider,
            &self.provider_id,
            self.state.as_str(),
            self.answered_by.as_deref().unwrap_or(""),
            code.as_deref(),
            self.at,
            now,
        ];
        tx.execute(&KEEP, values).await?;
        let again = now.plus(LOOK_AGAIN);
        timer::report(tx, &self.provider, &self.provider_id, again).await
    }
}

/// Applies what was reported before the id was on record.
pub(super) async fn apply_kept(tx: &mut Tx<'_>, row: &mut AttemptRow) -> Result<(), StoreError> {
    let (Some(provider), Some(id)) = (row.provider.clone(), row.provider_id.clone()) else {
        return Ok(());
    };
    for report in kept(tx, &provider, &id).await? {
        report.apply(row);
    }
    tx.execute(&FORGET, args![&provider, &id]).await?;
    Ok(())
}

/// Looks again at the reports of an id that was unknown. Output: how long to wait for
/// the next look; `None`: there is nothing more to look at.
#[derive(Clone, Debug)]
pub struct ReviewReports {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The id that it gave the message.
    pub provider_id: String,
}

impl Command for ReviewReports {
    type Output = Option<Duration>;
    const NAME: &'static str = "escalation.review_reports";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Duration>, StoreError> {
        let old = tx.now().minus(KEPT_FOR);
        tx.execute(&FORGET_OLD, args![old]).await?;
        let reports = kept(tx, &self.provider, &self.provider_id).await?;
        if reports.is_empty() {
            return Ok(None);
        }
        let known = attempts::by_provider(tx, &self.provider, &self.provider_id).await?;
        if known.is_none() {
            return Ok(Some(KEPT_FOR / 4));
        }
        for report in reports {
            report.run(tx).await?;
        }
        let values = args![&self.provider, &self.provider_id];
        tx.execute(&FORGET, values).await?;
        Ok(None)
    }
}

async fn kept(
    tx: &mut Tx<'_>,
    provider: &str,
    provider_id: &str,
) -> Result<Vec<NoteReport>, StoreError> {
    let rows = tx.fetch_all(&KEPT, args![provider, provider_id]).await?;
    rows.iter()
        .map(|row| {
            let word: String = row.get(0)?;
            let answered_by: String = row.get(1)?;
            Ok(NoteReport {
                provider: provider.to_owned(),
                provider_id: provider_id.to_owned(),
                state: AttemptState::parse(&word)
                    .ok_or_else(|| StoreError::column(0, "an unknown word"))?,
                code: row.get(2)?,
                answered_by: Some(answered_by).filter(|by| !by.is_empty()),
                at: row.get(3)?,
            })
        })
        .collect()
}

fn shortened(code: &str) -> String {
    code.chars().take(MAX_CODE_CHARS).collect()
}
