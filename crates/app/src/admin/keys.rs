//! The master key: replaced while servers run.

use std::time::Duration;

use mayday_store::{RotateError, RotationStep};
use tokio::time::Instant;

use super::{AdminError, AdminReply, KeyRotation};
use crate::App;

/// How long one request works on a rotation before it answers that there is more
/// to do.
const TURN: Duration = Duration::from_secs(5);

impl App {
    /// Goes on with the rotation of the master key, or begins one, for a few
    /// seconds at most.
    pub(super) async fn rotate_key(&self, copied: bool) -> Result<AdminReply, AdminError> {
        let until = Instant::now() + TURN;
        let mut values: u64 = 0;
        let mut made = false;
        loop {
            let rotation = match self.store.rotate_master_key(copied).await? {
                RotationStep::Done { fingerprint } => KeyRotation::Done {
                    values,
                    fingerprint,
                },
                // Made twice in a row: it does not begin before it was copied.
                RotationStep::Made { fingerprint } if made => KeyRotation::Waiting { fingerprint },
                RotationStep::Made { .. } => {
                    made = true;
                    continue;
                }
                RotationStep::Resealed { values: more } => {
                    values = values.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
                    if Instant::now() < until {
                        continue;
                    }
                    KeyRotation::GoingOn { values }
                }
                RotationStep::Begun | RotationStep::Switched => continue,
            };
            return Ok(AdminReply::KeyRotation(rotation));
        }
    }
}

impl From<RotateError> for AdminError {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Store(error) if error.is_transient() => error.into(),
            // Each of the others says what to do.
            other => {
                tracing::error!(error = %other, "the master key was not rotated");
                Self::Conflict {
                    message: other.to_string(),
                }
            }
        }
    }
}
