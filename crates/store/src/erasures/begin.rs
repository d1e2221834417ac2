//! Begins an erasure.

use mayday_core::identity::{AppId, ExternalUserId};
use mayday_core::ids::{RecordId, UserId};

use super::{enqueue, get, revive, step};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::{apps, incidents, users};

static UNDER_WAY: Sql = Sql::new("SELECT id FROM erasures WHERE user_id = $1");
static INSERT: Sql = Sql::new(
    "INSERT INTO erasures (id, app_id, requested_by, requested_at, user_id, rows_removed)
     VALUES ($1, $2, $3, $4, $5, 0)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&UNDER_WAY, &INSERT];

/// Who asked for an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// The user, through the SDK.
    User,
    /// An administrator.
    Operator,
}

impl Requester {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
        }
    }

    /// Who a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Operator]
            .into_iter()
            .find(|who| who.as_str() == word)
    }
}

/// Whose data is to go.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The app's user of this external id.
    Named(ExternalUserId),
    /// The user who asks.
    User(UserId),
}

/// Begins to erase a user.
#[derive(Clone, Debug)]
pub struct BeginErasure {
    /// The id of the new erasure.
    pub id: RecordId,
    /// The app's public id.
    pub app_id: AppId,
    /// Whose data.
    pub subject: Subject,
    /// Who asks.
    pub requested_by: Requester,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is under way: by this request, or by an earlier one.
    Erasing(RecordId),
    /// An incident of the user is open: help may be on its way, and needs what
    /// is known about the person.
    OpenIncident,
    /// There is no such app.
    UnknownApp,
    /// The app has no such user.
    UnknownUser,
}

impl Command for BeginErasure {
    type Output = Begun;

    const NAME: &'static str = "user.erase.begin";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Begun, StoreError> {
        // Found before the lock: an earlier run of this command has detached the user.
        if get(tx, self.id).await?.is_some() {
            return Ok(Begun::Erasing(self.id));
        }
        let Some(app) = apps::find(tx, &self.app_id).await?.map(|row| row.id) else {
            return Ok(Begun::UnknownApp);
        };
        let found = match &self.subject {
            Subject::Named(external_id) => users::find(tx, app, external_id).await?,
            Subject::User(user) => users::get(tx, *user).await?,
        };
        let Some(row) = found.filter(|row| row.app == app) else {
            return Ok(Begun::UnknownUser);
        };
        let user = row.id;
        users::lock(tx, user).await?;
        if let Some(row) = tx.fetch_optional(&UNDER_WAY, args![user]).await? {
            let erasure = row.get(0)?;
            revive(tx, erasure).await?;
            return Ok(Begun::Erasing(erasure));
        }
        if incidents::open_of(tx, user).await?.is_some() {
            return Ok(Begun::OpenIncident);
        }
        let now = tx.now();
        let by = self.requested_by.as_str();
        tx.execute_one(&INSERT, args![self.id, app, by, now, user])
            .await?;
        // A hidden incident may be open. Nobody who holds the phone may learn so: what it
        // needs stays, and the phone meets a new user as after any erasure.
        step::detach(tx, self.id, app, user).await?;
        enqueue(tx, self.id, 0, now).await?;
        Ok(Begun::Erasing(self.id))
    }
}
