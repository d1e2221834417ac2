mod meanwhile;

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::escalation::attempt::{AttemptKey, AttemptState};
use crate::escalation::channel::Channel;
use crate::escalation::policy::{Mode, TestMode};
use crate::ids::ContactId;
use crate::sos::State;
use crate::time::Timestamp;

const OPENED: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(super) fn id(n: u128) -> ContactId {
    ContactId(Uuid::from_u128(n))
}

pub(super) fn reachable(n: u128) -> Reachable {
    let reach = |channel| Reach {
        channel,
        unreachable: false,
    };
    Reachable {
        id: id(n),
        channels: Channel::OF_CONTACTS.map(reach).to_vec(),
    }
}

/// An incident with its records, as a store would keep them.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) incident: Running,
    pub(super) contacts: Vec<Reachable>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) acknowledgements: Vec<Acknowledgement>,
    pub(super) declines: Vec<Decline>,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new(contacts: u128) -> Self {
        Self {
            policy: Policy::default(),
            incident: Running {
                state: State::Active,
                opened_at: OPENED,
                round: 1,
                round_began_at: OPENED,
                ended_at: None,
                drill: false,
            },
            contacts: (1..=contacts).map(reachable).collect(),
            attempts: vec![],
            acknowledgements: vec![],
            declines: vec![],
            now: OPENED,
        }
    }

    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            incident: self.incident,
            contacts: &self.contacts,
            attempts: &self.attempts,
            acknowledgements: &self.acknowledgements,
            declines: &self.declines,
            now: self.now,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.policy, &self.situation())
    }

    /// What a store does with a plan.
    pub(super) fn record(&mut self, plan: &Plan) {
        for send in &plan.sends {
            assert!(
                self.attempts
                    .iter()
                    .all(|a| (a.key, a.address) != (send.key, send.address)),
                "twice: {send:?}"
            );
            let mut attempt = Attempt::scheduled(send.key, self.now);
            attempt.address = send.address;
            self.attempts.push(attempt);
        }
        for skip in &plan.skips {
            let waits = |a: &&mut Attempt| a.key == skip.key && a.state == AttemptState::Scheduled;
            match self.attempts.iter_mut().find(waits) {
                Some(attempt) => {
                    assert!(attempt.advance(AttemptState::Skipped, self.now), "{skip:?}");
                }
                None => self.attempts.push(Attempt::skipped(skip.key, self.now)),
            }
        }
    }

    pub(super) fn acknowledge(&mut self, contact: Option<ContactId>) {
        self.incident.state = State::Acknowledged;
        self.acknowledgements.push(Acknowledgement {
            contact,
            round: self.incident.round,
            at: self.now,
            last_sign_at: self.now,
        });
    }

    pub(super) fn decline(&mut self, contact: ContactId) {
        let (round, at) = (self.incident.round, self.now);
        self.declines.push(Decline { contact, round, at });
    }

    /// A contact's address by a channel is another from now on.
    pub(super) fn move_away(&mut self, contact: ContactId, channel: Channel) {
        for attempt in &mut self.attempts {
            if (attempt.key.contact, attempt.key.channel) == (contact, channel) {
                attempt.address += 1;
            }
        }
    }

    pub(super) fn end(&mut self, state: State) {
        self.incident.state = state;
        self.incident.ended_at = Some(self.now);
    }

    pub(super) fn second_cry(&mut self) {
        self.incident.round += 1;
        self.incident.round_began_at = self.now;
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// Waits, records what is due and lets the worker hand it over; says what was
    /// sent as (contact, channel).
    fn after(&mut self, seconds: u64) -> Vec<(u128, Channel)> {
        self.wait(seconds);
        let plan = self.plan();
        self.record(&plan);
        for send in &plan.sends {
            self.report(send.key, AttemptState::Sending);
            self.report(send.key, AttemptState::Sent);
        }
        short(&plan)
    }

    fn report(&mut self, key: AttemptKey, state: AttemptState) {
        let now = self.now;
        // The latest of those to several addresses.
        let mut latest = self.attempts.iter_mut().rev();
        let attempt = latest.find(|a| a.key == key).unwrap();
        attempt.advance(state, now);
    }

    fn fail(&mut self, contact: u128) {
        let now = self.now;
        for attempt in self
            .attempts
            .iter_mut()
            .filter(|a| a.key.contact == id(contact))
        {
            attempt.advance(AttemptState::Failed, now);
        }
    }
}

fn short(plan: &Plan) -> Vec<(u128, Channel)> {
    let of = |send: &Send| (send.key.contact.uuid().as_u128(), send.key.channel);
    plan.sends.iter().map(of).collect()
}

fn reasons(plan: &Plan) -> Vec<SkipReason> {
    plan.skips.iter().map(|skip| skip.reason).collect()
}

const fn messages(n: u128) -> [(u128, Channel); 2] {
    [(n, Channel::Sms), (n, Channel::Email)]
}

const fn call(n: u128) -> [(u128, Channel); 1] {
    [(n, Channel::Voice)]
}

#[test]
fn nothing_is_sent_inside_the_grace_window() {
    let mut world = World::new(2);
    let start = OPENED.plus(Duration::from_secs(15));
    for second in 0..15 {
        world.now = OPENED.plus(Duration::from_secs(second));
        assert_eq!(
            world.plan(),
            Plan {
                look_at: Some(start),
                ..Plan::default()
            }
        );
    }
    world.now = start;
    assert_eq!(short(&world.plan()), messages(1));
    // A clock that jumped back makes nothing due.
    world.now = OPENED.minus(Duration::from_hours(9));
    assert!(world.plan().sends.is_empty());
}

#[test]
fn messages_then_a_call_then_the_next_contact_then_nobody() {
    let mut world = World::new(2);
    assert_eq!(world.after(15), messages(1));
    assert_eq!(
        world.plan().look_at,
        Some(OPENED.plus(Duration::from_secs(75)))
    );
    assert_eq!(world.after(59), []);
    assert_eq!(world.after(1), call(1));
    assert_eq!(world.after(60), messages(2));
    assert_eq!(world.after(60), call(2));
    assert!(world.plan().exhausted.is_none());
    assert_eq!(world.after(60), []);
    let end = world.plan();
    let since = OPENED.plus(Duration::from_secs(15 + 3 * 60));
    assert_eq!(end.exhausted, Some(Exhaustion { silence: 0, since }));
    assert_eq!(end.look_at, None);
}

#[test]
fn nobody_to_ask_is_told_after_the_grace_window() {
    let mut world = World::new(0);
    assert!(world.plan().exhausted.is_none());
    world.wait(15);
    assert!(world.plan().exhausted.is_some());
}

#[test]
fn when_everything_failed_or_on_cannot_help_it_is_the_next_ones_turn_at_once() {
    let mut world = World::new(3);
    world.after(15);
    world.fail(1);
    assert_eq!(world.after(1), call(1));
    world.fail(1);
    assert_eq!(world.after(1), messages(2));
    world.decline(id(2));
    assert_eq!(world.after(1), messages(3));
}

#[test]
fn one_message_of_two_that_lives_is_waited_for() {
    let mut world = World::new(1);
    world.after(15);
    let sms = world.attempts[0].key;
    world.report(sms, AttemptState::Failed);
    assert_eq!(world.after(59), []);
    assert_eq!(world.after(1), call(1));
}

#[test]
fn the_time_runs_from_when_the_provider_took_it_yet_a_hanging_one_delays_nothing() {
    let mut world = World::new(1);
    world.policy.channels = vec![Channel::Sms, Channel::Voice];
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    let mut slow = world.clone();
    slow.wait(40);
    slow.report(plan.sends[0].key, AttemptState::Sent);
    assert_eq!(slow.after(59), []);
    assert_eq!(slow.after(1), call(1));
    world.report(plan.sends[0].key, AttemptState::Sending);
    assert_eq!(world.after(60), call(1));
}

#[test]
fn slow_mail_does_not_hold_up_the_call() {
    let mut world = World::new(1);
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    world.report(plan.sends[0].key, AttemptState::Sent);
    world.wait(50);
    world.report(plan.sends[1].key, AttemptState::Sent);
    assert_eq!(world.after(9), []);
    assert_eq!(world.after(1), call(1));
}

#[test]
fn broadcast_asks_everybody_at_once_and_calls_each_later() {
    let mut world = World::new(2);
    world.policy.mode = Mode::Broadcast;
    assert_eq!(world.after(15), [messages(1), messages(2)].concat());
    world.fail(2);
    assert_eq!(world.after(5), call(2));
    assert_eq!(world.after(55), call(1));
    assert!(world.plan().exhausted.is_none());
    world.wait(60);
    assert!(world.plan().exhausted.is_some());
}

#[test]
fn everybody_is_asked_again_as_often_as_the_policy_says() {
    let mut world = World::new(1);
    world.policy.repeats = 1;
    world.policy.channels = vec![Channel::Sms];
    assert_eq!(world.after(15), [(1, Channel::Sms)]);
    // What failed at once is not tried again at once.
    world.fail(1);
    assert_eq!(world.after(30), []);
    assert_eq!(world.after(30), [(1, Channel::Sms)]);
    assert!(world.plan().exhausted.is_none());
    world.wait(60);
    assert!(world.plan().exhausted.is_some());
}

#[test]
fn an_acknowledgement_stops_everything() {
    let mut world = World::new(2);
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    world.acknowledge(Some(id(1)));
    let stopped = world.plan();
    assert_eq!(reasons(&stopped), [SkipReason::Acknowledged; 2]);
    assert!(stopped.sends.is_empty() && stopped.exhausted.is_none());
    assert_eq!(
        stopped.look_at,
        Some(world.now.plus(Duration::from_mins(30)))
    );
}

#[test]
fn a_helper_who_falls_silent_is_asked_again_then_the_others() {
    let mut world = World::new(3);
    world.after(15);
    world.after(60);
    world.after(60);
    world.acknowledge(Some(id(2)));
    assert_eq!(world.after(30 * 60 - 1), []);
    world.wait(1);
    let plan = world.plan();
    assert_eq!(short(&plan), messages(2));
    assert!(plan.sends.iter().all(|send| send.kind == Kind::AskedAgain));
    assert_eq!(world.after(0), messages(2));
    assert_eq!(world.after(60), call(2));
    world.wait(60);
    let plan = world.plan();
    assert_eq!(short(&plan), messages(1));
    assert!(plan.sends.iter().all(|send| send.kind == Kind::Alert));
    assert_eq!(world.after(0), messages(1));
    // A sign of life ends it; the next silence asks anew.
    world.acknowledgements[0].last_sign_at = world.now;
    assert_eq!(world.after(60), []);
    assert_eq!(world.after(30 * 60 - 60), messages(2));
    assert_eq!(
        world.attempts.last().unwrap().key.purpose,
        Purpose::AskAgain { time: 2 }
    );
}

#[test]
fn a_helper_who_cannot_help_any_more_counts_as_silent_at_once() {
    let mut world = World::new(3);
    world.after(15);
    world.acknowledge(Some(id(1)));
    world.wait(5);
    world.decline(id(1));
    assert_eq!(world.after(0), messages(2));
    // But not while somebody else helps.
    let mut other = World::new(3);
    other.after(15);
    other.acknowledge(Some(id(1)));
    other.acknowledge(None);
    other.decline(id(1));
    assert_eq!(other.after(5), []);
    // And who changes their mind again, helps.
    world.wait(5);
    world.acknowledge(Some(id(1)));
    assert_eq!(world.after(60), []);
}

#[test]
fn an_operator_who_falls_silent_leaves_it_to_the_contacts() {
    let mut world = World::new(1);
    world.after(15);
    world.acknowledge(None);
    assert_eq!(world.after(30 * 60), messages(1));
}

#[test]
fn silences_are_bounded() {
    let mut world = World::new(1);
    world.policy.channels = vec![Channel::Sms];
    world.after(15);
    world.acknowledge(Some(id(1)));
    let mut sent = 0;
    for _ in 0..60 {
        sent += world.after(30 * 60).len();
        world.acknowledgements[0].last_sign_at = world.now;
    }
    assert_eq!(sent, MAX_FOLLOW_UPS as usize);
    world.wait(30 * 60);
    assert!(world.plan().exhausted.is_some());
}

#[test]
fn a_second_cry_asks_everybody_again_at_once_the_helper_included() {
    let mut world = World::new(2);
    world.after(15);
    world.decline(id(2));
    world.acknowledge(Some(id(1)));
    world.wait(100);
    world.second_cry();
    assert_eq!(world.after(0), messages(1));
    world.after(60);
    assert_eq!(world.after(60), messages(2));
}

#[test]
fn what_the_last_round_left_unsent_is_withdrawn() {
    let mut world = World::new(1);
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    world.second_cry();
    let plan = world.plan();
    assert_eq!(reasons(&plan), [SkipReason::Superseded; 2]);
    assert_eq!(short(&plan), messages(1));
}

#[test]
fn a_cancel_inside_the_grace_window_tells_nobody() {
    let mut world = World::new(2);
    world.wait(10);
    world.incident.state = State::Cancelled;
    for _ in 0..100 {
        assert_eq!(world.after(10), []);
    }
    assert_eq!(world.plan(), Plan::default());
}

#[test]
fn the_all_clear_goes_to_everybody_who_may_have_been_told_and_says_which() {
    for (state, kind) in [
        (State::Cancelled, Kind::Cancelled),
        (State::Resolved, Kind::Resolved),
    ] {
        let mut world = World::new(4);
        world.policy.mode = Mode::Broadcast;
        world.wait(15);
        let plan = world.plan();
        world.record(&plan);
        // 1: the SMS is on its way, nobody knows; 2: nothing began; 3: the provider
        // took it and reports that it did not arrive; 4: it was refused.
        world.report(plan.sends[0].key, AttemptState::Sending);
        world.report(plan.sends[4].key, AttemptState::Sent);
        world.report(plan.sends[4].key, AttemptState::Failed);
        world.report(plan.sends[6].key, AttemptState::Sending);
        world.report(plan.sends[6].key, AttemptState::Failed);
        world.end(state);
        // Who was removed meanwhile hears it too.
        world.contacts.clear();
        let end = world.plan();
        assert_eq!(short(&end), [(3, Channel::Sms)]);
        assert_eq!(reasons(&end), [SkipReason::Ended; 5]);
        world.record(&end);
        // The all-clear does not overtake its cry, nor does it wait for ever.
        world.now = end.look_at.unwrap();
        assert_eq!(
            world.now,
            OPENED.plus(Duration::from_secs(15)).plus(CRY_SETTLES)
        );
        let end = world.plan();
        assert_eq!(short(&end), [(1, Channel::Sms)]);
        assert!(end.sends.iter().all(|send| send.kind == kind));
        world.record(&end);
        assert_eq!(world.plan(), Plan::default());
        world.policy.all_clear = false;
        world
            .attempts
            .retain(|a| a.key.purpose != Purpose::AllClear);
        assert_eq!(short(&world.plan()), []);
    }
}

#[test]
fn who_was_reached_by_a_call_alone_is_called() {
    let mut world = World::new(1);
    world.after(15);
    world.fail(1);
    assert_eq!(world.after(0), call(1));
    world.incident.state = State::Resolved;
    assert_eq!(world.after(5), call(1));
}

#[test]
fn new_contacts_join_at_their_place() {
    let mut world = World::new(2);
    world.after(15);
    world.fail(1);
    world.after(0);
    world.fail(1);
    assert_eq!(world.after(0), messages(2));
    world.contacts.insert(0, reachable(7));
    world.contacts.push(reachable(8));
    assert_eq!(world.after(1), messages(7));
    assert_eq!(world.after(59), call(2));
    assert_eq!(world.after(1), call(7));
    assert_eq!(world.after(59), messages(8));
}

#[test]
fn removed_contacts_are_not_asked_any_more_and_not_waited_for() {
    let mut world = World::new(2);
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    world.contacts.remove(0);
    let plan = world.plan();
    assert_eq!(reasons(&plan), [SkipReason::ContactRemoved; 2]);
    assert_eq!(short(&plan), messages(2));
}

#[test]
fn what_leads_nowhere_is_on_record_and_not_waited_for() {
    let mut world = World::new(2);
    for reach in &mut world.contacts[0].channels {
        reach.unreachable = true;
    }
    world.wait(15);
    let plan = world.plan();
    assert_eq!(reasons(&plan), [SkipReason::Unreachable; 3]);
    assert_eq!(short(&plan), messages(2));
    world.record(&plan);
    assert!(world.plan().skips.is_empty());
}

#[test]
fn drills_are_marked_and_a_test_stays_on_the_screen() {
    for (test_mode, drill, real) in [
        (TestMode::Off, true, true),
        (TestMode::Drills, true, false),
        (TestMode::Drills, false, true),
        (TestMode::Everything, false, false),
    ] {
        let mut world = World::new(1);
        world.policy.test_mode = test_mode;
        world.incident.drill = drill;
        world.wait(15);
        let plan = world.plan();
        assert!(
            plan.sends
                .iter()
                .all(|send| send.drill == drill && send.real == real)
        );
        assert_eq!(plan.sends.len(), 2);
    }
}

#[test]
fn the_permit_says_why_not() {
    let mut world = World::new(1);
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    let attempt = world.attempts[0];
    let why = |world: &World| withdrawn(&world.policy, &world.situation(), &attempt);
    assert_eq!(why(&world), None);
    world.decline(id(1));
    assert_eq!(why(&world), Some(SkipReason::Declined));
    world.incident.state = State::Resolved;
    assert_eq!(why(&world), Some(SkipReason::Ended));
}
