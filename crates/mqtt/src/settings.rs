//! The limits of the MQTT listener. Each has a default that suits a server of
//! 2 cores; the server crate reads them from its configuration.

use std::time::Duration;

/// The largest packet that is taken whole, in bytes, header included (contract:
/// SOS, "HTTP and MQTT packets 256 KiB").
pub const MAX_PACKET_BYTES: usize = 256 * 1024;

/// How much of an SOS beyond [`MAX_PACKET_BYTES`] is kept, in bytes.
pub(crate) const OVERSIZED_SOS_BYTES: usize = 64 * 1024;

/// The largest CONNECT, in bytes: nothing is proven yet, so it is small.
pub(crate) const MAX_CONNECT_BYTES: usize = 32 * 1024;

/// How many bytes are asked from the socket at once.
pub(crate) const READ_CHUNK_BYTES: usize = 8 * 1024;

/// How many bytes are asked at once from a connection that HTTP handed over.
pub(crate) const WEBSOCKET_CHUNK_BYTES: usize = 4 * 1024;

/// How many packets are decoded before the loop looks at its other duties.
pub(crate) const DECODE_TURN: u64 = 64;

/// See [`MqttSettings::chatter`].
pub(crate) const CHATTER_WINDOW: Duration = Duration::from_secs(1);

/// Acknowledgements are batched until this many bytes wait to be written.
pub(crate) const WRITE_BATCH_BYTES: usize = 16 * 1024;

/// Beyond this many unwritten bytes nothing more is read or produced until the
/// client has taken some.
pub(crate) const WRITE_QUEUE_BYTES: usize = 256 * 1024;

/// How many publishes may wait for their turn, acknowledged or not.
pub(crate) const QUEUE_PACKETS: usize = 1_024;

/// How many bytes of publishes may wait for their turn.
pub(crate) const QUEUE_BYTES: usize = 1024 * 1024;

/// How many topic texts one connection subscribes to at most.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 16;

/// How many events are on their way to a client that did not state a smaller
/// receive maximum.
pub(crate) const OUTBOUND_WINDOW: u16 = 64;

/// How many packet ids of QoS 2 may wait for their PUBREL on 3.1.1, which has
/// no receive maximum.
pub(crate) const QOS2_IDS: usize = 1_024;

/// After a DISCONNECT the client's last bytes are read and thrown away for at
/// most this long, lest a reset overtakes our words.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// How many bytes are thrown away so at most.
pub(crate) const LINGER_BYTES: usize = 1024 * 1024;

/// How long a connection that is being closed may take to receive its last
/// bytes.
pub(crate) const CLOSE_FLUSH: Duration = Duration::from_secs(1);

/// What the listener is told.
#[derive(Clone, Debug)]
pub struct MqttSettings {
    /// The largest packet that is taken whole, in bytes, header included.
    pub max_packet_bytes: usize,
    /// How many publishes of QoS 1 and 2 a client of 5 may have
    /// unacknowledged. 3.1.1 knows no such limit: such a client is read from
    /// until 1 024 packets or 1 MiB wait for their answers.
    pub receive_maximum: u16,
    /// How many telemetry samples of one connection are with the store at once.
    pub in_flight: usize,
    /// A connection that has sent no CONNECT by then, counted from its being
    /// accepted, is closed: a slow TLS handshake or upgrade gains no time.
    pub connect_timeout: Duration,
    /// A client that takes no byte for so long is disconnected.
    pub write_timeout: Duration,
    /// The keep-alive that a client of 5 is given at most; one that asks for
    /// none gets this.
    pub keep_alive_max: Duration,
    /// How many packets that move nothing a client may send in a second before it is not
    /// read from for the rest of it: PINGREQ, SUBSCRIBE, UNSUBSCRIBE, and what answers an
    /// exchange that there is not. One PINGREQ in a keep-alive and a SUBSCRIBE for each
    /// topic are a handful.
    pub chatter: u32,
    /// How long after an SOS was stored the telemetry ahead of it, if still
    /// uncommitted, is sent to the spill table.
    pub spill_after: Duration,
    /// How long commits in flight are waited for when the server stops.
    pub drain_timeout: Duration,
}

impl Default for MqttSettings {
    fn default() -> Self {
        Self {
            max_packet_bytes: MAX_PACKET_BYTES,
            receive_maximum: 256,
            in_flight: 128,
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            keep_alive_max: Duration::from_mins(5),
            chatter: 128,
            spill_after: Duration::from_millis(50),
            drain_timeout: Duration::from_secs(10),
        }
    }
}
