//! Shows the caller's profile.

use mayday_core::identity::Caller;
use mayday_core::profile::User;
use mayday_core::readiness::{Facts, Readiness, assess};
use mayday_store::users::{self, UserRow};
use mayday_store::{Tx, contacts, devices};

use crate::identity::require_full;
use crate::{App, AppError};

/// Whether this server can reach contacts by itself. There is no provider of
/// SMS, voice or mail yet, and readiness promises nothing that would not happen.
const CAN_NOTIFY: bool = false;

impl App {
    /// The caller's profile, with how well prepared they are.
    pub async fn me(&self, caller: &Caller) -> Result<User, AppError> {
        require_full(caller)?;
        let mut tx = self.store.read().await?;
        let row = users::get(&mut tx, caller.user)
            .await?
            .ok_or(AppError::Unauthorized)?;
        let readiness = self.readiness(&mut tx, &row).await?;
        Ok(user(caller, row, readiness))
    }

    /// How well prepared a user is now.
    pub(super) async fn readiness(
        &self,
        tx: &mut Tx<'_>,
        row: &UserRow,
    ) -> Result<Readiness, AppError> {
        let connected = self.presence.is_connected(row.id);
        let now = self.clock.now();
        let facts = Facts {
            contacts: contacts::list(tx, row.id).await?.len(),
            phone: row.profile.phone.is_some(),
            devices: devices::count(tx, row.id).await?,
            mqtt_seen_at: if connected {
                Some(now)
            } else {
                row.mqtt_seen_at
            },
            can_notify: CAN_NOTIFY,
        };
        Ok(assess(&facts, now))
    }
}

pub(super) fn user(caller: &Caller, row: UserRow, readiness: Readiness) -> User {
    User {
        id: row.id,
        app_id: caller.app_id.clone(),
        external_user_id: row.external_id,
        profile: row.profile,
        readiness,
    }
}
