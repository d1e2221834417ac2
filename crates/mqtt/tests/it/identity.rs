//! Who is let in, who is cut, and what a stale proof is good for.

use std::time::Duration;

use mayday_app::admin::{AdminReply, AdminRequest, SecretAdded};
use mayday_app::testing::APP_ID;
use mayday_core::identity::{AppSecret, ExternalUserId, signing};
use mayday_store::testing::START;
use mayday_store::testing::still::Still;

use crate::support::client::Client;
use crate::support::packets::{BOTH, Connect, Version, cry, publish, sample};
use crate::support::server::Server;

const PUBACK: u8 = 0x40;

fn block(external_id: &str, blocked: bool) -> AdminRequest {
    AdminRequest::UserSetBlocked {
        app_id: APP_ID.to_owned(),
        external_id: external_id.to_owned(),
        blocked,
    }
}

fn activate(active: bool) -> AdminRequest {
    AdminRequest::AppSetActive {
        app_id: APP_ID.to_owned(),
        active,
    }
}

#[tokio::test]
async fn blocking_cuts_within_a_second_and_refuses_from_then_on() {
    let server = Server::start().await;
    for version in BOTH {
        let mut ana = Client::connect(&server, version, "ana").await;
        let mut ben = Client::connect(&server, version, "ben").await;
        // At once: no look that comes later is waited for.
        let still = Still::now();
        server.node.admin(block("ana", true)).await;
        ana.expect_close(0x87).await;
        drop(still);
        ben.expect_silence().await;
        let again = Connect::new(version, "ana", &server.node.hash("ana"));
        let (_, code) = Client::try_connect(&server, &again).await;
        assert_eq!(code, if version == Version::V5 { 0x87 } else { 5 });
        server.node.admin(block("ana", false)).await;
        let _ = Client::accepted(&server, &again).await;
    }
}

#[tokio::test]
async fn deactivating_an_app_cuts_its_users() {
    let server = Server::start().await;
    for version in BOTH {
        let mut ana = Client::connect(&server, version, "ana").await;
        let still = Still::now();
        server.node.admin(activate(false)).await;
        ana.expect_close(0x87).await;
        drop(still);
        let again = Connect::new(version, "ana", &server.node.hash("ana"));
        let (_, code) = Client::try_connect(&server, &again).await;
        assert_eq!(code, if version == Version::V5 { 0x87 } else { 5 });
        server.node.admin(activate(true)).await;
        let _ = Client::accepted(&server, &again).await;
    }
}

#[tokio::test]
async fn retiring_a_secret_cuts_who_came_by_it_and_nobody_else() {
    let server = Server::start().await;
    let added = server
        .node
        .admin(AdminRequest::SecretAdd {
            app_id: APP_ID.to_owned(),
        })
        .await;
    let AdminReply::SecretAdded(SecretAdded {
        secret, secret_id, ..
    }) = added
    else {
        panic!("{added:?}");
    };
    let secret = AppSecret::parse(&secret.0).unwrap();
    let user = ExternalUserId::parse("ben").unwrap();
    let by_second = Connect::new(Version::V5, "ben", &signing::sign_static(&secret, &user));
    let mut first = Client::connect(&server, Version::V5, "ana").await;
    let mut second = Client::accepted(&server, &by_second).await;
    let still = Still::now();
    server
        .node
        .admin(AdminRequest::SecretRetire {
            app_id: APP_ID.to_owned(),
            secret_id: secret_id.to_string(),
        })
        .await;
    second.expect_close(0x87).await;
    drop(still);
    first.expect_silence().await;
    assert_eq!(Client::try_connect(&server, &by_second).await.1, 0x86);
}

#[tokio::test]
async fn a_stale_proof_connects_cries_and_hears_its_own_events() {
    let server = Server::start().await;
    for version in BOTH {
        let user = format!("stale-{version:?}");
        let hash = server
            .node
            .expiring_hash(&user, START.minus(Duration::from_hours(24)));
        let connect = Connect::new(version, &user, &hash);
        let mut client = Client::accepted(&server, &connect).await;
        let filter = format!("sos/events/{user}");
        assert_eq!(client.subscribe(&[(&filter, 1)]).await, [1]);
        // Acknowledged and let go: there is no open incident.
        client
            .send(&publish(version, 1, "tel/data", &sample(1)))
            .await;
        client.expect_ack(PUBACK, 1, 0).await;
        client
            .send(&publish(version, 2, "sos/alerts", &cry(1)))
            .await;
        let (mut acknowledged, mut event) = (false, None);
        while !acknowledged || event.is_none() {
            let packet = client.packet().await;
            if packet.first == PUBACK {
                acknowledged = true;
            } else {
                event = Some(client.delivery(&packet));
            }
        }
        assert_eq!(event.unwrap().json["type"], "processed");
        let caller = server.caller(&user).await;
        let incident = server.node.app.current_sos(&caller).await.unwrap().unwrap();
        let flags = format!("{:?}", incident.flags);
        assert!(flags.contains("StaleCredentials"), "{flags}");
    }
}

#[tokio::test]
async fn a_proof_that_expires_while_connected_still_cries() {
    let server = Server::start().await;
    let hash = server
        .node
        .expiring_hash("ana", START.plus(Duration::from_mins(1)));
    let mut client = Client::accepted(&server, &Connect::new(Version::V5, "ana", &hash)).await;
    server.node.store.clock.advance(Duration::from_hours(1));
    client
        .send(&publish(Version::V5, 1, "sos/alerts", &cry(1)))
        .await;
    client.expect_ack(PUBACK, 1, 0).await;
    let caller = server.caller("ana").await;
    let incident = server.node.app.current_sos(&caller).await.unwrap().unwrap();
    assert!(format!("{:?}", incident.flags).contains("StaleCredentials"));
}

#[tokio::test]
async fn a_proof_that_is_too_old_or_forged_is_refused() {
    let server = Server::start().await;
    let old = server
        .node
        .expiring_hash("ana", START.minus(Duration::from_hours(24 * 31)));
    for hash in [old.as_str(), "x1.99999999999.00", ""] {
        let connect = Connect::new(Version::V5, "ana", hash);
        assert_eq!(
            Client::try_connect(&server, &connect).await.1,
            0x86,
            "{hash}"
        );
    }
}

#[tokio::test]
async fn an_external_id_that_is_anothers_uuid_reaches_nothing_of_his() {
    let server = Server::start().await;
    let ben = server.caller("ben").await.user.to_string();
    for version in BOTH {
        let mut client = Client::connect(&server, version, &ben).await;
        let own = server.caller(&ben).await.user;
        let codes = client
            .subscribe(&[
                (&format!("sos/events/{ben}"), 1),
                (&format!("sos/events/{own}"), 1),
            ])
            .await;
        assert_eq!(codes, [if version == Version::V5 { 0x87 } else { 0x80 }, 1]);
        let topic = format!("sos/alerts/{ben}");
        client.send(&publish(version, 1, &topic, &cry(1))).await;
        match version {
            Version::V5 => client.expect_ack(PUBACK, 1, 0x87).await,
            Version::V311 => client.expect_end().await,
        }
    }
    assert!(!server.has_sos("ben").await);
}

#[tokio::test]
async fn a_proof_that_cannot_be_read_counts_for_its_address() {
    let server = Server::start().await;
    let nameless = Connect {
        username: Some("ana".to_owned()),
        ..Connect::new(Version::V5, "ana", "")
    };
    let mut code = 0;
    for _ in 0..200 {
        code = Client::try_connect(&server, &nameless).await.1;
        if code != 0x86 {
            break;
        }
    }
    assert_eq!(code, 0x9F);
    // Who can prove it comes in all the same.
    let _ = Client::connect(&server, Version::V5, "ana").await;
}
