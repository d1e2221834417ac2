//! Identifiers. Each is a type of its own, so that a user's id can never be
//! passed where an incident's is wanted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{Clock, Entropy};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new UUIDv7: ordered by the clock, random beyond the millisecond.
            pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(clock, entropy))
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// An app's internal id; events carry it as `appId`.
    AppUuid
}
uuid_id! {
    /// A user's internal id: the `sdk_user_id` of the topics, `id` of `/me`.
    UserId
}
uuid_id! {
    /// An incident's id.
    IncidentId
}
uuid_id! {
    /// An event's id; clients drop a second event with the same one.
    EventId
}
uuid_id! {
    /// A registered device's row id (not its `hardware_id`).
    DeviceId
}
uuid_id! {
    /// An emergency contact's id.
    ContactId
}
uuid_id! {
    /// The id by which one of an app's secrets is named; it is not secret.
    SecretId
}
uuid_id! {
    /// The id of a telemetry sample.
    SampleId
}
uuid_id! {
    /// The id of a record that operators look at: a dead letter, an
    /// unattributed SOS, an alert.
    RecordId
}
uuid_id! {
    /// A session of a user whom the partner's app logged in.
    SessionId
}
uuid_id! {
    /// A background job's id.
    JobId
}
uuid_id! {
    /// The id of an escalation's attempt: one message to one contact by one
    /// channel.
    AttemptId
}
uuid_id! {
    /// The id of an endpoint that partner notifications go to.
    EndpointId
}
uuid_id! {
    /// The id of one notification's way to one endpoint.
    DeliveryId
}
uuid_id! {
    /// The id of a mail of the outbox; its `Message-ID` begins with it.
    MailId
}

/// A new UUIDv7 from the given clock and randomness.
pub fn uuid_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
