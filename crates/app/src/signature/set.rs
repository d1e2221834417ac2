//! Sets and changes the PIN and the one for duress.

use std::fmt;

use mayday_core::identity::Caller;
use mayday_core::sso::pin::{Pin, PinHashes, SecretHash};
use mayday_store::Lane;
use mayday_store::signatures::{SetSignature, SignatureSet};
use zeroize::Zeroizing;

use super::{Checked, changed, read_pin, session_of};
use crate::identity::require_full;
use crate::{App, AppError};

/// A change as asked for.
#[derive(Clone, Default)]
pub struct SignatureChange {
    /// The new PIN; required while the user has none.
    pub signature: Option<Zeroizing<String>>,
    /// The PIN as it is; required when the user has one.
    pub current: Option<Zeroizing<String>>,
    /// The PIN for duress; an empty text removes it.
    pub duress: Option<Zeroizing<String>>,
}

impl fmt::Debug for SignatureChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureChange").finish_non_exhaustive()
    }
}

/// What becomes of the PIN for duress.
#[derive(Clone)]
enum Duress {
    Keep,
    Remove,
    Set(Pin),
}

impl App {
    /// Sets the PIN, or changes what is given of it.
    ///
    /// Whoever gives the PIN for duress as the current one has *that* replaced: the
    /// user is forced to tell a PIN, and the one that is told must stay the one for
    /// duress.
    pub async fn set_signature(
        &self,
        caller: &Caller,
        change: SignatureChange,
    ) -> Result<(), AppError> {
        require_full(caller)?;
        let session = session_of(caller)?;
        let pin = change
            .signature
            .as_ref()
            .map(|typed| read_pin("/signature", typed))
            .transpose()?;
        let duress = match change.duress.as_ref().map(|typed| typed.as_str()) {
            None => Duress::Keep,
            Some("") => Duress::Remove,
            Some(typed) => Duress::Set(read_pin("/duress", typed)?),
        };
        let current = change.current.as_ref().map(|typed| typed.as_str());
        let checked = self.check_current(caller.user, current).await?;
        let before = checked.as_ref().map(|checked| checked.version);
        let hashes = match checked {
            None => self.first(pin, duress).await?,
            Some(checked) if checked.duress => self.replace_duress(checked, pin).await?,
            Some(checked) => {
                let typed = current.unwrap_or_default();
                self.replace(checked, read_pin("/current", typed)?, pin, duress)
                    .await?
            }
        };
        let set = SetSignature {
            app: caller.app,
            user: caller.user,
            session,
            before,
            hashes,
        };
        match self.store.write(Lane::Session, set).await? {
            SignatureSet::Set => Ok(()),
            SignatureSet::Changed => Err(changed()),
        }
    }

    async fn first(&self, pin: Option<Pin>, duress: Duress) -> Result<PinHashes, AppError> {
        let Some(pin) = pin else {
            return Err(AppError::field("/signature", "signature is required"));
        };
        let duress = match duress {
            Duress::Set(duress) => Some(duress),
            Duress::Keep | Duress::Remove => None,
        };
        if duress.as_ref().is_some_and(|duress| duress.same_as(&pin)) {
            return Err(same());
        }
        self.hashing
            .run(move |cost, entropy| PinHashes {
                pin: pin.hash(cost, entropy.as_ref()),
                duress: match duress {
                    Some(duress) => duress.hash(cost, entropy.as_ref()),
                    None => SecretHash::of_nothing(cost, entropy.as_ref()),
                },
            })
            .await
    }

    async fn replace(
        &self,
        checked: Checked,
        current: Pin,
        pin: Option<Pin>,
        duress: Duress,
    ) -> Result<PinHashes, AppError> {
        let in_force = pin.clone().unwrap_or(current);
        if let Duress::Set(duress) = &duress
            && duress.same_as(&in_force)
        {
            return Err(same());
        }
        let made = self.hashing.run(move |cost, entropy| {
            let clash = matches!(duress, Duress::Keep) && checked.hashes.duress.is_pin(&in_force);
            if clash {
                return None;
            }
            Some(PinHashes {
                pin: pin.map_or(checked.hashes.pin, |pin| pin.hash(cost, entropy.as_ref())),
                duress: match duress {
                    Duress::Keep => checked.hashes.duress,
                    Duress::Remove => SecretHash::of_nothing(cost, entropy.as_ref()),
                    Duress::Set(duress) => duress.hash(cost, entropy.as_ref()),
                },
            })
        });
        made.await?.ok_or_else(same)
    }

    /// What whoever forces the user asks for, done to the PIN for duress.
    async fn replace_duress(
        &self,
        checked: Checked,
        pin: Option<Pin>,
    ) -> Result<PinHashes, AppError> {
        self.hashing
            .run(move |cost, entropy| PinHashes {
                duress: pin.map_or(checked.hashes.duress, |pin| {
                    pin.hash(cost, entropy.as_ref())
                }),
                pin: checked.hashes.pin,
            })
            .await
    }
}

fn same() -> AppError {
    AppError::field("/duress", "duress must differ from the signature")
}
