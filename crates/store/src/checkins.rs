//! Check-in timers: started, stopped, and run out.
//!
//! A timer is a row and a job, written together. When the job is due it becomes
//! an SOS in one transaction with the end of the timer, so that however often
//! the job runs, and whenever the server dies, one timer raises one SOS.

use std::time::Duration;

use bytes::Bytes;
use mayday_core::checkin::{CHECK_IN_TRIGGER, CheckIn, CheckedCheckIn};
use mayday_core::ids::{AppUuid, RecordId, UserId};
use mayday_core::sos::{Flags, Incident, Trigger};
use mayday_core::telemetry::Position;
use mayday_core::transport::Transport;
use serde_json::json;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::incidents::{self, TriggerOutcome, TriggerSos};
use crate::jobs::{self, NewJob};
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

/// The job that a timer runs out with. Payload:
/// `{"version": 1, "check_in": <id>}`.
pub const CHECK_IN_JOB: &str = "checkin";

static OF_USER: Sql = Sql::new(
    "SELECT id, app_id, user_id, minutes, message, started_at, due_at
     FROM checkins WHERE user_id = $1",
);
static BY_ID: Sql = Sql::new(
    "SELECT id, app_id, user_id, minutes, message, started_at, due_at
     FROM checkins WHERE id = $1",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO checkins (id, app_id, user_id, minutes, message, started_at, due_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
static DELETE: Sql = Sql::new("DELETE FROM checkins WHERE user_id = $1");
static APP_ACTIVE: Sql = Sql::new("SELECT 1 FROM apps WHERE id = $1 AND deactivated_at IS NULL");

pub(crate) const STATEMENTS: &[&Sql] = &[&OF_USER, &BY_ID, &INSERT, &DELETE, &APP_ACTIVE];

/// The user's running timer.
pub async fn of_user(tx: &mut Tx<'_>, user: UserId) -> Result<Option<CheckIn>, StoreError> {
    let row = tx.fetch_optional(&OF_USER, args![user]).await?;
    row.as_ref().map(read).transpose()
}

/// A running timer by its id.
pub async fn get(tx: &mut Tx<'_>, id: RecordId) -> Result<Option<CheckIn>, StoreError> {
    let row = tx.fetch_optional(&BY_ID, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// Starts the user's timer; one that runs is replaced. Output: the timer.
#[derive(Clone, Debug)]
pub struct StartCheckIn {
    /// The user's app.
    pub app: AppUuid,
    /// Whose timer.
    pub user: UserId,
    /// What was asked for.
    pub wanted: CheckedCheckIn,
}

impl Command for StartCheckIn {
    type Output = CheckIn;
    const NAME: &'static str = "checkin.start";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CheckIn, StoreError> {
        users::lock(tx, self.user).await?;
        end_running(tx, self.user).await?;
        let started_at = tx.now();
        let check_in = CheckIn {
            id: RecordId::generate(tx.clock(), tx.entropy()),
            app: self.app,
            user: self.user,
            minutes: self.wanted.minutes,
            message: self.wanted.message.clone(),
            started_at,
            due_at: started_at.plus(Duration::from_mins(self.wanted.minutes.into())),
        };
        let values = args![
            check_in.id,
            check_in.app,
            check_in.user,
            check_in.minutes,
            check_in.message.as_deref(),
            check_in.started_at,
            check_in.due_at,
        ];
        tx.execute_one(&INSERT, values).await?;
        let job = NewJob {
            kind: CHECK_IN_JOB,
            key: &job_key(check_in.id),
            priority: 0,
            due_at: check_in.due_at,
            payload: json!({"version": 1, "check_in": check_in.id}),
        };
        jobs::enqueue(tx, job).await?;
        Ok(check_in)
    }
}

/// Stops the user's timer. Output: the one that ran.
#[derive(Clone, Copy, Debug)]
pub struct StopCheckIn {
    /// Whose timer.
    pub user: UserId,
}

impl Command for StopCheckIn {
    type Output = Option<CheckIn>;
    const NAME: &'static str = "checkin.stop";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<CheckIn>, StoreError> {
        users::lock(tx, self.user).await?;
        end_running(tx, self.user).await
    }
}

/// What became of a timer whose job is due.
#[derive(Clone, Debug, PartialEq)]
pub enum Lapse {
    /// It was stopped, replaced or has lapsed before.
    Over,
    /// It runs still: the clock stands before its end.
    NotYet,
    /// It lapsed, but the user is blocked or the app inactive, and an SOS of
    /// theirs is refused.
    Refused,
    /// It is an SOS now: this incident was opened, or the open one updated.
    Raised(Box<Incident>),
}

/// A timer's job is due: it becomes an SOS of the user.
#[derive(Clone, Debug)]
pub struct LapseCheckIn {
    /// Which timer.
    pub check_in: RecordId,
    /// Where its user was last.
    pub last_known: Option<Position>,
}

impl Command for LapseCheckIn {
    type Output = Lapse;
    const NAME: &'static str = "checkin.lapse";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Lapse, StoreError> {
        let Some(seen) = get(tx, self.check_in).await? else {
            return Ok(Lapse::Over);
        };
        let user = users::lock(tx, seen.user).await?;
        // It may have been stopped before the lock was ours.
        let Some(check_in) = get(tx, self.check_in).await? else {
            return Ok(Lapse::Over);
        };
        if tx.now() < check_in.due_at {
            return Ok(Lapse::NotYet);
        }
        tx.execute_one(&DELETE, args![user.id]).await?;
        let active = tx
            .fetch_optional(&APP_ACTIVE, args![check_in.app])
            .await?
            .is_some();
        if user.blocked_at.is_some() || !active {
            return Ok(Lapse::Refused);
        }
        let open = incidents::open_of(tx, user.id).await?.is_some();
        let outcome = self.cry(&check_in, open, tx).run(tx).await?;
        Ok(match outcome {
            TriggerOutcome::Opened(incident)
            | TriggerOutcome::Updated(incident)
            | TriggerOutcome::Redelivered(incident) => Lapse::Raised(incident),
            // Only a relay is ever unattributed.
            TriggerOutcome::Unattributed => Lapse::Over,
        })
    }
}

impl LapseCheckIn {
    /// The trigger that the user's phone did not send. The note is told when it
    /// opens an incident; what was said in an open one is newer.
    fn cry(&self, check_in: &CheckIn, open: bool, tx: &Tx<'_>) -> TriggerSos {
        let mut body = json!({"triggerSource": CHECK_IN_TRIGGER, "owner": "app"});
        let note = check_in.message.as_ref().filter(|_| !open);
        if let (Some(note), Some(members)) = (note, body.as_object_mut()) {
            members.insert("message".to_owned(), note.as_str().into());
        }
        let body = Bytes::from(body.to_string());
        TriggerSos {
            app: check_in.app,
            sender: check_in.user,
            trigger: Trigger::parse(&body),
            body,
            flags: Flags::NONE,
            transport: Transport::Http,
            received_at: tx.now(),
            receipt: check_in.id.uuid(),
            last_known: self.last_known.map(|position| (check_in.user, position)),
        }
    }
}

/// Ends the timer that runs, with its job. The caller holds the user's lock.
async fn end_running(tx: &mut Tx<'_>, user: UserId) -> Result<Option<CheckIn>, StoreError> {
    let Some(running) = of_user(tx, user).await? else {
        return Ok(None);
    };
    tx.execute_one(&DELETE, args![user]).await?;
    jobs::withdraw(tx, &job_key(running.id)).await?;
    Ok(Some(running))
}

fn job_key(check_in: RecordId) -> String {
    format!("{CHECK_IN_JOB}:{check_in}")
}

fn read(row: &Row) -> Result<CheckIn, StoreError> {
    Ok(CheckIn {
        id: row.get(0)?,
        app: row.get(1)?,
        user: row.get(2)?,
        minutes: row.get(3)?,
        message: row.get(4)?,
        started_at: row.get(5)?,
        due_at: row.get(6)?,
    })
}

#[cfg(test)]
mod tests;
