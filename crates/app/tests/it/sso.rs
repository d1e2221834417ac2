//! Log-ins against a partner that answers late, badly, or not at all.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use mayday_app::admin::{
    AdminReply, AdminRequest, AlertsRequest, PageRequest, PrintedSecret, SessionRequest, SsoChange,
    SsoRequest,
};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_app::{AppError, SessionGrant, SsoLogin, SsoRefresh, Urgency};
use mayday_core::sso::introspection::Unavailable;
use mayday_core::sso::{LoginDevice, RequestForm};
use mayday_gateway::testing::Partner;
use mayday_store::testing::START;
use serde_json::json;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::harness::{on_both_nodes, until};

async fn log_in(node: &TestApp, token: &str, device: &str) -> Result<SessionGrant, AppError> {
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    log_in_from(node, token, device, peer).await
}

async fn log_in_from(
    node: &TestApp,
    token: &str,
    device: &str,
    peer: IpAddr,
) -> Result<SessionGrant, AppError> {
    let login = SsoLogin {
        realm: APP_ID.to_owned(),
        token: Zeroizing::new(token.to_owned()),
        device: LoginDevice {
            id: Some(device.to_owned()),
            ..LoginDevice::default()
        },
    };
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

/// Buys the next pair of a session's tokens.
async fn renew(node: &TestApp, grant: &SessionGrant) -> Result<SessionGrant, AppError> {
    let refresh = SsoRefresh {
        realm: None,
        access_token: Some(Zeroizing::new(grant.access_token.expose().to_owned())),
        refresh_token: Zeroizing::new(grant.refresh_token.expose().to_owned()),
    };
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    node.app.sso_refresh(refresh, peer).await
}

/// Waits until the partner was asked so often.
async fn until_asked(partner: &Partner, times: usize) {
    let asked = async || partner.asked().len() >= times;
    until("the partner was asked so often", asked).await;
}

/// Waits until so many log-ins wait for the partner's answer.
async fn until_waiting(node: &TestApp, wanted: usize) {
    let waiting = async || node.logins_waiting() == wanted;
    until("so many log-ins wait", waiting).await;
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

/// An address of the documentation's.
fn address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, number))
}

/// Has tokens asked about elsewhere.
async fn ask_at(node: &TestApp, url: String) {
    let change = SsoChange {
        token_info_url: Some(url),
        ..SsoChange::default()
    };
    node.admin(AdminRequest::Sso(SsoRequest::Set {
        app_id: APP_ID.to_owned(),
        change: Box::new(change),
    }))
    .await;
}

/// Why a log-in could not be checked, and when to try again.
fn unavailable(answer: Result<SessionGrant, AppError>) -> (Unavailable, Duration) {
    match answer {
        Err(AppError::SsoUnavailable {
            reason,
            retry_after,
        }) => (reason, retry_after),
        other => panic!("{other:?}"),
    }
}

/// Waits until operators have been told so much, open and closed.
async fn until_told(node: &TestApp, wanted: &[(&str, bool)]) {
    until("operators have been told so much", async || {
        let alerts = AdminRequest::Alerts(AlertsRequest {
            app_id: APP_ID.to_owned(),
            only_open: false,
            page: PageRequest::default(),
        });
        let AdminReply::Alerts(page) = node.admin(alerts).await else {
            panic!("no alerts");
        };
        let told = page.items.iter();
        told.map(|alert| (alert.kind.as_str(), alert.closed_at.is_none()))
            .eq(wanted.iter().copied())
    })
    .await;
}

on_both_nodes!(
    a_partner_that_does_not_answer_is_left_alone_for_a_while,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        partner.give("t1", "ana", START.plus(Duration::from_secs(30)));
        let whole = Duration::from_secs(30);
        // The port is taken, and nobody listens there.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nowhere = format!("http://{}/", taken.local_addr().unwrap());
        ask_at(&node, nowhere.clone()).await;
        for _ in 0..5 {
            let (reason, _) = unavailable(log_in(&node, "t1", "a").await);
            assert_eq!(reason, Unavailable::NoAnswer);
        }
        until_told(&node, &[("token_info_failing", true)]).await;
        let shut = unavailable(log_in(&node, "t1", "a").await);
        assert_eq!(shut, (Unavailable::Broken, whole));
        node.store.clock.advance(Duration::from_secs(10));
        let shut = unavailable(log_in(&node, "t1", "a").await);
        assert_eq!(shut, (Unavailable::Broken, Duration::from_secs(20)));
        assert!(partner.asked().is_empty());
        node.store.clock.advance(Duration::from_secs(20));
        // A few ask again, and it is as before.
        let (reason, _) = unavailable(log_in(&node, "t1", "a").await);
        assert_eq!(reason, Unavailable::NoAnswer);
        for _ in 0..4 {
            unavailable(log_in(&node, "t1", "a").await);
        }
        let shut = unavailable(log_in(&node, "t1", "a").await);
        assert_eq!(shut, (Unavailable::Broken, 2 * whole));
        // Who corrects the address need not wait.
        ask_at(&node, partner.url()).await;
        log_in(&node, "t1", "a").await.unwrap();
        until_told(&node, &[("token_info_failing", false)]).await;
    }
);

on_both_nodes!(
    a_partner_that_answers_everybody_with_garbage_is_left_alone,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        partner.answer("down", 502, json!({}));
        partner.give("t1", "ana", START);
        for number in 0..20 {
            let answer = log_in_from(&node, "down", "a", address(number)).await;
            assert_eq!(unavailable(answer).0, Unavailable::Status(502));
        }
        let answer = log_in_from(&node, "t1", "a", address(99)).await;
        assert_eq!(unavailable(answer).0, Unavailable::Broken);
        // An outage is no reason to ban anybody.
        until_told(&node, &[("token_info_failing", true)]).await;
    }
);

on_both_nodes!(
    nobody_is_shut_out_by_tokens_that_the_partner_chokes_on,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let statuses = [500, 502, 503, 504, 599, 301, 302, 307, 500, 503];
        for (number, status) in statuses.into_iter().enumerate() {
            partner.answer(&format!("<{number}"), status, json!({}));
            unavailable(log_in(&node, &format!("<{number}"), "a").await);
        }
        partner.cut_off("<cut");
        for _ in 0..6 {
            let (reason, _) = unavailable(log_in(&node, "<cut", "a").await);
            assert_eq!(reason, Unavailable::BrokenOff);
        }
        partner.give("t1", "ana", START);
        log_in(&node, "t1", "a").await.unwrap();
        // Nor when nobody else logs in for a long time.
        for number in 0..200 {
            unavailable(log_in(&node, &format!("<{}", number % 10), "a").await);
            node.store.clock.advance(Duration::from_secs(1));
        }
        partner.give("t2", "ben", node.app.now());
        log_in_from(&node, "t2", "b", address(1)).await.unwrap();
        until_told(&node, &[]).await;
    }
);

/// What a change of the settings is refused with, if it is.
async fn refused(node: &TestApp, change: SsoChange) -> Option<String> {
    let set = AdminRequest::Sso(SsoRequest::Set {
        app_id: APP_ID.to_owned(),
        change: Box::new(change),
    });
    let answer = node.app.admin(set).await;
    answer.err().map(|error| error.to_string())
}

on_both_nodes!(
    settings_with_which_nobody_could_log_in_are_refused,
    async |node: TestApp| {
        node.partner(1).await;
        let with = |form, header: &str, key: &str| SsoChange {
            form,
            key_header: Some(header.to_owned()),
            key: Some(PrintedSecret(key.to_owned())),
            ..SsoChange::default()
        };
        let bearer = || SsoChange {
            form: Some(RequestForm::Bearer),
            ..SsoChange::default()
        };
        // The token and our key cannot both be `Authorization`, set at once or not.
        let both = with(Some(RequestForm::Bearer), "Authorization", "hush");
        let said = refused(&node, both).await.unwrap();
        assert!(said.contains("--key-header"), "{said}");
        assert_eq!(
            refused(&node, with(None, "authorization", "hush")).await,
            None
        );
        assert!(refused(&node, bearer()).await.is_some());
        assert_eq!(refused(&node, with(None, "x-api-key", "hush")).await, None);
        assert_eq!(refused(&node, bearer()).await, None);
        assert!(
            refused(&node, with(None, "AUTHORIZATION", "hush"))
                .await
                .is_some()
        );
        let url = |url: &str| SsoChange {
            token_info_url: Some(url.to_owned()),
            local: Some(false),
            ..SsoChange::default()
        };
        for address in ["https://127.0.0.1/i", "https://169.254.169.254/i"] {
            let said = refused(&node, url(address)).await.unwrap();
            assert!(said.contains("address"), "{said}");
        }
        assert_eq!(refused(&node, url("https://partner.example/i")).await, None);
    }
);

on_both_nodes!(
    a_client_is_told_when_the_partner_wants_to_be_asked_again,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        partner.answer("busy", 429, json!({}));
        let told = unavailable(log_in(&node, "busy", "a").await);
        assert_eq!(told, (Unavailable::Status(429), Duration::from_secs(5)));
        partner.ask_again_in(40);
        let told = unavailable(log_in(&node, "busy", "a").await);
        assert_eq!(told, (Unavailable::Status(429), Duration::from_secs(40)));
        partner.ask_again_in(86_400);
        let told = unavailable(log_in(&node, "busy", "a").await);
        assert_eq!(told.1, Duration::from_mins(5));
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

on_both_nodes!(
    an_address_with_slow_tokens_leaves_turns_for_others,
    async |node: TestApp| {
        const TURNS: usize = 128;
        let partner = node.partner(1).await;
        partner.hold();
        partner.give("honest", "ana", START);
        let slow: Vec<_> = (0..300).map(|number| format!("slow-{number}")).collect();
        let from = |token| log_in_from(&node, token, "a", address(1));
        let crowd = join_all(slow.iter().map(|token| from(token)));
        let honest = async {
            until_asked(&partner, TURNS).await;
            until_waiting(&node, slow.len()).await;
            let honest = log_in_from(&node, "honest", "a", address(2));
            let release = async {
                until_asked(&partner, TURNS + 1).await;
                // Before any of the slow ones was answered.
                assert_eq!(partner.asked().last().unwrap(), "honest");
                partner.let_go(TURNS + 1);
            };
            tokio::join!(honest, release).0.unwrap();
        };
        tokio::join!(crowd, honest);
    }
);

on_both_nodes!(
    an_address_that_has_its_share_is_told_to_come_again,
    async |node: TestApp| {
        const SHARE: usize = 1_024;
        let partner = node.partner(1).await;
        partner.hold();
        partner.give("one", "ana", START);
        // One question, for which all of them wait.
        let crowd = join_all((0..SHARE).map(|_| log_in_from(&node, "one", "a", address(1))));
        let late = async {
            until_waiting(&node, SHARE).await;
            let refused = log_in_from(&node, "other", "a", address(1)).await;
            assert!(matches!(refused, Err(AppError::RateLimited { .. })));
            assert_eq!(partner.asked(), ["one"]);
            partner.let_go(SHARE);
        };
        tokio::join!(crowd, late);
    }
);

/// Waits until it is on record that the user's session on a device is used now.
async fn until_noted(node: &TestApp, device: &str) {
    let caller = node.caller("ana").await;
    until("the use is noted", async || {
        let listed = node.app.own_sessions(&caller).await.unwrap();
        let noted = |view: &&mayday_app::SessionView| view.device.id.as_deref() == Some(device);
        listed.iter().find(noted).unwrap().used_at == node.app.now()
    })
    .await;
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

/// The devices of the app's sessions, as an administrator has them listed.
async fn listed(node: &TestApp, external_id: Option<&str>) -> Vec<String> {
    let list = AdminRequest::Session(SessionRequest::List {
        app_id: APP_ID.to_owned(),
        external_id: external_id.map(str::to_owned),
        page: PageRequest::default(),
    });
    match node.admin(list).await {
        AdminReply::Sessions(page) => {
            let devices = page.items.into_iter().map(|item| item.device.id);
            devices.map(Option::unwrap_or_default).collect()
        }
        other => panic!("{other:?}"),
    }
}

on_both_nodes!(
    a_session_that_nobody_uses_ends_and_is_let_go,
    async |node: TestApp| {
        let days = |days: u64| Duration::from_hours(24 * days);
        let partner = node.partner(2).await;
        let quiet = node.log_in(&partner, "ana", "quiet").await;
        let mut busy = node.log_in(&partner, "ana", "busy").await;
        node.store.clock.advance(days(20));
        busy = renew(&node, &busy).await.unwrap();
        assert_eq!(node.app.end_overdue_sessions().await.unwrap(), 0);
        node.store.clock.advance(days(10));
        // Nothing has been marked yet, and nobody takes it for live.
        assert_eq!(listed(&node, None).await, ["busy"]);
        assert_eq!(listed(&node, Some("ana")).await, ["busy"]);
        assert_eq!(node.app.end_overdue_sessions().await.unwrap(), 1);
        assert_eq!(node.app.end_overdue_sessions().await.unwrap(), 0);
        let refused = renew(&node, &quiet).await;
        assert!(
            matches!(refused, Err(AppError::Session { lapse }) if lapse.code == "session_expired")
        );
        // The life of the other ends in the hands of whoever uses it.
        for _ in 0..2 {
            busy = renew(&node, &busy).await.unwrap();
            node.store.clock.advance(days(29));
        }
        assert!(is_live(&node, &renew(&node, &busy).await.unwrap()).await);
        node.store.clock.advance(days(2));
        assert!(listed(&node, None).await.is_empty());
        assert_eq!(node.app.end_overdue_sessions().await.unwrap(), 1);
        node.store.clock.advance(days(31));
        assert!(node.app.prune_sessions().await.unwrap() > 0);
    }
);
