use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::identity::{AppId, ExternalUserId};
use mayday_core::ids::UserId;
use mayday_core::profile::ProfilePatch;

use super::*;
use crate::command::Lane;
use crate::control;
use crate::on_both;
use crate::testing::{TestApp, TestStore};

fn external(text: &str) -> ExternalUserId {
    ExternalUserId::parse(text).unwrap()
}

async fn row(store: &TestStore, user: UserId) -> UserRow {
    let mut tx = store.read().await.unwrap();
    get(&mut tx, user).await.unwrap().unwrap()
}

async fn block(store: &TestStore, app: &TestApp, user: &str, blocked: bool) -> Option<UserRow> {
    let set = SetBlocked {
        app_id: app.app_id.clone(),
        external_id: external(user),
        blocked,
    };
    store.write(Lane::Rest, set).await.unwrap()
}

on_both!(
    a_user_is_made_once_and_external_ids_are_told_apart_byte_for_byte,
    |store| async move {
        let (one, two) = (store.app("one").await, store.app("two").await);
        let ana = store.user(&one, "ana").await;
        assert_eq!(store.user(&one, "ana").await, ana);
        let others = [
            store.user(&one, "Ana").await,
            store.user(&one, "ana ñ").await,
            store.user(&one, "ana n\u{303}").await,
            store.user(&two, "ana").await,
        ];
        let mut all = others.to_vec();
        all.push(ana);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5);
        let mut tx = store.read().await.unwrap();
        let found = find(&mut tx, one.id, &external("ana ñ")).await.unwrap();
        assert_eq!(found.unwrap().id, others[1]);
        assert_eq!(find(&mut tx, two.id, &external("Ana")).await.unwrap(), None);
    }
);

on_both!(
    being_seen_is_noted_and_never_goes_back,
    |store| async move {
        let app = store.app("one").await;
        let ana = store.user(&app, "ana").await;
        let first = row(&store, ana).await;
        assert_eq!(
            (first.last_seen_at, first.mqtt_seen_at),
            (store.clock.now(), None)
        );
        store.clock.advance(Duration::from_mins(1));
        let later = store.clock.now();
        let touch = |mqtt| TouchUser { user: ana, mqtt };
        store.write(Lane::Rest, touch(true)).await.unwrap();
        store.clock.set(first.last_seen_at);
        store.write(Lane::Rest, touch(true)).await.unwrap();
        store.write(Lane::Rest, touch(false)).await.unwrap();
        store.user(&app, "ana").await;
        let seen = row(&store, ana).await;
        assert_eq!((seen.last_seen_at, seen.mqtt_seen_at), (later, Some(later)));
        assert_eq!(seen.created_at, first.created_at);
    }
);

on_both!(being_seen_again_soon_writes_nothing, |store| async move {
    let app = store.app("one").await;
    let ana = store.user(&app, "ana").await;
    let first = store.clock.now();
    let touch = |mqtt| TouchUser { user: ana, mqtt };
    store.write(Lane::Rest, touch(true)).await.unwrap();
    for mqtt in [true, false] {
        store.clock.set(first.plus(SEEN_EVERY / 2));
        store.write(Lane::Rest, touch(mqtt)).await.unwrap();
        let seen = row(&store, ana).await;
        assert_eq!((seen.last_seen_at, seen.mqtt_seen_at), (first, Some(first)));
    }
    store.clock.set(first.plus(SEEN_EVERY));
    store.write(Lane::Rest, touch(true)).await.unwrap();
    assert_eq!(row(&store, ana).await.mqtt_seen_at, Some(store.clock.now()));
});

on_both!(a_profile_changes_in_what_is_given, |store| async move {
    let app = store.app("one").await;
    let ana = store.user(&app, "ana").await;
    let update = |patch| UpdateProfile { user: ana, patch };
    store.clock.advance(Duration::from_mins(1));
    let patch = ProfilePatch {
        name: Some("Ana Núñez".into()),
        phone: Some("+34600111222".into()),
        ..ProfilePatch::default()
    };
    let changed = store.write(Lane::Rest, update(patch)).await.unwrap();
    assert_eq!(changed, row(&store, ana).await);
    assert_eq!(changed.profile.name.as_deref(), Some("Ana Núñez"));
    assert_eq!(changed.updated_at, store.clock.now());
    let patch = ProfilePatch {
        phone: Some(String::new()),
        address: Some("C/ Mayor 1".into()),
        ..ProfilePatch::default()
    };
    store.write(Lane::Rest, update(patch)).await.unwrap();
    let profile = row(&store, ana).await.profile;
    assert_eq!(profile.name.as_deref(), Some("Ana Núñez"));
    assert_eq!((profile.phone, profile.email), (None, None));
    assert_eq!(profile.address.as_deref(), Some("C/ Mayor 1"));
});

on_both!(
    blocking_raises_the_control_version_once,
    |store| async move {
        let app = store.app("one").await;
        let ana = store.user(&app, "ana").await;
        let ben = store.user(&app, "ben").await;
        let version = async || {
            control::version(&mut store.read().await.unwrap())
                .await
                .unwrap()
        };
        let before = version().await;
        let blocked = block(&store, &app, "ana", true).await.unwrap();
        assert_eq!(blocked.blocked_at, Some(store.clock.now()));
        block(&store, &app, "ana", true).await.unwrap();
        assert_eq!(version().await, before + 1);
        let mut tx = store.read().await.unwrap();
        assert_eq!(blocked_among(&mut tx, &[ana, ben]).await.unwrap(), [ana]);
        assert_eq!(blocked_among(&mut tx, &[ben]).await.unwrap(), []);
        assert_eq!(blocked_among(&mut tx, &[]).await.unwrap(), []);
        drop(tx);
        let free = block(&store, &app, "ana", false).await.unwrap();
        assert_eq!(free.blocked_at, None);
        assert_eq!(version().await, before + 2);
        assert_eq!(block(&store, &app, "nobody", true).await, None);
    }
);

on_both!(users_are_paged_in_byte_order, |store| async move {
    let app = store.app("one").await;
    let other = store.app("two").await;
    let names = ["B", "a", "a:b", "b", "é", "用户-7"];
    for name in names.iter().rev() {
        store.user(&app, name).await;
        store.user(&other, name).await;
    }
    let mut tx = store.read().await.unwrap();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let after = seen.last().cloned().unwrap_or_default();
        let rows = page(&mut tx, &app.app_id, &after, 2).await.unwrap();
        if rows.is_empty() {
            break;
        }
        assert!(rows.iter().all(|row| row.app == app.id));
        seen.extend(rows.iter().map(|row| row.external_id.to_string()));
    }
    assert_eq!(seen, names);
    let unknown = AppId::parse("three").unwrap();
    assert_eq!(page(&mut tx, &unknown, "", 2).await.unwrap(), []);
});

on_both!(
    locking_answers_the_row_and_refuses_an_unknown_user,
    |store| async move {
        struct Lock(UserId);
        impl crate::command::Command for Lock {
            type Output = UserRow;
            const NAME: &'static str = "test.lock";
            async fn run(&self, tx: &mut Tx<'_>) -> Result<UserRow, StoreError> {
                lock(tx, self.0).await
            }
        }
        let app = store.app("one").await;
        let ana = store.user(&app, "ana").await;
        let locked = store.write(Lane::Sos, Lock(ana)).await.unwrap();
        assert_eq!(locked, row(&store, ana).await);
        let nobody = UserId(uuid::Uuid::nil());
        assert!(store.write(Lane::Sos, Lock(nobody)).await.is_err());
    }
);
