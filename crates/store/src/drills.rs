//! Drills: started by their user; ended by an answer or because nobody is left to ask,
//! in the transaction that says so, by a real SOS, or after an hour.
//!
//! A drill is an incident of which no phone is told as of an SOS: it writes no
//! numbered event and no hint that an incident opened. Its escalation runs like
//! any other, marked as a drill, and so do the notifications of partners and of
//! operators' channels: whoever tries it out learns whether they arrive.

use mayday_core::drill::{DRILL_LIMIT, DRILL_WINDOW, Drill, DrillEnd, MAX_DRILLS};
use mayday_core::event::EventType;
use mayday_core::ids::{AppUuid, IncidentId, SampleId, UserId};
use mayday_core::sos::{End, Flags, Incident, Opened, Report, Trigger};
use mayday_core::telemetry::Position;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use serde_json::Map;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation;
use crate::events::{self, NewEvent};
use crate::incidents::{self, row as incident_row};
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::Doer;

static INSERT: Sql =
    Sql::new("INSERT INTO drills (incident_id, user_id, started_at) VALUES ($1, $2, $3)");
static LATEST: Sql = Sql::new(
    "SELECT incident_id, user_id, started_at, ended_at, ended_because FROM drills
     WHERE user_id = $1 ORDER BY started_at DESC, incident_id DESC LIMIT 1",
);
static RUNNING: Sql = Sql::new(
    "SELECT incident_id, user_id, started_at, ended_at, ended_because FROM drills
     WHERE user_id = $1 AND ended_at IS NULL",
);
static RECENT: Sql =
    Sql::new("SELECT COUNT(*), MIN(started_at) FROM drills WHERE user_id = $1 AND started_at > $2");
static END: Sql = Sql::new(
    "UPDATE drills SET ended_at = $2, ended_because = $3 WHERE incident_id = $1 \
     AND ended_at IS NULL",
);
static GAVE_WAY: Sql =
    Sql::new("SELECT 1 FROM drills WHERE incident_id = $1 AND ended_because = 'real_sos'");
static LONG_RUNNING: Sql = Sql::new(
    "SELECT incident_id, user_id FROM drills \
     WHERE ended_at IS NULL AND started_at <= $1 ORDER BY started_at LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT,
    &LATEST,
    &RUNNING,
    &RECENT,
    &END,
    &GAVE_WAY,
    &LONG_RUNNING,
];

/// The user's latest drill, running or not.
pub async fn latest_of(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Drill>, StoreError> {
    let row = tx.fetch_optional(&LATEST, args![user]).await?;
    row.as_ref().map(read).transpose()
}

async fn running_of(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Drill>, StoreError> {
    let row = tx.fetch_optional(&RUNNING, args![user]).await?;
    row.as_ref().map(read).transpose()
}

/// Whether a drill ended for a real SOS: then nobody is told that all is clear.
pub(crate) async fn gave_way(tx: &mut Tx<'_>, incident: IncidentId) -> Result<bool, StoreError> {
    let row = tx.fetch_optional(&GAVE_WAY, args![incident]).await?;
    Ok(row.is_some())
}

/// Drills that have run for [`DRILL_LIMIT`], the longest first, `limit` at most.
pub async fn too_long(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<EndDrill>, StoreError> {
    let started = tx.now().minus(DRILL_LIMIT);
    let rows = tx.fetch_all(&LONG_RUNNING, args![started, limit]).await?;
    let end = |row: &Row| {
        Ok(EndDrill {
            user: row.get(1)?,
            only: Some(row.get(0)?),
            because: DrillEnd::TimedOut,
        })
    };
    rows.iter().map(end).collect()
}

/// Starts a drill of a user, or finds the one that runs.
#[derive(Clone, Copy, Debug)]
pub struct StartDrill {
    /// The user's app.
    pub app: AppUuid,
    /// Whose drill.
    pub user: UserId,
    /// Where the user was last: a drill shows a position as an SOS would.
    pub last_known: Option<Position>,
}

/// What became of the wish for a drill.
#[derive(Clone, Debug, PartialEq)]
pub enum DrillStart {
    /// It runs now.
    Started(Drill),
    /// One runs already: this one.
    Running(Drill),
    /// A real SOS is open.
    SosIsOpen,
    /// There were [`MAX_DRILLS`] lately; the next may start then.
    TooMany(Timestamp),
}

impl Command for StartDrill {
    type Output = DrillStart;
    const NAME: &'static str = "drill.start";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DrillStart, StoreError> {
        users::lock(tx, self.user).await?;
        if let Some(drill) = running_of(tx, self.user).await? {
            return Ok(DrillStart::Running(drill));
        }
        if incidents::open_of(tx, self.user).await?.is_some() {
            return Ok(DrillStart::SosIsOpen);
        }
        let now = tx.now();
        let since = now.minus(DRILL_WINDOW);
        let recent = tx.fetch_one(&RECENT, args![self.user, since]).await?;
        if recent.get::<i64>(0)? >= i64::from(MAX_DRILLS) {
            let first: Option<Timestamp> = recent.get(1)?;
            return Ok(DrillStart::TooMany(first.unwrap_or(now).plus(DRILL_WINDOW)));
        }
        let incident = self.open(tx, now).await?;
        tx.execute_one(&INSERT, args![incident.id, self.user, now])
            .await?;
        Ok(DrillStart::Started(Drill {
            incident: incident.id,
            user: self.user,
            started_at: now,
            ended: None,
        }))
    }
}

impl StartDrill {
    async fn open(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Incident, StoreError> {
        let trigger = Trigger {
            trigger_source: Some("drill".to_owned()),
            owner: Some("app".to_owned()),
            ..Trigger::default()
        };
        let report = Report {
            trigger: &trigger,
            flags: Flags::NONE,
            received_at: now,
            transport: Transport::Http,
            relayed: false,
            device_id: None,
            last_known: self.last_known,
        };
        let ids = Opened {
            id: IncidentId::generate(tx.clock(), tx.entropy()),
            opening: SampleId::generate(tx.clock(), tx.entropy()),
            app: self.app,
            user: self.user,
        };
        let mut incident = Incident::open(ids, &report);
        incident.drill = true;
        escalation::begin(tx, &mut incident).await?;
        incident_row::insert(tx, &incident).await?;
        let new = NewEvent {
            incident: incident.id,
            kind: EventType::Processed,
            snapshot_version: incident.snapshot_version,
            body: Map::new(),
            by: Some(Doer::Owner(self.user)),
        };
        events::tell(tx, &incident, new).await?;
        Ok(incident)
    }
}

/// Ends the drill that a user runs. Whoever was told hears that it is over, unless
/// a real SOS is what ends it: nobody may take that for over. Output: whether one
/// ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndDrill {
    /// Whose.
    pub user: UserId,
    /// Only this one: the user may have started another since it was looked at.
    pub only: Option<IncidentId>,
    /// Why.
    pub because: DrillEnd,
}

impl Command for EndDrill {
    type Output = bool;
    const NAME: &'static str = "drill.end";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        users::lock(tx, self.user).await?;
        end_running(tx, self.user, self.only, self.because).await
    }
}

/// Ends a drill that has shown what it can, in the transaction of what showed it. The
/// caller holds the user's lock and has written the incident, which is the ended one
/// then.
pub(crate) async fn end(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    because: DrillEnd,
) -> Result<(), StoreError> {
    if end_running(tx, incident.user, Some(incident.id), because).await?
        && let Some(ended) = incidents::get(tx, incident.id).await?
    {
        *incident = ended;
    }
    Ok(())
}

/// Ends the drill that a user runs, because of a real SOS; the caller holds the
/// user's lock.
pub(crate) async fn give_way(tx: &mut Tx<'_>, user: UserId) -> Result<bool, StoreError> {
    end_running(tx, user, None, DrillEnd::RealSos).await
}

async fn end_running(
    tx: &mut Tx<'_>,
    user: UserId,
    only: Option<IncidentId>,
    because: DrillEnd,
) -> Result<bool, StoreError> {
    let running = running_of(tx, user).await?;
    let Some(drill) = running.filter(|drill| only.is_none_or(|only| only == drill.incident)) else {
        return Ok(false);
    };
    close(tx, drill.incident, because).await?;
    let now = tx.now();
    let Some(mut incident) = incidents::get(tx, drill.incident).await? else {
        return Ok(false);
    };
    let (how, before) = (end_of(because), incident.snapshot_version);
    if incident.end(how, now) {
        escalation::changed(tx, &mut incident).await?;
        incident_row::update(tx, &incident, before).await?;
        let by = matches!(because, DrillEnd::Stopped | DrillEnd::RealSos);
        let by = by.then_some(Doer::Owner(incident.user));
        incidents::end::tell(tx, &incident, how, by).await?;
    }
    Ok(true)
}

/// Notes why a drill ended, whose incident the caller ends; the first reason stays.
/// The caller holds the user's lock.
pub(crate) async fn close(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    because: DrillEnd,
) -> Result<(), StoreError> {
    let values = args![incident, tx.now(), because.as_str()];
    tx.execute(&END, values).await?;
    Ok(())
}

/// How the incident of a drill ends.
const fn end_of(because: DrillEnd) -> End {
    match because {
        DrillEnd::Stopped | DrillEnd::RealSos => End::Cancelled,
        DrillEnd::Acknowledged | DrillEnd::Unanswered | DrillEnd::TimedOut => End::Resolved,
    }
}

fn read(row: &Row) -> Result<Drill, StoreError> {
    let (at, because) = (
        row.get::<Option<Timestamp>>(3)?,
        row.get::<Option<String>>(4)?,
    );
    let because = because
        .map(|word| DrillEnd::parse(&word).ok_or_else(|| StoreError::column(4, "an unknown end")))
        .transpose()?;
    Ok(Drill {
        incident: row.get(0)?,
        user: row.get(1)?,
        started_at: row.get(2)?,
        ended: at.zip(because),
    })
}

#[cfg(test)]
mod tests;
