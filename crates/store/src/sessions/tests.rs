use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::identity::signing::STALE_GRACE;
use mayday_core::sso::session::{self, Access};

use super::support::*;
use super::*;
use crate::command::Lane;
use crate::erasures::{BeginErasure, EraseStep, Progress, Requester, Subject};
use crate::exports::{self, After};
use crate::on_both;
use crate::users::{self, SetBlocked};

on_both!(a_refresh_token_is_of_no_other_app, |store| async move {
    let scene = Scene::set(&store, "shop", 1).await;
    let other = store.app("other").await;
    scene.log_in(1, "phone", "t1").await;
    let of = |app| RefreshSession {
        app: Some(app),
        ..Scene::renewal(1, 1, 2)
    };
    let foreign = store.write(Lane::Session, of(other.id)).await.unwrap();
    assert!(matches!(foreign, Refreshed::Unknown), "{foreign:?}");
    let own = store.write(Lane::Session, of(scene.app.id)).await.unwrap();
    assert!(matches!(own, Refreshed::Session(_)), "{own:?}");
});

on_both!(
    a_session_opens_with_a_pair_that_leads_to_it,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let (issued, fresh, evicted) = session_of(scene.log_in(1, "phone", "token-1").await);
        assert!(fresh && evicted.is_empty());
        assert_eq!(issued.id_token.as_str(), "token-1");
        assert_eq!(
            issued.access_expires_at,
            store.clock.now().plus(Duration::from_mins(15))
        );
        let row = scene.look(1).await.unwrap();
        assert_eq!((row.session, row.user), (issued.session.id, scene.user));
        assert!(!row.overtaken);
        let judged = session::access(&row.life, &row.token, store.clock.now());
        assert_eq!(judged, Access::Full);
        // A refresh token is no access token.
        let mut tx = store.read().await.unwrap();
        let refresh = pair(1).refresh;
        assert_eq!(access(&mut tx, &refresh).await.unwrap(), None);
    }
);

on_both!(
    the_same_token_from_the_same_device_is_the_same_session,
    |store| async move {
        let scene = Scene::set(&store, "shop", 2).await;
        let (first, ..) = session_of(scene.log_in(1, "phone", "token-1").await);
        let (again, fresh, evicted) = session_of(scene.log_in(2, "phone", "token-1").await);
        assert_eq!(again.session.id, first.session.id);
        assert!(!fresh && evicted.is_empty());
        assert_eq!(scene.live().await, [first.session.id]);
        // The earlier pair lives on for a minute.
        let old = scene.look(1).await.unwrap();
        assert_eq!(old.token.superseded_at, Some(store.clock.now()));
        // From another device it is another one.
        let (other, fresh, _) = session_of(scene.log_in(3, "tablet", "token-1").await);
        assert!(fresh && other.session.id != first.session.id);
        assert_eq!(scene.live().await.len(), 2);
        store.clock.advance(Duration::from_mins(1));
        assert!(matches!(scene.refresh(1, 1, 4).await, Refreshed::Ended(_)));
    }
);

on_both!(
    the_oldest_idle_session_makes_room_and_is_told_by_whom,
    |store| async move {
        let scene = Scene::set(&store, "shop", 2).await;
        let (one, ..) = session_of(scene.log_in(1, "a", "t1").await);
        store.clock.advance(Duration::from_mins(1));
        let (two, ..) = session_of(scene.log_in(2, "b", "t2").await);
        store.clock.advance(Duration::from_mins(1));
        let touch = TouchSession {
            user: scene.user,
            session: one.session.id,
        };
        store.write(Lane::Rest, touch).await.unwrap();
        store.clock.advance(Duration::from_mins(1));
        let (three, _, evicted) = session_of(scene.log_in(3, "c", "t3").await);
        assert_eq!(evicted, [two.session.id]);
        assert_eq!(scene.live().await, [one.session.id, three.session.id]);
        let row = scene.look(2).await.unwrap();
        let ending = row.life.ending.clone().unwrap();
        assert_eq!(ending.reason, EndReason::Evicted);
        assert_eq!(ending.at, store.clock.now());
        assert_eq!(ending.by.unwrap().id.as_deref(), Some("c"));
        // What the partner said in its token is wiped, and the token opens
        // another session.
        let mut tx = store.read().await.unwrap();
        let ended = get(&mut tx, two.session.id).await.unwrap().unwrap();
        assert_eq!(ended.id_token, None);
        drop(tx);
        let (back, fresh, _) = session_of(scene.log_in(4, "b", "t2").await);
        assert!(fresh && back.session.id != two.session.id);
    }
);

on_both!(
    a_token_whose_session_was_revoked_opens_none_until_its_end,
    |store| async move {
        let scene = Scene::set(&store, "shop", 3).await;
        for (number, reason, refused) in [
            (1, EndReason::LoggedOut, false),
            (2, EndReason::Evicted, false),
            (3, EndReason::Revoked, true),
            (4, EndReason::Reused, true),
            (5, EndReason::VerificationLimit, true),
        ] {
            let token = format!("token-{number}");
            let (opened, ..) = session_of(scene.log_in(number * 10, "a", &token).await);
            let ended = scene.end(Which::One(opened.session.id), reason).await;
            assert_eq!(ended.len(), 1, "{reason:?}");
            // Ended once; the second time there is nothing to end.
            assert!(
                scene
                    .end(Which::One(opened.session.id), reason)
                    .await
                    .is_empty()
            );
            match scene.log_in(number * 10 + 1, "a", &token).await {
                Opened::Refused(why) if refused => assert_eq!(why, reason),
                Opened::Session { fresh: true, .. } if !refused => {}
                other => panic!("{reason:?}: {other:?}"),
            }
            scene.end(Which::All, EndReason::LoggedOut).await;
        }
        // Another app's users are not concerned.
        let other = Scene::set(&store, "other", 3).await;
        session_of(other.log_in(99, "a", "token-3").await);
    }
);

on_both!(
    an_overtaken_session_is_sent_away_by_who_ends_it,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let mut opened = Vec::new();
        for number in 1..=3 {
            let token = format!("t{number}");
            opened.push(
                session_of(scene.log_in(number, "a", &token).await)
                    .0
                    .session
                    .id,
            );
        }
        let judged = async |number: u64| {
            let row = scene.look(number).await.unwrap();
            session::access(&row.life, &row.token, store.clock.now())
        };
        assert!(matches!(judged(1).await, Access::Stale(_)));
        store.clock.advance(Duration::from_secs(1));
        // The one that is named, and no other; its token may log in again.
        let ended = scene.end(Which::One(opened[0]), EndReason::LoggedOut).await;
        assert_eq!(ended.len(), 1);
        let Access::Refused(lapse) = judged(1).await else {
            panic!("it calls for help");
        };
        assert_eq!(
            (lapse.code, lapse.at),
            ("session_logged_out", store.clock.now())
        );
        assert_eq!(lapse.device, None);
        assert!(matches!(judged(2).await, Access::Stale(_)));
        // One that was sent away stays as it ended.
        let again = scene.end(Which::One(opened[0]), EndReason::Revoked).await;
        assert!(again.is_empty());
        // A lowered cap sends nobody away, and all means all; the live one alone is told.
        scene.end(Which::Surplus, EndReason::Evicted).await;
        assert!(matches!(judged(2).await, Access::Stale(_)));
        let ended = scene.end(Which::All, EndReason::Revoked).await;
        assert_eq!(ended.len(), 1);
        for (number, code) in [
            (1, "session_logged_out"),
            (2, "session_revoked"),
            (3, "session_revoked"),
        ] {
            match judged(number).await {
                Access::Refused(lapse) => assert_eq!(lapse.code, code),
                other => panic!("{number}: {other:?}"),
            }
        }
        assert!(matches!(
            scene.log_in(4, "a", "t2").await,
            Opened::Refused(EndReason::Revoked)
        ));
        session_of(scene.log_in(5, "a", "t1").await);
    }
);

on_both!(
    refreshing_rotates_and_a_lost_answer_can_be_asked_for_again,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let (first, ..) = session_of(scene.log_in(1, "a", "t1").await);
        let id = first.session.id;
        store.clock.advance(Duration::from_mins(20));
        let issued = refreshed(scene.refresh(1, 1, 2).await);
        assert_eq!(issued.session.id, id);
        assert_eq!(issued.id_token.as_str(), "t1");
        // The answer was lost: once more, within the minute.
        store.clock.advance(Duration::from_secs(59));
        let again = refreshed(scene.refresh(1, 1, 3).await);
        assert_eq!(again.session.newest_pair, 3);
        // And on from there.
        refreshed(scene.refresh(3, 3, 4).await);
        assert_eq!(scene.live().await, [id]);
        let mut tx = store.read().await.unwrap();
        let row = get(&mut tx, id).await.unwrap().unwrap();
        assert_eq!((row.newest_pair, row.used_pair), (4, 3));
    }
);

on_both!(
    a_refresh_token_that_comes_twice_ends_the_family,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        session_of(scene.log_in(1, "a", "t1").await);
        refreshed(scene.refresh(1, 1, 2).await);
        refreshed(scene.refresh(2, 2, 3).await);
        // Both who hold the pairs are out: nobody knows which of them stole.
        match scene.refresh(1, 1, 4).await {
            Refreshed::Ended(ending) => assert_eq!(ending.reason, EndReason::Reused),
            other => panic!("{other:?}"),
        }
        assert!(scene.live().await.is_empty());
        assert!(matches!(scene.refresh(3, 3, 5).await, Refreshed::Ended(_)));
        assert!(matches!(
            scene.log_in(6, "a", "t1").await,
            Opened::Refused(EndReason::Reused)
        ));
    }
);

on_both!(
    an_old_refresh_token_is_a_reuse_even_if_its_successor_was_never_used,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        session_of(scene.log_in(1, "a", "t1").await);
        refreshed(scene.refresh(1, 1, 2).await);
        store.clock.advance(Duration::from_mins(1));
        assert!(matches!(scene.refresh(1, 1, 3).await, Refreshed::Ended(_)));
        assert!(scene.live().await.is_empty());
    }
);

on_both!(
    an_app_that_refreshes_twice_at_one_instant_stays_logged_in,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let (first, ..) = session_of(scene.log_in(1, "a", "t1").await);
        refreshed(scene.refresh(1, 1, 2).await);
        store.clock.advance(Duration::from_secs(1));
        // One of its threads has the answer and goes on, the other's request comes only
        // now; each of them refreshes with what it has.
        let touch = TouchSession {
            user: scene.user,
            session: first.session.id,
        };
        store.write(Lane::Rest, touch).await.unwrap();
        refreshed(scene.refresh(1, 1, 3).await);
        refreshed(scene.refresh(2, 2, 4).await);
        refreshed(scene.refresh(3, 3, 5).await);
        assert_eq!(scene.live().await, [first.session.id]);
        assert!(matches!(scene.refresh(2, 2, 6).await, Refreshed::Ended(_)));
    }
);

on_both!(
    an_app_that_keeps_the_earlier_of_two_pairs_stays_logged_in,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let (first, ..) = session_of(scene.log_in(1, "a", "t1").await);
        refreshed(scene.refresh(1, 1, 2).await);
        refreshed(scene.refresh(1, 1, 3).await);
        // Its answer came last, and the app knows nothing of the other.
        for (pair, next) in [(2, 4), (4, 5)] {
            store.clock.advance(Duration::from_mins(15));
            refreshed(scene.refresh(pair, pair, next).await);
        }
        assert_eq!(scene.live().await, [first.session.id]);
    }
);

on_both!(
    whoever_bought_beside_the_owner_is_found_out_when_both_go_on,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        session_of(scene.log_in(1, "a", "t1").await);
        refreshed(scene.refresh(1, 1, 2).await);
        // Somebody has a copy of the first, and is as quick.
        refreshed(scene.refresh(1, 1, 3).await);
        store.clock.advance(Duration::from_mins(15));
        refreshed(scene.refresh(2, 2, 4).await);
        store.clock.advance(Duration::from_mins(1));
        match scene.refresh(3, 3, 5).await {
            Refreshed::Ended(ending) => assert_eq!(ending.reason, EndReason::Reused),
            other => panic!("{other:?}"),
        }
        assert!(scene.live().await.is_empty());
        assert!(matches!(scene.refresh(4, 4, 6).await, Refreshed::Ended(_)));
    }
);

on_both!(who_makes_room_is_known_to_the_instant, |store| async move {
    let scene = Scene::set(&store, "shop", 2).await;
    let (one, ..) = session_of(scene.log_in(1, "a", "t1").await);
    assert!(!scene.look(1).await.unwrap().overtaken);
    store.clock.advance(Duration::from_secs(1));
    let (two, ..) = session_of(scene.log_in(2, "b", "t2").await);
    assert!(scene.look(1).await.unwrap().overtaken);
    assert!(!scene.look(2).await.unwrap().overtaken);
    store.clock.advance(Duration::from_secs(1));
    let touch = TouchSession {
        user: scene.user,
        session: one.session.id,
    };
    store.write(Lane::Rest, touch).await.unwrap();
    assert!(!scene.look(1).await.unwrap().overtaken);
    assert!(scene.look(2).await.unwrap().overtaken);
    // Neither somebody else's session nor one that ended overtakes.
    let other = Scene::set(&store, "other", 2).await;
    store.clock.advance(Duration::from_secs(1));
    session_of(other.log_in(9, "x", "t9").await);
    let (three, _, evicted) = session_of(scene.log_in(3, "c", "t3").await);
    assert_eq!(evicted, [two.session.id]);
    scene
        .end(Which::One(three.session.id), EndReason::LoggedOut)
        .await;
    assert!(!scene.look(1).await.unwrap().overtaken);
});

on_both!(tokens_of_two_sessions_are_no_pair, |store| async move {
    let scene = Scene::set(&store, "shop", 2).await;
    session_of(scene.log_in(1, "a", "t1").await);
    session_of(scene.log_in(2, "b", "t2").await);
    assert!(matches!(scene.refresh(1, 2, 3).await, Refreshed::Unknown));
    assert!(matches!(scene.refresh(1, 9, 3).await, Refreshed::Unknown));
    assert!(matches!(scene.refresh(9, 1, 3).await, Refreshed::Unknown));
    // Nobody was hurt by it.
    assert_eq!(scene.live().await.len(), 2);
    refreshed(scene.refresh(1, 1, 3).await);
});

on_both!(
    a_session_that_nobody_used_expires_and_makes_no_room_dearer,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let (first, ..) = session_of(scene.log_in(1, "a", "t1").await);
        store.clock.advance(Duration::from_hours(30 * 24));
        match scene.refresh(1, 1, 2).await {
            Refreshed::Ended(ending) => assert_eq!(ending.reason, EndReason::Expired),
            other => panic!("{other:?}"),
        }
        let mut tx = store.read().await.unwrap();
        let row = get(&mut tx, first.session.id).await.unwrap().unwrap();
        assert_eq!(row.life.ending.unwrap().at, store.clock.now());
        drop(tx);
        session_of(scene.log_in(3, "b", "t3").await);
        store.clock.advance(Duration::from_hours(31 * 24));
        // One that expired was not evicted by whoever came after it.
        let (_, _, evicted) = session_of(scene.log_in(4, "c", "t4").await);
        assert!(evicted.is_empty());
        let row = scene.look(3).await.unwrap();
        assert_eq!(row.life.ending.unwrap().reason, EndReason::Expired);
    }
);

on_both!(
    a_lowered_cap_ends_the_surplus_oldest_idle_first,
    |store| async move {
        let scene = Scene::set(&store, "shop", 3).await;
        let mut ids = Vec::new();
        for number in 1..=3 {
            let (opened, ..) = session_of(
                scene
                    .log_in(number, &number.to_string(), &format!("t{number}"))
                    .await,
            );
            ids.push(opened.session.id);
            store.clock.advance(Duration::from_secs(1));
        }
        scene.set_cap(1).await;
        let mut tx = store.read().await.unwrap();
        let start = UserId(uuid::Uuid::nil());
        let users = users_with_more_than(&mut tx, scene.app.id, 1, start, 10).await;
        assert_eq!(users.unwrap(), [scene.user]);
        drop(tx);
        let ended = scene.end(Which::Surplus, EndReason::Evicted).await;
        let ended: Vec<_> = ended.iter().map(|row| row.id).collect();
        assert_eq!(ended, ids[..2]);
        assert_eq!(scene.live().await, ids[2..]);
    }
);

on_both!(
    a_blocked_user_opens_and_renews_nothing,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        session_of(scene.log_in(1, "a", "t1").await);
        let block = SetBlocked {
            app_id: scene.app.app_id.clone(),
            external_id: scene.external_id.clone(),
            blocked: true,
        };
        store.write(Lane::Rest, block).await.unwrap();
        assert!(matches!(scene.log_in(2, "b", "t2").await, Opened::Blocked));
        assert!(matches!(scene.refresh(1, 1, 3).await, Refreshed::Blocked));
        assert!(scene.look(1).await.unwrap().blocked_at.is_some());
    }
);

on_both!(
    a_command_that_runs_again_opens_nothing_more,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let open = scene.open(1, "a", "t1");
        let (first, ..) = session_of(store.write(Lane::Session, open.clone()).await.unwrap());
        let (again, fresh, _) = session_of(store.write(Lane::Session, open).await.unwrap());
        assert!(fresh);
        assert_eq!(again.session.id, first.session.id);
        assert_eq!(again.access_expires_at, first.access_expires_at);
        let renew = Scene::renewal(1, 1, 2);
        let one = refreshed(store.write(Lane::Session, renew).await.unwrap());
        let two = refreshed(store.write(Lane::Session, renew).await.unwrap());
        assert_eq!(one.session.newest_pair, two.session.newest_pair);
    }
);

on_both!(an_end_is_found_among_the_connected, |store| async move {
    let scene = Scene::set(&store, "shop", 1).await;
    let (one, ..) = session_of(scene.log_in(1, "a", "t1").await);
    let (two, ..) = session_of(scene.log_in(2, "b", "t2").await);
    let mut tx = store.read().await.unwrap();
    let asked = [one.session.id, two.session.id];
    let ended = ended_among(&mut tx, &asked).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].session, one.session.id);
    assert_eq!(ended[0].ending.reason, EndReason::Evicted);
    assert!(!ended[0].in_distress);
});

on_both!(
    what_may_not_even_call_for_help_is_let_go,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        let (first, ..) = session_of(scene.log_in(1, "a", "t1").await);
        refreshed(scene.refresh(1, 1, 2).await);
        scene.end(Which::All, EndReason::LoggedOut).await;
        store.clock.advance(STALE_GRACE);
        // Only the partner's token, which ended within the hour.
        assert_eq!(scene.prune().await, 1);
        assert!(scene.look(1).await.is_some());
        store.clock.advance(Duration::from_mins(2));
        assert!(scene.prune().await > 0);
        assert_eq!(scene.look(2).await, None);
        let mut tx = store.read().await.unwrap();
        assert_eq!(get(&mut tx, first.session.id).await.unwrap(), None);
    }
);

on_both!(
    a_spent_token_stays_spent_when_its_end_moves,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        // Each time it is good for another hour.
        session_of(scene.log_in(1, "a", "t1").await);
        store.clock.advance(Duration::from_mins(40));
        session_of(scene.log_in(2, "a", "t1").await);
        scene.end(Which::All, EndReason::Revoked).await;
        store.clock.advance(Duration::from_mins(40));
        scene.prune().await;
        for n in 3..6 {
            let refused = scene.log_in(n, "a", "t1").await;
            assert!(matches!(refused, Opened::Refused(EndReason::Revoked)));
            store.clock.advance(Duration::from_mins(40));
            scene.prune().await;
        }
        // Nobody came with it until its end.
        store.clock.advance(Duration::from_mins(20));
        assert!(scene.prune().await > 0);
    }
);

on_both!(an_erased_person_leaves_no_session, |store| async move {
    let scene = Scene::set(&store, "shop", 1).await;
    let (first, ..) = session_of(scene.log_in(1, "a", "t1").await);
    let mut tx = store.read().await.unwrap();
    let row = users::get(&mut tx, scene.user).await.unwrap().unwrap();
    assert!(row.has_address("Ana@example.org") && row.vouched_at.is_some());
    let own = exports::page(&mut tx, "profile", scene.user, After::START).await;
    assert_eq!(own.unwrap().items[0]["vouched_email"], "ana@example.org");
    drop(tx);
    let id = mayday_core::ids::RecordId::generate(store.clock.as_ref(), store.entropy.as_ref());
    let begin = BeginErasure {
        id,
        app_id: scene.app.app_id.clone(),
        subject: Subject::User(scene.user),
        requested_by: Requester::User,
    };
    store.write(Lane::Rest, begin).await.unwrap();
    for _ in 0..20 {
        let step = EraseStep { erasure: id };
        if let Progress::Empty { .. } = store.write(Lane::Rest, step).await.unwrap() {
            break;
        }
    }
    assert_eq!(scene.look(1).await, None);
    let mut tx = store.read().await.unwrap();
    assert_eq!(get(&mut tx, first.session.id).await.unwrap(), None);
    let row = users::get(&mut tx, scene.user).await.unwrap().unwrap();
    assert_eq!((row.address(), row.vouched_at), (None, None));
});

on_both!(
    the_partner_is_told_who_came_and_who_had_to_go,
    |store| async move {
        let scene = Scene::set(&store, "shop", 1).await;
        scene.listen().await;
        let (one, ..) = session_of(scene.log_in(1, "a", "t1").await);
        store.clock.advance(Duration::from_secs(1));
        let (two, ..) = session_of(scene.log_in(2, "b", "t2").await);
        store.clock.advance(Duration::from_secs(1));
        scene.end(Which::All, EndReason::Revoked).await;
        let told = scene.told().await;
        let of = |kind: &str| -> Vec<_> {
            let fits = told.iter().filter(|body| body["data"]["type"] == kind);
            fits.map(|body| body["data"].clone()).collect()
        };
        assert_eq!((told.len(), of("session.created").len()), (4, 2));
        let evicted = of("session.evicted");
        assert_eq!(evicted[0]["sessionId"], one.session.id.to_string());
        assert_eq!(evicted[0]["device"]["id"], "a");
        assert_eq!(evicted[0]["byDevice"]["id"], "b");
        let ended = of("session.ended");
        assert_eq!(ended[0]["sessionId"], two.session.id.to_string());
        assert_eq!(ended[0]["reason"], "revoked");
        assert!(told.iter().all(|body| body["user"] == "ana"));
        assert!(told.iter().all(|body| !body.to_string().contains("t1")));
    }
);
