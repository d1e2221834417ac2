//! Cancels an incident as a false alarm (contract: SOS, Cancel).
//!
//! Without a device it is the caller's own. With one it is that of the device's
//! owner: the owner may cancel it, and so may the gateway that relayed it, as long
//! as nobody else has spoken in it; anybody else only leaves a mark that operators
//! see.

use mayday_core::ids::{AppUuid, UserId};
use mayday_core::sos::{CancelRequest, End, Flag, Incident};
use serde_json::json;

use super::devices::involves;
use super::{RESOLVE_ATTEMPTS, duress, end::end, gateways, latest_of, open_of, row};
use crate::alerts::{self, AlertKind, NewAlert};
use crate::command::Command;
use crate::devices::{self, Claim};
use crate::error::StoreError;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::Doer;

/// A request to cancel.
#[derive(Clone, Debug)]
pub struct CancelSos {
    /// The caller's app.
    pub app: AppUuid,
    /// Who asks.
    pub caller: UserId,
    /// What was said; any PIN is gone from it.
    pub request: CancelRequest,
    /// The app's policy lets any user cancel any incident (the vendor's rule).
    pub any_user: bool,
    /// The caller is forced to: what is cancelled goes on, hidden.
    pub duress: bool,
}

/// What became of a request to cancel.
#[derive(Clone, Debug, PartialEq)]
pub enum CancelOutcome {
    /// Nothing was open.
    Nothing,
    /// The caller's own incident, cancelled.
    Own(Box<Incident>),
    /// Somebody else's incident: cancelled, or open and flagged
    /// `cancel_requested`.
    Foreign(Box<Incident>),
    /// The open incident of the device's owner does not involve the device.
    NotInvolved,
    /// The app does not know the device.
    UnknownDevice,
}

impl Command for CancelSos {
    type Output = CancelOutcome;
    const NAME: &'static str = "sos.cancel";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CancelOutcome, StoreError> {
        let Some(device) = &self.request.device_id else {
            users::lock(tx, self.caller).await?;
            return match open_of(tx, self.caller).await? {
                Some(incident) => self.cancel_own(tx, incident).await,
                None => Ok(CancelOutcome::Nothing),
            };
        };
        if let Some(outcome) = self.recorded_by_own(tx, device).await? {
            return Ok(outcome);
        }
        match self.resolve_and_lock(tx, device).await? {
            None => Ok(CancelOutcome::UnknownDevice),
            Some(claim) => self.of_owner(tx, device, &claim).await,
        }
    }
}

impl CancelSos {
    /// The caller's own newest incident, if it recorded the device: then it does
    /// not matter whether the app knows the device, or who owns it.
    async fn recorded_by_own(
        &self,
        tx: &mut Tx<'_>,
        device: &str,
    ) -> Result<Option<CancelOutcome>, StoreError> {
        let Some(newest) = latest_of(tx, self.caller).await? else {
            return Ok(None);
        };
        let listed = devices::listed_by(tx, self.caller, device).await?;
        if !involves(tx, &newest, device, listed.as_ref()).await? {
            return Ok(None);
        }
        users::lock(tx, self.caller).await?;
        if let Some(open) = open_of(tx, self.caller).await?
            && involves(tx, &open, device, listed.as_ref()).await?
        {
            return self.cancel_own(tx, open).await.map(Some);
        }
        // Cancelled before: saying it again changes nothing.
        let said_again = !newest.state.is_open() && self.unknown(tx, device).await?;
        Ok(said_again.then_some(CancelOutcome::Nothing))
    }

    /// Resolves the device's owner, locks the owner's row and checks again: the
    /// registry may have changed in between, and nobody's SOS ends for a device
    /// that was somebody else's a moment ago.
    async fn resolve_and_lock(
        &self,
        tx: &mut Tx<'_>,
        device: &str,
    ) -> Result<Option<Claim>, StoreError> {
        let mut found = devices::owner_of(tx, self.app, device).await?;
        for _ in 0..RESOLVE_ATTEMPTS {
            let Some(claim) = found else { return Ok(None) };
            users::lock(tx, claim.user).await?;
            let again = devices::owner_of(tx, self.app, device).await?;
            if again.as_ref().is_some_and(|again| again.user == claim.user) {
                return Ok(again);
            }
            found = again;
        }
        // A device that changes hands faster than it can be read is nobody's.
        Ok(None)
    }

    async fn unknown(&self, tx: &mut Tx<'_>, device: &str) -> Result<bool, StoreError> {
        Ok(devices::owner_of(tx, self.app, device).await?.is_none())
    }

    async fn of_owner(
        &self,
        tx: &mut Tx<'_>,
        device: &str,
        claim: &Claim,
    ) -> Result<CancelOutcome, StoreError> {
        let Some(incident) = open_of(tx, claim.user).await? else {
            return Ok(CancelOutcome::Nothing);
        };
        if !involves(tx, &incident, device, Some(claim)).await? {
            return Ok(CancelOutcome::NotInvolved);
        }
        if claim.user == self.caller {
            return self.cancel_own(tx, incident).await;
        }
        self.cancel_foreign(tx, incident).await
    }

    async fn cancel_own(
        &self,
        tx: &mut Tx<'_>,
        mut incident: Incident,
    ) -> Result<CancelOutcome, StoreError> {
        self.end(tx, &mut incident).await?;
        Ok(CancelOutcome::Own(Box::new(incident)))
    }

    async fn cancel_foreign(
        &self,
        tx: &mut Tx<'_>,
        mut incident: Incident,
    ) -> Result<CancelOutcome, StoreError> {
        if self.any_user || gateways::alone_relayed(tx, &incident, self.caller).await? {
            self.end(tx, &mut incident).await?;
        } else {
            self.leave_mark(tx, &mut incident).await?;
        }
        Ok(CancelOutcome::Foreign(Box::new(incident)))
    }

    async fn end(&self, tx: &mut Tx<'_>, incident: &mut Incident) -> Result<(), StoreError> {
        let before = incident.clone();
        let by = Doer::user(self.caller, incident.user);
        end(tx, incident, End::Cancelled, by).await?;
        let said = &self.request.recorded;
        gateways::note_cancel(tx, incident.id, self.caller, true, said).await?;
        if self.duress {
            duress::go_on(tx, before).await?;
        }
        Ok(())
    }

    /// Nobody silences another's SOS by guessing a node id.
    async fn leave_mark(&self, tx: &mut Tx<'_>, incident: &mut Incident) -> Result<(), StoreError> {
        if !incident.flags.contains(Flag::CancelRequested) {
            incident.flags.insert(Flag::CancelRequested);
            row::update(tx, incident, incident.snapshot_version).await?;
        }
        let said = &self.request.recorded;
        gateways::note_cancel(tx, incident.id, self.caller, false, said).await?;
        let alert = NewAlert {
            app: self.app,
            kind: AlertKind::CancelRequested,
            key: &format!("{}:{}", incident.id, self.caller),
            user: Some(incident.user),
            incident: Some(incident.id),
            detail: json!({"requested_by_user_id": self.caller}),
        };
        alerts::raise(tx, alert).await
    }
}
