//! The phones of open incidents: when each was last heard, and its battery.

use mayday_core::escalation::Policy;
use mayday_core::event::EventType;
use mayday_core::ids::{AppUuid, IncidentId, UserId};
use mayday_core::sos::{Battery, Incident, VitalSign, Vitals, event_body};
use mayday_core::time::Timestamp;
use serde_json::json;

use super::{get, row};
use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::events::{self, NewEvent};
use crate::policies;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

static GET: Sql = Sql::new(
    "SELECT heard_at, silent_at, battery_percent, battery_at, battery_low_at
     FROM incident_vitals WHERE incident_id = $1",
);
static PUT: Sql = Sql::new(
    "INSERT INTO incident_vitals
        (incident_id, heard_at, silent_at, battery_percent, battery_at, battery_low_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (incident_id) DO UPDATE SET heard_at = excluded.heard_at,
        silent_at = excluded.silent_at, battery_percent = excluded.battery_percent,
        battery_at = excluded.battery_at, battery_low_at = excluded.battery_low_at",
);
static WATCHED: Sql = Sql::new(
    "SELECT i.id, i.app_id, i.user_id, i.last_trigger_at, v.heard_at, v.silent_at,
        v.battery_percent
     FROM incidents i LEFT JOIN incident_vitals v ON v.incident_id = i.id
     WHERE i.state IN ('active', 'acknowledged') AND NOT i.drill AND NOT i.hidden AND i.id > $1
     ORDER BY i.id LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &PUT, &WATCHED];

/// An open incident whose phone is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchedIncident {
    /// The incident.
    pub id: IncidentId,
    /// Its app.
    pub app: AppUuid,
    /// Its owner.
    pub user: UserId,
    /// When its phone last spoke, as far as it was noted.
    pub heard_at: Timestamp,
    /// When its silence was told; `None` while it speaks.
    pub silent_at: Option<Timestamp>,
    /// Its last battery reading that was noted.
    pub battery_percent: Option<u8>,
}

/// The open incidents in the order of their ids, those after `after`; drills and
/// hidden ones aside.
pub async fn watched(
    tx: &mut Tx<'_>,
    after: Option<IncidentId>,
    limit: u32,
) -> Result<Vec<WatchedIncident>, StoreError> {
    let after = after.unwrap_or(IncidentId(uuid::Uuid::nil()));
    let rows = tx.fetch_all(&WATCHED, args![after, limit]).await?;
    let read = |row: &Row| {
        let cried_at: Timestamp = row.get(3)?;
        let noted: Option<Timestamp> = row.get(4)?;
        Ok(WatchedIncident {
            id: row.get(0)?,
            app: row.get(1)?,
            user: row.get(2)?,
            heard_at: noted.map_or(cried_at, |noted| noted.max(cried_at)),
            silent_at: row.get(5)?,
            battery_percent: percent_of(row, 6)?,
        })
    };
    rows.iter().map(read).collect()
}

/// What is known of an incident's phone; `None` until something was noted beside
/// its triggers.
pub async fn vitals_of(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Option<Vitals>, StoreError> {
    let row = tx.fetch_optional(&GET, args![incident]).await?;
    row.as_ref().map(read).transpose()
}

/// Notes what was heard of an incident's phone, and tells contacts and operators
/// what follows from it: a silence, its end, a battery that runs low. Each is a
/// numbered event of the incident; a silence and a low battery are alerts too.
/// Output: what was told.
#[derive(Clone, Copy, Debug)]
pub struct NoteVitals {
    /// Which incident.
    pub incident: IncidentId,
    /// When its phone was last heard.
    pub heard_at: Timestamp,
    /// Its last battery reading.
    pub battery: Option<Battery>,
}

impl Command for NoteVitals {
    type Output = Vec<VitalSign>;
    const NAME: &'static str = "sos.note_vitals";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<VitalSign>, StoreError> {
        let Some(seen) = get(tx, self.incident).await? else {
            return Ok(Vec::new());
        };
        users::lock(tx, seen.user).await?;
        let now = tx.now();
        let found = get(tx, self.incident).await?;
        let Some(mut incident) = found.filter(|found| found.state.is_open()) else {
            return Ok(Vec::new());
        };
        let policy = policies::current(tx, incident.app).await?;
        let known = vitals_of(tx, incident.id).await?;
        let mut vitals = known.unwrap_or_else(|| Vitals::at(incident.last_trigger_at));
        let signs = self.listen(&mut vitals, &incident, &policy, now);
        if known != Some(vitals) {
            put(tx, incident.id, &vitals).await?;
        }
        for sign in &signs {
            tell(tx, &mut incident, *sign, &vitals, now).await?;
        }
        Ok(signs)
    }
}

impl NoteVitals {
    fn listen(
        &self,
        vitals: &mut Vitals,
        incident: &Incident,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<VitalSign> {
        let heard_at = self.heard_at.max(incident.last_trigger_at);
        let low = policy.battery_low_percent;
        let read = |vitals: &mut Vitals, battery| vitals.read_battery(battery, low, now);
        [
            vitals.hear(heard_at),
            self.battery.and_then(|battery| read(vitals, battery)),
            vitals.look(policy.phone_silent, now),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Writes the event, and raises or closes the alert.
async fn tell(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    sign: VitalSign,
    vitals: &Vitals,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = incident.id.to_string();
    let alert = |kind, detail| NewAlert {
        app: incident.app,
        kind,
        key: &key,
        user: Some(incident.user),
        incident: Some(incident.id),
        detail,
    };
    let percent = vitals.battery.map(|battery| battery.percent);
    let kind = match sign {
        VitalSign::Silent => {
            let detail = json!({"last_heard_at": vitals.heard_at});
            alerts::raise(tx, alert(AlertKind::PhoneSilent, detail)).await?;
            EventType::PhoneSilent
        }
        VitalSign::Heard => {
            alerts::close(tx, AlertKind::PhoneSilent, &key).await?;
            EventType::PhoneHeard
        }
        VitalSign::BatteryLow => {
            let detail = json!({"percent": percent});
            alerts::raise(tx, alert(AlertKind::BatteryLow, detail)).await?;
            EventType::BatteryLow
        }
        VitalSign::Charged => return alerts::close(tx, AlertKind::BatteryLow, &key).await,
    };
    let before = incident.snapshot_version;
    incident.vitals_moved(now);
    row::update(tx, incident, before).await?;
    let mut body = event_body(incident, now, None);
    body.insert(
        "phone".to_owned(),
        json!({
            "lastHeardAt": vitals.heard_at.to_string(),
            "silentSince": vitals.silent_at.map(|_| vitals.heard_at.to_string()),
            "batteryPercent": percent,
        }),
    );
    let new = NewEvent {
        incident: incident.id,
        kind,
        snapshot_version: incident.snapshot_version,
        body,
        by: None,
    };
    events::tell(tx, incident, new).await
}

async fn put(tx: &mut Tx<'_>, incident: IncidentId, vitals: &Vitals) -> Result<(), StoreError> {
    let values = args![
        incident,
        vitals.heard_at,
        vitals.silent_at,
        vitals.battery.map(|battery| i64::from(battery.percent)),
        vitals.battery.map(|battery| battery.at),
        vitals.battery_low_at,
    ];
    tx.execute_one(&PUT, values).await
}

fn read(row: &Row) -> Result<Vitals, StoreError> {
    let percent = percent_of(row, 2)?;
    let at = row.get::<Option<Timestamp>>(3)?;
    Ok(Vitals {
        heard_at: row.get(0)?,
        silent_at: row.get(1)?,
        battery: percent.zip(at).map(|(percent, at)| Battery { percent, at }),
        battery_low_at: row.get(4)?,
    })
}

fn percent_of(row: &Row, index: usize) -> Result<Option<u8>, StoreError> {
    let percent = row.get::<Option<i64>>(index)?;
    Ok(percent.and_then(|percent| u8::try_from(percent).ok()))
}

#[cfg(test)]
mod tests;
