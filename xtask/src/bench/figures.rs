//! What is measured, against what, and the goal.

/// One figure: what is run against mayday, and against what it is held.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) door: Door,
    pub(super) against: Against,
    pub(super) goal: &'static str,
    /// The goal on PostgreSQL; none: not measured there.
    pub(super) on_postgres: Option<&'static str>,
}

/// Which listener is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Mqtt,
    Mqtts,
    Http,
    Https,
}

/// What a figure is held against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// The same load on Mosquitto.
    Mosquitto,
    /// Liveness, which looks nothing up.
    Live,
    /// Its own milliseconds.
    Itself,
    /// The memory of a server that has just started, measured once.
    Fresh,
}

const IDLE: &[&str] = &["idle", "--connections", "10000", "--threads", "2"];
const IDLE_WEBSOCKET: &[&str] = &[
    "idle",
    "--connections",
    "10000",
    "--threads",
    "2",
    "--websocket",
];

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: "telemetry, window 16",
        arguments: &["mqtt", "--connections", "100", "--window", "16"],
        door: Door::Mqtt,
        against: Against::Mosquitto,
        goal: "1.5x, p99 < 30 ms",
        on_postgres: Some("0.5x"),
    },
    Figure {
        name: "telemetry, window 1",
        arguments: &["mqtt", "--connections", "100", "--window", "1"],
        door: Door::Mqtt,
        against: Against::Mosquitto,
        goal: "0.5x, towards 0.7x",
        on_postgres: None,
    },
    Figure {
        name: "connect",
        arguments: &["connect", "--connections", "20", "--users", "50"],
        door: Door::Mqtt,
        against: Against::Mosquitto,
        goal: "0.7x",
        on_postgres: None,
    },
    Figure {
        name: "sos beside 10 000 samples/s",
        arguments: &["sos", "--background-rate", "10000"],
        door: Door::Mqtt,
        against: Against::Itself,
        goal: "PUBACK 2 / 25 ms, event 5 ms (p99)",
        on_postgres: Some("PUBACK p99 100 ms"),
    },
    Figure {
        name: "http, own profile",
        arguments: &["http", "--connections", "50"],
        door: Door::Http,
        against: Against::Live,
        goal: "0.5x of /health/live",
        on_postgres: None,
    },
    Figure {
        name: "idle, tcp",
        arguments: IDLE,
        door: Door::Mqtt,
        against: Against::Fresh,
        goal: "4 kB each",
        on_postgres: None,
    },
    Figure {
        name: "idle, tls",
        arguments: IDLE,
        door: Door::Mqtts,
        against: Against::Fresh,
        goal: "20 kB each",
        on_postgres: None,
    },
    Figure {
        name: "idle, wss",
        arguments: IDLE_WEBSOCKET,
        door: Door::Https,
        against: Against::Fresh,
        goal: "20 kB each",
        on_postgres: None,
    },
];
