//! The all-clear: to everybody whose attempt reached `Sending`, whether or not it
//! is known to have arrived (contract: Escalation).

use super::situation::{Plan, Send, Situation};
use crate::escalation::attempt::{Attempt, AttemptKey, Purpose};
use crate::escalation::channel::Channel;
use crate::escalation::message::Kind;
use crate::escalation::policy::Policy;
use crate::ids::ContactId;
use crate::sos::State;

pub(super) fn add(
    policy: &Policy,
    situation: &Situation<'_>,
    attempts: &[Attempt],
    plan: &mut Plan,
) {
    if !policy.all_clear {
        return;
    }
    let incident = situation.incident;
    let kind = match incident.state {
        State::Cancelled => Kind::Cancelled,
        _ => Kind::Resolved,
    };
    let mut told: Vec<ContactId> = Vec::new();
    for attempt in attempts.iter().filter(|a| may_have_told(a)) {
        if !told.contains(&attempt.key.contact) {
            told.push(attempt.key.contact);
        }
    }
    for contact in told {
        for channel in channels(contact, attempts) {
            let known = |a: &Attempt| {
                let key = a.key;
                (key.contact, key.channel, key.purpose) == (contact, channel, Purpose::AllClear)
            };
            if attempts.iter().any(known) {
                continue;
            }
            plan.sends.push(Send {
                key: AttemptKey {
                    contact,
                    channel,
                    round: incident.round,
                    purpose: Purpose::AllClear,
                },
                kind,
                drill: incident.drill,
                real: policy.is_real(incident.drill),
            });
        }
    }
}

fn may_have_told(attempt: &Attempt) -> bool {
    attempt.key.purpose != Purpose::AllClear && attempt.may_have_gone_out()
}

/// By what a contact hears it: the messages that did not fail; a call only if it
/// was the call that reached them; and if all is believed lost, by all of it,
/// since nobody knows.
fn channels(contact: ContactId, attempts: &[Attempt]) -> Vec<Channel> {
    let used = |channel: Channel, lost_too: bool| {
        let told = |a: &Attempt| {
            (a.key.contact, a.key.channel) == (contact, channel)
                && may_have_told(a)
                && (lost_too || !a.is_lost())
        };
        attempts.iter().any(told)
    };
    let mut messages = vec![Channel::Sms, Channel::Email];
    messages.retain(|channel| used(*channel, false));
    if !messages.is_empty() {
        return messages;
    }
    if used(Channel::Voice, false) {
        return vec![Channel::Voice];
    }
    let mut all = Channel::OF_CONTACTS.to_vec();
    all.retain(|channel| used(*channel, true));
    all
}
