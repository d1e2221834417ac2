//! Ids for what only a log or an answer names.

use mayday_core::ids::uuid_v7;
use uuid::Uuid;

use crate::App;

impl App {
    /// A new id of nothing in the store, such as a request's.
    pub fn fresh_id(&self) -> Uuid {
        uuid_v7(self.clock.as_ref(), self.entropy.as_ref())
    }
}
