//! `[mqtt]`: the SDK's MQTT interface.

use std::net::SocketAddr;
use std::time::Duration;

use super::reader::Reader;

/// The SDK's MQTT interface.
#[derive(Clone, Debug)]
pub(crate) struct MqttConfig {
    /// Address and port of the plain listener; port 0 picks a free one.
    pub(crate) listen: Option<SocketAddr>,
    /// Connections of proven users at once.
    pub(crate) max_connections: usize,
    /// Connections that have yet to prove who they are, on top.
    pub(crate) max_unproven_connections: usize,
    /// The longest keep-alive that is granted.
    pub(crate) max_keep_alive: Duration,
}

impl MqttConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            listen: reader.listener("mqtt.listen"),
            max_connections: reader.integer("mqtt.max_connections", 16..=1_000_000),
            max_unproven_connections: reader.integer("mqtt.max_unproven_connections", 16..=100_000),
            max_keep_alive: reader.seconds("mqtt.max_keep_alive_seconds", 30..=3600),
        }
    }
}
