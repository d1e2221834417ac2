//! A cry for help behind a publish that ends the connection on 3.1.1.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{Version, cry, publish, sample};
use crate::support::server::Server;
use crate::support::transport::Via;

/// Foreign to the user: refused, as a sample is that cannot be stored.
const REFUSED: &str = "tel/ben/data";
/// More than are decoded before the refusal is noticed.
const SAMPLES: u16 = 200;

async fn has_sos(server: &Server, external_id: &str) -> bool {
    let caller = server.caller(external_id).await;
    let open = server.node.app.current_sos(&caller).await;
    open.unwrap().is_some()
}

async fn an_sos_behind_a_refused_publish_is_stored_and_nothing_else_is(via: Via) {
    let server = Server::over(via).await;
    let mut phone = Client::connect(&server, Version::V311, "ana").await;
    let mut sent = Vec::new();
    for id in 1..=SAMPLES {
        sent.extend(publish(Version::V311, id, REFUSED, &sample(id)));
    }
    sent.extend(publish(Version::V311, 500, "tel/data", &sample(1)));
    sent.extend(publish(Version::V311, 501, "sos/alerts/ben", &cry(1)));
    sent.extend(publish(Version::V311, 502, "sos/alerts", &cry(2)));
    phone.send(&sent).await;
    phone.expect_end().await;
    eventually("the SOS is stored", async || has_sos(&server, "ana").await).await;
    assert!(!has_sos(&server, "ben").await);
    let ana = server.caller("ana").await.user;
    let latest = server.node.app.latest_position(ana).await.unwrap();
    assert!(latest.is_none(), "{latest:?}");
}

async fn an_sos_that_arrives_after_the_refusal_is_stored(via: Via) {
    let server = Server::over(via).await;
    let mut phone = Client::connect(&server, Version::V311, "ana").await;
    let help = publish(Version::V311, 2, "sos/alerts", &cry(1));
    let (begun, rest) = help.split_at(20);
    let mut sent = publish(Version::V311, 1, REFUSED, &sample(1));
    sent.extend(begun);
    phone.send(&sent).await;
    phone.expect_end().await;
    phone.send(rest).await;
    eventually("the SOS is stored", async || has_sos(&server, "ana").await).await;
}

crate::over_every_transport!(
    an_sos_behind_a_refused_publish_is_stored_and_nothing_else_is,
    an_sos_that_arrives_after_the_refusal_is_stored,
);
