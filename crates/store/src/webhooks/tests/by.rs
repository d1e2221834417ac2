//! Who did what partners are told of.

use mayday_core::escalation::Policy;
use mayday_core::sos::CancelRequest;
use serde_json::{Value, json};

use super::{Channel, added, cry, told};
use crate::command::Lane;
use crate::incidents::{self, CancelSos, ResolveIncident};
use crate::on_both;

pub(super) fn by(kind: &str, name: &str) -> Value {
    json!({"kind": kind, "name": name, "contactId": null})
}

on_both!(who_ended_it_is_told, |store| async move {
    let app = store.app("shop").await;
    added(&store, &app, Channel::Webhook, &[]).await;
    let ana = store.user(&app, "ana").await;
    cry(&store, &app, ana, "one").await;
    let mut tx = store.read().await.unwrap();
    let first = incidents::open_of(&mut tx, ana).await.unwrap().unwrap();
    drop(tx);
    store.clock.advance(Policy::default().grace);
    let resolve = ResolveIncident {
        app: app.id,
        incident: first.id,
        operator: "Ann".to_owned(),
    };
    assert_eq!(store.write(Lane::Sos, resolve).await.unwrap(), Some(true));
    cry(&store, &app, ana, "two").await;
    store.clock.advance(Policy::default().grace);
    let cancel = CancelSos {
        app: app.id,
        caller: ana,
        request: CancelRequest::parse(b"").unwrap(),
        any_user: false,
        duress: false,
    };
    store.write(Lane::Sos, cancel).await.unwrap();
    let deliveries = told(&store, &app).await;
    let said = |kind: &str| {
        let one = deliveries.iter().find(|one| one.kind == kind).unwrap();
        one.body["data"]["by"].clone()
    };
    assert_eq!(said("sos.resolved"), by("operator", "Ann"));
    assert_eq!(said("sos.cancelled"), by("user", "ana"));
});
