//! A cry for help and telemetry in one segment: each is judged after what is ahead
//! of it, and the cry waits for none of it (contract: Telemetry, "while an incident is
//! open, samples join its trail and move its position").

use std::time::Duration;

use mayday_core::sos::PositionSource;
use mayday_store::Dialect;
use mayday_store::testing::START;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{BOTH, Connect, Version, packet, publish};
use crate::support::server::Server;
use crate::support::transport::Via;

const PUBACK: u8 = 0x40;
/// Samples in the segment.
const SAMPLES: u16 = 5;

/// The body of a phone whose clock is a second slow: its `n`-th thousandth.
fn body(n: u16) -> Vec<u8> {
    let (latitude, longitude) = (n, 2);
    format!(
        r#"{{"timestamp":"2026-09-09T09:59:59.{n:03}Z","latitude":{latitude},"longitude":{longitude}}}"#
    )
    .into_bytes()
}

/// A cry for help with samples behind it.
fn segment(version: Version) -> Vec<u8> {
    let mut bytes = publish(version, 1, "sos/alerts", &body(0));
    for n in 1..=SAMPLES {
        bytes.extend(publish(version, n + 1, "tel/data", &body(n)));
    }
    bytes
}

/// The latitudes of the trail of the user's incident.
async fn trail(server: &Server, user: &str) -> Vec<f64> {
    let caller = server.caller(user).await;
    let page = server.node.app.sos_history(&caller, 1, None).await.unwrap();
    let items = page.items.into_iter();
    items
        .flat_map(|item| item.trail)
        .map(|point| point.latitude)
        .collect()
}

fn whole_trail() -> Vec<f64> {
    (0..=SAMPLES).map(f64::from).collect()
}

async fn samples_behind_a_cry_join_its_incident(via: Via) {
    for server in Server::on_both(via).await {
        for version in BOTH {
            for stale in [false, true] {
                let user = format!("{version:?}-{stale}");
                let expired = START.minus(Duration::from_mins(1));
                let hash = if stale {
                    server.node.expiring_hash(&user, expired)
                } else {
                    server.node.hash(&user)
                };
                let connect = Connect::new(version, &user, &hash);
                let mut client = Client::accepted(&server, &connect).await;
                // Where the store can be made slow, it is: the samples could be
                // stored long before the cry is.
                server.node.store.faults().freeze();
                client.send(&segment(version)).await;
                if server.node.store.dialect() == Dialect::Sqlite {
                    client.expect_silence().await;
                }
                server.node.store.faults().thaw();
                for id in 1..=SAMPLES + 1 {
                    client.expect_ack(PUBACK, id, 0).await;
                }
                assert_eq!(trail(&server, &user).await, whole_trail(), "{user}");
                let caller = server.caller(&user).await;
                let open = server.node.app.current_sos(&caller).await.unwrap();
                let position = open.unwrap().position.unwrap();
                assert_eq!(position.source, PositionSource::Telemetry, "{user}");
                let latitude = Some(position.fix.latitude);
                assert_eq!(latitude, whole_trail().last().copied(), "{user}");
            }
        }
    }
}

async fn samples_behind_a_cry_are_stored_though_the_client_leaves(via: Via) {
    for server in Server::on_both(via).await {
        for version in BOTH {
            let user = format!("{version:?}");
            let mut client = Client::connect(&server, version, &user).await;
            server.node.store.faults().freeze();
            let mut bytes = segment(version);
            bytes.extend(packet(0xE0, b""));
            client.send(&bytes).await;
            // What reached the server later may have been answered before.
            while client.next().await.is_some() {}
            server.node.store.faults().thaw();
            eventually("all of it is stored", async || {
                trail(&server, &user).await == whole_trail()
            })
            .await;
        }
    }
}

crate::over_every_transport!(
    samples_behind_a_cry_join_its_incident,
    samples_behind_a_cry_are_stored_though_the_client_leaves,
);
