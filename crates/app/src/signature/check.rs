//! Judges a PIN that somebody shows.

use mayday_core::ids::UserId;
use mayday_core::sso::pin::{Pin, PinHashes, PinMatch};
use mayday_store::Lane;
use mayday_store::signatures::{self, CountPin, PinVerdict, SignatureRow};

use crate::{App, AppError, Urgency};

/// How often a PIN is judged anew because it was changed meanwhile.
const ATTEMPTS: usize = 3;

/// A PIN that was taken.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The hashes that it was judged by.
    pub(crate) hashes: PinHashes,
    /// Their version.
    pub(crate) version: i64,
    /// The user gave the PIN for duress. Nothing that anybody is shown may tell.
    pub(crate) duress: bool,
    /// Which of the user's PINs it is.
    pub(crate) judged: PinMatch,
}

impl App {
    /// The user's PINs; `None` while none was set.
    pub(crate) async fn signature_of(
        &self,
        user: UserId,
    ) -> Result<Option<SignatureRow>, AppError> {
        let mut tx = self.store.read_urgent().await?;
        Ok(signatures::get(&mut tx, user).await?)
    }

    /// Judges a PIN by all of the user's, and counts it. `None`: the user has none.
    /// [`AppError::WrongSignature`] when it is none; [`AppError::RateLimited`]
    /// while none is taken, right or wrong, or while too many of the user's are judged.
    /// In [`Lane::Sos`] it waits for nothing that is not urgent.
    pub(crate) async fn check_pin(
        &self,
        user: UserId,
        shown: &Pin,
        lane: Lane,
    ) -> Result<Option<Checked>, AppError> {
        let urgency = match lane {
            Lane::Sos => Urgency::Distress,
            _ => Urgency::Ordinary,
        };
        for _ in 0..ATTEMPTS {
            let Some(row) = self.signature_of(user).await? else {
                return Ok(None);
            };
            if let Some(retry_after) = row.count.locked(self.clock.now()) {
                return Err(AppError::RateLimited { retry_after });
            }
            let (hashes, shown) = (row.hashes.clone(), shown.clone());
            let judged = self
                .hashing
                .run((user, urgency), move |_, _| hashes.judge(&shown))
                .await?;
            let count = CountPin {
                user,
                version: row.version,
                judged,
            };
            let duress = match self.store.write(lane, count).await? {
                PinVerdict::Right => false,
                PinVerdict::Duress => true,
                PinVerdict::Wrong => return Err(AppError::WrongSignature),
                PinVerdict::Locked(retry_after) => {
                    return Err(AppError::RateLimited { retry_after });
                }
                PinVerdict::Changed => continue,
            };
            return Ok(Some(Checked {
                hashes: row.hashes,
                version: row.version,
                duress,
                judged,
            }));
        }
        Err(super::changed())
    }

    /// Judges the PIN that a change asks for, if the user has one.
    /// [`AppError::CurrentRequired`] when it is not there.
    pub(super) async fn check_current(
        &self,
        user: UserId,
        current: Option<&str>,
    ) -> Result<Option<Checked>, AppError> {
        if self.signature_of(user).await?.is_none() {
            return Ok(None);
        }
        let current = current.ok_or(AppError::CurrentRequired)?;
        let current = super::read_pin("/current", current)?;
        self.check_pin(user, &current, Lane::Session).await
    }
}
