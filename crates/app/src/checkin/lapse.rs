//! A check-in timer ran out: its job is due.

use std::time::Duration;

use mayday_core::ids::RecordId;
use mayday_store::checkins::{self, Lapse, LapseCheckIn};
use mayday_store::{Lane, StoreError};
use tokio::time::timeout;

use crate::{App, AppError};

/// How long the SOS waits for the last known position.
const LAST_KNOWN_WAIT: Duration = Duration::from_millis(100);

/// What became of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckInLapse {
    /// It was over already.
    Over,
    /// It is due later: the job is to be tried again.
    NotYet,
    /// It raised an SOS.
    Raised,
}

impl App {
    /// Raises the SOS of a timer that ran out, once. The user may be blocked or
    /// the app inactive by now: then there is none, and the log says so.
    pub async fn lapse_check_in(&self, id: RecordId) -> Result<CheckInLapse, AppError> {
        let mut tx = self.store.read_urgent().await?;
        let found = checkins::get(&mut tx, id).await?;
        drop(tx);
        let Some(check_in) = found else {
            return Ok(CheckInLapse::Over);
        };
        let look_up = self.newest_position(check_in.user);
        let last_known = timeout(LAST_KNOWN_WAIT, look_up).await.ok().flatten();
        let lapse = LapseCheckIn {
            check_in: id,
            last_known,
        };
        let lapse = match self.store.write(Lane::Sos, lapse).await {
            // Its user was erased this moment.
            Err(StoreError::RowCount { got: 0, .. }) => Lapse::Over,
            other => other?,
        };
        Ok(match lapse {
            Lapse::Over => CheckInLapse::Over,
            Lapse::NotYet => CheckInLapse::NotYet,
            Lapse::Refused => {
                tracing::warn!(user.id = %check_in.user, "a check-in is overdue, but its user is refused");
                CheckInLapse::Over
            }
            Lapse::Raised(incident) => {
                tracing::info!(user.id = %check_in.user, incident.id = %incident.id, "a check-in is overdue: an SOS");
                CheckInLapse::Raised
            }
        })
    }
}
