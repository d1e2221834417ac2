use std::net::Ipv4Addr;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const SILENCE: Met = Met::Outage(Outage::Silent);
const GARBAGE: Met = Met::Outage(Outage::Garbled);
/// Where a breaker's server is at first.
const HERE: &str = "";

/// One of many addresses.
fn peer(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0xC000_0200 + number))
}

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// One that is open until `after(30)`.
fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for number in 1..=5 {
        assert_eq!(breaker.record(HERE, SILENCE, peer(1), START), number == 5);
    }
    breaker
}

#[test]
fn a_server_that_is_silent_five_times_in_a_row_is_left_alone() {
    let mut breaker = Breaker::default();
    for between in [Met::Answer, GARBAGE] {
        for _ in 0..4 {
            breaker.record(HERE, SILENCE, peer(1), START);
        }
        breaker.record(HERE, between, peer(2), START);
    }
    for _ in 0..4 {
        breaker.record(HERE, SILENCE, peer(1), START);
        // What says nothing about the server does not interrupt the row.
        breaker.record(HERE, Met::Nothing, peer(1), START);
    }
    assert_eq!(breaker.enter(peer(1), START), Passage::Free);
    assert!(breaker.record(HERE, SILENCE, peer(1), START));
    let wait = Duration::from_secs(29);
    assert_eq!(breaker.enter(peer(1), after(1)), Passage::Shut(wait));
    assert_eq!(breaker.open_until(after(1)), Some(after(30)));
}

#[test]
fn of_another_server_nothing_is_known_and_nothing_is_learnt_from_the_old_one() {
    let mut breaker = opened();
    assert!(!breaker.turn_to(HERE));
    assert!(breaker.open_until(START).is_some());
    assert!(breaker.turn_to("https://b.example"));
    assert_eq!(breaker.enter(peer(1), START), Passage::Free);
    // Questions to the old one that were under way.
    for _ in 0..10 {
        assert!(!breaker.record(HERE, SILENCE, peer(1), START));
    }
    assert_eq!(breaker.open_until(START), None);
}

#[test]
fn one_address_alone_never_opens_it_with_tokens_that_the_server_chokes_on() {
    let mut breaker = Breaker::default();
    // Two a second for an hour, and nobody else logs in.
    for half in 0..7_200 {
        let now = after(half / 2);
        assert!(!breaker.record(HERE, GARBAGE, peer(1), now), "{half}");
    }
    // Its row is not what others add the last straw to.
    assert!(!breaker.record(HERE, GARBAGE, peer(2), after(3_600)));
    // Addresses of one IPv6 customer are one.
    for number in 0..1_000_u128 {
        let v6 = IpAddr::V6(((0x2001_0db8_u128 << 96) + number).into());
        assert!(!breaker.record(HERE, GARBAGE, v6, after(3_600)));
    }
}

#[test]
fn a_server_that_answers_everybody_with_garbage_is_left_alone() {
    let mut breaker = Breaker::default();
    for number in 1..=19 {
        assert!(!breaker.record(HERE, GARBAGE, peer(number / 3), START));
    }
    assert!(breaker.record(HERE, GARBAGE, peer(20), START));
    // Spread over more time they are no outage.
    let mut breaker = Breaker::default();
    for number in 1..=100 {
        let now = after(u64::from(number) * 16);
        assert!(!breaker.record(HERE, GARBAGE, peer(number), now));
    }
}

#[test]
fn after_the_pause_a_few_ask_and_one_answer_closes_it() {
    let mut breaker = opened();
    let now = after(30);
    // Whoever asks all the time leaves room for others.
    assert_eq!(breaker.enter(peer(1), now), Passage::Probe);
    assert_eq!(breaker.enter(peer(1), now), Passage::Probe);
    assert_eq!(breaker.enter(peer(1), now), Passage::Shut(NEXT_PROBE));
    for number in 2..=5 {
        assert_eq!(breaker.enter(peer(number), now), Passage::Probe);
    }
    assert_eq!(breaker.enter(peer(6), now), Passage::Shut(NEXT_PROBE));
    breaker.leave(peer(1));
    assert_eq!(breaker.enter(peer(6), now), Passage::Probe);
    for _ in 0..100 {
        assert!(!breaker.record(HERE, GARBAGE, peer(1), now));
    }
    assert!(breaker.is_open());
    assert!(breaker.record(HERE, Met::Answer, peer(2), now));
    assert!(!breaker.is_open());
    assert_eq!(breaker.enter(peer(1), now), Passage::Free);
    // A place that is given back late belongs to nobody.
    breaker.leave(peer(3));
}

#[test]
fn failing_as_before_opens_it_for_twice_as_long_up_to_a_limit() {
    let mut breaker = opened();
    let mut now = after(30);
    for pause in [60, 120, 240, 300, 300] {
        for number in 1..=5 {
            assert_eq!(breaker.enter(peer(number), now), Passage::Probe);
            assert_eq!(
                breaker.record(HERE, SILENCE, peer(number), now),
                number == 5
            );
            breaker.leave(peer(number));
        }
        // The ends of questions that were under way do not add to it.
        for _ in 0..100 {
            assert!(!breaker.record(HERE, SILENCE, peer(9), now));
        }
        let wait = Duration::from_secs(pause);
        assert_eq!(breaker.enter(peer(1), now), Passage::Shut(wait));
        now = now.plus(wait);
    }
    assert!(breaker.record(HERE, Met::Answer, peer(1), now));
}
