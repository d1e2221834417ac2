//! MQTT 3.1.1 and 5 as this server speaks it (contract: MQTT).
//!
//! This is the end of MQTT, not a broker: clients publish to the server, and
//! only the server publishes to clients.
//!
//! A socket arrives at a [`Door`] of the [`Endpoint`], plain or with TLS, or as
//! a WebSocket through `upgrade`, and becomes a visitor of the presence
//! registry; `handle::connect` reads one packet, checks the proof and makes it
//! a member; from then on `connection` is its loop. A PUBLISH begins its work
//! when it is decoded and waits in `queue` for its turn to be acknowledged,
//! which is after the commit that survives a power cut and in PUBLISH order.
//! Events come through `feed` and leave through `outbound`.
//!
//! Retained messages, stored sessions, wildcards and subscriptions to anything
//! but the own events do not exist here.

mod codec;
mod connection;
mod feed;
mod handle;
mod listener;
mod outbound;
mod queue;
mod reason;
mod salvage;
mod settings;
mod subscriptions;
mod timers;
mod transport;
mod upgrade;
mod wire;

pub use listener::{Door, Endpoint};
pub use settings::{MAX_PACKET_BYTES, MqttSettings};
pub use transport::Transport;
