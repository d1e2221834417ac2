//! Whose incident a trigger is about (contract: SOS, "own device, unknown" and
//! Relay).

use mayday_core::device::is_friendly_name;
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::sos::Trigger;

use crate::devices::{self, Claim};
use crate::error::StoreError;
use crate::tx::Tx;

/// How often the owner is looked up again because the registry changed between
/// look-up and lock.
pub(super) const RESOLVE_ATTEMPTS: usize = 4;

/// Whose incident a trigger is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whose {
    /// The sender's own.
    Own(OwnDevice),
    /// The owner's of a device that the sender relays for.
    Relayed(Claim),
    /// A relay of a device that the app does not know.
    Nobody,
}

/// What an own trigger says about a device.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OwnDevice {
    /// None.
    None,
    /// One that the sender lists.
    Listed(Claim),
    /// One that nobody lists: to be registered, unless it is a friendly name,
    /// which identifies nothing.
    Unknown {
        /// Whether the text can be registered.
        registrable: bool,
    },
}

impl Whose {
    /// The user whose row is to be locked.
    pub(super) fn user(&self, sender: UserId) -> UserId {
        match self {
            Self::Relayed(claim) => claim.user,
            Self::Own(_) | Self::Nobody => sender,
        }
    }
}

/// Finds out whose incident a trigger is about, as the registry is now.
pub(super) async fn whose(
    tx: &mut Tx<'_>,
    app: AppUuid,
    sender: UserId,
    trigger: &Trigger,
) -> Result<Whose, StoreError> {
    if trigger.has_relay_fields() {
        return relayed(tx, app, sender, trigger).await;
    }
    let texts = [trigger.device_id.as_deref(), trigger.hardware_id.as_deref()];
    for text in texts.into_iter().flatten() {
        if let Some(claim) = devices::listed_by(tx, sender, text).await? {
            return Ok(Whose::Own(OwnDevice::Listed(claim)));
        }
    }
    for text in texts.into_iter().flatten() {
        if let Some(claim) = devices::owner_of(tx, app, text).await? {
            return Ok(Whose::Relayed(claim));
        }
    }
    Ok(Whose::Own(match registrable_text(trigger) {
        None if texts == [None, None] => OwnDevice::None,
        text => OwnDevice::Unknown {
            registrable: text.is_some(),
        },
    }))
}

/// A relay is about `deviceId` or `originatorNodeId`; `hardwareId` only names
/// the same device once more.
async fn relayed(
    tx: &mut Tx<'_>,
    app: AppUuid,
    sender: UserId,
    trigger: &Trigger,
) -> Result<Whose, StoreError> {
    let originator = trigger.originator_node_id.map(|node| node.to_string());
    if trigger.device_id.is_none() && originator.is_none() {
        return Ok(Whose::Nobody);
    }
    let texts = [
        trigger.device_id.as_deref(),
        originator.as_deref(),
        trigger.hardware_id.as_deref(),
    ];
    for text in texts.into_iter().flatten() {
        if let Some(claim) = devices::owner_of(tx, app, text).await? {
            return Ok(if claim.user == sender {
                Whose::Own(OwnDevice::Listed(claim))
            } else {
                Whose::Relayed(claim)
            });
        }
    }
    Ok(Whose::Nobody)
}

/// The text under which an unknown own device is registered.
pub(super) fn registrable_text(trigger: &Trigger) -> Option<&str> {
    [trigger.device_id.as_deref(), trigger.hardware_id.as_deref()]
        .into_iter()
        .flatten()
        .find(|text| !text.trim().is_empty() && !is_friendly_name(text))
}

/// The user whose incident a trigger would be about now; `None` for a relay of
/// an unknown device. A hint only: the command asks again under the lock.
pub async fn owner_of_trigger(
    tx: &mut Tx<'_>,
    app: AppUuid,
    sender: UserId,
    trigger: &Trigger,
) -> Result<Option<UserId>, StoreError> {
    Ok(match whose(tx, app, sender, trigger).await? {
        Whose::Nobody => None,
        known => Some(known.user(sender)),
    })
}
