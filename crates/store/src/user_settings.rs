//! What users set in the app (contract: Sessions, profile and settings).

use mayday_core::ids::UserId;
use mayday_core::sso::settings::{SettingsPatch, UserSettings};

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

static GET: Sql = Sql::new(
    "SELECT currency, adv_mode, language, sig_reset_req, ack_tnc, ack_privacy
     FROM user_settings WHERE user_id = $1",
);
static PUT: Sql = Sql::new(
    "INSERT INTO user_settings (user_id, currency, adv_mode, language, sig_reset_req, ack_tnc,
        ack_privacy, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (user_id) DO UPDATE SET currency = excluded.currency,
        adv_mode = excluded.adv_mode, language = excluded.language,
        sig_reset_req = excluded.sig_reset_req, ack_tnc = excluded.ack_tnc,
        ack_privacy = excluded.ack_privacy, updated_at = excluded.updated_at",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &PUT];

/// The settings of a user; the defaults of one who set none.
pub async fn get(tx: &mut Tx<'_>, user: UserId) -> Result<UserSettings, StoreError> {
    let row = tx.fetch_optional(&GET, args![user]).await?;
    row.as_ref().map_or(Ok(UserSettings::default()), read)
}

/// Applies a checked change. Answers the settings.
#[derive(Clone, Debug)]
pub struct UpdateSettings {
    /// The user.
    pub user: UserId,
    /// The change.
    pub patch: SettingsPatch,
}

impl Command for UpdateSettings {
    type Output = UserSettings;

    const NAME: &'static str = "user.update_settings";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<UserSettings, StoreError> {
        users::lock(tx, self.user).await?;
        let settings = self.patch.apply(get(tx, self.user).await?);
        let now = tx.now();
        let values = args![
            self.user,
            settings.currency.as_deref(),
            settings.adv_mode,
            settings.language.as_deref(),
            settings.sig_reset_req,
            settings.ack_tnc,
            settings.ack_privacy,
            now,
        ];
        tx.execute_one(&PUT, values).await?;
        Ok(settings)
    }
}

fn read(row: &Row) -> Result<UserSettings, StoreError> {
    Ok(UserSettings {
        currency: row.get(0)?,
        adv_mode: row.get(1)?,
        language: row.get(2)?,
        sig_reset_req: row.get(3)?,
        ack_tnc: row.get(4)?,
        ack_privacy: row.get(5)?,
    })
}
