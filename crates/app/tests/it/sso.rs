//! Log-ins against a partner that answers late, badly, or not at all.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use mayday_app::testing::{APP_ID, TestApp};
use mayday_app::{AppError, SessionGrant, SsoLogin, Urgency};
use mayday_core::clock::Clock as _;
use mayday_core::sso::LoginDevice;
use mayday_core::sso::introspection::Unavailable;
use mayday_gateway::testing::Partner;
use mayday_store::testing::START;
use serde_json::json;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::harness::on_both_nodes;

async fn log_in(node: &TestApp, token: &str, device: &str) -> Result<SessionGrant, AppError> {
    let login = SsoLogin {
        realm: APP_ID.to_owned(),
        token: Zeroizing::new(token.to_owned()),
        device: LoginDevice {
            id: Some(device.to_owned()),
            ..LoginDevice::default()
        },
    };
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    node.app.sso_login(login, peer).await
}

/// Who is behind an access token, if anybody is with full rights.
async fn is_live(node: &TestApp, grant: &SessionGrant) -> bool {
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let token = grant.access_token.expose();
    let checked = node
        .app
        .authenticate_session(token, None, peer, Urgency::Ordinary);
    let caller = checked.await;
    caller.is_ok_and(|caller| caller.is_full())
}

/// Waits until the partner was asked so often.
async fn until_asked(partner: &Partner, times: usize) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    for _ in 0..2_000 {
        if partner.asked().len() >= times {
            return;
        }
        ticks.tick().await;
    }
    panic!("asked {} times", partner.asked().len());
}

/// Waits until so many log-ins wait for the partner's answer.
async fn until_waiting(node: &TestApp, wanted: usize) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    for _ in 0..2_000 {
        if node.logins_waiting() == wanted {
            return;
        }
        ticks.tick().await;
    }
    panic!("{} log-ins wait", node.logins_waiting());
}

on_both_nodes!(
    the_same_token_at_one_instant_is_asked_about_once,
    async |node: TestApp| {
        let partner = node.partner(4).await;
        partner.give("t1", "ana", START);
        partner.hold();
        let logins = async {
            let devices = ["a", "b", "a"];
            join_all(devices.map(|device| log_in(&node, "t1", device))).await
        };
        let release = async {
            until_asked(&partner, 1).await;
            until_waiting(&node, 3).await;
            partner.let_go(1);
        };
        let (answers, ()) = tokio::join!(logins, release);
        let grants: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(partner.asked(), ["t1"]);
        for grant in &grants {
            assert!(is_live(&node, grant).await);
        }
        // Two devices, two sessions, one of them with two pairs.
        let caller = node.caller("ana").await;
        assert_eq!(node.app.own_sessions(&caller).await.unwrap().len(), 2);
        // An answer is not kept: later it is asked again.
        log_in(&node, "t1", "c").await.unwrap();
        assert_eq!(partner.asked().len(), 2);
    }
);

on_both_nodes!(
    a_partner_that_fails_is_left_alone_for_a_while,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        partner.answer("down", 500, json!({}));
        partner.give("t1", "ana", START.plus(Duration::from_secs(30)));
        for _ in 0..5 {
            match log_in(&node, "down", "a").await {
                Err(AppError::SsoUnavailable { reason, .. }) => {
                    assert_eq!(reason, Unavailable::Status(500));
                }
                other => panic!("{other:?}"),
            }
        }
        match log_in(&node, "t1", "a").await {
            Err(AppError::SsoUnavailable { reason, .. }) => {
                assert_eq!(reason, Unavailable::Broken);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(partner.asked().len(), 5);
        node.store.clock.advance(Duration::from_secs(30));
        log_in(&node, "t1", "a").await.unwrap();
    }
);

on_both_nodes!(
    strangers_with_bad_tokens_shut_nobody_out,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        partner.give("t1", "ana", START);
        for number in 0..20 {
            let refused = log_in(&node, &format!("guess-{number}"), "a").await;
            assert!(matches!(refused, Err(AppError::InvalidToken { .. })));
        }
        log_in(&node, "t1", "a").await.unwrap();
    }
);

on_both_nodes!(
    many_people_at_one_instant_each_get_their_session,
    async |node: TestApp| {
        const PEOPLE: usize = 60;
        let partner = node.partner(1).await;
        partner.hold();
        for number in 0..PEOPLE {
            partner.give(&format!("t{number}"), &format!("user-{number}"), START);
        }
        let tokens: Vec<_> = (0..PEOPLE).map(|number| format!("t{number}")).collect();
        let logins = join_all(tokens.iter().map(|token| log_in(&node, token, "a")));
        let release = async {
            until_asked(&partner, PEOPLE).await;
            partner.let_go(PEOPLE);
        };
        let (answers, ()) = tokio::join!(logins, release);
        for answer in answers {
            assert!(is_live(&node, &answer.unwrap()).await);
        }
    }
);

/// Waits until it is on record that the user's session on a device is used now.
async fn until_noted(node: &TestApp, device: &str) {
    let caller = node.caller("ana").await;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    for _ in 0..2_000 {
        let listed = node.app.own_sessions(&caller).await.unwrap();
        let noted = |view: &&mayday_app::SessionView| view.device.id.as_deref() == Some(device);
        if listed.iter().find(noted).unwrap().used_at == node.store.clock.now() {
            return;
        }
        ticks.tick().await;
    }
    panic!("the use on {device} was not noted");
}

on_both_nodes!(
    the_session_that_was_used_last_stays,
    async |node: TestApp| {
        let second = Duration::from_secs(1);
        let partner = node.partner(2).await;
        let one = node.log_in(&partner, "ana", "a").await;
        node.store.clock.advance(second);
        assert!(is_live(&node, &one).await);
        node.store.clock.advance(second);
        let two = node.log_in(&partner, "ana", "b").await;
        node.store.clock.advance(second);
        assert!(is_live(&node, &two).await);
        node.store.clock.advance(second);
        assert!(is_live(&node, &one).await);
        until_noted(&node, "a").await;
        node.store.clock.advance(second);
        let three = node.log_in(&partner, "ana", "c").await;
        assert!(is_live(&node, &one).await && is_live(&node, &three).await);
        assert!(!is_live(&node, &two).await);
    }
);

on_both_nodes!(
    a_session_that_nobody_uses_is_marked_and_let_go,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let grant = node.log_in(&partner, "ana", "phone").await;
        node.store.clock.advance(Duration::from_hours(30 * 24));
        assert!(!is_live(&node, &grant).await);
        node.app.sweep_sessions().await.unwrap();
        let mut tx = node.store.read().await.unwrap();
        let caller = node.store.users_of(APP_ID).await;
        assert_eq!(caller, ["ana"]);
        let app = mayday_core::identity::AppId::parse(APP_ID).unwrap();
        let app = mayday_store::apps::find(&mut tx, &app)
            .await
            .unwrap()
            .unwrap();
        let nobody = mayday_core::ids::SessionId(uuid::Uuid::nil());
        let live = mayday_store::sessions::page(&mut tx, app.id, nobody, 10).await;
        assert!(live.unwrap().is_empty());
        drop(tx);
        assert!(node.store.clock.now() > START);
        node.store.clock.advance(Duration::from_hours(31 * 24));
        assert!(node.app.sweep_sessions().await.unwrap() > 0);
    }
);
