//! `mayday bench`: load against a running server, and what it took.
//!
//! `crew.rs` connects everybody, starts all at one moment and sums up;
//! `publish.rs`, `sos.rs`, `connect.rs`, `idle.rs` and `request.rs` each are one
//! kind of load on it. `packets.rs` and `client.rs` speak MQTT, `link.rs` is
//! what they speak it over, `people.rs` signs users, `sample.rs` makes bodies, `histogram.rs` counts. None of it shares code
//! with the listeners. It speaks to any MQTT server, so that two of them are
//! compared by the same client.

pub(crate) mod client;
pub(crate) mod connect;
pub(crate) mod crew;
pub(crate) mod histogram;
pub(crate) mod idle;
pub(crate) mod link;
pub(crate) mod packets;
pub(crate) mod people;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod sample;
pub(crate) mod sos;
