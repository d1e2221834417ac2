//! What holds whatever happens, in whatever order.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::tests::{World, id, reachable};
use super::*;
use crate::escalation::attempt::AttemptState;
use crate::escalation::channel::Channel;
use crate::escalation::policy::Mode;
use crate::sos::State;

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes, to the next look or by seconds.
    Look,
    Wait(u64),
    /// A report about some attempt.
    Report(usize, AttemptState),
    Acknowledge(Option<u128>),
    Sign,
    Decline(u128),
    Cry,
    End(bool),
    Add(usize, u128),
    Remove(usize),
    Unreachable(usize, usize),
    Move(u128, usize),
}

fn event() -> impl Strategy<Value = Event> {
    let state = prop::sample::select(vec![
        AttemptState::Sending,
        AttemptState::Sent,
        AttemptState::Delivered,
        AttemptState::Failed,
    ]);
    prop_oneof![
        8 => Just(Event::Look),
        4 => (0..200_u64).prop_map(Event::Wait),
        1 => (0..5_000_u64).prop_map(Event::Wait),
        8 => (0..60_usize, state).prop_map(|(n, state)| Event::Report(n, state)),
        1 => prop::option::of(1..6_u128).prop_map(Event::Acknowledge),
        1 => Just(Event::Sign),
        1 => (1..6_u128).prop_map(Event::Decline),
        1 => Just(Event::Cry),
        1 => any::<bool>().prop_map(Event::End),
        1 => (0..6_usize, 6..9_u128).prop_map(|(at, n)| Event::Add(at, n)),
        1 => (0..6_usize).prop_map(Event::Remove),
        1 => (0..6_usize, 0..3_usize).prop_map(|(n, c)| Event::Unreachable(n, c)),
        1 => (1..6_u128, 0..3_usize).prop_map(|(n, c)| Event::Move(n, c)),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let channels = prop::sample::subsequence(Channel::OF_CONTACTS.to_vec(), 1..=3);
    (
        0..=300_u64,
        10..=900_u64,
        any::<bool>(),
        0..=5_u32,
        channels,
        any::<bool>(),
        1..60_u64,
    )
        .prop_map(
            |(grace, timeout, broadcast, repeats, channels, all_clear, silent)| Policy {
                grace: Duration::from_secs(grace),
                acknowledge_timeout: Duration::from_secs(timeout),
                mode: if broadcast {
                    Mode::Broadcast
                } else {
                    Mode::Sequential
                },
                repeats,
                channels,
                all_clear,
                acknowledger_silent: Duration::from_mins(silent),
                ..Policy::default()
            },
        )
}

impl World {
    fn happen(&mut self, event: &Event) {
        let open = self.incident.state.is_open();
        match *event {
            Event::Look => {
                if let Some(at) = self.plan().look_at {
                    self.now = at;
                }
            }
            Event::Wait(seconds) => self.wait(seconds),
            Event::Report(n, state) => {
                let (count, now) = (self.attempts.len().max(1), self.now);
                if let Some(attempt) = self.attempts.get_mut(n % count) {
                    attempt.advance(state, now);
                }
            }
            Event::Acknowledge(who) if open => self.acknowledge(who.map(id)),
            Event::Sign => {
                for ack in &mut self.acknowledgements {
                    ack.last_sign_at = self.now;
                }
            }
            Event::Decline(who) if open => self.decline(id(who)),
            Event::Cry if open => self.second_cry(),
            Event::End(cancelled) if open => {
                self.end(if cancelled {
                    State::Cancelled
                } else {
                    State::Resolved
                });
            }
            Event::Add(at, n) if self.contacts.iter().all(|c| c.id != id(n)) => {
                self.contacts
                    .insert(at.min(self.contacts.len()), reachable(n));
            }
            Event::Remove(at) if at < self.contacts.len() => {
                self.contacts.remove(at);
            }
            Event::Unreachable(n, channel) => {
                if let Some(contact) = self.contacts.get_mut(n) {
                    contact.channels[channel].unreachable = true;
                }
            }
            Event::Move(n, channel) => self.move_away(id(n), Channel::OF_CONTACTS[channel]),
            _ => {}
        }
    }

    /// Asks, checks what always holds, and records.
    fn step(&mut self) -> Result<Plan, TestCaseError> {
        let plan = self.plan();
        prop_assert_eq!(&plan, &self.plan(), "a pure function");
        let grace_ends = self.incident.opened_at.plus(self.policy.grace);
        let helped = self
            .acknowledgements
            .iter()
            .any(|a| a.round == self.incident.round);
        for send in &plan.sends {
            prop_assert!(self.now >= grace_ends, "inside the grace window");
            match send.key.purpose {
                Purpose::AllClear => {
                    prop_assert!(!self.incident.state.is_open() && self.policy.all_clear);
                    let told = |a: &Attempt| {
                        (a.key.contact, a.address) == (send.key.contact, send.address)
                            && a.sending_at.is_some()
                    };
                    prop_assert!(self.attempts.iter().any(told));
                }
                Purpose::Alert { repeat } => {
                    prop_assert!(self.incident.state.is_open() && !helped);
                    prop_assert!(repeat <= self.policy.repeats);
                }
                Purpose::AskAgain { time } => {
                    prop_assert!(self.incident.state.is_open() && helped);
                    prop_assert!(time <= MAX_FOLLOW_UPS);
                }
            }
            if send.key.purpose != Purpose::AllClear {
                prop_assert!(self.contacts.iter().any(|c| c.id == send.key.contact));
                prop_assert!(!self.situation().declined(send.key.contact));
            }
        }
        if let Some(at) = plan.look_at {
            prop_assert!(at > self.now, "the next look lies ahead");
        }
        self.record(&plan);
        let again = self.plan();
        prop_assert!(
            again.sends.is_empty() && again.skips.is_empty(),
            "nothing new: {again:?}"
        );
        prop_assert_eq!(again.look_at, plan.look_at);
        prop_assert_eq!(again.exhausted, plan.exhausted);
        Ok(plan)
    }

    /// Between now and the next look nothing becomes due.
    fn nothing_before_the_look(&self, percent: i64) -> Result<(), TestCaseError> {
        let mut world = self.clone();
        let look_at = self.plan().look_at;
        let span = look_at.map_or(100_000_000_000, |at| at.micros_after(self.now) - 1);
        world.now = self
            .now
            .shift_micros(span / 100 * percent + span % 100 * percent / 100);
        let plan = world.plan();
        prop_assert!(plan.sends.is_empty(), "due before the look: {plan:?}");
        prop_assert_eq!(plan.exhausted, self.plan().exhausted);
        Ok(())
    }
}

impl World {
    /// That a message was taken or arrived makes nothing due sooner: whoever records it
    /// need not have the plan looked at.
    fn nothing_follows_from_taken(&self, which: i64) -> Result<(), TestCaseError> {
        if !self.incident.state.is_open() {
            return Ok(());
        }
        let (mut world, now, before) = (self.clone(), self.now, self.plan());
        let on_its_way = |a: &&mut Attempt| a.state <= AttemptState::Sent;
        let mut waiting: Vec<_> = world.attempts.iter_mut().filter(on_its_way).collect();
        let index = usize::try_from(which).unwrap_or(0) % waiting.len().max(1);
        let Some(attempt) = waiting.get_mut(index) else {
            return Ok(());
        };
        attempt.advance(AttemptState::Sending, now);
        let arrived = which % 2 == 0;
        attempt.advance(
            if arrived {
                AttemptState::Delivered
            } else {
                AttemptState::Sent
            },
            now,
        );
        let after = world.plan();
        prop_assert!(
            after.sends.is_empty() && after.skips.is_empty(),
            "{after:?}"
        );
        prop_assert_eq!(after.exhausted, before.exhausted);
        prop_assert_eq!(after.look_at.is_some(), before.look_at.is_some());
        prop_assert!(after.look_at >= before.look_at, "{before:?} {after:?}");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(
        policy in policy(),
        contacts in 0..6_u128,
        drill in any::<bool>(),
        events in prop::collection::vec((event(), 0..=100_i64), 1..80),
    ) {
        let mut world = World { policy, ..World::new(contacts) };
        world.incident.drill = drill;
        let mut keys = BTreeSet::new();
        let mut moves = 0_usize;
        for (event, percent) in events {
            world.happen(&event);
            moves += usize::from(matches!(event, Event::Move(..)));
            for send in world.step()?.sends {
                prop_assert!(keys.insert((send.key, send.address, moves)), "twice: {send:?}");
                prop_assert_eq!(send.drill, drill);
            }
            world.nothing_before_the_look(percent)?;
            world.nothing_follows_from_taken(percent)?;
        }
        // Per contact, channel and address: the repeats and silences of a round, one end.
        let rounds = world.incident.round as usize;
        let per_round = world.policy.repeats as usize + 1 + MAX_FOLLOW_UPS as usize;
        prop_assert!(keys.len() <= 9 * 3 * (moves + 1) * (rounds * per_round + 1));
    }

    #[test]
    fn left_alone_it_asks_everybody_and_then_says_so(
        policy in policy(),
        contacts in 0..6_u128,
        decliner in 0..6_u128,
        fails in any::<u64>(),
    ) {
        let mut world = World { policy, ..World::new(contacts) };
        world.decline(id(decliner));
        let mut sent = 0_u32;
        for look in 0..=200 {
            prop_assert!(look < 200, "it never ends");
            let plan = world.step()?;
            for send in &plan.sends {
                let failed = fails >> (sent % 64) & 1 == 1;
                sent += 1;
                let now = world.now;
                let attempt = world.attempts.iter_mut().find(|a| a.key == send.key).unwrap();
                attempt.advance(AttemptState::Sending, now);
                attempt.advance(if failed { AttemptState::Failed } else { AttemptState::Sent }, now);
            }
            // After a failure the caller asks again at once.
            if plan.sends.is_empty() {
                let Some(at) = plan.look_at else { break };
                world.now = at;
            }
        }
        prop_assert!(world.plan().exhausted.is_some());
        let asked: BTreeSet<_> = world.attempts.iter().map(|a| a.key.contact).collect();
        let expected: BTreeSet<_> = (1..=contacts).filter(|n| *n != decliner).map(id).collect();
        prop_assert_eq!(asked, expected);
        let most = (contacts as usize) * 3 * (world.policy.repeats as usize + 1);
        prop_assert!(world.attempts.len() <= most);
    }
}
