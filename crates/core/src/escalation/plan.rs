//! What to send now, what not any more, and when to look again (contract:
//! Escalation).
//!
//! [`plan()`] is a pure function of what is on record. Whoever calls it records
//! the sends as scheduled and the skips as skipped, in one transaction, and asks
//! again at [`Plan::look_at`] or when anything changed. Asked again without a
//! change, it asks for nothing more.
//!
//! The order of things in a round:
//!
//! 1. Nothing before the grace window, counted from the opening, is over. A second
//!    cry starts its round at once: the window was there for the first.
//! 2. A contact's turn: the messages (SMS, e-mail) together; a call when no answer
//!    came in time, or at once when the messages failed; then it is the next
//!    contact's turn, at once on "cannot help" or when everything failed. A turn
//!    that began goes on, whoever else is asked meanwhile.
//! 3. After the last turn everybody is asked again as often as the policy says,
//!    then the round is exhausted; once more when somebody was asked since then.
//! 4. An acknowledgement stops all of it. Who promised help and falls silent is
//!    asked again, then the others, from the first.
//! 5. After the end, only the all-clear, to every address that may have been told,
//!    after its cry.
//!
//! Contacts may change meanwhile: a new one joins at its place (at once, when its
//! place has been passed), a removed one is not asked any more, one with another
//! number is asked there as if nothing had gone to the old one. Removed or not,
//! who may have been told hears the all-clear.

mod all_clear;
mod round;
mod situation;
mod turn;

pub use all_clear::CRY_SETTLES;
pub use round::{MAX_FOLLOW_UPS, withdrawn};
pub use situation::{
    Acknowledgement, Decline, Exhaustion, Plan, Reach, Reachable, Running, Send, Situation, Skip,
    SkipReason,
};

use super::attempt::{Attempt, Purpose};
use super::message::Kind;
use super::policy::Policy;
use crate::time::Timestamp;
use round::Watch;
use turn::Walk;

/// What to do now.
pub fn plan(policy: &Policy, situation: &Situation<'_>) -> Plan {
    let mut plan = Plan::default();
    // What is withdrawn counts as skipped at once.
    let mut attempts = situation.attempts.to_vec();
    for attempt in &mut attempts {
        if let Some(reason) = withdrawn(policy, situation, attempt) {
            let (key, address) = (attempt.key, attempt.address);
            plan.skips.push(Skip { key, reason });
            *attempt = Attempt::skipped(key, attempt.scheduled_at);
            attempt.address = address;
        }
    }
    if !situation.incident.state.is_open() {
        all_clear::add(policy, situation, &attempts, &mut plan);
        return plan;
    }
    let incident = situation.incident;
    let start = incident
        .opened_at
        .plus(policy.grace)
        .max(incident.round_began_at);
    if situation.now < start {
        plan.look_at = Some(start);
        return plan;
    }
    let walk = Walk::new(policy, situation, attempts, plan);
    match situation.watch(policy) {
        None => ask_everybody(policy, situation, start, walk),
        Some(watch) => follow_up(situation, &watch, walk),
    }
}

/// The cry for help, and its repeats.
fn ask_everybody(
    policy: &Policy,
    situation: &Situation<'_>,
    since: Timestamp,
    mut walk: Walk<'_>,
) -> Plan {
    let contacts: Vec<_> = situation.contacts.iter().collect();
    let mut repeat = walk.latest_repeat();
    loop {
        walk.begin(Purpose::Alert { repeat }, Kind::Alert);
        if !walk.ask(&contacts, true) {
            return walk.waiting();
        }
        let Some(rested) = walk.rested_at().filter(|_| repeat < policy.repeats) else {
            return walk.exhausted(Exhaustion { silence: 0, since });
        };
        if rested > situation.now {
            walk.look(rested);
            return walk.waiting();
        }
        repeat += 1;
    }
}

/// Help was promised: it is watched.
fn follow_up(situation: &Situation<'_>, watch: &Watch, mut walk: Walk<'_>) -> Plan {
    if situation.now < watch.due {
        walk.look(watch.due);
        return walk.waiting();
    }
    let time = situation.silence(watch);
    let unanswered = Exhaustion {
        silence: time,
        since: watch.due,
    };
    if time > MAX_FOLLOW_UPS {
        return walk.exhausted(unanswered);
    }
    let purpose = Purpose::AskAgain { time };
    let (first, others): (Vec<_>, Vec<_>) = situation
        .contacts
        .iter()
        .partition(|contact| Some(contact.id) == watch.asked_first);
    walk.begin(purpose, Kind::AskedAgain);
    let silent = walk.ask(&first, true);
    walk.begin(purpose, Kind::Alert);
    if walk.ask(&others, silent) && silent {
        return walk.exhausted(unanswered);
    }
    walk.waiting()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
