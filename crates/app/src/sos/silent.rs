//! Raises incidents without sign of life to operators (contract: SOS, "a second
//! cry is heard"), and lets go of what is no longer needed: triggers that are no
//! longer recognised, old events and records.

use std::error::Error as _;

use mayday_store::Lane;
use mayday_store::incidents::{
    PruneSosRecords, PruneTriggerKeys, RaiseSilent, SILENT_AFTER, SilentCandidate,
    silent_candidates,
};

use crate::{App, AppError};

/// Incidents looked at in one read.
const BATCH: u32 = 200;

impl App {
    /// Tells operators of open incidents that have shown no sign of life for
    /// 24 h: no trigger and no telemetry. They stay open. Returns how many were
    /// raised now. One that something goes wrong with keeps none of the others
    /// waiting; the first such error is the answer.
    pub async fn raise_silent_incidents(&self) -> Result<u64, AppError> {
        let before = self.clock.now().minus(SILENT_AFTER);
        let (mut after, mut raised, mut failed) = (None, 0, None);
        loop {
            let mut tx = self.store.read().await?;
            let batch = silent_candidates(&mut tx, before, after, BATCH).await?;
            drop(tx);
            let Some(last) = batch.last() else {
                return failed.map_or(Ok(raised), Err);
            };
            after = Some(last.id);
            for incident in batch {
                match self.raise_if_silent(incident).await {
                    Ok(now) => raised += u64::from(now),
                    Err(error) => {
                        tracing::warn!(
                            incident.id = %incident.id,
                            %error,
                            cause = error.source(),
                            "an incident was not looked at for silence"
                        );
                        failed.get_or_insert(error);
                    }
                }
            }
        }
    }

    async fn raise_if_silent(&self, incident: SilentCandidate) -> Result<bool, AppError> {
        let newest = self.latest_position(incident.user).await?;
        let last_sign_at = newest.map_or(incident.last_trigger_at, |newest| {
            incident.last_trigger_at.max(newest.received_at)
        });
        if self.clock.now().since(last_sign_at) < SILENT_AFTER {
            return Ok(false);
        }
        let command = RaiseSilent {
            incident,
            last_sign_at,
        };
        Ok(self.store.write(Lane::Job, command).await?)
    }

    /// Lets go of some events of incidents that ended long ago, closed alerts and
    /// old bodies of unattributed SOS. Returns how many rows changed; call again
    /// while it is not 0.
    pub async fn prune_sos_records(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        Ok(self.store.write(Lane::Job, PruneSosRecords).await?)
    }

    /// Forgets triggers that are older than a redelivery can be. Returns how
    /// many.
    pub async fn forget_old_triggers(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let mut forgotten = 0;
        loop {
            match self.store.write(Lane::Job, PruneTriggerKeys).await? {
                0 => return Ok(forgotten),
                some => forgotten += some,
            }
        }
    }
}
