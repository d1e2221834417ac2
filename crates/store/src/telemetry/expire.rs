//! Lets go of the samples of apps that keep them for less time than the server.
//!
//! The server's own limit costs next to nothing: whole days go
//! ([`Telemetry::prune`]). A shorter one of an app means rows, so it is done in
//! steps, which a worker takes a few at a time. A sample goes when it was measured
//! and received before the app's first day, so that what a phone sends late is
//! there for as long as anything else. Nobody loses what belongs to the trail
//! of an incident before it was copied.

use std::collections::HashMap;
use std::time::Duration;

use mayday_core::ids::{AppUuid, UserId};
use mayday_core::time::Timestamp;

use super::{Engine, Telemetry, TelemetryError};
use crate::Store;
use crate::apps::retention::{self, Limits, Term};

/// After one walk over everything the next one waits for so long.
pub(super) const WALK_EVERY: Duration = Duration::from_hours(1);

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Rows that went.
    pub rows: u64,
    /// There is more to look at now.
    pub more: bool,
}

impl Expired {
    /// There is nothing to do now.
    pub(super) const NOTHING: Self = Self {
        rows: 0,
        more: false,
    };
}

/// The apps that keep telemetry for less time than the server, and what is asked of
/// the state store about their users.
pub(super) struct Rules<'s> {
    store: &'s Store,
    pub(super) now: Timestamp,
    server_days: u32,
    /// By id, with the days.
    pub(super) apps: Vec<(AppUuid, u32)>,
}

impl Telemetry {
    /// One step; bounded, so that neither the writer nor a shutdown waits for long.
    pub async fn expire(&self) -> Result<Expired, TelemetryError> {
        let inner = &self.0;
        let (server_days, now) = (inner.retention_days, inner.clock.now());
        let mut tx = inner
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let apps = retention::shorter_than(&mut tx, server_days).await;
        drop(tx);
        let rules = Rules {
            store: &inner.store,
            now,
            server_days,
            apps: apps.map_err(|e| TelemetryError::read(&e))?,
        };
        if rules.apps.is_empty() {
            return Ok(Expired::NOTHING);
        }
        match &inner.engine {
            Engine::Sqlite(files) => files.expire(&rules).await,
            Engine::Postgres(tables) => tables.expire(&rules).await,
        }
    }
}

impl Rules<'_> {
    /// What holds for those of these users whose app is one of the rules'.
    pub(super) async fn terms_of(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Term>, TelemetryError> {
        let limits = Limits {
            server_days: self.server_days,
            since: self.first_moment(self.server_days),
        };
        let mut tx = self
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let terms = retention::terms_of(&mut tx, users, limits).await;
        drop(tx);
        let terms = terms.map_err(|e| TelemetryError::read(&e))?;
        Ok(terms.into_iter().map(|term| (term.user, term)).collect())
    }

    /// The next users whose app is one of the rules'.
    pub(super) async fn users_after(
        &self,
        after: UserId,
        limit: u32,
    ) -> Result<Vec<UserId>, TelemetryError> {
        let mut tx = self
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let users = retention::users_after(&mut tx, after, self.server_days, limit).await;
        drop(tx);
        users.map_err(|e| TelemetryError::read(&e))
    }

    /// The first moment of which samples are kept for so many days: a midnight, UTC,
    /// so that a day goes as a whole.
    pub(super) fn first_moment(&self, days: u32) -> Timestamp {
        const DAY_SECS: i64 = 86_400;
        let today = self.now.as_secs().div_euclid(DAY_SECS);
        Timestamp::from_secs((today - i64::from(days)) * DAY_SECS)
    }
}
