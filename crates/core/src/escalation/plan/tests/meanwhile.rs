//! What changes while an incident runs, and in which order it is told.

use super::*;

#[test]
fn the_all_clear_follows_its_cry_as_soon_as_that_is_settled() {
    let mut world = World::new(1);
    world.policy.channels = vec![Channel::Sms];
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    let cry = plan.sends[0].key;
    world.report(cry, AttemptState::Sending);
    world.end(State::Cancelled);
    assert_eq!(short(&world.plan()), []);
    let mut refused = world.clone();
    world.report(cry, AttemptState::Sent);
    assert_eq!(short(&world.plan()), [(1, Channel::Sms)]);
    // Nobody was told by what was refused, unless a provider fell silent before.
    refused.report(cry, AttemptState::Failed);
    assert_eq!(refused.plan(), Plan::default());
    refused.attempts[0].doubted = true;
    assert_eq!(short(&refused.plan()), [(1, Channel::Sms)]);
}

#[test]
fn a_corrected_number_is_asked_anew_and_both_hear_the_all_clear() {
    let mut world = World::new(2);
    world.policy.channels = vec![Channel::Sms];
    assert_eq!(world.after(15), [(1, Channel::Sms)]);
    assert_eq!(world.after(60), [(2, Channel::Sms)]);
    world.move_away(id(1), Channel::Sms);
    assert_eq!(world.after(1), [(1, Channel::Sms)]);
    assert_eq!(world.after(1), []);
    world.end(State::Resolved);
    let clear: Vec<_> = world
        .plan()
        .sends
        .iter()
        .map(|send| (send.key.contact, send.address))
        .collect();
    assert_eq!(clear, [(id(1), 1), (id(1), 0), (id(2), 0)]);
}

#[test]
fn what_waits_for_an_old_number_is_withdrawn() {
    let mut world = World::new(1);
    world.policy.channels = vec![Channel::Sms];
    world.wait(15);
    let plan = world.plan();
    world.record(&plan);
    world.move_away(id(1), Channel::Sms);
    let plan = world.plan();
    assert_eq!(reasons(&plan), [SkipReason::AddressChanged]);
    assert_eq!(short(&plan), [(1, Channel::Sms)]);
}

#[test]
fn each_silence_that_nobody_answers_is_one_of_its_own() {
    let mut world = World::new(1);
    world.policy.channels = vec![Channel::Sms];
    world.after(15);
    world.acknowledge(Some(id(1)));
    let mut said = Vec::new();
    for _ in 0..2 {
        world.after(30 * 60);
        world.wait(60);
        said.push(world.plan().exhausted.unwrap());
        world.acknowledgements[0].last_sign_at = world.now;
    }
    assert_eq!([said[0].silence, said[1].silence], [1, 2]);
    assert!(said[1].since > said[0].since.plus(Duration::from_mins(1)));
}

#[test]
fn who_is_asked_after_all_had_been_asked_is_unanswered_anew() {
    let mut world = World::new(1);
    world.policy.channels = vec![Channel::Sms];
    world.after(15);
    world.wait(60);
    let first = world.plan().exhausted.unwrap();
    // A contact who cannot be reached changes nothing.
    world.wait(100);
    let mut nowhere = reachable(2);
    for reach in &mut nowhere.channels {
        reach.unreachable = true;
    }
    world.contacts.push(nowhere);
    let plan = world.plan();
    world.record(&plan);
    assert_eq!(world.plan().exhausted, Some(first));
    world.contacts.push(reachable(3));
    assert_eq!(world.after(0), [(3, Channel::Sms)]);
    assert!(
        world.plan().exhausted.is_none(),
        "there is somebody to wait for"
    );
    let asked = world.now;
    world.wait(60);
    let second = world.plan().exhausted.unwrap();
    assert_eq!((second.silence, second.since), (0, asked));
    assert!(second.since > first.since.plus(Duration::from_mins(1)));
}

#[test]
fn who_wants_no_more_messages_is_called_if_they_were_called_before() {
    // Known before it was sent, and told by the provider.
    for end in [AttemptState::Skipped, AttemptState::Failed] {
        an_all_clear_that_is_lost_is_told_in_a_call(end);
    }
}

fn an_all_clear_that_is_lost_is_told_in_a_call(lost: AttemptState) {
    let mut world = World::new(2);
    world.policy.mode = Mode::Broadcast;
    world.policy.channels = vec![Channel::Sms, Channel::Voice];
    assert_eq!(world.after(15), [(1, Channel::Sms), (2, Channel::Sms)]);
    world.fail(1);
    assert_eq!(world.after(0), call(1));
    // The SMS arrived all the same.
    let cry = world.attempts[0].key;
    world.report(cry, AttemptState::Delivered);
    world.end(State::Resolved);
    let plan = world.plan();
    assert_eq!(short(&plan), [(1, Channel::Sms), (2, Channel::Sms)]);
    world.record(&plan);
    for send in &plan.sends {
        world.report(send.key, lost);
    }
    assert_eq!(world.after(0), call(1));
    assert_eq!(world.plan(), Plan::default());
}
