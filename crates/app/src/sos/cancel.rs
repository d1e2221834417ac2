//! Cancels an incident as a false alarm (contract: SOS, Cancel).

use mayday_core::identity::{Caller, CancelPolicy};
use mayday_core::sos::{CancelRequest, Incident};
use mayday_core::sso::pin::Pin;
use mayday_store::Lane;
use mayday_store::incidents::{CancelOutcome, CancelSos};
use zeroize::Zeroizing;

use crate::identity::require_full;

use crate::{App, AppError};

/// What became of a cancel request.
#[derive(Clone, Debug)]
pub enum CancelReceipt {
    /// Nothing was open: `{"incident": null}`.
    Nothing,
    /// The caller's own incident, cancelled: shown whole.
    Own(Box<Incident>),
    /// Somebody else's incident: `id`, `state`, `status` and `flags` alone.
    /// Cancelled if the caller alone relayed it (or the app's policy lets any user);
    /// otherwise still open, flagged `cancel_requested`, and operators are told.
    Foreign(Box<Incident>),
}

impl App {
    /// Cancels the caller's open incident, or that of a device's owner. 400 for
    /// a body that is no JSON object; 409 when the owner's open incident does
    /// not involve the device; 422 when the app does not know it.
    ///
    /// Where the app asks for it, or where one is given, the PIN of a user who has
    /// one is judged first: [`AppError::SignatureRequired`],
    /// [`AppError::WrongSignature`]. Under duress all of it looks the same, and the
    /// cry goes on where the phone does not see it.
    pub async fn cancel_sos(
        &self,
        caller: &Caller,
        body: &[u8],
    ) -> Result<CancelReceipt, AppError> {
        require_full(caller)?;
        let mut request =
            CancelRequest::parse(body).map_err(|fault| AppError::fields(vec![fault]))?;
        let duress = self.check_cancel(caller, request.pin.take()).await?;
        let command = CancelSos {
            app: caller.app,
            caller: caller.user,
            request,
            any_user: self.policy(caller.app).cancel == CancelPolicy::AnyUser,
            duress,
        };
        Ok(match self.store.write(Lane::Sos, command).await? {
            CancelOutcome::Nothing => CancelReceipt::Nothing,
            CancelOutcome::Own(incident) => {
                self.metrics.sos_ended("cancelled");
                CancelReceipt::Own(self.with_newest_position(incident).await)
            }
            CancelOutcome::Foreign(incident) => {
                if !incident.state.is_open() {
                    self.metrics.sos_ended("cancelled");
                }
                CancelReceipt::Foreign(incident)
            }
            CancelOutcome::NotInvolved => {
                return Err(AppError::Conflict {
                    message: "the open incident does not involve this deviceId: cancel it without \
                              deviceId, or with the deviceId that it shows"
                        .to_owned(),
                });
            }
            CancelOutcome::UnknownDevice => return Err(AppError::unknown_device()),
        })
    }

    /// Judges the PIN of a cancel; whether it is the one for duress. Whoever has no
    /// PIN cannot be asked for it: they may always take their own cry back.
    async fn check_cancel(
        &self,
        caller: &Caller,
        typed: Option<Zeroizing<String>>,
    ) -> Result<bool, AppError> {
        let asked = self.policy(caller.app).cancel_signature;
        if !asked && typed.is_none() {
            return Ok(false);
        }
        if self.signature_of(caller.user).await?.is_none() {
            return Ok(false);
        }
        let typed = typed.ok_or(AppError::SignatureRequired)?;
        // What is no PIN at all is wrong, and not worth an attempt.
        let pin = Pin::read(&typed).ok_or(AppError::WrongSignature)?;
        let checked = self.check_pin(caller.user, &pin, Lane::Sos).await?;
        Ok(checked.is_some_and(|checked| checked.duress))
    }
}
