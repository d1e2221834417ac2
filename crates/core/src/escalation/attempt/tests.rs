use uuid::Uuid;

use super::*;

const AT: Timestamp = Timestamp::from_secs(1_800_000_000);

fn attempt() -> Attempt {
    let key = AttemptKey {
        contact: ContactId(Uuid::from_u128(1)),
        channel: Channel::Sms,
        round: 1,
        purpose: Purpose::Alert { repeat: 0 },
    };
    Attempt::scheduled(key, AT)
}

#[test]
fn reports_out_of_order_and_doubled_never_move_it_back() {
    let mut attempt = attempt();
    assert!(attempt.advance(AttemptState::Sending, AT));
    assert!(attempt.advance(AttemptState::Delivered, AT));
    let delivered = attempt;
    for late in [
        AttemptState::Scheduled,
        AttemptState::Sending,
        AttemptState::Sent,
        AttemptState::Failed,
        AttemptState::Delivered,
        AttemptState::Skipped,
    ] {
        let later = AT.shift_micros(9);
        assert!(!attempt.advance(late, later), "{late:?}");
        assert_eq!(attempt, delivered);
    }
}

#[test]
fn what_was_believed_lost_may_still_arrive() {
    let mut attempt = attempt();
    attempt.advance(AttemptState::Sending, AT);
    assert!(attempt.advance(AttemptState::Failed, AT));
    assert!(attempt.advance(AttemptState::Delivered, AT.shift_micros(5)));
    assert_eq!(attempt.settled_at, Some(AT.shift_micros(5)));
}

#[test]
fn only_what_nobody_began_to_send_is_skipped() {
    let mut waiting = attempt();
    assert!(waiting.advance(AttemptState::Skipped, AT));
    assert!(!waiting.advance(AttemptState::Sent, AT));
    assert!(!waiting.may_have_gone_out());
    let mut sending = attempt();
    sending.advance(AttemptState::Sending, AT);
    assert!(!sending.advance(AttemptState::Skipped, AT));
    assert!(sending.may_have_gone_out());
}

#[test]
fn a_report_proves_that_it_went_out_even_if_that_was_not_recorded() {
    let mut attempt = attempt();
    attempt.advance(AttemptState::Delivered, AT);
    assert!(attempt.may_have_gone_out());
}

#[test]
fn states_have_words() {
    for state in [
        AttemptState::Scheduled,
        AttemptState::Sending,
        AttemptState::Sent,
        AttemptState::Failed,
        AttemptState::Delivered,
        AttemptState::Skipped,
    ] {
        assert_eq!(AttemptState::parse(state.as_str()), Some(state));
    }
    assert_eq!(AttemptState::parse("lost"), None);
}

#[test]
fn a_purpose_is_read_back_from_what_is_stored() {
    for purpose in [
        Purpose::Alert { repeat: 3 },
        Purpose::AskAgain { time: 48 },
        Purpose::AllClear,
    ] {
        let (word, number) = purpose.to_parts();
        assert_eq!(Purpose::from_parts(word, number), Some(purpose));
    }
    assert_eq!(Purpose::from_parts("alarm", 0), None);
}

#[test]
fn nothing_arrives_before_it_was_taken() {
    let mut attempt = attempt();
    attempt.advance(AttemptState::Sending, AT);
    attempt.advance(AttemptState::Sent, AT.shift_micros(9));
    attempt.advance(AttemptState::Delivered, AT.shift_micros(4));
    assert_eq!(attempt.settled_at, attempt.sent_at);
}
