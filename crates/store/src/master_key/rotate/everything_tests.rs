//! A rotation seals every listed column anew, each with a row in it.

use std::time::Duration;

use mayday_core::escalation::Channel;
use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{EndpointId, SecretId, SessionId, UserId};
use mayday_core::network_key::NetworkKey;
use mayday_core::notification::EventFilter;
use mayday_core::sso::pin::{HashCost, PinHashes, SecretHash};
use mayday_core::sso::token::partner_digest;
use mayday_core::sso::{ClaimTerms, LoginDevice, RequestForm, SessionPolicy};
use zeroize::Zeroizing;

use super::*;
use crate::network_keys::{Before, PutNetworkKey};
use crate::on_both;
use crate::sessions::{NewPair, OpenSession};
use crate::signatures::{SetQuestions, SetSignature};
use crate::sso::{KeyChange, PartnerKey, SetSso, SsoSettings};
use crate::testing::{START, TestApp, TestStore};
use crate::webhooks::{AddEndpoint, NewSecret, SecretText, SetApiKey};

const COST: HashCost = HashCost {
    memory_kib: 8,
    passes: 1,
};

on_both!(every_listed_column_is_sealed_anew, |store| async move {
    fill(&store).await;
    let before = opened(&store).await;
    while !matches!(
        store.rotate_master_key(true).await.unwrap(),
        RotationStep::Done { .. }
    ) {}
    let names = crate::master_key::names_in(&store.config.data_dir.join(super::super::FILE));
    let [name] = names.unwrap().try_into().unwrap();
    let after = opened(&store).await;
    assert_eq!(after.len(), before.len());
    for (was, is) in before.iter().zip(&after) {
        assert_eq!((&is.0, &is.1), (&was.0, &was.1), "it opens to what it was");
        assert_ne!(is.2, was.2, "{}", is.0);
        assert_eq!(is.2, name.id, "{}", is.0);
    }
});

/// Every value there is: its column, what it opens to, and the key that sealed it.
async fn opened(store: &TestStore) -> Vec<(String, Vec<u8>, String)> {
    let mut found = Vec::new();
    let mut tx = store.read().await.unwrap();
    for column in SEALED {
        let from_the_first = args![Uuid::nil(), 100_u32];
        let rows = tx.fetch_all(&column.page, from_the_first).await.unwrap();
        let name = format!("{}.{}", column.table, column.column);
        assert!(!rows.is_empty(), "nothing is sealed in {name}");
        for row in &rows {
            let sealed = Sealed {
                bytes: row.get(1).unwrap(),
                key_id: row.get(2).unwrap(),
            };
            let place = column.place(row.get(0).unwrap());
            let plain = tx.unseal(place, &sealed).unwrap().to_vec();
            found.push((name.clone(), plain, sealed.key_id));
        }
    }
    found
}

/// Stores a row with a value in each listed column.
async fn fill(store: &TestStore) {
    let app = store.app("shop").await;
    let user = store.user(&app, "ana").await;
    let key = PutNetworkKey {
        id: secret_id(store),
        app_id: Some(app.app_id.clone()),
        key: NetworkKey::generate(store.entropy.as_ref()),
        before: Before::Nothing,
    };
    store.write(Lane::Rest, key).await.unwrap();
    fill_webhooks(store, &app).await;
    fill_sessions(store, &app, user).await;
}

async fn fill_webhooks(store: &TestStore, app: &TestApp) {
    let endpoint = AddEndpoint {
        id: EndpointId(secret_id(store).0),
        app_id: app.app_id.clone(),
        channel: Channel::Webhook,
        name: "orders".to_owned(),
        shown_url: "https://partner.example".to_owned(),
        url: SecretText::new("https://partner.example/hooks/path"),
        events: EventFilter::parse(["sos.*"]).unwrap(),
        local: false,
        secret: Some(NewSecret {
            id: secret_id(store),
            text: SecretText::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        }),
    };
    store.write(Lane::Rest, endpoint).await.unwrap();
    let api_key = SetApiKey {
        app_id: app.app_id.clone(),
        header: "x-api-key".to_owned(),
        key: SecretText::new("a key of ours"),
    };
    store.write(Lane::Rest, api_key).await.unwrap();
}

/// A log-in, a PIN and its questions; the mails that tell of them are sealed too.
async fn fill_sessions(store: &TestStore, app: &TestApp, user: UserId) {
    let set = SetSso {
        app_id: app.app_id.clone(),
        settings: SsoSettings {
            terms: ClaimTerms {
                audience: "safety-app".to_owned(),
                skew: Duration::from_mins(1),
                max_lifetime: Duration::from_hours(1),
            },
            token_info_url: "https://partner.example/info".to_owned(),
            form: RequestForm::Form,
            parameter: "token".to_owned(),
            local: false,
            sessions: SessionPolicy::default(),
        },
        key: KeyChange::Set(PartnerKey {
            header: "x-api-key".to_owned(),
            key: Zeroizing::new("the partner's key".to_owned()),
        }),
    };
    store.write(Lane::Rest, set).await.unwrap().unwrap();
    let session = SessionId(secret_id(store).0);
    let name = ExternalUserId::parse("ana").unwrap();
    let open = OpenSession {
        id: session,
        app: app.id,
        user,
        external_id: name.clone(),
        subject: name,
        partner_digest: partner_digest("token-1"),
        partner_token: Zeroizing::new("token-1".to_owned()),
        partner_issued_at: START,
        partner_expires_at: START.plus(Duration::from_hours(1)),
        device: LoginDevice::default(),
        email: "ana@example.org".to_owned(),
        name: None,
        pair: NewPair {
            access: [1; 32],
            refresh: [2; 32],
        },
    };
    store.write(Lane::Session, open).await.unwrap();
    let hash = || SecretHash::of_nothing(COST, store.entropy.as_ref());
    let pin = SetSignature {
        app: app.id,
        user,
        session,
        before: None,
        hashes: PinHashes {
            pin: hash(),
            duress: hash(),
            pretended: Some(hash()),
        },
    };
    store.write(Lane::Rest, pin).await.unwrap();
    let questions = SetQuestions {
        app: app.id,
        user,
        session,
        pin: Some(1),
        questions: ["one?", "two?", "three?"].map(str::to_owned).to_vec(),
        answers: vec![hash(), hash(), hash()],
        pretend: false,
    };
    store.write(Lane::Rest, questions).await.unwrap();
}

fn secret_id(store: &TestStore) -> SecretId {
    SecretId::generate(store.clock.as_ref(), store.entropy.as_ref())
}
