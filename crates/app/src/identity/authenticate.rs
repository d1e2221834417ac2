//! Checks who is calling, on either transport (contract: Identity).

use std::net::IpAddr;
use std::sync::Arc;

use mayday_core::identity::{AppId, Caller, Credential, ExternalUserId, Proof};
use mayday_core::ids::UserId;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::sessions::USED_EVERY;
use mayday_store::users::{self, SEEN_EVERY, TouchUser, UpsertUser, UserRow};

use super::directory::Proven;
use super::known::{Key, Known};
use crate::presence::CutReason;
use crate::{App, AppError};

/// How often at least within a session's idle time-out its connection is noted as a
/// use of it.
const NOTED_PER_IDLE: u32 = 16;

impl App {
    /// Checks a proof of identity and returns the caller, whose user is made
    /// at the first contact.
    ///
    /// The hash is checked before anything else; the limiter only turns a
    /// *failure* into [`AppError::RateLimited`], so that no flood of bad
    /// attempts keeps a genuine proof out. A proof that expired at most 30
    /// days ago gives a caller of [`mayday_core::identity::Standing::Stale`].
    pub async fn authenticate(&self, proof: Proof<'_>, peer: IpAddr) -> Result<Caller, AppError> {
        let now = self.clock.now();
        let directory = self.identity.directory.current();
        let Some(proven) = directory.prove(&proof, now) else {
            return Err(self.refused(&proof, peer, now));
        };
        if !proven.app.active {
            return Err(AppError::AppInactive);
        }
        let user = self.user_of(&proven, directory.version, now).await?;
        Ok(Caller {
            app: proven.app.id,
            app_id: proven.app.app_id.clone(),
            user,
            external_id: proven.external_id,
            credential: Credential::Secret(proven.genuine.secret),
            lapse: None,
            idle: None,
            expires_at: proven.genuine.expires_at,
            standing: proven.genuine.standing,
            peer,
        })
    }

    /// Checks whether a caller who was let in before still is: for a live
    /// connection, right after it was registered, so that a change between
    /// the check of its proof and its registration is not missed.
    pub async fn recheck(&self, caller: &Caller) -> Result<(), AppError> {
        let directory = self.identity.directory.current();
        match directory.objection(caller) {
            None => {}
            Some(CutReason::AppInactive) => return Err(AppError::AppInactive),
            Some(_) => return Err(AppError::Unauthorized),
        }
        if caller.at(self.clock.now()).is_none() {
            return Err(AppError::Unauthorized);
        }
        if let Credential::Session(session) = caller.credential {
            return self.recheck_session(caller, session).await;
        }
        let key = (caller.app, caller.external_id.clone());
        let known = self.identity.known.get(&key, directory.version);
        // The name may be a new user's by now: the old one was erased.
        if known.is_some_and(|known| known.user == caller.user) {
            return Ok(());
        }
        let mut tx = self.store.read_urgent().await?;
        match users::find(&mut tx, caller.app, &caller.external_id).await? {
            // One whose data is being erased has lost every name.
            Some(row) if row.id == caller.user => {
                self.remember(key, directory.version, &row).map(|_| ())
            }
            _ => Err(AppError::Unauthorized),
        }
    }

    /// Counts an attempt whose proof cannot even be read, for its address, and
    /// says what it is answered with.
    pub fn unreadable_proof(&self, peer: IpAddr) -> AppError {
        let now = self.clock.now();
        match self.identity.limiter.failed(peer, None, now) {
            Some(retry_after) => AppError::RateLimited { retry_after },
            None => AppError::Unauthorized,
        }
    }

    /// Notes that a caller is connected over MQTT, for the readiness of `/me`.
    /// `noted` is when this connection had it noted last: the cache of known
    /// users may have forgotten a live one, and each of its pings would be a
    /// write.
    pub fn mqtt_seen(&self, caller: &Caller, noted: &mut Option<Timestamp>) {
        let now = self.clock.now();
        // So often that a session whose phone is connected is never idle.
        let every = caller.idle.map_or(SEEN_EVERY, |idle| {
            (idle.limit / NOTED_PER_IDLE).clamp(USED_EVERY, SEEN_EVERY)
        });
        if noted.is_some_and(|at| now.since(at) < every) {
            return;
        }
        if let Credential::Session(session) = caller.credential {
            if self.touch(caller.user, true) {
                *noted = Some(now);
            }
            if caller.is_full() {
                self.touch_session(caller.user, session);
            }
            return;
        }
        let directory = self.identity.directory.current();
        let key = (caller.app, caller.external_id.clone());
        let known = self.identity.known.get(&key, directory.version);
        let before = known.and_then(|known| known.mqtt_seen_at);
        if before.is_some_and(|at| now.since(at) < SEEN_EVERY) {
            *noted = before;
            return;
        }
        if !self.touch(caller.user, true) {
            return;
        }
        *noted = Some(now);
        if let Some(known) = known {
            let seen = Known {
                last_seen_at: now,
                mqtt_seen_at: Some(now),
                ..known
            };
            self.identity.known.put(key, seen);
        }
    }

    fn refused(&self, proof: &Proof<'_>, peer: IpAddr, now: Timestamp) -> AppError {
        // Names that cannot exist count for the address alone: everybody who
        // leaves a header out would share one count otherwise.
        let named =
            AppId::parse(proof.app_id).is_ok() && ExternalUserId::parse(proof.external_id).is_ok();
        let user = named.then_some((proof.app_id, proof.external_id));
        match self.identity.limiter.failed(peer, user, now) {
            Some(retry_after) => AppError::RateLimited { retry_after },
            None => AppError::Unauthorized,
        }
    }

    async fn user_of(
        &self,
        proven: &Proven<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<UserId, AppError> {
        let key: Key = (proven.app.id, proven.external_id.clone());
        if let Some(known) = self.identity.known.get(&key, version) {
            if now.since(known.last_seen_at) >= SEEN_EVERY && self.touch(known.user, false) {
                let last_seen_at = now;
                let seen = Known {
                    last_seen_at,
                    ..known
                };
                self.identity.known.put(key, seen);
            }
            return Ok(known.user);
        }
        // Boxed, as each request's future holds the room for it, and few need it.
        let row = Box::pin(self.find_or_make(&key)).await?;
        let known = self.remember(key, version, &row)?;
        if now.since(known.last_seen_at) >= SEEN_EVERY {
            self.touch(known.user, false);
        }
        Ok(known.user)
    }

    /// The user who goes by the caller's name now, if the caller's own row is gone:
    /// the data was erased, and this node has not seen that yet.
    pub(crate) async fn successor(&self, caller: &Caller) -> Result<Option<UserId>, AppError> {
        let found = {
            let mut tx = self.store.read_urgent().await?;
            users::get(&mut tx, caller.user).await?
        };
        if found.is_some() {
            return Ok(None);
        }
        let key = (caller.app, caller.external_id.clone());
        let row = self.find_or_make(&key).await?;
        let version = self.identity.directory.current().version;
        Ok(Some(self.remember(key, version, &row)?.user))
    }

    pub(crate) async fn find_or_make(&self, key: &Key) -> Result<UserRow, AppError> {
        let (app, external_id) = key;
        let found = {
            let mut tx = self.store.read_urgent().await?;
            users::find(&mut tx, *app, external_id).await?
        };
        if let Some(row) = found {
            return Ok(row);
        }
        let upsert = UpsertUser {
            id: UserId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app: *app,
            external_id: external_id.clone(),
        };
        // The first contact may be a cry for help: it does not queue behind
        // ordinary writes.
        Ok(self.store.write(Lane::Sos, upsert).await?)
    }

    /// Remembers a user who is not blocked.
    fn remember(&self, key: Key, version: i64, row: &UserRow) -> Result<Known, AppError> {
        if row.blocked_at.is_some() {
            return Err(AppError::UserBlocked);
        }
        let known = Known {
            version,
            user: row.id,
            last_seen_at: row.last_seen_at,
            mqtt_seen_at: row.mqtt_seen_at,
        };
        self.identity.known.put(key, known);
        Ok(known)
    }

    /// Has it written that the user was seen, without waiting. Answers whether
    /// there was room; if not, the next contact does it.
    fn touch(&self, user: UserId, mqtt: bool) -> bool {
        let Ok(permit) = Arc::clone(&self.identity.touches).try_acquire_owned() else {
            return false;
        };
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.write(Lane::Rest, TouchUser { user, mqtt }).await {
                tracing::debug!(user.id = %user, %error, "could not note that a user was seen");
            }
            drop(permit);
        });
        true
    }
}
