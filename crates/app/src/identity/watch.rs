//! Follows what changes who is let in, and cuts who no longer is.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mayday_core::ids::UserId;
use mayday_store::{Hint, SealError, StoreError, control, users};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

use super::directory::Snapshot;
use crate::App;
use crate::presence::CutReason;

/// How often the control version is compared: another process may write to
/// the same database. A cut must be over within a second.
const COMPARE_EVERY: Duration = Duration::from_millis(500);

/// How often connections are looked through for proofs that expired so long
/// ago that they allow nothing any more.
const EXPIRE_EVERY: Duration = Duration::from_mins(1);

/// Whether a hint says that somebody may have lost a right.
fn lets_go(hint: &Hint) -> bool {
    matches!(
        hint,
        Hint::ControlChanged | Hint::SessionEnded { .. } | Hint::IncidentEnded { .. }
    )
}

impl App {
    /// Keeps the directory as the store has it, until shutdown.
    pub(crate) async fn watch_control(self: Arc<Self>) {
        let mut commits = self.store.commits();
        let mut ticks = tokio::time::interval(COMPARE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut expiry = tokio::time::interval(EXPIRE_EVERY);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = ticks.tick() => {}
                _ = expiry.tick() => {
                    self.cut_expired();
                    continue;
                }
                hints = commits.recv() => match hints {
                    Ok(hints) if !hints.iter().any(lets_go) => continue,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    // The store is closed: nothing changes any more.
                    Err(RecvError::Closed) => return,
                },
            }
            let followed = match self.follow_control().await {
                Ok(()) => self.follow_sessions().await,
                failed => failed,
            };
            let keyless = matches!(followed, Err(StoreError::Seal(SealError::OtherKey)));
            self.identity.keyless.store(keyless, Ordering::Relaxed);
            match followed {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "cannot see whether apps, secrets or blocks changed; going on with what is known");
                }
                Err(_) => {}
            }
        }
    }

    /// Follows both, for whoever has just changed something.
    pub(crate) async fn follow(&self) -> Result<(), StoreError> {
        self.follow_control().await?;
        self.follow_sessions().await
    }

    /// Reloads the directory if the control version moved, and cuts the
    /// connections that lost their right. When it returns, the change is in
    /// force on this node.
    pub(crate) async fn follow_control(&self) -> Result<(), StoreError> {
        let directory = &self.identity.directory;
        let mut reload = directory.reloading.lock().await;
        let version = {
            let mut tx = self.store.read().await?;
            control::version(&mut tx).await?
        };
        if version != directory.current().version {
            match Snapshot::load(&self.store).await {
                Ok(snapshot) => directory.replace(snapshot),
                Err(error) => {
                    // Such as with a master key that is not here. Who was blocked or
                    // erased can be told without.
                    if reload.unreadable != Some(version) {
                        self.identity.known.forget_all();
                        self.cut_refused().await?;
                        reload.unreadable = Some(version);
                    }
                    return Err(error);
                }
            }
            reload.cut_pending = true;
        }
        // Only after the new directory is in place: who connects from here on
        // is checked against it.
        if reload.cut_pending {
            self.cut_refused().await?;
            reload.cut_pending = false;
        }
        Ok(())
    }

    /// Cuts connections whose proof is past even the grace of the stale.
    pub(super) fn cut_expired(&self) {
        let now = self.clock.now();
        let cut = self
            .presence
            .cut_where(|caller| caller.at(now).is_none().then_some(CutReason::ProofExpired));
        if cut > 0 {
            tracing::info!(connections = cut, "cut connections whose proofs expired");
        }
    }

    async fn cut_refused(&self) -> Result<(), StoreError> {
        let directory = self.identity.directory.current();
        let mut cut = self
            .presence
            .cut_where(|caller| directory.objection(caller));
        let connected = self.presence.connected_users();
        if !connected.is_empty() {
            let (blocked, erased): (HashSet<UserId>, HashSet<UserId>) = {
                let mut tx = self.store.read().await?;
                let blocked = users::blocked_among(&mut tx, &connected).await?;
                let erased = users::erased_among(&mut tx, &connected).await?;
                (blocked.into_iter().collect(), erased.into_iter().collect())
            };
            cut += self.presence.cut_where(|caller| {
                if blocked.contains(&caller.user) {
                    return Some(CutReason::UserBlocked);
                }
                erased
                    .contains(&caller.user)
                    .then_some(CutReason::UserErased)
            });
        }
        if cut > 0 {
            tracing::info!(
                connections = cut,
                "cut connections that are no longer let in"
            );
        }
        Ok(())
    }
}
