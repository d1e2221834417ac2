use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::escalation::attempt::{AttemptKey, AttemptState, Purpose};

const AT: Timestamp = Timestamp::from_secs(1_800_000_000);
const BEN: ContactId = ContactId(Uuid::from_u128(1));

fn later(seconds: i64) -> Timestamp {
    AT.shift_micros(seconds * 1_000_000)
}

fn facts() -> ContactFacts<'static> {
    ContactFacts {
        id: BEN,
        name: "Ben",
        phone: "+34600111222",
        email: "ben@example.org",
        acknowledged_at: None,
        since: AT,
    }
}

fn attempt(channel: Channel, round: u32, state: AttemptState) -> Attempt {
    let key = AttemptKey {
        contact: BEN,
        channel,
        round,
        purpose: Purpose::Alert { repeat: 0 },
    };
    let mut attempt = Attempt::scheduled(key, later(round.into()));
    attempt.advance(state, later(i64::from(round) + 5));
    attempt
}

/// The words between the braces of the contract's sentence, as it stands there.
fn members(sentence: &str) -> BTreeSet<String> {
    sentence.split(", ").map(str::to_owned).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn it_has_the_members_of_the_contract_and_no_others() {
    let contact = ContactEntry::new(&facts(), &[attempt(Channel::Sms, 1, AttemptState::Sent)]);
    let slack = Delivery::scheduled("1", Channel::Slack, "#alarm", AT);
    let snapshot = Snapshot {
        snapshot_version: 7,
        items: vec![
            Item::contacts(vec![contact], AT),
            Item::deliveries(ItemType::Slack, vec![slack], AT),
            Item::deliveries(ItemType::Webhook, vec![], AT),
        ],
    };
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(keys(&json), members("snapshotVersion, items"));
    let items = &json["items"];
    let item = "id, type, status, outcome, updatedAt";
    assert_eq!(keys(&items[0]), members(&format!("{item}, contacts")));
    for index in [1, 2] {
        assert_eq!(keys(&items[index]), members(&format!("{item}, deliveries")));
    }
    assert_eq!(
        keys(&items[0]["contacts"][0]),
        members(
            "contactId, name, phone, email, channel, status, outcome, updatedAt, acknowledgedAt, channels"
        )
    );
    assert_eq!(
        keys(&items[0]["contacts"][0]["channels"][0]),
        members("id, channel, address, target, status, outcome, updatedAt, acknowledgedAt")
    );
    assert_eq!(
        keys(&items[1]["deliveries"][0]),
        members("id, channel, status, outcome, updatedAt, deliveredAt, failedAt, target, error")
    );
    for (index, id) in ["emergency_contacts", "slack", "webhook"]
        .iter()
        .enumerate()
    {
        assert_eq!(
            (&items[index]["id"], &items[index]["type"]),
            (&json!(id), &json!(id))
        );
    }
    assert_eq!(
        serde_json::from_value::<Snapshot>(json.clone()).unwrap(),
        snapshot
    );
    let kept = serde_json::to_value(snapshot.into_actuators().unwrap()).unwrap();
    assert_eq!(kept, json);
}

#[test]
fn the_table_of_statuses() {
    for (status, words, outcome) in [
        (Status::Scheduled, "scheduled queued", "pending"),
        (
            Status::Sent,
            "sent ringing in_progress In-Progress",
            "success",
        ),
        (
            Status::Delivered,
            "delivered completed acknowledged",
            "success",
        ),
        (
            Status::Failed,
            "failed no_answer no-answer busy canceled undelivered",
            "failure",
        ),
        (Status::Skipped, "skipped", "skipped"),
    ] {
        for word in words.split(' ') {
            assert_eq!(Status::of_provider(word), Some(status), "{word}");
        }
        assert_eq!(json!(status), json!(status.as_str()));
        assert_eq!(json!(status.outcome()), json!(outcome));
    }
    assert_eq!(Status::of_provider("initiated"), None);
}

#[test]
fn the_most_hopeful_channel_speaks_for_a_contact() {
    use AttemptState::{Delivered, Failed, Scheduled, Sent, Skipped};
    for (sms, email, voice, status, channel) in [
        (Failed, Sent, Scheduled, Status::Sent, Channel::Email),
        (Failed, Failed, Scheduled, Status::Scheduled, Channel::Voice),
        (Delivered, Sent, Failed, Status::Delivered, Channel::Sms),
        (Failed, Skipped, Skipped, Status::Failed, Channel::Sms),
        (Skipped, Skipped, Skipped, Status::Skipped, Channel::Sms),
        (
            AttemptState::Sending,
            Failed,
            Failed,
            Status::Scheduled,
            Channel::Sms,
        ),
    ] {
        let attempts = [
            attempt(Channel::Sms, 1, sms),
            attempt(Channel::Email, 1, email),
            attempt(Channel::Voice, 1, voice),
        ];
        let entry = ContactEntry::new(&facts(), &attempts);
        assert_eq!((entry.status, entry.channel), (status, channel));
        assert_eq!(entry.outcome, status.outcome());
        assert_eq!(entry.channels[1].address, "ben@example.org");
        assert_eq!(entry.channels[2].address, "+34600111222");
    }
}

#[test]
fn before_its_turn_a_contact_is_scheduled_and_nobody_is_skipped() {
    let entry = ContactEntry::new(&facts(), &[]);
    assert_eq!((entry.status, entry.updated_at), (Status::Scheduled, AT));
    assert_eq!(Item::contacts(vec![entry], AT).status, Status::Scheduled);
    assert_eq!(Item::contacts(vec![], AT).status, Status::Skipped);
}

#[test]
fn an_answer_counts_as_delivered_on_what_went_out() {
    let attempts = [
        attempt(Channel::Sms, 1, AttemptState::Failed),
        attempt(Channel::Email, 1, AttemptState::Sent),
        attempt(Channel::Voice, 1, AttemptState::Skipped),
    ];
    let facts = ContactFacts {
        acknowledged_at: Some(later(60)),
        ..facts()
    };
    let entry = ContactEntry::new(&facts, &attempts);
    assert_eq!(
        (entry.status, entry.updated_at),
        (Status::Delivered, later(60))
    );
    let answered: Vec<_> = entry
        .channels
        .iter()
        .map(|c| c.acknowledged_at.is_some())
        .collect();
    assert_eq!(answered, [false, true, false]);
}

#[test]
fn of_two_rounds_the_later_is_shown() {
    let attempts = [
        attempt(Channel::Sms, 1, AttemptState::Delivered),
        attempt(Channel::Sms, 2, AttemptState::Failed),
    ];
    let entry = ContactEntry::new(&facts(), &attempts);
    assert_eq!((entry.status, entry.channels.len()), (Status::Failed, 1));
}

#[test]
fn a_delivery_never_goes_back() {
    let mut delivery = Delivery::scheduled("1", Channel::Webhook, "ops", AT);
    assert!(delivery.note(Status::Failed, later(1), Some("410")));
    assert_eq!(delivery.error.as_deref(), Some("410"));
    assert!(delivery.note(Status::Delivered, later(2), None));
    assert_eq!(
        (delivery.error.as_deref(), delivery.failed_at),
        (None, Some(later(1)))
    );
    let arrived = delivery.clone();
    for late in [
        Status::Scheduled,
        Status::Sent,
        Status::Failed,
        Status::Skipped,
    ] {
        assert!(!delivery.note(late, later(3), None));
    }
    assert_eq!(delivery, arrived);
}
