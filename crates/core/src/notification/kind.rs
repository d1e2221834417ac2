//! The table of types: what happened, when it is told, and what `data` holds.

use super::kind::Shape::{
    ByOrNull, Device, Flags, Id, Number, PositionOrNull, Text, TextOrNull, Truth,
};

/// How a field of `data` looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A UUID.
    Id,
    /// A text.
    Text,
    /// A text, or null when there is none.
    TextOrNull,
    /// A whole number.
    Number,
    /// true or false.
    Truth,
    /// Words for what was odd.
    Flags,
    /// `{latitude, longitude, altitude, source, time}`, or null.
    PositionOrNull,
    /// Who did it: `{kind, name, contactId}`, or null when the system did.
    ByOrNull,
    /// `{id, name, platform}`, each of which may be null.
    Device,
}

/// A field of `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// How it looks.
    pub shape: Shape,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape }
}

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $when:literal, $fields:expr;)+) => {
        /// What a partner is notified of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum NotificationType {
            $($(#[$doc])* $name,)+
        }

        impl NotificationType {
            /// Every type, in the order of the contract.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$name),+];

            /// The word in `data.type`, in `webhook-type` and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// When it is told, for people.
            pub const fn when(self) -> &'static str {
                match self {
                    $(Self::$name => $when,)+
                }
            }

            /// What `data` holds besides `type`, `id`, `occurredAt` and `appId`.
            pub const fn fields(self) -> &'static [Field] {
                match self {
                    $(Self::$name => const { $fields },)+
                }
            }
        }
    };
}

const SOS: &[Field] = &[
    field("incidentId", Id),
    field("status", Text),
    field("position", PositionOrNull),
    field("deviceId", TextOrNull),
    field("hardwareId", TextOrNull),
    field("flags", Flags),
    field("by", ByOrNull),
    field("drill", Truth),
    field("snapshotVersion", Number),
];

const ESCALATION: &[Field] = &[
    field("incidentId", Id),
    field("contactId", TextOrNull),
    field("channel", TextOrNull),
    field("error", TextOrNull),
    field("drill", Truth),
    field("snapshotVersion", Number),
];

types! {
    /// A log-in.
    SessionCreated = "session.created", "somebody logged in",
        &[field("sessionId", Id), field("device", Device)];
    /// A session made room for a newer one.
    SessionEvicted = "session.evicted", "a session made room for a newer one",
        &[field("sessionId", Id), field("device", Device), field("byDevice", Device)];
    /// A session ended.
    SessionEnded = "session.ended", "a session ended: logged out, revoked, expired, reuse",
        &[field("sessionId", Id), field("reason", Text)];
    /// Two identities were joined.
    AccountLinked = "account.linked", "the mailed code was confirmed and two accounts became one",
        &[field("previousUser", Text)];
    /// The PIN changed.
    SignatureUpdated = "signature.updated", "the PIN changed", &[];
    /// The recovery questions changed.
    SignatureQuestionsUpdated = "signature.questions_updated",
        "the recovery questions changed", &[];
    /// The attempts at a reset are used up: the user is to be logged out.
    SignatureResetFailed = "signature.reset_failed",
        "the attempts to reset the PIN are used up: log the user out",
        &[field("reason", Text)];
    /// Somebody cries for help.
    SosOpened = "sos.opened", "somebody called for help", SOS;
    /// A further trigger of an open incident.
    SosUpdated = "sos.updated", "the same person triggered again", SOS;
    /// Somebody takes care.
    SosAcknowledged = "sos.acknowledged", "a contact or an operator takes care", SOS;
    /// A false alarm.
    SosCancelled = "sos.cancelled", "it was cancelled as a false alarm", SOS;
    /// It was handled.
    SosResolved = "sos.resolved", "it was closed as handled", SOS;
    /// The next contact or channel is tried.
    SosEscalated = "sos.escalated", "the next contact or channel is tried", ESCALATION;
    /// A message to a contact did not arrive.
    SosDeliveryFailed = "sos.delivery_failed", "a message to a contact did not arrive", ESCALATION;
    /// Nobody answered, and there is nobody left to ask.
    SosUnanswered = "sos.unanswered", "nobody answered, and nobody is left to ask", ESCALATION;
    /// A relayed SOS of a device that nobody has registered.
    SosUnattributed = "sos.unattributed", "a relay of a device that nobody has registered",
        &[
            field("deviceId", TextOrNull),
            field("relayUser", Text),
            field("position", PositionOrNull),
        ];
    /// A device was added to a user's list.
    DevicePaired = "device.paired", "a device was added to the user's list",
        &[field("deviceId", Text)];
    /// A device was removed from a user's list.
    DeviceRemoved = "device.removed", "a device was removed from the user's list",
        &[field("deviceId", Text)];
    /// A contact was added, changed or removed.
    ContactChanged = "contact.changed", "an emergency contact was added, changed or removed",
        &[field("contactId", Id)];
    /// Sent by an administrator to try an endpoint out.
    Test = "webhook.test", "an administrator tries the endpoint out: acknowledge it, do nothing",
        &[];
}

impl NotificationType {
    /// Whether it tells of somebody's distress: then it goes before what does not.
    pub fn is_of_distress(self) -> bool {
        self.as_str().starts_with("sos.")
    }

    /// Whether it is told though too much waits already: once an incident.
    pub const fn is_told_always(self) -> bool {
        matches!(
            self,
            Self::SosOpened | Self::SosCancelled | Self::SosResolved | Self::SosUnanswered
        )
    }

    /// The type of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
