//! What the topic grammar asks of the store.

use mayday_core::ids::UserId;
use mayday_store::users;

use crate::{App, AppError};

impl App {
    /// Whether `id` is some user's internal id, in whichever app: an external
    /// id that reads like it is then no topic of its owner (contract: MQTT,
    /// "topics are not identities").
    pub async fn is_user_id(&self, id: UserId) -> Result<bool, AppError> {
        let mut tx = self.store.read_urgent().await?;
        Ok(users::get(&mut tx, id).await?.is_some())
    }
}
