//! Turns: one contact after the other, one step after the other.

use std::time::Duration;

use super::situation::{Exhaustion, Plan, Reachable, Send, Situation, Skip, SkipReason};
use crate::escalation::attempt::{Attempt, AttemptKey, AttemptState, Purpose};
use crate::escalation::channel::Channel;
use crate::escalation::message::Kind;
use crate::escalation::policy::{Mode, Policy};
use crate::time::Timestamp;

/// A walk through the contacts, which writes down what is due on its way. What it
/// asks for counts as recorded at once, so that the plan after recording it is
/// the same without it.
pub(super) struct Walk<'a> {
    policy: &'a Policy,
    situation: &'a Situation<'a>,
    attempts: Vec<Attempt>,
    plan: Plan,
    purpose: Purpose,
    kind: Kind,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(
        policy: &'a Policy,
        situation: &'a Situation<'a>,
        attempts: Vec<Attempt>,
        plan: Plan,
    ) -> Self {
        Self {
            policy,
            situation,
            attempts,
            plan,
            purpose: Purpose::Alert { repeat: 0 },
            kind: Kind::Alert,
        }
    }

    /// What the next turns are for and what they say.
    pub(super) const fn begin(&mut self, purpose: Purpose, kind: Kind) {
        self.purpose = purpose;
        self.kind = kind;
    }

    /// The repeat that is going on.
    pub(super) fn latest_repeat(&self) -> u32 {
        let round = self.situation.incident.round;
        let repeats = self.attempts.iter().filter(|a| a.key.round == round);
        let repeats = repeats.filter_map(|attempt| match attempt.key.purpose {
            Purpose::Alert { repeat } => Some(repeat),
            _ => None,
        });
        repeats.max().unwrap_or(0)
    }

    /// When those who were asked have had their time, even if all failed at once;
    /// `None` when nobody was asked, so that asking again is of no use.
    pub(super) fn rested_at(&self) -> Option<Timestamp> {
        self.asked_at().map(|at| at.plus(self.timeout()))
    }

    /// When the last of them was asked.
    fn asked_at(&self) -> Option<Timestamp> {
        let made = |a: &&Attempt| self.is_current(a) && a.state != AttemptState::Skipped;
        let all = self.attempts.iter().filter(made);
        all.map(|attempt| attempt.scheduled_at).max()
    }

    /// Gives each contact its turn; `open`: whether the first one's has come.
    /// Says whether all turns are over.
    pub(super) fn ask(&mut self, contacts: &[&Reachable], open: bool) -> bool {
        let (mut all_over, mut open) = (true, open);
        for contact in contacts {
            let over = (open || self.has_begun(contact)) && self.turn(contact);
            all_over &= over;
            if self.policy.mode == Mode::Sequential {
                open = over;
            }
        }
        all_over
    }

    /// One contact's turn; says whether it is over.
    fn turn(&mut self, contact: &Reachable) -> bool {
        if self.situation.declined(contact.id) {
            return true;
        }
        let is_call = |channel: &&Channel| **channel == Channel::Voice;
        let channels = &self.policy.channels;
        let (calls, messages): (Vec<_>, Vec<_>) = channels.iter().partition(is_call);
        self.step(contact, &messages) && self.step(contact, &calls)
    }

    /// One step of a turn: these channels at the same moment. Over when all of
    /// them are lost, or when the first of the others had its time.
    fn step(&mut self, contact: &Reachable, channels: &[&Channel]) -> bool {
        let mut lapses = Vec::new();
        for channel in channels {
            let Some(reach) = contact.channels.iter().find(|r| r.channel == **channel) else {
                continue;
            };
            let key = self.key(contact, reach.channel);
            // What went to an address of before has not reached this contact.
            let here = |a: &&Attempt| a.key == key && a.address == 0;
            let known = self.attempts.iter().find(here);
            let attempt = match known {
                Some(attempt) => *attempt,
                None if reach.unreachable => self.skip(key),
                None => self.send(key),
            };
            if !attempt.is_lost() {
                lapses.push(lapse(&attempt, self.timeout()));
            }
        }
        match lapses.into_iter().min() {
            Some(lapse) if lapse > self.situation.now => {
                self.look(lapse);
                false
            }
            _ => true,
        }
    }

    fn send(&mut self, key: AttemptKey) -> Attempt {
        let drill = self.situation.incident.drill;
        self.plan.sends.push(Send {
            key,
            address: 0,
            kind: self.kind,
            drill,
            real: self.policy.is_real(drill),
        });
        self.keep(Attempt::scheduled(key, self.situation.now))
    }

    fn skip(&mut self, key: AttemptKey) -> Attempt {
        let reason = SkipReason::Unreachable;
        self.plan.skips.push(Skip { key, reason });
        self.keep(Attempt::skipped(key, self.situation.now))
    }

    fn keep(&mut self, attempt: Attempt) -> Attempt {
        self.attempts.push(attempt);
        attempt
    }

    fn key(&self, contact: &Reachable, channel: Channel) -> AttemptKey {
        AttemptKey {
            contact: contact.id,
            channel,
            round: self.situation.incident.round,
            purpose: self.purpose,
        }
    }

    fn is_current(&self, attempt: &Attempt) -> bool {
        attempt.key.round == self.situation.incident.round && attempt.key.purpose == self.purpose
    }

    fn has_begun(&self, contact: &Reachable) -> bool {
        let mut current = self.attempts.iter().filter(|a| self.is_current(a));
        current.any(|attempt| attempt.key.contact == contact.id)
    }

    const fn timeout(&self) -> Duration {
        self.policy.acknowledge_timeout
    }

    /// Asks to be asked again at `at`.
    pub(super) fn look(&mut self, at: Timestamp) {
        let sooner = self.plan.look_at.is_none_or(|known| at < known);
        if sooner {
            self.plan.look_at = Some(at);
        }
    }

    /// The plan while somebody's answer may come.
    pub(super) fn waiting(self) -> Plan {
        self.plan
    }

    /// The plan when nobody is left to wait for. Who was asked later than the others,
    /// such as a contact who was added when all had been asked, is unanswered anew.
    pub(super) fn exhausted(mut self, mut what: Exhaustion) -> Plan {
        what.since = self.asked_at().map_or(what.since, |at| at.max(what.since));
        self.plan.exhausted = Some(what);
        self.plan
    }
}

/// Until when an answer is waited for: the time-out after the provider took the
/// message. A provider that takes its time delays nothing beyond the time-out
/// after it was asked for, so that a hanging provider never holds up the next step.
fn lapse(attempt: &Attempt, timeout: Duration) -> Timestamp {
    let latest = attempt.scheduled_at.plus(timeout);
    match attempt.sent_at {
        Some(sent) if sent < latest => sent.max(attempt.scheduled_at).plus(timeout),
        _ => latest,
    }
}
