//! Shows the caller's profile.

use mayday_core::identity::Caller;
use mayday_core::profile::User;
use mayday_core::readiness::{Facts, Readiness, assess};
use mayday_store::users::{CountedUser, UserRow};

use crate::identity::require_full;
use crate::{App, AppError};

/// Whether this server can reach contacts by itself. There is no provider of
/// SMS, voice or mail yet, and readiness promises nothing that would not happen.
const CAN_NOTIFY: bool = false;

impl App {
    /// The caller's profile, with how well prepared they are.
    pub async fn me(&self, caller: &Caller) -> Result<User, AppError> {
        require_full(caller)?;
        // This is what every start of an app asks for.
        let counted = self.look_ups.get(caller.user).await?;
        let counted = counted.ok_or(AppError::Unauthorized)?;
        let readiness = self.readiness(&counted);
        Ok(user(caller, counted.row, readiness))
    }

    /// How well prepared a user is now.
    fn readiness(&self, user: &CountedUser) -> Readiness {
        let row = &user.row;
        let now = self.clock.now();
        let facts = Facts {
            contacts: user.contacts,
            phone: row.profile.phone.is_some(),
            devices: user.devices,
            mqtt_seen_at: if self.presence.is_connected(row.id) {
                Some(now)
            } else {
                row.mqtt_seen_at
            },
            can_notify: CAN_NOTIFY,
        };
        assess(&facts, now)
    }
}

fn user(caller: &Caller, row: UserRow, readiness: Readiness) -> User {
    User {
        id: row.id,
        app_id: caller.app_id.clone(),
        external_user_id: row.external_id,
        profile: row.profile,
        readiness,
    }
}
