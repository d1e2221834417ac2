//! Opens the first session of somebody who was never here.

use mayday_core::ids::RecordId;
use mayday_core::sso::EndReason;

use super::open::{OpenSession, Opened, lock_address};
use crate::command::Command;
use crate::error::StoreError;
use crate::sso;
use crate::tx::Tx;
use crate::users::UpsertUser;
use crate::verification::{AskLink, AskedLink, WhoLinks};

/// Opens a session for a user whom nobody has seen yet, unless somebody else has the
/// address. Both are looked at and done in one transaction: of two who come with one address
/// at one instant the second one finds the first.
#[derive(Clone, Debug)]
pub struct OpenFirst {
    /// Who logs in.
    pub who: WhoLinks,
    /// The session; its user is made with the id in it, if they were not made meanwhile.
    pub open: OpenSession,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum OpenedFirst {
    /// Nobody else has the address, or the name came to be known meanwhile.
    Opened(Opened),
    /// The account that has it is joined by a code: the request of it.
    LinkRequired(RecordId),
    /// The token opens no session any more.
    Refused(EndReason),
}

impl Command for OpenFirst {
    type Output = OpenedFirst;

    const NAME: &'static str = "session.open_first";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<OpenedFirst, StoreError> {
        // Before any user: see the order of locks.
        if sso::share(tx, self.open.app).await?.is_none() {
            return Ok(OpenedFirst::Opened(Opened::NotConfigured));
        }
        lock_address(tx, self.open.app, &self.open.email).await?;
        match AskLink(self.who.clone()).run(tx).await? {
            AskedLink::Free => {}
            AskedLink::Required(request) => return Ok(OpenedFirst::LinkRequired(request)),
            AskedLink::Refused(reason) => return Ok(OpenedFirst::Refused(reason)),
        }
        let upsert = UpsertUser {
            id: self.open.user,
            app: self.open.app,
            external_id: self.open.external_id.clone(),
        };
        let user = upsert.run(tx).await?;
        let open = OpenSession {
            user: user.id,
            external_id: user.external_id,
            ..self.open.clone()
        };
        Ok(OpenedFirst::Opened(open.run(tx).await?))
    }
}
