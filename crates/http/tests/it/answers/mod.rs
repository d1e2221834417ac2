//! Every documented route answers with every documented status, and each body
//! is what the OpenAPI document says it is.
//!
//! `common` drives what all signed routes share (401, 403, 408, 413, 429, 500,
//! 503) from the document itself; a module per noun drives the rest. At the end
//! nothing that is documented may be unseen: a new route or status needs a case
//! here. Undescribed members fail as well as missing ones.

mod admin;
mod brokers;
mod checkin;
mod common;
mod contacts;
mod described;
mod devices;
mod drill;
mod entrance;
mod me;
mod partner;
mod provisioning;
mod sos;
mod sso;
mod telemetry;
mod tracking;

use described::Described;

#[tokio::test]
async fn every_documented_answer_of_the_admin_api_is_given_and_is_as_documented() {
    let mut described = Described::of(&mayday_http::admin_openapi_json());
    admin::answers(&mut described).await;
    let mut unseen = described.unseen();
    // What cannot be read is worded by the code that words what cannot be stored.
    let outage = |answer: &String| answer.ends_with(": 500") || answer.ends_with(": 503");
    unseen.retain(|answer| !(answer.starts_with("GET ") && outage(answer)));
    assert!(
        unseen.is_empty(),
        "documented, but no case makes the server answer so: {unseen:#?}"
    );
}

#[tokio::test]
async fn every_documented_answer_is_given_and_is_as_documented() {
    let mut described = Described::read();
    common::answers(&mut described).await;
    me::answers(&mut described).await;
    sos::answers(&mut described).await;
    checkin::answers(&mut described).await;
    drill::answers(&mut described).await;
    telemetry::answers(&mut described).await;
    devices::answers(&mut described).await;
    contacts::answers(&mut described).await;
    provisioning::answers(&mut described).await;
    brokers::answers(&mut described).await;
    partner::answers(&mut described).await;
    tracking::answers(&mut described).await;
    sso::answers(&mut described).await;
    entrance::answers(&mut described).await;
    let unseen = described.unseen();
    assert!(
        unseen.is_empty(),
        "documented, but no case makes the server answer so: {unseen:#?}"
    );
}
