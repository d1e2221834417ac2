//! A round as it stands: who helps, who does not, which silence is going on.

use super::situation::{Acknowledgement, Situation, SkipReason};
use crate::escalation::attempt::{Attempt, AttemptState, Purpose};
use crate::escalation::policy::Policy;
use crate::ids::ContactId;
use crate::time::Timestamp;

/// How often those who fell silent are asked again in one round: a day of
/// silences of half an hour.
pub const MAX_FOLLOW_UPS: u32 = 48;

/// Help that was promised in this round and, from `due` on, counts as silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Whom to ask first; `None`: an operator, or one who cannot help any more.
    pub(super) asked_first: Option<ContactId>,
    /// When the silence is long enough.
    pub(super) due: Timestamp,
}

impl Situation<'_> {
    /// Whether this contact's last word in this round is that they cannot help.
    pub(super) fn declined(&self, contact: ContactId) -> bool {
        self.declined_at(contact).is_some_and(|no| {
            self.promises()
                .all(|ack| !is_of(ack, contact) || ack.at <= no)
        })
    }

    fn declined_at(&self, contact: ContactId) -> Option<Timestamp> {
        let own = |no: &&super::Decline| no.contact == contact && no.round == self.incident.round;
        self.declines.iter().filter(own).map(|no| no.at).max()
    }

    fn promises(&self) -> impl Iterator<Item = &Acknowledgement> {
        let round = self.incident.round;
        self.acknowledgements
            .iter()
            .filter(move |ack| ack.round == round)
    }

    /// The promise to watch. Of several it is the one with the latest sign of
    /// life. A helper who can help no longer counts as silent at once, unless
    /// somebody else helps.
    pub(super) fn watch(&self, policy: &Policy) -> Option<Watch> {
        let kept = |ack: &&Acknowledgement| !ack.contact.is_some_and(|id| self.declined(id));
        let sign = |ack: &Acknowledgement| ack.last_sign_at.max(ack.at);
        if let Some(ack) = self.promises().filter(kept).max_by_key(|ack| sign(ack)) {
            return Some(Watch {
                asked_first: ack.contact,
                due: sign(ack).plus(policy.acknowledger_silent),
            });
        }
        let given_up = self
            .promises()
            .filter_map(|ack| self.declined_at(ack.contact?));
        given_up.max().map(|due| Watch {
            asked_first: None,
            due,
        })
    }

    /// Which silence of this round it is, from 1: the one that attempts of since
    /// it was due belong to, or the next.
    pub(super) fn silence(&self, watch: &Watch) -> u32 {
        let round = self.incident.round;
        let mut latest = 0;
        let mut current = None;
        for attempt in self.attempts.iter().filter(|a| a.key.round == round) {
            if let Purpose::AskAgain { time } = attempt.key.purpose {
                latest = latest.max(time);
                if attempt.scheduled_at >= watch.due {
                    current = current.max(Some(time));
                }
            }
        }
        current.unwrap_or(latest.saturating_add(1))
    }
}

fn is_of(ack: &Acknowledgement, contact: ContactId) -> bool {
    ack.contact == Some(contact)
}

/// Why an attempt that is on record must not be sent any more; `None`: it may.
/// The permit of a send asks this in the transaction that marks it `Sending`.
pub fn withdrawn(
    policy: &Policy,
    situation: &Situation<'_>,
    attempt: &Attempt,
) -> Option<SkipReason> {
    let key = attempt.key;
    if attempt.state != AttemptState::Scheduled || key.purpose == Purpose::AllClear {
        return None;
    }
    if !situation.incident.state.is_open() {
        return Some(SkipReason::Ended);
    }
    if key.round != situation.incident.round {
        return Some(SkipReason::Superseded);
    }
    let Some(contact) = situation.contacts.iter().find(|c| c.id == key.contact) else {
        return Some(SkipReason::ContactRemoved);
    };
    if attempt.address != 0 {
        return Some(SkipReason::AddressChanged);
    }
    if situation.declined(contact.id) {
        return Some(SkipReason::Declined);
    }
    let closed = |reach: &super::Reach| reach.channel == key.channel && reach.unreachable;
    if contact.channels.iter().any(closed) {
        return Some(SkipReason::Unreachable);
    }
    let watch = situation.watch(policy);
    match (key.purpose, watch) {
        (Purpose::Alert { .. }, Some(_)) => Some(SkipReason::Acknowledged),
        (Purpose::AskAgain { .. }, Some(watch)) if attempt.scheduled_at < watch.due => {
            Some(SkipReason::Acknowledged)
        }
        (Purpose::AskAgain { .. }, None) => Some(SkipReason::Superseded),
        _ => None,
    }
}
