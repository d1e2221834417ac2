//! What others learn after a commit.

use std::borrow::Cow;
use std::sync::Arc;

use mayday_core::event::UserEvent;
use mayday_core::ids::{AppUuid, IncidentId, SessionId, UserId};
use mayday_core::time::Timestamp;

/// Something that a committed command changed. A hint is best effort: who missed
/// one finds the truth in the store.
#[derive(Clone, Debug)]
pub enum Hint {
    /// A new numbered event.
    Event(Arc<UserEvent>),
    /// An event that is already known is to be sent once more to whoever is
    /// subscribed (contract: SOS, Redelivery); it keeps its number and id.
    Replay(Arc<UserEvent>),
    /// Apps, secrets, policies, blocks or keys of brokers changed.
    ControlChanged,
    /// A job becomes due.
    JobDue {
        /// What is to be done.
        kind: Cow<'static, str>,
        /// When.
        due_at: Timestamp,
    },
    /// The app's device registry changed.
    DeviceChanged(AppUuid),
    /// An incident was opened.
    IncidentOpened {
        /// Its owner.
        user: UserId,
        /// The incident.
        incident: IncidentId,
    },
    /// A session ended.
    SessionEnded {
        /// Whose.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// An incident ended.
    IncidentEnded {
        /// Its owner.
        user: UserId,
        /// The incident.
        incident: IncidentId,
    },
}
