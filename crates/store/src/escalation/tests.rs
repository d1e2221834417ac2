use std::time::Duration;

use bytes::Bytes;
use mayday_core::contact::NewContact;
use mayday_core::escalation::{Attempt, AttemptKey, AttemptState, Channel, Kind, Purpose};
use mayday_core::event::EventType;
use mayday_core::identity::Caller;
use mayday_core::ids::{AttemptId, ContactId, JobId};
use mayday_core::sos::{Flags, State, Trigger};
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use uuid::Uuid;

use super::*;
use crate::command::{Command, Lane};
use crate::contacts::AddContact;
use crate::incidents::{ResolveSos, TriggerOutcome, TriggerSos};
use crate::jobs::Claim;
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
        doubts: 0,
        absences: 0,
        link: None,
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

/// Inserts rows of rounds that are over, each a second after the one before.
struct Crowd(AttemptRow, std::ops::Range<u32>);

impl Command for Crowd {
    type Output = ();
    const NAME: &'static str = "test.crowd";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let mut row = self.0.clone();
        for seconds in self.1.clone() {
            row.id = AttemptId(Uuid::from_u128(1_000 + u128::from(seconds)));
            row.attempt.key.round = seconds + 1;
            row.attempt.scheduled_at = later(u64::from(seconds));
            attempts::insert(tx, &row).await?;
        }
        Ok(())
    }
}

on_both!(
    of_more_attempts_than_are_read_the_newest_count_and_everybody_who_was_told,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        let incident = open(&store, &caller).await;
        let mut told = attempt(incident.id);
        told.attempt.advance(AttemptState::Sending, START);
        told.attempt.advance(AttemptState::Sent, START);
        store.write(Lane::Job, Insert(told.clone())).await.unwrap();
        let mut skipped = attempt(incident.id);
        skipped.address = "+34600999999".to_owned();
        skipped.attempt.advance(AttemptState::Skipped, START);
        // Few at a time: PostgreSQL gives a command 15 s.
        for first in (0..5_100).step_by(100) {
            let crowd = Crowd(skipped.clone(), first..first + 100);
            store.write(Lane::Job, crowd).await.unwrap();
        }
        let mut tx = store.read().await.unwrap();
        let read = attempts::of_incident(&mut tx, incident.id).await.unwrap();
        assert_eq!(read.len(), 5_001);
        assert_eq!(read[0], told);
        assert_eq!(read[1].attempt.scheduled_at, later(100));
        assert_eq!(read[5_000].attempt.scheduled_at, later(5_099));
    }
);

on_both!(
    a_message_of_a_provider_belongs_to_one_attempt,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        let incident = open(&store, &caller).await;
        let mut first = attempt(incident.id);
        first.provider = Some("spain".to_owned());
        first.provider_id = Some("CA1".to_owned());
        first.attempt.advance(AttemptState::Sent, START);
        store.write(Lane::Job, Insert(first.clone())).await.unwrap();
        let mut second = attempt(incident.id);
        second.id = AttemptId(Uuid::from_u128(8));
        second.attempt.key.round = 2;
        second.provider = Some("spain".to_owned());
        second.attempt.advance(AttemptState::Sending, START);
        (second.tries, second.try_at) = (1, Some(START));
        let again = AttemptRow {
            provider_id: first.provider_id.clone(),
            ..second.clone()
        };
        let refused = store.write(Lane::Job, Insert(again)).await.unwrap_err();
        assert!(refused.is_unique_violation(), "{refused}");
        store
            .write(Lane::Job, Insert(second.clone()))
            .await
            .unwrap();
        let review = ReviewTry { attempt: second.id };
        let review = store.write(Lane::Job, review).await.unwrap().unwrap();
        assert_eq!(review.others, ["CA1"]);
        let record = |end| RecordTry {
            attempt: second.id,
            number: 1,
            claim: Claim {
                id: JobId(Uuid::nil()),
                fence: 0,
            },
            end,
        };
        let found = TryEnd::Found {
            provider_id: "CA1".to_owned(),
            state: AttemptState::Sent,
        };
        let recorded = store.write(Lane::Job, record(found)).await.unwrap();
        assert_eq!(recorded, Recorded::Foreign);
        // What the provider itself says that it took is taken, whatever it calls it.
        let accepted = TryEnd::Accepted {
            provider_id: "CA1".to_owned(),
            state: AttemptState::Sent,
        };
        let recorded = store.write(Lane::Job, record(accepted)).await.unwrap();
        assert_eq!(recorded, Recorded::Now);
        let mut tx = store.read().await.unwrap();
        let row = attempts::get(&mut tx, second.id).await.unwrap().unwrap();
        assert_eq!(row.attempt.state, AttemptState::Sent);
        assert_eq!(row.provider_id, None);
    }
);

on_both!(
    a_message_that_is_posted_again_acknowledges_nothing_more,
    |store| async move {
        let app = store.app("one").await;
        let ana = open(&store, &store.caller(&app, "ana").await).await;
        let ben = open(&store, &store.caller(&app, "ben").await).await;
        let say = async |incident, answer: &str| {
            let said = AcknowledgeByMessage {
                acknowledge: Acknowledge {
                    incident,
                    by: By::Contact(ANN, Means::Sms),
                    name: None,
                },
                note: NoteAnswer {
                    provider: "main".to_owned(),
                    message_id: format!("SM of {}", ana.id),
                    answer: answer.to_owned(),
                },
                over: "over".to_owned(),
            };
            store.write(Lane::Sos, said).await.unwrap()
        };
        assert_eq!(say(ana.id, "about ana").await, "about ana");
        // The process died before it answered; by now the word would be about Ben.
        assert_eq!(say(ben.id, "about ben").await, "about ana");
        let mut tx = store.read().await.unwrap();
        let said = acknowledge::of_incident(&mut tx, ana.id).await.unwrap();
        assert_eq!(said.len(), 1);
        let said = acknowledge::of_incident(&mut tx, ben.id).await.unwrap();
        assert!(said.is_empty());
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
    let revoke = RevokeLink {
        app: app.id,
        incident: incident.id,
        contact: ANN,
        operator: "Kim".to_owned(),
    };
    let revoked = store.write(Lane::Rest, revoke.clone()).await.unwrap();
    assert_eq!(revoked, Some(1));
    let again = store.write(Lane::Rest, revoke.clone()).await.unwrap();
    assert_eq!(again, Some(0));
    let elsewhere = RevokeLink {
        app: store.app("other").await.id,
        ..revoke
    };
    assert_eq!(store.write(Lane::Rest, elsewhere).await.unwrap(), None);
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

on_both!(
    a_number_concerns_what_its_contact_was_mailed,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        let phone = "+34600111222";
        let add = AddContact {
            id: ANN,
            user: caller.user,
            contact: NewContact {
                name: "Ann".to_owned(),
                phone: phone.to_owned(),
                email: "ann@example.org".to_owned(),
                priority: None,
                language: "ca".to_owned(),
            },
        };
        store.write(Lane::Rest, add).await.unwrap();
        let of = async |phone| {
            let mut tx = store.read().await.unwrap();
            concerns(&mut tx, phone).await.unwrap()
        };
        let quiet = of(phone).await;
        assert!(quiet.asked.is_empty() && quiet.unasked.is_empty());
        assert_eq!(quiet.language.as_deref(), Some("ca"));
        let incident = open(&store, &caller).await;
        assert_eq!(of(phone).await.unasked, [incident.id]);
        let mut mail = attempt(incident.id);
        mail.attempt.key.channel = Channel::Email;
        mail.address = "ann@example.org".to_owned();
        store.write(Lane::Job, Insert(mail.clone())).await.unwrap();
        // It waits to be sent.
        assert_eq!(of(phone).await.unasked, [incident.id]);
        mail.attempt.advance(AttemptState::Sending, START);
        store.write(Lane::Job, Update(mail.clone())).await.unwrap();
        let mailed = of(phone).await;
        assert_eq!(mailed.unasked, []);
        let [asked] = mailed.asked.as_slice() else {
            panic!("one, not {mailed:?}");
        };
        assert!(asked.still);
        assert_eq!(asked.row, mail);
        let other = of("+34600000000").await;
        assert!(other.asked.is_empty() && other.unasked.is_empty());
        assert_eq!(other.language, None);
    }
);

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}
