//! Connections that are made with the access token of a session.

use std::time::Duration;

use mayday_app::SessionGrant;
use mayday_app::admin::{AdminReply, AdminRequest, PageRequest, SessionRequest, SessionTarget};
use mayday_app::testing::APP_ID;
use mayday_store::testing::still::Still;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{BOTH, Connect, Version, cry, publish, sample};
use crate::support::server::Server;
use crate::support::transport::Via;

const PUBACK: u8 = 0x40;

fn connect(version: Version, subject: &str, session: &SessionGrant) -> Connect {
    Connect {
        username: Some(format!("sso:{APP_ID}:{subject}")),
        ..Connect::new(version, subject, session.access_token.expose())
    }
}

async fn end(server: &Server, subject: &str) {
    let end = SessionRequest::End {
        app_id: APP_ID.to_owned(),
        target: SessionTarget::User(subject.to_owned()),
    };
    server.node.admin(AdminRequest::Session(end)).await;
}

/// The code of a refused session by version.
fn refused(version: Version) -> u8 {
    if version == Version::V5 { 0x87 } else { 5 }
}

/// The code of a wrong password by version.
fn wrong(version: Version) -> u8 {
    if version == Version::V5 { 0x86 } else { 4 }
}

#[tokio::test]
async fn a_session_connects_under_its_own_name_alone() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    for version in BOTH {
        let session = server.node.log_in(&partner, "a:na", "phone").await;
        let good = connect(version, "a:na", &session);
        let mut client = Client::accepted(&server, &good).await;
        client
            .send(&publish(version, 1, "tel/data", &sample(1)))
            .await;
        client.expect_ack(PUBACK, 1, 0).await;
        let other = connect(version, "ben", &session);
        let (_, code) = Client::try_connect(&server, &other).await;
        assert_eq!(code, wrong(version));
        // A user hash and an access token are not taken for each other.
        let hash = Connect {
            password: Some(server.node.hash("a:na")),
            ..good.clone()
        };
        let (_, code) = Client::try_connect(&server, &hash).await;
        assert_eq!(code, wrong(version));
        let signed = Connect {
            username: Some(format!("sdk:{APP_ID}:a:na")),
            ..good
        };
        let (_, code) = Client::try_connect(&server, &signed).await;
        assert_eq!(code, wrong(version));
    }
}

#[tokio::test]
async fn the_end_of_a_session_cuts_its_connection_within_a_second() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    for version in BOTH {
        let session = server.node.log_in(&partner, "ana", "phone").await;
        let other = server.node.log_in(&partner, "ben", "phone").await;
        let mut ana = Client::accepted(&server, &connect(version, "ana", &session)).await;
        let mut ben = Client::accepted(&server, &connect(version, "ben", &other)).await;
        // The word of it cuts, and not a look that comes later.
        let still = Still::now();
        end(&server, "ana").await;
        let why = ana.expect_close_with(0x87).await;
        let says = |word: &str| (version == Version::V5).then(|| word.to_owned());
        assert_eq!(why, says("session_revoked"));
        ben.expect_silence().await;
        let again = Client::refused(&server, &connect(version, "ana", &session)).await;
        assert_eq!(again, (refused(version), says("session_revoked")));

        // A log-in elsewhere: the cap is one.
        server.node.log_in(&partner, "ben", "tablet").await;
        assert_eq!(ben.expect_close_with(0x87).await, says("session_evicted"));
        drop(still);
    }
}

#[tokio::test]
async fn an_overtaken_phone_in_distress_keeps_its_connection_for_that_sos_alone() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let version = Version::V5;
    let session = server.node.log_in(&partner, "ana", "phone").await;
    let mut phone = Client::accepted(&server, &connect(version, "ana", &session)).await;
    phone
        .send(&publish(version, 1, "sos/alerts", &cry(1)))
        .await;
    phone.expect_ack(PUBACK, 1, 0).await;
    let newer = server.node.log_in(&partner, "ana", "tablet").await;
    // The watch looks on the hint and twice a second: by then it has looked.
    let caller = server.caller("ana").await;
    phone.expect_silence().await;
    phone
        .send(&publish(version, 2, "sos/alerts", &cry(2)))
        .await;
    phone.expect_ack(PUBACK, 2, 0).await;
    let incident = server.node.app.current_sos(&caller).await.unwrap().unwrap();
    assert!(incident.acknowledged_at.is_none());
    // It is up until the incident ends.
    server.node.app.resolve_sos(&caller).await.unwrap();
    phone.expect_close(0x87).await;

    // With what it still holds it may come back to cry, and for nothing else.
    let mut again = Client::accepted(&server, &connect(version, "ana", &session)).await;
    again
        .send(&publish(version, 1, "sos/alerts", &cry(3)))
        .await;
    again.expect_ack(PUBACK, 1, 0).await;
    let incident = server.node.app.current_sos(&caller).await.unwrap().unwrap();
    let flags = format!("{:?}", incident.flags);
    assert!(flags.contains("StaleCredentials"), "{flags}");

    // Sent away, it is heard no more.
    let mut tablet = Client::accepted(&server, &connect(version, "ana", &newer)).await;
    end(&server, "ana").await;
    tablet.expect_close(0x87).await;
    let (_, code) = Client::try_connect(&server, &connect(version, "ana", &newer)).await;
    assert_eq!(code, refused(version));
}

/// The time of a user's newest sample, in seconds after the hour.
async fn newest(server: &Server, external_id: &str) -> Option<i64> {
    let user = server.caller(external_id).await.user;
    let latest = server.node.app.latest_position(user).await.unwrap();
    latest.map(|sample| sample.time.as_secs() % 3_600)
}

#[tokio::test]
async fn a_session_that_nobody_used_for_too_long_loses_its_connection() {
    let idle = Duration::from_hours(30 * 24);
    for server in Server::on_both(Via::Tcp).await {
        let partner = server.node.partner(1).await;
        for (n, version) in [(1, Version::V311), (11, Version::V5)] {
            let subject = format!("ana-{n}");
            let session = server.node.log_in(&partner, &subject, "phone").await;
            let mut phone = Client::accepted(&server, &connect(version, &subject, &session)).await;
            phone
                .send(&publish(version, 1, "tel/data", &sample(n)))
                .await;
            phone.expect_ack(PUBACK, 1, 0).await;
            server.node.store.clock.advance(idle);
            // Before anybody noticed: acknowledged, and not kept.
            phone
                .send(&publish(version, 2, "tel/data", &sample(n + 1)))
                .await;
            phone.expect_ack(PUBACK, 2, 0).await;
            assert_eq!(newest(&server, &subject).await, Some(i64::from(n)));
            let ended = server.node.app.end_overdue_sessions().await.unwrap();
            assert_eq!(ended, 1, "{version:?}");
            let why = phone.expect_close_with(0x87).await;
            let says = (version == Version::V5).then(|| "session_expired".to_owned());
            assert_eq!(why, says);
        }
    }
}

#[tokio::test]
async fn a_phone_that_publishes_uses_its_session() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let session = server.node.log_in(&partner, "ana", "phone").await;
    let version = Version::V5;
    let mut phone = Client::accepted(&server, &connect(version, "ana", &session)).await;
    for n in 1..=4 {
        server
            .node
            .store
            .clock
            .advance(Duration::from_hours(20 * 24));
        phone
            .send(&publish(version, n, "tel/data", &sample(n)))
            .await;
        phone.expect_ack(PUBACK, n, 0).await;
        assert_eq!(newest(&server, "ana").await, Some(i64::from(n)));
        until_used(&server).await;
        assert_eq!(server.node.app.end_overdue_sessions().await.unwrap(), 0);
    }
    // Its life is over all the same.
    server
        .node
        .store
        .clock
        .advance(Duration::from_hours(10 * 24));
    phone
        .send(&publish(version, 5, "tel/data", &sample(5)))
        .await;
    phone.expect_ack(PUBACK, 5, 0).await;
    assert_eq!(newest(&server, "ana").await, Some(4));
    assert_eq!(server.node.app.end_overdue_sessions().await.unwrap(), 1);
    phone.expect_close(0x87).await;
}

/// Waits until it is on record that the only session was used just now.
async fn until_used(server: &Server) {
    eventually("the use is noted", async || {
        let list = SessionRequest::List {
            app_id: APP_ID.to_owned(),
            external_id: None,
            page: PageRequest::default(),
        };
        match server.node.admin(AdminRequest::Session(list)).await {
            AdminReply::Sessions(page) => page.items[0].used_at == server.node.app.now(),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_phone_whose_session_expires_in_distress_keeps_its_connection_for_that_sos() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let version = Version::V5;
    let session = server.node.log_in(&partner, "ana", "phone").await;
    let mut phone = Client::accepted(&server, &connect(version, "ana", &session)).await;
    phone
        .send(&publish(version, 1, "sos/alerts", &cry(1)))
        .await;
    phone.expect_ack(PUBACK, 1, 0).await;
    server
        .node
        .store
        .clock
        .advance(Duration::from_hours(30 * 24));
    assert_eq!(server.node.app.end_overdue_sessions().await.unwrap(), 1);
    phone.expect_silence().await;
    phone
        .send(&publish(version, 2, "sos/alerts", &cry(2)))
        .await;
    phone.expect_ack(PUBACK, 2, 0).await;
    let caller = server.caller("ana").await;
    server.node.app.resolve_sos(&caller).await.unwrap();
    phone.expect_close(0x87).await;
}
