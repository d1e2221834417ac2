//! Guessing at log-ins and codes: who fails again and again is refused for a while.
//!
//! The limiter tells an address to wait a minute; one that goes on and on is refused at
//! this app for an hour, before the app's server is asked, on every node. Operators are
//! told. Only log-ins, and requests for the codes that join them with an account, ask
//! here: a valid session or hash never does, and an SOS neither.

use std::net::IpAddr;
use std::time::Duration;

use mayday_core::ids::AppUuid;
use mayday_core::limiter::network;
use mayday_core::sso::introspection::Unavailable;
use mayday_store::Lane;
use mayday_store::bans::{self, AddBan, NoteFailing, PruneBans};

use crate::{App, AppError};

/// How long a ban lasts.
const LASTS: Duration = Duration::from_hours(1);

/// Failed log-ins of one address at one app, within [`WINDOW`], that are still no reason.
pub(crate) const FAILURES: u32 = 100;

/// Failed log-ins of an app within [`WINDOW`], from anywhere, that operators are told of.
/// Nobody is refused for it: that would shut out the honest as well.
const FAILURES_OF_APP: u32 = 1_000;

/// How long failures are remembered for a ban.
pub(crate) const WINDOW: Duration = Duration::from_mins(15);

impl App {
    /// Refuses an address that is banned at an app, before anything is asked.
    pub(super) async fn refuse_banned(&self, app: AppUuid, peer: IpAddr) -> Result<(), AppError> {
        let network = network(peer).to_string();
        let standing = {
            let mut tx = self.store.read().await?;
            bans::standing(&mut tx, app, &network).await?
        };
        let Some(until) = standing else {
            return Ok(());
        };
        let retry_after = until.since(self.clock.now());
        Err(AppError::RateLimited { retry_after })
    }

    /// Counts a log-in that failed, or a request for a code that came to nothing, and bans who had too many. What was counted is the
    /// caller's to answer; a ban that cannot be written is tried again at the next.
    pub(crate) async fn suspect(&self, app: AppUuid, app_id: &str, peer: IpAddr) {
        let now = self.clock.now();
        let suspects = &self.identity.suspects;
        if suspects.crosses(app_id, FAILURES_OF_APP, now) {
            self.note_failing(app, app_id).await;
        }
        if !suspects.suspect(app_id, peer, now) {
            return;
        }
        let network = network(peer).to_string();
        let add = AddBan {
            app,
            network: network.clone(),
            reason: format!(
                "more than {FAILURES} failed log-ins and requests for codes in {} minutes",
                WINDOW.as_secs() / 60
            ),
            lasts: LASTS,
        };
        match self.store.write(Lane::Rest, add).await {
            Ok(Some(until)) => {
                self.metrics.login_banned();
                tracing::warn!(app.id = app_id, ban.network = network, ban.until = %until, "log-ins of an address are refused after too many that failed");
            }
            Ok(None) => tracing::warn!(app.id = app_id, "no more addresses can be banned"),
            Err(error) => tracing::warn!(%error, "a ban could not be written"),
        }
    }

    /// Counts a log-in that was answered with nothing that means anything, for the alert
    /// alone: in an outage everybody's is, and nobody is refused for that.
    pub(super) async fn note_unanswered(&self, app: AppUuid, app_id: &str, why: Unavailable) {
        let now = self.clock.now();
        let suspects = &self.identity.suspects;
        if why.outage().is_some() && suspects.crosses(app_id, FAILURES_OF_APP, now) {
            self.note_failing(app, app_id).await;
        }
    }

    async fn note_failing(&self, app: AppUuid, app_id: &str) {
        tracing::warn!(app.id = app_id, "many log-ins of an app fail");
        let note = NoteFailing {
            app,
            failures: FAILURES_OF_APP,
            minutes: WINDOW.as_secs() / 60,
        };
        if let Err(error) = self.store.write(Lane::Rest, note).await {
            tracing::warn!(%error, "operators could not be told of failing log-ins");
        }
    }

    /// Lets go of bans that ended long ago. Answers how many went.
    pub async fn prune_bans(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let mut gone = 0;
        loop {
            let step = self.store.write(Lane::Rest, PruneBans).await?;
            if step == 0 {
                return Ok(gone);
            }
            gone += step;
        }
    }
}
