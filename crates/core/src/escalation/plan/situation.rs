//! What the plan needs to know.

use crate::escalation::attempt::{Attempt, AttemptKey};
use crate::escalation::channel::Channel;
use crate::escalation::message::Kind;
use crate::ids::ContactId;
use crate::sos::State;
use crate::time::Timestamp;

/// An incident as escalation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// How it stands.
    pub state: State,
    /// When it was opened: the grace window begins here.
    pub opened_at: Timestamp,
    /// The escalation round, from 1.
    pub round: u32,
    /// When this round began: the opening, or the second cry.
    pub round_began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether it is a drill.
    pub drill: bool,
}

/// A contact as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// Who.
    pub id: ContactId,
    /// By what. A channel that is not listed is not tried and not mentioned.
    pub channels: Vec<Reach>,
}

/// A channel of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Which.
    pub channel: Channel,
    /// Known not to lead there, such as a number that no provider routes: on
    /// record as skipped, and not waited for.
    pub unreachable: bool,
}

/// Somebody said that they help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who; `None`: an operator.
    pub contact: Option<ContactId>,
    /// The incident's round when it was said.
    pub round: u32,
    /// When.
    pub at: Timestamp,
    /// Their latest sign of life since: an opened page, an answer, an operator's
    /// action.
    pub last_sign_at: Timestamp,
}

/// A contact said "cannot help".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Who.
    pub contact: ContactId,
    /// The incident's round when it was said; a later round asks again.
    pub round: u32,
    /// When.
    pub at: Timestamp,
}

/// All that is known of an incident at one moment of the anchored clock.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The incident.
    pub incident: Running,
    /// The contacts as they are now, by ascending priority.
    pub contacts: &'a [Reachable],
    /// Everything on record for this incident, of all rounds, with the delivery
    /// reports in their states ([`Attempt::advance`]).
    pub attempts: &'a [Attempt],
    /// Who helps.
    pub acknowledgements: &'a [Acknowledgement],
    /// Who does not.
    pub declines: &'a [Decline],
    /// The time.
    pub now: Timestamp,
}

/// A message that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// The attempt to record before it is sent.
    pub key: AttemptKey,
    /// [`Attempt::address`]: an all-clear goes where the cry went.
    pub address: u32,
    /// What it says.
    pub kind: Kind,
    /// Whether it is to be marked as a drill.
    pub drill: bool,
    /// Whether it may reach a real provider; otherwise it stays on the screen.
    pub real: bool,
}

/// An attempt that is not to be made: to be recorded as skipped, whether or not
/// it is on record as scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Which.
    pub key: AttemptKey,
    /// Why.
    pub reason: SkipReason,
}

/// Why an attempt is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The channel does not lead to the contact.
    Unreachable,
    /// Somebody helps already.
    Acknowledged,
    /// The contact cannot help.
    Declined,
    /// The contact was removed while the incident ran.
    ContactRemoved,
    /// The contact has another number or mail address by now, which is asked instead.
    AddressChanged,
    /// A new round or a new silence took its place.
    Superseded,
    /// The incident has ended.
    Ended,
}

impl SkipReason {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Acknowledged => "acknowledged",
            Self::Declined => "declined",
            Self::ContactRemoved => "contact_removed",
            Self::AddressChanged => "address_changed",
            Self::Superseded => "superseded",
            Self::Ended => "ended",
        }
    }
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is due now, in the order in which it should leave.
    pub sends: Vec<Send>,
    /// What is not to be made.
    pub skips: Vec<Skip>,
    /// When to ask again if nothing happens before; always later than now, and
    /// reckoned as if `sends` were recorded now. `None`: only an event changes
    /// anything.
    pub look_at: Option<Timestamp>,
    /// Everybody was asked and nobody is left to wait for: `sos.unanswered`, for the cry
    /// of a round and for each silence of those who promised help; again when somebody
    /// was asked since.
    pub exhausted: Option<Exhaustion>,
}

/// What nobody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhaustion {
    /// Which silence of the round; 0: the cry itself.
    pub silence: u32,
    /// When the last one was asked, or the asking began. What was said before is about
    /// something else.
    pub since: Timestamp,
}
