use std::time::Duration;

use bytes::Bytes;
use mayday_core::escalation::{Attempt, AttemptKey, AttemptState, Channel, Kind, Purpose};
use mayday_core::event::EventType;
use mayday_core::identity::Caller;
use mayday_core::ids::{AttemptId, ContactId};
use mayday_core::sos::{Flags, State, Trigger};
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use uuid::Uuid;

use super::*;
use crate::command::{Command, Lane};
use crate::incidents::{ResolveSos, TriggerOutcome, TriggerSos};
use crate::on_both;
use crate::testing::{START, TestStore};
use crate::{StoreError, Tx, events};

const ANN: ContactId = ContactId(Uuid::from_u128(1));

async fn open(store: &TestStore, caller: &Caller) -> Incident {
    let trigger = TriggerSos {
        app: caller.app,
        sender: caller.user,
        body: Bytes::new(),
        trigger: Trigger::default(),
        flags: Flags::NONE,
        transport: Transport::Http,
        received_at: START,
        receipt: Uuid::from_u128(9),
        last_known: None,
    };
    match store.write(Lane::Sos, trigger).await.unwrap() {
        TriggerOutcome::Opened(incident) => *incident,
        other => panic!("opened, not {other:?}"),
    }
}

/// Runs some statements as a command.
struct Insert(AttemptRow);

impl Command for Insert {
    type Output = ();
    const NAME: &'static str = "test.insert";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        attempts::insert(tx, &self.0).await
    }
}

struct Update(AttemptRow);

impl Command for Update {
    type Output = ();
    const NAME: &'static str = "test.update";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        attempts::update(tx, &self.0).await
    }
}

struct Issue(IncidentId);

impl Command for Issue {
    type Output = [u8; 32];
    const NAME: &'static str = "test.issue";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<[u8; 32], StoreError> {
        Ok(tokens::issue(tx, self.0, ANN).await?.lookup_key())
    }
}

fn attempt(incident: IncidentId) -> AttemptRow {
    let key = AttemptKey {
        contact: ANN,
        channel: Channel::Sms,
        round: 1,
        purpose: Purpose::Alert { repeat: 0 },
    };
    AttemptRow {
        id: AttemptId(Uuid::from_u128(7)),
        incident,
        attempt: Attempt::scheduled(key, START),
        kind: Kind::Alert,
        drill: false,
        real: true,
        name: "Ann".to_owned(),
        address: "+34600111222".to_owned(),
        language: "es".to_owned(),
        skip_reason: None,
        tries: 0,
        provider: None,
        try_at: None,
        provider_id: None,
        refused_by: Vec::new(),
        code: None,
        error: None,
        answered_by: None,
    }
}

on_both!(
    an_attempt_is_read_back_as_it_was_written,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        let incident = open(&store, &caller).await;
        let mut row = attempt(incident.id);
        store.write(Lane::Job, Insert(row.clone())).await.unwrap();
        row.attempt.advance(AttemptState::Sending, START);
        row.attempt.advance(AttemptState::Delivered, later(3));
        row.tries = 2;
        row.provider = Some("spain".to_owned());
        row.provider_id = Some("SM1".to_owned());
        row.refused_by = vec!["world".to_owned(), "mobile".to_owned()];
        row.code = Some("21610".to_owned());
        row.answered_by = Some("human".to_owned());
        store.write(Lane::Job, Update(row.clone())).await.unwrap();
        let mut tx = store.read().await.unwrap();
        assert_eq!(
            attempts::get(&mut tx, row.id).await.unwrap(),
            Some(row.clone())
        );
        let known = attempts::by_provider(&mut tx, "spain", "SM1")
            .await
            .unwrap();
        assert_eq!(known, Some(row.clone()));
        let other = attempts::by_provider(&mut tx, "world", "SM1")
            .await
            .unwrap();
        assert_eq!(other, None);
        assert_eq!(
            attempts::of_incident(&mut tx, incident.id).await.unwrap(),
            [row]
        );
    }
);

on_both!(
    an_answer_counts_once_and_the_event_says_whose,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        let incident = open(&store, &caller).await;
        let say = Acknowledge {
            incident: incident.id,
            by: By::Contact(ANN, Means::Page),
            name: Some("Ann Lee".to_owned()),
        };
        store.clock.advance(Duration::from_secs(30));
        let now = store.write(Lane::Sos, say.clone()).await.unwrap();
        let AcknowledgeOutcome::Now(shown) = now else {
            panic!("it counts, not {now:?}");
        };
        assert_eq!(
            (shown.state, shown.acknowledged_at),
            (State::Acknowledged, Some(later(30)))
        );
        let again = store.write(Lane::Sos, say.clone()).await.unwrap();
        assert!(matches!(again, AcknowledgeOutcome::Again(_)), "{again:?}");
        let no = Decline {
            incident: incident.id,
            contact: ANN,
        };
        store.clock.advance(Duration::from_secs(1));
        assert_eq!(
            store.write(Lane::Sos, no).await.unwrap(),
            DeclineOutcome::Noted
        );
        store.clock.advance(Duration::from_secs(1));
        let after_all = store.write(Lane::Sos, say.clone()).await.unwrap();
        assert!(
            matches!(after_all, AcknowledgeOutcome::Now(_)),
            "{after_all:?}"
        );

        let mut tx = store.read().await.unwrap();
        let events = events::read_after(&mut tx, caller.user, 0, 10)
            .await
            .unwrap();
        let said: Vec<_> = events
            .iter()
            .filter(|event| event.kind == EventType::Acknowledged)
            .collect();
        assert_eq!(said.len(), 2);
        let by = &said[0].body["acknowledgedBy"];
        assert_eq!(
            (by["name"].as_str(), by["type"].as_str()),
            (Some("Ann Lee"), Some("contact"))
        );
        drop(tx);
        store
            .write(Lane::Sos, ResolveSos { user: caller.user })
            .await
            .unwrap();
        let late = store.write(Lane::Sos, say).await.unwrap();
        assert_eq!(late, AcknowledgeOutcome::Ended);
        assert_eq!(
            store.write(Lane::Sos, no).await.unwrap(),
            DeclineOutcome::Ended
        );
    }
);

on_both!(a_link_is_the_same_until_it_is_revoked, |store| async move {
    let app = store.app("one").await;
    let caller = store.caller(&app, "ana").await;
    let incident = open(&store, &caller).await;
    let first = store.write(Lane::Job, Issue(incident.id)).await.unwrap();
    assert_eq!(
        store.write(Lane::Job, Issue(incident.id)).await.unwrap(),
        first
    );
    store.clock.advance(Duration::from_secs(5));
    let open_it = |lookup_key| NoteOpened { lookup_key };
    assert!(store.write(Lane::Rest, open_it(first)).await.unwrap());
    assert!(!store.write(Lane::Rest, open_it([0; 32])).await.unwrap());
    let revoke = RevokeTokens {
        incident: incident.id,
        contact: ANN,
    };
    assert_eq!(store.write(Lane::Rest, revoke).await.unwrap(), 1);
    let second = store.write(Lane::Job, Issue(incident.id)).await.unwrap();
    assert_ne!(first, second);
    assert!(!store.write(Lane::Rest, open_it(first)).await.unwrap());
    let mut tx = store.read().await.unwrap();
    let old = tokens::find(&mut tx, &first).await.unwrap().unwrap();
    assert_eq!(
        (old.opened_at, old.revoked_at),
        (Some(later(5)), Some(later(5)))
    );
    let new = tokens::find(&mut tx, &second).await.unwrap().unwrap();
    assert_eq!(
        (new.generation, new.contact, new.incident),
        (2, ANN, incident.id)
    );
});

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}
