//! `[mqtt]`: the SDK's MQTT interface.

use std::net::SocketAddr;

use super::reader::Reader;

/// The SDK's MQTT interface.
#[derive(Clone, Debug)]
pub(crate) struct MqttConfig {
    /// Address and port; port 0 picks a free one.
    pub(crate) listen: SocketAddr,
    /// Open connections at once, the reserved slots included.
    pub(crate) max_connections: usize,
}

impl MqttConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            listen: reader.address("mqtt.listen"),
            max_connections: reader.integer("mqtt.max_connections", 16..=1_000_000),
        }
    }
}
