//! Sets and changes the PIN and the one for duress.

use std::fmt;

use mayday_core::clock::Entropy;
use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::sso::pin::{HashCost, Pin, PinHashes, PinMatch, SecretHash};
use mayday_store::Lane;
use mayday_store::signatures::{SetSignature, SignatureSet};
use zeroize::Zeroizing;

use super::{Checked, changed, read_pin, session_of};
use crate::identity::require_full;
use crate::{App, AppError, Urgency};

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

/// What a change asks for, hashed: as often whichever PIN it is asked with, so that it
/// takes the same time.
struct Made {
    /// The new PIN; `None`: it stays.
    pin: Option<SecretHash>,
    /// The new PIN for duress, or nothing in its place; `None`: it stays.
    duress: Option<SecretHash>,
    /// What is pretended from now on; `None`: what was before.
    pretended: Option<SecretHash>,
}

impl Made {
    /// Hashes what is asked for, and beside a PIN for duress `beside`, or nothing.
    fn of(
        (pin, duress): (Option<&Pin>, &Duress),
        beside: Option<&Pin>,
        (cost, entropy): (HashCost, &dyn Entropy),
    ) -> Self {
        let hash = |pin: Option<&Pin>| match pin {
            Some(pin) => pin.hash(cost, entropy),
            None => SecretHash::of_nothing(cost, entropy),
        };
        let (duress, pretended) = match duress {
            Duress::Keep => (None, None),
            Duress::Remove => (Some(hash(None)), Some(hash(beside))),
            Duress::Set(duress) => (Some(hash(Some(duress))), Some(hash(beside))),
        };
        Self {
            pin: pin.map(|pin| hash(Some(pin))),
            duress,
            pretended,
        }
    }

    /// The user's own change. Whatever was pretended before ends with a PIN for duress of
    /// theirs.
    fn truly(self, kept: PinHashes) -> PinHashes {
        PinHashes {
            pin: self.pin.unwrap_or(kept.pin),
            duress: self.duress.unwrap_or(kept.duress),
            pretended: self.pretended.or(kept.pretended),
        }
    }

    /// What whoever forces the user asks for, done to the PINs that they were told.
    fn forced(self, kept: PinHashes, shown: PinMatch) -> PinHashes {
        let Self {
            pin,
            duress,
            pretended,
        } = self;
        // The PIN that was shown is one no longer, by all that shows.
        let renewed = |is_shown: bool| pin.clone().filter(|_| is_shown);
        let set = duress.filter(|_| shown.duress);
        let third = set.or_else(|| renewed(shown.pretended)).or(pretended);
        PinHashes {
            pin: renewed(shown.right).unwrap_or(kept.pin),
            duress: renewed(shown.duress).unwrap_or(kept.duress),
            pretended: third.or(kept.pretended),
        }
    }
}

impl App {
    /// Sets the PIN, or changes what is given of it.
    ///
    /// Whoever gives the PIN for duress as the current one has *that* replaced: the
    /// user is forced to tell a PIN, and the one that is told must stay the one for
    /// duress. A PIN for duress that they set is kept beside it, and is another one for
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
        apart(pin.as_ref(), current, &duress)?;
        let checked = self.check_current(caller.user, current).await?;
        let before = checked.as_ref().map(|checked| checked.version);
        let hashes = match checked {
            None => self.first(caller.user, (pin, duress)).await?,
            Some(checked) => {
                let asked = (pin, duress, current);
                self.replace(caller.user, checked, asked).await?
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

    async fn first(
        &self,
        user: UserId,
        (pin, duress): (Option<Pin>, Duress),
    ) -> Result<PinHashes, AppError> {
        let Some(pin) = pin else {
            return Err(AppError::field("/signature", "signature is required"));
        };
        let duress = match duress {
            Duress::Set(duress) => Some(duress),
            Duress::Keep | Duress::Remove => None,
        };
        self.hashing
            .run((user, Urgency::Ordinary), move |cost, entropy| PinHashes {
                pin: pin.hash(cost, entropy.as_ref()),
                duress: match duress {
                    Some(duress) => duress.hash(cost, entropy.as_ref()),
                    None => SecretHash::of_nothing(cost, entropy.as_ref()),
                },
                pretended: Some(SecretHash::of_nothing(cost, entropy.as_ref())),
            })
            .await
    }

    /// Nothing is refused because of the PIN for duress that is there: that would tell of
    /// it. Where both are the same in the end, it is the one for duress.
    async fn replace(
        &self,
        user: UserId,
        checked: Checked,
        (pin, duress, current): (Option<Pin>, Duress, Option<&str>),
    ) -> Result<PinHashes, AppError> {
        let shown = current.and_then(Pin::read).filter(|_| checked.duress);
        self.hashing
            .run((user, Urgency::Ordinary), move |cost, entropy| {
                let asked = (pin.as_ref(), &duress);
                let made = Made::of(asked, shown.as_ref(), (cost, entropy.as_ref()));
                if checked.duress {
                    made.forced(checked.hashes, checked.judged)
                } else {
                    made.truly(checked.hashes)
                }
            })
            .await
    }
}

/// Whether a request names two PINs that differ. It is judged by what was sent alone, and
/// before any PIN is: what the user has must not show.
fn apart(pin: Option<&Pin>, current: Option<&str>, duress: &Duress) -> Result<(), AppError> {
    let Duress::Set(duress) = duress else {
        return Ok(());
    };
    let current = current.and_then(Pin::read);
    let in_force = pin.or(current.as_ref());
    if in_force.is_some_and(|pin| pin.same_as(duress)) {
        return Err(AppError::field(
            "/duress",
            "duress must differ from the signature",
        ));
    }
    Ok(())
}
