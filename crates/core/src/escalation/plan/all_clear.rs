//! The all-clear: to every address that a cry for help may have reached, whether or
//! not it is known to have arrived, and after that cry (contract: Escalation). Where it
//! was skipped, because somebody wants no more messages there, the other ways count.

use std::time::Duration;

use super::situation::{Plan, Send, Situation};
use crate::escalation::attempt::{Attempt, AttemptKey, AttemptState, Purpose};
use crate::escalation::channel::Channel;
use crate::escalation::message::Kind;
use crate::escalation::policy::Policy;
use crate::ids::ContactId;
use crate::sos::State;

/// How long after the end the all-clear waits for a cry that is on its way: longer
/// than a silent provider is asked what became of it.
pub const CRY_SETTLES: Duration = Duration::from_mins(1);

/// Where a cry went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    contact: ContactId,
    channel: Channel,
    /// [`Attempt::address`].
    address: u32,
}

impl Told {
    const fn by(attempt: &Attempt) -> Self {
        Self {
            contact: attempt.key.contact,
            channel: attempt.key.channel,
            address: attempt.address,
        }
    }
}

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
    let settled_at = incident.ended_at.map(|ended| ended.plus(CRY_SETTLES));
    let waits = settled_at.filter(|at| *at > situation.now);
    let kind = match incident.state {
        State::Cancelled => Kind::Cancelled,
        _ => Kind::Resolved,
    };
    for told in everybody(attempts) {
        let to = |a: &&Attempt| Told::by(a) == told;
        let mut own = attempts.iter().filter(to);
        if own.clone().any(|a| a.key.purpose == Purpose::AllClear) {
            continue;
        }
        // It must not arrive before what it clears.
        if let Some(at) = waits
            && own.any(|a| a.state == AttemptState::Sending)
        {
            plan.look_at = Some(at);
            continue;
        }
        plan.sends.push(Send {
            key: AttemptKey {
                contact: told.contact,
                channel: told.channel,
                round: incident.round,
                purpose: Purpose::AllClear,
            },
            address: told.address,
            kind,
            drill: incident.drill,
            real: policy.is_real(incident.drill),
        });
    }
}

/// Everybody who may have been told, by contact in the order of the cries.
fn everybody(attempts: &[Attempt]) -> Vec<Told> {
    let cries: Vec<&Attempt> = attempts
        .iter()
        .filter(|a| a.key.purpose != Purpose::AllClear && a.may_have_told())
        .collect();
    let mut contacts: Vec<ContactId> = Vec::new();
    for cry in &cries {
        if !contacts.contains(&cry.key.contact) {
            contacts.push(cry.key.contact);
        }
    }
    let closed: Vec<Told> = attempts
        .iter()
        .filter(|a| a.key.purpose == Purpose::AllClear && a.is_lost())
        .map(Told::by)
        .collect();
    let of = |contact| ways(contact, &cries, &closed);
    contacts.into_iter().flat_map(of).collect()
}

/// Where one contact hears it: by the messages that are not known to be lost; a call
/// only if it was the call that reached them; and if all is believed lost, by all of
/// it, since nobody knows. What is closed is no way.
fn ways(contact: ContactId, cries: &[&Attempt], closed: &[Told]) -> Vec<Told> {
    let among = |channels: &[Channel], lost_too: bool| {
        let mut found: Vec<Told> = Vec::new();
        for channel in channels {
            let counts = |a: &&Attempt| {
                (a.key.contact, a.key.channel) == (contact, *channel)
                    && (lost_too || a.doubted || !a.is_lost())
            };
            let own = cries.iter().copied().filter(counts);
            for told in own.map(Told::by) {
                if !found.contains(&told) && !closed.contains(&told) {
                    found.push(told);
                }
            }
        }
        found
    };
    [
        among(&[Channel::Sms, Channel::Email], false),
        among(&[Channel::Voice], false),
    ]
    .into_iter()
    .find(|found| !found.is_empty())
    .unwrap_or_else(|| among(&Channel::OF_CONTACTS, true))
}
