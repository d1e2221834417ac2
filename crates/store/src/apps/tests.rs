use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::identity::signing::LiveSecret;
use mayday_core::identity::{AppId, AppSecret, CancelPolicy};
use mayday_core::ids::{AppUuid, SecretId};

use super::*;
use crate::command::Lane;
use crate::control;
use crate::hint::Hint;
use crate::on_both;
use crate::testing::{TestApp, TestStore};

fn new_secret(store: &TestStore) -> LiveSecret {
    LiveSecret {
        id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
        secret: AppSecret::generate(store.entropy.as_ref()),
    }
}

async fn add(store: &TestStore, app: &TestApp, secret: &LiveSecret) -> SecretAddition {
    let add = AddSecret {
        app_id: app.app_id.clone(),
        secret: secret.clone(),
    };
    store.write(Lane::Rest, add).await.unwrap()
}

async fn retire(store: &TestStore, app: &TestApp, secret: SecretId) -> Option<SecretRow> {
    let retire = RetireSecret {
        app_id: app.app_id.clone(),
        secret,
    };
    store.write(Lane::Rest, retire).await.unwrap()
}

async fn live(store: &TestStore) -> Vec<(AppUuid, SecretId, String)> {
    let mut tx = store.read().await.unwrap();
    let secrets = live_secrets(&mut tx).await.unwrap();
    secrets
        .into_iter()
        .map(|(app, live)| (app, live.id, live.secret.expose().to_owned()))
        .collect()
}

async fn version(store: &TestStore) -> i64 {
    control::version(&mut store.read().await.unwrap())
        .await
        .unwrap()
}

on_both!(
    an_app_is_created_once_with_a_secret_that_opens,
    |store| async move {
        let app = store.app("partner-app").await;
        let mut tx = store.read().await.unwrap();
        let row = find(&mut tx, &app.app_id).await.unwrap().unwrap();
        assert_eq!((row.id, row.live_secrets), (app.id, 1));
        assert_eq!(row.policy, AppPolicy::default());
        assert_eq!(row.deactivated_at, None);
        drop(tx);
        assert_eq!(
            live(&store).await,
            [(app.id, app.secret.id, app.secret.secret.expose().to_owned())]
        );

        let create = |id: AppUuid| CreateApp {
            id,
            app_id: app.app_id.clone(),
            name: "again".into(),
            secret: new_secret(&store),
        };
        let other = AppUuid::generate(store.clock.as_ref(), store.entropy.as_ref());
        let taken = store.write(Lane::Rest, create(other)).await.unwrap();
        assert_eq!(taken, AppCreation::Taken);
        let rerun = store.write(Lane::Rest, create(app.id)).await.unwrap();
        assert!(matches!(rerun, AppCreation::Created(row) if row.id == app.id));
        assert_eq!(live(&store).await.len(), 1);
    }
);

on_both!(two_secrets_live_at_once_and_no_third, |store| async move {
    let app = store.app("partner-app").await;
    let (second, third) = (new_secret(&store), new_secret(&store));
    assert_eq!(add(&store, &app, &second).await, SecretAddition::Added);
    assert_eq!(
        add(&store, &app, &second).await,
        SecretAddition::Added,
        "run again"
    );
    assert_eq!(add(&store, &app, &third).await, SecretAddition::TooMany);
    assert_eq!(live(&store).await.len(), 2);

    store.clock.advance(Duration::from_mins(1));
    let retired = retire(&store, &app, app.secret.id).await.unwrap();
    assert_eq!(retired.retired_at, Some(store.clock.now()));
    assert_eq!(add(&store, &app, &third).await, SecretAddition::Added);
    let ids: Vec<_> = live(&store)
        .await
        .into_iter()
        .map(|(_, id, _)| id)
        .collect();
    assert_eq!(ids, [second.id, third.id]);

    store.clock.advance(Duration::from_mins(1));
    let again = retire(&store, &app, app.secret.id).await.unwrap();
    assert_eq!(
        again.retired_at, retired.retired_at,
        "the first time counts"
    );
    let mut tx = store.read().await.unwrap();
    assert_eq!(secrets_of(&mut tx, app.id).await.unwrap().len(), 3);
});

on_both!(a_retired_key_is_wiped, |store| async move {
    static SEALED: Sql = Sql::new("SELECT sealed FROM app_secrets WHERE id = $1");
    let app = store.app("partner-app").await;
    let mut tx = store.read().await.unwrap();
    let row = tx.fetch_one(&SEALED, args![app.secret.id]).await.unwrap();
    let sealed: Vec<u8> = row.get::<Option<Vec<u8>>>(0).unwrap().unwrap();
    let text = app.secret.secret.expose().as_bytes();
    assert!(!sealed.windows(text.len()).any(|window| window == text));
    drop(tx);
    retire(&store, &app, app.secret.id).await.unwrap();
    let mut tx = store.read().await.unwrap();
    let row = tx.fetch_one(&SEALED, args![app.secret.id]).await.unwrap();
    assert_eq!(row.get::<Option<Vec<u8>>>(0).unwrap(), None);
});

on_both!(a_secret_belongs_to_its_app_alone, |store| async move {
    let (one, two) = (store.app("one").await, store.app("two").await);
    assert_eq!(retire(&store, &two, one.secret.id).await, None);
    assert_eq!(live(&store).await.len(), 2);
    let unknown = AddSecret {
        app_id: AppId::parse("three").unwrap(),
        secret: new_secret(&store),
    };
    let outcome = store.write(Lane::Rest, unknown).await.unwrap();
    assert_eq!(outcome, SecretAddition::UnknownApp);
});

on_both!(apps_are_deactivated_and_activated, |store| async move {
    let app = store.app("partner-app").await;
    let set = |active| SetAppActive {
        app_id: app.app_id.clone(),
        active,
    };
    let off = store.write(Lane::Rest, set(false)).await.unwrap().unwrap();
    assert_eq!(off.deactivated_at, Some(store.clock.now()));
    store.clock.advance(Duration::from_secs(5));
    let still = store.write(Lane::Rest, set(false)).await.unwrap().unwrap();
    assert_eq!(still.deactivated_at, off.deactivated_at);
    let on = store.write(Lane::Rest, set(true)).await.unwrap().unwrap();
    assert_eq!(on.deactivated_at, None);
});

on_both!(a_policy_changes_in_what_is_given, |store| async move {
    let app = store.app("partner-app").await;
    let set = |require_expiring, cancel| SetAppPolicy {
        app_id: app.app_id.clone(),
        require_expiring,
        cancel,
        cancel_signature: None,
    };
    let row = store
        .write(Lane::Rest, set(Some(true), None))
        .await
        .unwrap()
        .unwrap();
    assert!(row.policy.require_expiring);
    assert_eq!(row.policy.cancel, CancelPolicy::RelayOnly);
    let any = set(None, Some(CancelPolicy::AnyUser));
    let row = store.write(Lane::Rest, any).await.unwrap().unwrap();
    assert!(row.policy.require_expiring);
    assert_eq!(row.policy.cancel, CancelPolicy::AnyUser);
    let unknown = SetAppPolicy {
        app_id: AppId::parse("unknown").unwrap(),
        require_expiring: Some(true),
        cancel: None,
        cancel_signature: None,
    };
    assert_eq!(store.write(Lane::Rest, unknown).await.unwrap(), None);
});

on_both!(
    each_change_of_who_is_let_in_raises_the_control_version,
    |store| async move {
        let before = version(&store).await;
        let app = store.app("partner-app").await;
        assert_eq!(version(&store).await, before + 1);
        let mut commits = store.commits();
        let second = new_secret(&store);
        add(&store, &app, &second).await;
        assert_eq!(version(&store).await, before + 2);
        let hints = commits.recv().await.unwrap();
        assert!(
            hints
                .iter()
                .any(|hint| matches!(hint, Hint::ControlChanged))
        );
        retire(&store, &app, second.id).await;
        assert_eq!(version(&store).await, before + 3);
        retire(&store, &app, second.id).await;
        assert_eq!(version(&store).await, before + 3, "nothing changed");
    }
);

on_both!(apps_are_listed_by_their_public_ids, |store| async move {
    for id in ["b-app", "a_app", "a-app", "0"] {
        store.app(id).await;
    }
    let rows = all(&mut store.read().await.unwrap()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.app_id.as_str()).collect();
    assert_eq!(
        ids,
        ["0", "a-app", "a_app", "b-app"],
        "in byte order on both databases"
    );
});
