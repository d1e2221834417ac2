//! Take-over, coexistence and a full house.

use std::future::ready;

use mayday_app::presence::PresenceLimits;
use mayday_mqtt::MqttSettings;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{BOTH, Connect, Version, cry, publish};
use crate::support::server::Server;
use crate::support::transport::Via;

fn with_id(server: &Server, version: Version, user: &str, client_id: &str) -> Connect {
    Connect {
        client_id: client_id.to_owned(),
        ..Connect::new(version, user, &server.node.hash(user))
    }
}

async fn the_newer_connection_takes_over_within_an_identity(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let phone = |user: &str| with_id(&server, version, user, "phone");
        let mut first = Client::accepted(&server, &phone("ana")).await;
        let mut other = Client::accepted(&server, &phone("ben")).await;
        let mut second = Client::accepted(&server, &phone("ana")).await;
        first.expect_close(0x8E).await;
        other.expect_silence().await;
        second.expect_silence().await;
        // The clean-up of the first leaves the registration of the second.
        drop(first);
        let mut third = Client::accepted(&server, &phone("ana")).await;
        second.expect_close(0x8E).await;
        third.expect_silence().await;
    }
}

async fn eight_phones_share_an_id_and_the_ninth_closes_the_oldest_idle(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let shared = with_id(&server, version, "ana", "eixam_ana");
        let mut phones = Vec::new();
        for _ in 0..8 {
            phones.push(Client::accepted(&server, &shared).await);
        }
        // The first is active meanwhile; a ping is no activity.
        phones[0]
            .send(&publish(version, 1, "tel/data", b"{}"))
            .await;
        let _ = phones[0].packet().await;
        for phone in &mut phones {
            phone.expect_silence().await;
        }
        let mut ninth = Client::accepted(&server, &shared).await;
        let mut oldest = phones.remove(1);
        oldest.expect_close(0x97).await;
        for phone in phones.iter_mut().chain([&mut ninth]) {
            phone.expect_silence().await;
        }
        drop((phones, ninth, oldest));
        eventually("all have left", || {
            ready(server.node.app.presence().counts().members == 0)
        })
        .await;
    }
}

async fn neither_a_flood_of_strangers_nor_a_full_house_keeps_a_user_out(via: Via) {
    let limits = PresenceLimits {
        members: 8,
        reserve: 4,
    };
    let server = Server::over_with(via, MqttSettings::default(), limits).await;
    for version in BOTH {
        let mut inside = Vec::new();
        for n in 0..8 {
            let user = format!("user-{n}");
            inside.push(Client::connect(&server, version, &user).await);
        }
        let mut strangers = Vec::new();
        for _ in 0..40 {
            strangers.push(Client::dial(&server, version).await);
        }
        // The oldest is in distress, so the second makes room.
        inside[0]
            .send(&publish(version, 1, "sos/alerts", &cry(1)))
            .await;
        inside[0].expect_ack(0x40, 1, 0).await;
        let mut genuine = Client::connect(&server, version, "genuine").await;
        genuine
            .send(&publish(version, 1, "sos/alerts", &cry(1)))
            .await;
        genuine.expect_ack(0x40, 1, 0).await;
        inside.remove(1).expect_close(0x89).await;
        for other in &mut inside {
            other.expect_silence().await;
        }
        let counts = server.node.app.presence().counts();
        assert_eq!(counts.members, 8);
        assert!(counts.visitors <= 4, "{counts:?}");
        drop((inside, strangers, genuine));
        eventually("all have left", || {
            let counts = server.node.app.presence().counts();
            ready(counts.members == 0 && counts.visitors == 0)
        })
        .await;
    }
}

crate::over_every_transport!(
    the_newer_connection_takes_over_within_an_identity,
    eight_phones_share_an_id_and_the_ninth_closes_the_oldest_idle,
    neither_a_flood_of_strangers_nor_a_full_house_keeps_a_user_out,
);
