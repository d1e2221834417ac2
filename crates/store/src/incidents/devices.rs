//! Which devices an incident is about: every one that a trigger of it named
//! (contract: SOS, Cancel). Its own row holds the first ones, which is all there
//! is to most incidents; those that later triggers added are kept here.

use mayday_core::device::device_key;
use mayday_core::ids::IncidentId;
use mayday_core::sos::{Incident, Report};

use crate::args;
use crate::devices::Claim;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How many added devices of an incident are kept, those named last; more than
/// a user may list, each under two texts.
const KEPT: u32 = 256;
/// How many texts one trigger may name: `deviceId`, `hardwareId` and
/// `originatorNodeId`.
const PER_TRIGGER: u32 = 3;

static NOTE: Sql = Sql::new(
    "INSERT INTO incident_devices (incident_id, device_key, ordinal) VALUES ($1, $2, $3)
     ON CONFLICT (incident_id, device_key) DO UPDATE SET ordinal = excluded.ordinal",
);
static FORGET: Sql = Sql::new(
    "DELETE FROM incident_devices WHERE incident_id = $1 AND ordinal <
        (SELECT ordinal FROM incident_devices WHERE incident_id = $1
         ORDER BY ordinal DESC LIMIT 1 OFFSET $2)",
);
static NAMED: Sql = Sql::new(
    "SELECT 1 FROM incident_devices
     WHERE incident_id = $1 AND device_key IN ($2, $3, $4) LIMIT 1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&NOTE, &FORGET, &NAMED];

/// Keeps the devices that the incident's newest trigger named.
pub(super) async fn note(
    tx: &mut Tx<'_>,
    incident: &Incident,
    report: &Report<'_>,
) -> Result<(), StoreError> {
    let node = report.trigger.originator_node_id.map(|id| id.to_string());
    let hardware = report.trigger.hardware_id.as_deref();
    let recorded = recorded_keys(incident);
    for text in [report.device_id, hardware, node.as_deref()]
        .into_iter()
        .flatten()
    {
        let key = device_key(text);
        if !recorded.contains(&key) {
            add(tx, incident.id, &key, incident.triggers).await?;
        }
    }
    Ok(())
}

async fn add(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    key: &str,
    ordinal: u32,
) -> Result<(), StoreError> {
    tx.execute(&NOTE, args![incident, key, ordinal]).await?;
    // So few triggers cannot have named too many.
    if ordinal > KEPT / PER_TRIGGER {
        tx.execute(&FORGET, args![incident, KEPT - 1]).await?;
    }
    Ok(())
}

/// Whether a trigger of the incident named the device, by the given text or by
/// any text of its registration.
pub(super) async fn involves(
    tx: &mut Tx<'_>,
    incident: &Incident,
    device: &str,
    claim: Option<&Claim>,
) -> Result<bool, StoreError> {
    let asked = device_key(device);
    let listed = claim.map_or_else(|| asked.clone(), |claim| device_key(&claim.hardware_id));
    let alias = claim
        .and_then(|claim| claim.alias.as_deref())
        .map_or_else(|| asked.clone(), device_key);
    let recorded = recorded_keys(incident);
    if [&asked, &listed, &alias]
        .into_iter()
        .any(|key| recorded.contains(key))
    {
        return Ok(true);
    }
    let row = tx
        .fetch_optional(&NAMED, args![incident.id, &asked, &listed, &alias])
        .await?;
    Ok(row.is_some())
}

/// The devices in the incident's own row.
fn recorded_keys(incident: &Incident) -> Vec<String> {
    let node = incident.origin.originator_node_id.map(|id| id.to_string());
    [&incident.device_id, &incident.hardware_id, &node]
        .into_iter()
        .flatten()
        .map(|text| device_key(text))
        .collect()
}
