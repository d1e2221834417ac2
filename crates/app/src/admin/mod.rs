//! Administration: everything behind `mayday app ..`, `mayday user ..` and
//! `mayday inspect ..`.
//!
//! A command line either opens the store itself or sends the same
//! [`AdminRequest`] to the running server's Unix socket; [`crate::App::admin`]
//! answers both.

mod reply;
mod request;

pub use reply::{
    AdminError, AdminReply, AlertView, AppCreated, AppView, DeadLetterView, Page, PrintedSecret,
    SecretAdded, SecretView, UnattributedView, UserView,
};
pub use request::{AdminRequest, PageRequest};

use crate::App;

impl App {
    /// Carries out an administrator's request.
    pub async fn admin(&self, request: AdminRequest) -> Result<AdminReply, AdminError> {
        let _ = request;
        Err(AdminError::Internal)
    }
}
