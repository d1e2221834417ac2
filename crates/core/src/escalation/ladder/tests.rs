use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

const AT: Timestamp = Timestamp::from_secs(1_800_000_000);
const BEN: ContactId = ContactId(Uuid::from_u128(1));
const EVA: ContactId = ContactId(Uuid::from_u128(2));

fn later(seconds: i64) -> Timestamp {
    AT.shift_micros(seconds * 1_000_000)
}

#[test]
fn it_climbs_step_by_step_each_with_its_time() {
    let mut ladder = Ladder::default();
    let steps = [
        Step::Stored,
        Step::Queued,
        Step::Accepted,
        Step::Delivered,
        Step::Opened,
        Step::Acknowledged,
    ];
    for (second, step) in (0..).zip(steps) {
        assert!(ladder.note(BEN, Channel::Sms, step, later(second)));
    }
    assert_eq!(
        serde_json::to_value(&ladder).unwrap(),
        json!([{
            "contactId": "00000000-0000-0000-0000-000000000001", "channel": "sms",
            "step": "acknowledged",
            "storedAt": later(0), "queuedAt": later(1), "acceptedAt": later(2), "failedAt": null,
            "deliveredAt": later(3), "openedAt": later(4), "acknowledgedAt": later(5),
        }])
    );
}

#[test]
fn a_late_queued_or_failed_changes_nothing_after_delivered() {
    let mut receipt = Receipt::stored(BEN, Channel::Sms, AT);
    receipt.note(Step::Delivered, later(5));
    let delivered = receipt.clone();
    for late in [Step::Queued, Step::Accepted, Step::Failed, Step::Delivered] {
        assert!(!receipt.note(late, later(9)));
        assert_eq!(receipt, delivered);
    }
}

#[test]
fn a_delivery_after_a_failure_counts_and_the_failure_stays_on_record() {
    let mut receipt = Receipt::stored(BEN, Channel::Sms, AT);
    receipt.note(Step::Failed, later(1));
    assert!(receipt.note(Step::Delivered, later(2)));
    assert_eq!(receipt.step, Step::Delivered);
    assert_eq!(receipt.failed_at, Some(later(1)));
}

#[test]
fn an_answer_by_another_way_speaks_for_all_that_was_handed_over() {
    let mut ladder = Ladder::default();
    ladder.note(BEN, Channel::Email, Step::Queued, AT);
    ladder.note(BEN, Channel::Voice, Step::Delivered, AT);
    ladder.note(EVA, Channel::Voice, Step::Delivered, AT);
    assert!(ladder.note_answer(BEN, later(3)));
    assert!(!ladder.note_answer(BEN, later(4)));
    let [mail, call, other] = ladder.receipts() else {
        panic!("three, not {ladder:?}");
    };
    assert_eq!((mail.step, mail.acknowledged_at), (Step::Queued, None));
    let acknowledged = (Step::Acknowledged, Some(later(3)));
    assert_eq!((call.step, call.acknowledged_at), acknowledged);
    assert_eq!(other.step, Step::Delivered);
}

#[test]
fn the_page_speaks_for_the_channels_that_carried_its_link() {
    let mut ladder = Ladder::default();
    ladder.note(BEN, Channel::Sms, Step::Accepted, AT);
    ladder.note(BEN, Channel::Email, Step::Queued, AT);
    ladder.note(BEN, Channel::Voice, Step::Delivered, AT);
    ladder.note(EVA, Channel::Sms, Step::Delivered, AT);
    assert!(ladder.note_page(BEN, Step::Acknowledged, later(3)));
    assert!(!ladder.note_page(BEN, Step::Opened, later(4)));
    let steps: Vec<_> = ladder
        .receipts()
        .iter()
        .map(|receipt| receipt.step)
        .collect();
    assert_eq!(
        steps,
        [
            Step::Acknowledged,
            Step::Queued,
            Step::Delivered,
            Step::Delivered
        ]
    );
}

proptest! {
    #[test]
    fn whatever_the_order_it_never_goes_back(reports in prop::collection::vec(0..7_usize, 0..40)) {
        let all = [
            Step::Stored, Step::Queued, Step::Accepted, Step::Failed, Step::Delivered,
            Step::Opened, Step::Acknowledged,
        ];
        let mut receipt = Receipt::stored(BEN, Channel::Sms, AT);
        let mut highest = Step::Stored;
        for (second, report) in (1..).zip(reports) {
            let changed = receipt.note(all[report], later(second));
            prop_assert_eq!(changed, all[report] > highest);
            highest = highest.max(all[report]);
            prop_assert_eq!(receipt.step, highest);
        }
    }
}
