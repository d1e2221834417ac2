use std::time::Duration;

use mayday_core::profile::ProfilePatch;
use mayday_core::readiness::Blocker;
use mayday_store::on_both;

use crate::AppError;
use crate::presence::PresenceLimits;
use crate::testing::TestApp;

on_both!(a_profile_is_shown_and_changed_in_part, |store| async move {
    let node = TestApp::on(store, PresenceLimits::default()).await;
    let ana = node.caller("ana").await;
    let shown = node.app.me(&ana).await.unwrap();
    assert_eq!(
        (shown.id, shown.external_user_id.as_str()),
        (ana.user, "ana")
    );
    assert_eq!(shown.profile.name, None);
    let patch = ProfilePatch {
        name: Some("Ana".into()),
        email: Some("x@y.z".into()),
        ..ProfilePatch::default()
    };
    let changed = node.app.update_me(&ana, patch).await.unwrap();
    assert_eq!(changed, node.app.me(&ana).await.unwrap());
    let clear = ProfilePatch {
        email: Some(String::new()),
        ..ProfilePatch::default()
    };
    let cleared = node.app.update_me(&ana, clear).await.unwrap();
    assert_eq!(cleared.profile.name.as_deref(), Some("Ana"));
    assert_eq!(cleared.profile.email, None);
    let ben = node.caller("ben").await;
    assert_eq!(node.app.me(&ben).await.unwrap().profile.name, None);
});

on_both!(
    a_faulty_field_is_named_and_nothing_changes,
    |store| async move {
        let node = TestApp::on(store, PresenceLimits::default()).await;
        let ana = node.caller("ana").await;
        let patch = ProfilePatch {
            name: Some("Ana".into()),
            phone: Some("600111222".into()),
            ..ProfilePatch::default()
        };
        let refused = node.app.update_me(&ana, patch).await;
        let Err(AppError::Validation {
            message,
            fields,
            unprocessable,
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert!(message.contains("phone") && !unprocessable, "{message}");
        assert_eq!(fields[0].pointer, "/phone");
        assert_eq!(node.app.me(&ana).await.unwrap().profile.name, None);
    }
);

on_both!(
    readiness_sees_the_phone_and_the_connection,
    |store| async move {
        let node = TestApp::on(store, PresenceLimits::default()).await;
        let ana = node.caller("ana").await;
        let blockers = async || node.app.me(&ana).await.unwrap().readiness.blockers;
        let before = blockers().await;
        assert!(before.contains(&Blocker::NoPhone) && before.contains(&Blocker::MqttNotSeen));
        assert!(before.contains(&Blocker::NoContacts) && before.contains(&Blocker::NoDevice));

        let caller = ana.clone().into();
        let line = node.app.presence().arrive(ana.peer).admit(caller, "phone");
        assert!(!blockers().await.contains(&Blocker::MqttNotSeen));
        drop(line);
        node.app.mqtt_seen(&ana, &mut None);
        // The note is written beside the request.
        let noted = async {
            while blockers().await.contains(&Blocker::MqttNotSeen) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), noted)
            .await
            .unwrap();
        node.store.clock.advance(Duration::from_hours(25));
        assert!(blockers().await.contains(&Blocker::MqttNotSeen));

        let patch = ProfilePatch {
            phone: Some("+34600111222".into()),
            ..ProfilePatch::default()
        };
        let user = node.app.update_me(&ana, patch).await.unwrap();
        assert!(!user.readiness.blockers.contains(&Blocker::NoPhone));
    }
);

on_both!(whoever_asks_together_gets_their_own, |store| async move {
    let node = TestApp::on(store, PresenceLimits::default()).await;
    let mut callers = Vec::new();
    for n in 0..20 {
        callers.push(node.caller(&format!("user-{n}")).await);
    }
    // Some ask more than once, and one of each three goes away at once.
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..300 {
        let (app, caller) = (node.app.clone(), callers[n % 20].clone());
        let asking = asked.spawn(async move {
            let shown = app.me(&caller).await.unwrap();
            assert_eq!(shown.id, caller.user);
        });
        if n % 3 == 0 {
            asking.abort();
        }
    }
    let mut answered = 0;
    while let Some(done) = asked.join_next().await {
        match done {
            Ok(()) => answered += 1,
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
    assert!(answered >= 200, "{answered}");
});

on_both!(
    whoever_asks_together_is_told_of_a_failure,
    |store| async move {
        let node = TestApp::on(store, PresenceLimits::default()).await;
        let ana = node.caller("ana").await;
        node.app.store.close().await;
        let (one, other) = tokio::join!(node.app.me(&ana), node.app.me(&ana));
        assert!(one.is_err() && other.is_err(), "{one:?} {other:?}");
    }
);
