//! Whose a body is, as the registry is now (the rule: [`mayday_core::relay`]).

use mayday_core::ids::{AppUuid, UserId};
use mayday_core::relay::{Among, Naming, Unfound};

use super::{Claim, listed_by, owner_of};
use crate::error::StoreError;
use crate::tx::Tx;

/// Whose a body is.
#[derive(Clone, Debug, PartialEq)]
pub enum Whose {
    /// The sender's own; with the registration of the device, if it is of one
    /// that is registered.
    Own(Option<Claim>),
    /// The owner's of a device that the sender relays for.
    Relayed(Claim),
    /// A relay of a device that the app does not know.
    Nobody,
}

impl Whose {
    /// Whose it is; `None`: nobody's.
    pub fn owner(&self, sender: UserId) -> Option<UserId> {
        match self {
            Self::Relayed(claim) => Some(claim.user),
            Self::Own(_) => Some(sender),
            Self::Nobody => None,
        }
    }
}

/// Finds out whose a body is.
pub async fn whose(
    tx: &mut Tx<'_>,
    app: AppUuid,
    sender: UserId,
    naming: &Naming<'_>,
) -> Result<Whose, StoreError> {
    for look in naming.look_ups() {
        let found = match look.among {
            Among::Sender => listed_by(tx, sender, &look.text).await?,
            Among::App => owner_of(tx, app, &look.text).await?,
        };
        if let Some(claim) = found {
            return Ok(if claim.user == sender {
                Whose::Own(Some(claim))
            } else {
                Whose::Relayed(claim)
            });
        }
    }
    Ok(match naming.unfound() {
        Unfound::Sender => Whose::Own(None),
        Unfound::Nobody => Whose::Nobody,
    })
}
