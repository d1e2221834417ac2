//! English.

use super::{Type, Words};

pub(super) const fn words(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("New sign-in", "{name} signed in."),
        Type::SessionEvicted => (
            "Signed out",
            "{name} signed in on another device; this one was signed out.",
        ),
        Type::SessionEnded => ("Session ended", "A session of {name} ended."),
        Type::AccountLinked => ("Account linked", "Two accounts of {name} became one."),
        Type::SignatureUpdated => ("PIN changed", "The PIN of {name} was changed."),
        Type::SignatureQuestionsUpdated => (
            "Recovery questions changed",
            "The recovery questions of {name} were changed.",
        ),
        Type::SignatureResetFailed => (
            "PIN not reset",
            "The attempts to reset the PIN of {name} are used up: log the user out.",
        ),
        Type::SosOpened => ("SOS: {name}", "{name} called for help."),
        Type::SosUpdated => ("SOS: {name}", "{name} called for help again."),
        Type::SosAcknowledged => ("SOS: {name}", "Somebody takes care of {name}."),
        Type::SosCancelled => ("All clear: {name}", "{name} cancelled the call for help."),
        Type::SosResolved => (
            "All clear: {name}",
            "The call for help of {name} was handled.",
        ),
        Type::SosEscalated => ("SOS: {name}", "The next contact of {name} is told."),
        Type::SosDeliveryFailed => (
            "SOS: {name}",
            "A message to a contact of {name} did not arrive.",
        ),
        Type::SosUnanswered => (
            "SOS unanswered: {name}",
            "No contact of {name} has answered, and nobody is left to ask.",
        ),
        Type::SosUnattributed => (
            "SOS of an unknown device",
            "{name} relayed a call for help of a device that nobody has registered.",
        ),
        Type::DevicePaired => ("Device added", "{name} added a device."),
        Type::DeviceRemoved => ("Device removed", "{name} removed a device."),
        Type::ContactChanged => ("Contact changed", "{name} changed an emergency contact."),
        Type::Test => ("Test", "This is a test: nothing happened."),
    }
}
