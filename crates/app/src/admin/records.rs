//! What operators read: dead letters, unattributed SOS, alerts.

use super::{AdminError, AdminReply, PageRequest};
use crate::App;

impl App {
    pub(super) async fn dead_letters(
        &self,
        _id: &str,
        _page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        Err(AdminError::Unavailable)
    }

    pub(super) async fn unattributed(
        &self,
        _id: &str,
        _page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        Err(AdminError::Unavailable)
    }

    pub(super) async fn alerts(
        &self,
        _id: &str,
        _page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        Err(AdminError::Unavailable)
    }
}
