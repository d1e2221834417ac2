//! Guessing at log-ins: who does is refused for a while, and no SOS ever is.

use std::net::IpAddr;
use std::time::Duration;

use mayday_app::admin::{
    AdminReply, AdminRequest, AlertsRequest, BanRequest, BanView, PageRequest,
};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_app::{AppError, SessionGrant, SsoLogin, Urgency};
use mayday_core::identity::Proof;
use mayday_core::profile::ProfilePatch;
use mayday_core::sso::LoginDevice;
use serde_json::json;
use zeroize::Zeroizing;

use crate::harness::{mqtt, on_both_nodes};

/// A log-in from an address.
async fn log_in_from(node: &TestApp, token: &str, peer: IpAddr) -> Result<SessionGrant, AppError> {
    let login = SsoLogin {
        realm: APP_ID.to_owned(),
        token: Zeroizing::new(token.to_owned()),
        device: LoginDevice::default(),
    };
    node.app.sso_login(login, peer).await
}

/// Fails to log in from an address until it is banned; the limiter alone would let it
/// on each minute.
async fn guess(node: &TestApp, peer: IpAddr) {
    for round in 0..5 {
        for number in 0..25 {
            let refused = log_in_from(node, &format!("guess-{round}-{number}"), peer).await;
            match refused {
                Err(AppError::InvalidToken { .. }) => {}
                Err(AppError::RateLimited { .. }) => return,
                other => panic!("{round} {number}: {other:?}"),
            }
        }
        node.store.clock.advance(Duration::from_secs(61));
    }
    panic!("never banned");
}

async fn bans(node: &TestApp) -> Vec<BanView> {
    let list = AdminRequest::Ban(BanRequest::List {
        app_id: APP_ID.to_owned(),
        page: PageRequest::default(),
    });
    match node.admin(list).await {
        AdminReply::Bans(page) => page.items,
        other => panic!("{other:?}"),
    }
}

async fn alert_kinds(node: &TestApp) -> Vec<String> {
    let alerts = AdminRequest::Alerts(AlertsRequest {
        app_id: APP_ID.to_owned(),
        only_open: false,
        page: PageRequest::default(),
    });
    match node.admin(alerts).await {
        AdminReply::Alerts(page) => page.items.into_iter().map(|alert| alert.kind).collect(),
        other => panic!("{other:?}"),
    }
}

on_both_nodes!(
    who_guesses_is_refused_for_an_hour_and_nobody_else,
    async |node: TestApp| {
        let partner = node.partner(4).await;
        let guesser: IpAddr = "192.0.2.7".parse().unwrap();
        let other: IpAddr = "192.0.2.8".parse().unwrap();
        let session = node.log_in(&partner, "ana", "phone").await;
        guess(&node, guesser).await;
        assert_eq!(alert_kinds(&node).await, ["logins_banned"]);
        let asked = partner.asked().len();
        assert_eq!(asked, 102, "the hundred and first is the last");
        partner.give("t1", "ana", node.app.now());
        match log_in_from(&node, "t1", guesser).await {
            Err(AppError::RateLimited { retry_after }) => {
                assert!(retry_after <= Duration::from_hours(1));
            }
            refused => panic!("{refused:?}"),
        }
        assert_eq!(partner.asked().len(), asked, "the app's server is spared");
        log_in_from(&node, "t1", other).await.unwrap();
        sos_is_not_touched(&node, &session, guesser).await;

        // Another node refuses as well, and lifting holds there, too.
        let (second, _guard) = node.beside().await;
        let login = |token: &str| SsoLogin {
            realm: APP_ID.to_owned(),
            token: Zeroizing::new(token.to_owned()),
            device: LoginDevice::default(),
        };
        let refused = second.sso_login(login("t1"), guesser).await;
        assert!(matches!(refused, Err(AppError::RateLimited { .. })));
        let listed = bans(&node).await;
        assert_eq!(listed.len(), 1);
        assert!(listed[0].in_force && listed[0].network == "192.0.2.7");
        let lift = || {
            AdminRequest::Ban(BanRequest::Lift {
                app_id: APP_ID.to_owned(),
                network: "192.0.2.7".to_owned(),
            })
        };
        node.admin(lift()).await;
        second.sso_login(login("t1"), guesser).await.unwrap();
        assert!(node.app.admin(lift()).await.is_err(), "there is none left");
        let listed = bans(&node).await;
        assert!(!listed[0].in_force && listed[0].lifted_at.is_some());
    }
);

on_both_nodes!(
    who_asks_for_code_after_code_is_refused_as_well,
    async |node: TestApp| {
        let partner = node.partner(4).await;
        let guesser: IpAddr = "192.0.2.7".parse().unwrap();
        let other: IpAddr = "192.0.2.8".parse().unwrap();
        node.caller("older").await;
        let patch = ProfilePatch {
            email: Some("ana@example.org".to_owned()),
            ..ProfilePatch::default()
        };
        let older = node.caller("older").await;
        node.app.update_me(&older, patch).await.unwrap();
        partner.give("t1", "ana", node.app.now());
        let Err(AppError::LinkRequired { pending, .. }) = log_in_from(&node, "t1", other).await
        else {
            panic!("the address is somebody's");
        };
        let pending = pending.to_string();
        for _ in 0..=101 {
            let asked = node
                .app
                .sso_code("who@example.org", &pending, guesser)
                .await;
            assert!(matches!(asked, Ok(_) | Err(AppError::RateLimited { .. })));
        }
        assert_eq!(alert_kinds(&node).await, ["logins_banned"]);
        let refused = log_in_from(&node, "t1", guesser).await;
        assert!(matches!(refused, Err(AppError::RateLimited { .. })));
        // What is no request says nothing of any app, and bans nobody.
        for _ in 0..=101 {
            let nobody = "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01";
            let _ = node.app.sso_code("who@example.org", nobody, other).await;
        }
        let again = log_in_from(&node, "t1", other).await;
        assert!(
            matches!(again, Err(AppError::LinkRequired { .. })),
            "{again:?}"
        );
    }
);

on_both_nodes!(a_ban_ends_by_itself, async |node: TestApp| {
    let partner = node.partner(4).await;
    let guesser: IpAddr = "2001:db8::7".parse().unwrap();
    let neighbour: IpAddr = "2001:db8::8".parse().unwrap();
    guess(&node, guesser).await;
    partner.give("t1", "ana", node.app.now());
    let refused = log_in_from(&node, "t1", neighbour).await;
    assert!(
        matches!(refused, Err(AppError::RateLimited { .. })),
        "of the same /64"
    );
    node.store.clock.advance(Duration::from_mins(61));
    partner.give("t2", "ana", node.app.now());
    log_in_from(&node, "t2", guesser).await.unwrap();
});

/// A valid session and a valid hash call for help from a banned address.
async fn sos_is_not_touched(node: &TestApp, session: &SessionGrant, peer: IpAddr) {
    let token = session.access_token.expose();
    for urgency in [Urgency::Distress, Urgency::Ordinary] {
        let caller = node.app.authenticate_session(token, None, peer, urgency);
        let caller = caller.await.unwrap();
        let body = json!({"latitude": 41.3, "longitude": 2.1});
        node.app.trigger_sos(&caller, mqtt(&body)).await.unwrap();
    }
    let hash = node.hash("ben");
    let proof = Proof {
        app_id: APP_ID,
        external_id: "ben",
        hash: &hash,
    };
    let caller = node.app.authenticate(proof, peer).await.unwrap();
    let body = json!({"latitude": 41.3, "longitude": 2.1});
    node.app.trigger_sos(&caller, mqtt(&body)).await.unwrap();
}

on_both_nodes!(
    operators_hear_when_the_log_ins_of_an_app_fail_from_everywhere,
    async |node: TestApp| {
        let partner = node.partner(4).await;
        for number in 0..1_001_u32 {
            let peer = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            let refused = log_in_from(&node, &format!("guess-{number}"), peer).await;
            assert!(matches!(refused, Err(AppError::InvalidToken { .. })));
        }
        assert_eq!(alert_kinds(&node).await, ["logins_failing"]);
        assert!(bans(&node).await.is_empty(), "nobody is shut out for it");
        partner.give("t1", "ana", node.app.now());
        let peer = IpAddr::from([10, 0, 0, 1]);
        log_in_from(&node, "t1", peer).await.unwrap();
    }
);
