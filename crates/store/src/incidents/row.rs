//! An incident as a row.

use mayday_core::ids::{IncidentId, SampleId};
use mayday_core::sos::{
    Actuators, Echo, Fix, Flags, Incident, Opening, Origin, PositionSnapshot, PositionSource, State,
};
use mayday_core::time::Timestamp;
use serde::de::DeserializeOwned;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

pub(super) static INSERT: Sql = Sql::new(concat!(
    "INSERT INTO incidents (",
    super::columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
     $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37)"
));
/// The origin and the opening are not in it: they never change. The old
/// snapshot version is: a lost update is an error, not a surprise. Only a trigger
/// ends a silence that operators were told of.
pub(super) static UPDATE: Sql = Sql::new(
    "UPDATE incidents SET state = $2, updated_at = $3, acknowledged_at = $4, cancelled_at = $5,
        resolved_at = $6, device_id = $7, hardware_id = $8, message = $9, latitude = $10,
        longitude = $11, altitude = $12, position_source = $13, position_at = $14,
        actuators = $15, flags = $16, client_incident_id = $17, correlation_id = $18,
        cycle_key = $19, snapshot_version = $20, round = $21, triggers = $22,
        last_trigger_at = $23, exhausted_at = $24, phone_offset = $25, round_began_at = $26,
        silent_raised_at = CASE WHEN last_trigger_at = $23 THEN silent_raised_at ELSE NULL END
     WHERE id = $1 AND snapshot_version = $27",
);

/// Inserts a new incident.
pub(crate) async fn insert(tx: &mut Tx<'_>, incident: &Incident) -> Result<(), StoreError> {
    let (origin, echo) = (&incident.origin, &incident.echo);
    let (actuators, opening) = (
        json_text(&incident.actuators)?,
        json_text(&incident.opening)?,
    );
    let (flags, position) = (incident.flags.to_stored(), incident.position);
    let values = args![
        incident.id,
        incident.app,
        incident.user,
        incident.state.as_str(),
        incident.created_at,
        incident.updated_at,
        incident.acknowledged_at,
        incident.cancelled_at,
        incident.resolved_at,
        origin.source.as_deref(),
        origin.trigger_source.as_deref(),
        origin.relay_source.as_deref(),
        origin.owner.as_deref(),
        origin.originator_node_id,
        origin.relay_node_id,
        incident.device_id.as_deref(),
        incident.hardware_id.as_deref(),
        incident.message.as_deref(),
        position.map(|position| position.fix.latitude),
        position.map(|position| position.fix.longitude),
        position.and_then(|position| position.fix.altitude),
        position.map(|position| position.source.as_str()),
        position.map(|position| position.time),
        &actuators,
        &opening,
        &flags,
        echo.client_incident_id.as_deref(),
        echo.correlation_id.as_deref(),
        echo.cycle_key.as_deref(),
        incident.snapshot_version,
        incident.round,
        incident.triggers,
        incident.last_trigger_at,
        incident.exhausted_at,
        incident.phone_offset_micros,
        incident.drill,
        incident.round_began_at,
    ];
    tx.execute_one(&INSERT, values).await
}

/// Writes a changed incident back, if its snapshot version still is `before`.
pub(crate) async fn update(
    tx: &mut Tx<'_>,
    incident: &Incident,
    before: i64,
) -> Result<(), StoreError> {
    let echo = &incident.echo;
    let actuators = json_text(&incident.actuators)?;
    let (flags, position) = (incident.flags.to_stored(), incident.position);
    let values = args![
        incident.id,
        incident.state.as_str(),
        incident.updated_at,
        incident.acknowledged_at,
        incident.cancelled_at,
        incident.resolved_at,
        incident.device_id.as_deref(),
        incident.hardware_id.as_deref(),
        incident.message.as_deref(),
        position.map(|position| position.fix.latitude),
        position.map(|position| position.fix.longitude),
        position.and_then(|position| position.fix.altitude),
        position.map(|position| position.source.as_str()),
        position.map(|position| position.time),
        &actuators,
        &flags,
        echo.client_incident_id.as_deref(),
        echo.correlation_id.as_deref(),
        echo.cycle_key.as_deref(),
        incident.snapshot_version,
        incident.round,
        incident.triggers,
        incident.last_trigger_at,
        incident.exhausted_at,
        incident.phone_offset_micros,
        incident.round_began_at,
        before,
    ];
    tx.execute_one(&UPDATE, values).await
}

/// Reads the columns of `columns!`.
pub(super) fn read(row: &Row) -> Result<Incident, StoreError> {
    let actuators: Actuators = json_of(row, 23)?;
    let opening = opening_of(row)?;
    Ok(Incident {
        id: row.get(0)?,
        app: row.get(1)?,
        user: row.get(2)?,
        state: word_of(row, 3, State::parse)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        acknowledged_at: row.get(6)?,
        cancelled_at: row.get(7)?,
        resolved_at: row.get(8)?,
        origin: Origin {
            source: row.get(9)?,
            trigger_source: row.get(10)?,
            relay_source: row.get(11)?,
            owner: row.get(12)?,
            originator_node_id: row.get(13)?,
            relay_node_id: row.get(14)?,
        },
        device_id: row.get(15)?,
        hardware_id: row.get(16)?,
        message: row.get(17)?,
        position: position_of(row)?,
        actuators,
        opening,
        flags: Flags::from_stored(&row.get::<String>(25)?),
        echo: Echo {
            client_incident_id: row.get(26)?,
            correlation_id: row.get(27)?,
            cycle_key: row.get(28)?,
        },
        snapshot_version: row.get(29)?,
        round: row.get(30)?,
        triggers: row.get(31)?,
        last_trigger_at: row.get(32)?,
        exhausted_at: row.get(33)?,
        phone_offset_micros: row.get(34)?,
        drill: row.get(35)?,
        round_began_at: row.get(36)?,
    })
}

fn position_of(row: &Row) -> Result<Option<PositionSnapshot>, StoreError> {
    let (latitude, longitude) = (row.get::<Option<f64>>(18)?, row.get::<Option<f64>>(19)?);
    let (Some(latitude), Some(longitude)) = (latitude, longitude) else {
        return Ok(None);
    };
    Ok(Some(PositionSnapshot {
        fix: Fix {
            latitude,
            longitude,
            altitude: row.get(20)?,
        },
        source: word_of(row, 21, PositionSource::parse)?,
        time: row.get(22)?,
    }))
}

/// What the first trigger measured, as far as it can be read: nothing in it hides
/// the incident.
fn opening_of(row: &Row) -> Result<Opening, StoreError> {
    let text: String = row.get(24)?;
    match serde_json::from_str(&text) {
        Ok(opening) => Ok(opening),
        Err(error) => {
            let (id, created_at): (IncidentId, Timestamp) = (row.get(0)?, row.get(4)?);
            tracing::error!(
                incident.id = %id,
                %error,
                "what the first trigger measured cannot be read whole"
            );
            Ok(Opening::salvaged(&text, SampleId(id.uuid()), created_at))
        }
    }
}

fn word_of<T>(row: &Row, index: usize, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let word: String = row.get(index)?;
    parse(&word).ok_or_else(|| StoreError::column(index, "an unknown word"))
}

fn json_of<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, StoreError> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|error| StoreError::column(index, error.to_string()))
}

fn json_text<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::column(23, error.to_string()))
}
